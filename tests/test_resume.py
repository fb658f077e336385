"""Trainings that are stopped and gone on with: kills, Ctrl-C, checkpoints, the best epoch, places that are taken."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from trainings import QUICK, Listener, at, interrupt

from dshcli import paths
from dshcli.errors import DshError
from dshcli.hasher import training
from dshcli.hasher.checkpoints import FILE, Checkpoint, CheckpointStore, Record
from dshcli.hasher.place import claim_place
from dshcli.hasher.training import train_hasher
from dshcli.progress import Silent

pytestmark = pytest.mark.usefixtures("one_thread")

KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = {path!r}
from trainings import QUICK, Listener, at
from dshcli.hasher.training import train_hasher

die = lambda: os.kill(os.getpid(), signal.SIGKILL)
train_hasher({source!r}, QUICK, Listener(at(3, 2, die)))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_a_killed_training_ends_as_if_undisturbed(bars: Path, home: Path, weights_only: None) -> None:
    script = KILLED.format(path=[str(Path(__file__).parent), str(Path(__file__).parents[1])], source=str(bars))
    environment = os.environ | {"DSH_HOME": str(home), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert [path.name for path in paths.models_folder().iterdir()] == [".bars-8.training"]

    listener = Listener()
    resumed = train_hasher(str(bars), replace(QUICK, resume=True), listener)
    assert {str(step["epoch"]) for step in listener.steps} == {"3/3"}
    assert resumed.record.epochs == 3 and resumed.model.config.name == "bars-8"
    undisturbed = train_hasher(str(bars), QUICK, Silent())
    assert resumed.model.config.sha256 == undisturbed.model.config.sha256
    assert resumed.record.losses == undisturbed.record.losses


def test_ctrl_c_leaves_a_checkpoint_and_says_so(bars: Path, weights_only: None) -> None:
    listener = Listener(at(2, 3, interrupt))
    with pytest.raises(KeyboardInterrupt):
        train_hasher(str(bars), QUICK, listener)
    assert "--resume" in listener.said[-1]

    second = Listener()
    fresh = train_hasher(str(bars), QUICK, second)
    assert fresh.model.config.name == "bars-8-2" and any("--resume" in line for line in second.said)
    resumed = train_hasher(str(bars), replace(QUICK, resume=True), Silent())
    assert resumed.model.config.name == "bars-8"
    assert resumed.model.config.sha256 == fresh.model.config.sha256


def test_ctrl_c_in_the_first_epoch_leaves_nothing(bars: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train_hasher(str(bars), QUICK, Listener(at(1, 2, interrupt)))
    assert list(paths.models_folder().iterdir()) == []


def test_resume_needs_the_same_training(bars: Path) -> None:
    with pytest.raises(DshError, match="was stopped on its way"):
        train_hasher(str(bars), replace(QUICK, resume=True), Silent())
    with pytest.raises(KeyboardInterrupt):
        train_hasher(str(bars), QUICK, Listener(at(2, 1, interrupt)))
    for change in ({"seed": 1}, {"loss": "dsh"}, {"epochs": 5}):
        with pytest.raises(DshError, match="was stopped on its way"):
            train_hasher(str(bars), replace(QUICK, resume=True, **change), Silent())  # type: ignore[arg-type]
    (paths.models_folder() / ".bars-8.training" / FILE).write_bytes(b"PK\x03\x04 damaged")
    with pytest.raises(DshError, match=FILE):
        train_hasher(str(bars), replace(QUICK, resume=True), Silent())


def test_a_hostile_checkpoint_cannot_run_code(tmp_path: Path) -> None:
    trace = tmp_path / "ran"

    class Hostile:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (trace,))

    torch.save({"settings": {}, "record": Hostile()}, tmp_path / FILE)
    with pytest.raises(DshError, match=FILE):
        CheckpointStore(tmp_path, {}).maybe_read()
    assert not trace.exists()


def test_the_best_epoch_is_the_latest_that_is_as_good_as_the_highest() -> None:
    """100 images, highest score 0.9: the standard error is sqrt(0.9 * 0.1 / 100) = 0.03."""
    record = Record(100, (5.0, 4.0, 3.0, 2.0, 1.0), (0.5, 0.9, 0.86, 0.88, 0.86))
    assert (record.best_epoch, record.best_score, record.epochs_without_gain) == (4, 0.88, 3)
    assert Record(10_000, record.losses, record.scores).best_epoch == 2
    assert (Record(5).best_epoch, Record(5).best_score, Record(5).epochs_without_gain) == (0, 0.0, 0)
    assert Record(5, (1.0, 0.5), (1.0, 1.0)).best_epoch == 2


def test_a_checkpoint_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path / "absent", {})
    with pytest.raises(DshError, match="absent"):
        store.write(Checkpoint(Record(1), {}, {}, {}))


def test_training_stops_when_nothing_gets_better(tmp_path: Path, weights_only: None) -> None:
    """Classes that are pure noise: scores wander, so that the patience of 8 epochs ends it long before 40."""
    random = np.random.default_rng(0)
    for i in range(40):
        path = tmp_path / "noise" / f"class{i % 2}" / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (28, 28), dtype=np.uint8)).save(path)
    result = train_hasher(str(tmp_path / "noise"), replace(QUICK, epochs=40, learning_rate=1e-6), Silent())
    assert result.record.epochs < 40 and result.record.epochs_without_gain >= 8


def test_two_trainings_at_once_do_not_share_a_place(bars: Path, weights_only: None) -> None:
    held = claim_place("bars-8", replace(QUICK, name="bars-8"), {}, Silent())
    with pytest.raises(DshError, match="bars-8 is being trained by another process"):
        train_hasher(str(bars), replace(QUICK, name="bars-8"), Silent())
    beside = train_hasher(str(bars), replace(QUICK, epochs=1), Silent())
    assert beside.model.config.name == "bars-8-2"
    held.leave()
    assert train_hasher(str(bars), replace(QUICK, epochs=1), Silent()).model.config.name == "bars-8"


def test_ctrl_c_after_the_last_epoch_costs_no_epoch(
    bars: Path, weights_only: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(training, "evaluate", lambda *_: interrupt())
        listener = Listener()
        with pytest.raises(KeyboardInterrupt):
            train_hasher(str(bars), QUICK, listener)
    assert "--resume" in listener.said[-1]
    second = Listener()
    assert train_hasher(str(bars), replace(QUICK, resume=True), second).record.epochs == 3
    assert second.steps == []
