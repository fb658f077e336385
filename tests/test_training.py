"""Training through its outer door, on small real data: results, losses, seeds, kills and resumes, errors."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from dshcli import paths
from dshcli.codes import MAX_BITS
from dshcli.errors import DshError, UsageError
from dshcli.hasher import networks, training
from dshcli.hasher.checkpoints import FILE, Checkpoint, CheckpointStore, Record
from dshcli.hasher.encoder import Encoder
from dshcli.hasher.feeds import PixelFeed
from dshcli.hasher.fitting import Diverged, encode
from dshcli.hasher.idx import FILES
from dshcli.hasher.models import ENCODER, WEIGHTS, Model, ModelConfig, builtin_folder, open_model
from dshcli.hasher.place import claim_place
from dshcli.hasher.recipe import LOSSES, TrainOptions
from dshcli.hasher.training import train_hasher
from dshcli.images.spec import InputSpec
from dshcli.progress import Silent, Task

QUICK = TrainOptions(bits=8, epochs=3, batch=32, device="cpu")


class Listener(Silent):
    """Keeps what is said, and calls `on_step` with the facts of every training step."""

    def __init__(self, on_step: Callable[[dict[str, object]], None] | None = None) -> None:
        self.said: list[str] = []
        self.steps: list[dict[str, object]] = []
        self.on_step = on_step

    def say(self, message: str) -> None:
        self.said.append(message)

    def task(self, name: str, *, total: int | None, unit: str) -> Task:
        listener = self

        class Noting(Task):
            def note(self, **facts: object) -> None:
                listener.steps.append(facts)
                if listener.on_step:
                    listener.on_step(facts)

        return Noting()


def at(epoch: int, step: int, act: Callable[[], None]) -> Callable[[dict[str, object]], None]:
    """Acts once, at that step (from 1) of that epoch."""
    count = 0

    def on_step(facts: dict[str, object]) -> None:
        nonlocal count
        count += str(facts["epoch"]).startswith(f"{epoch}/")
        if count == step:
            count += 1_000_000
            act()

    return on_step


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """torch's threads wait for each other by spinning, which costs more than these small networks do."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def weights_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Saves models without an encoder.onnx that runs: the exporter takes longer than these trainings."""

    def write(network: torch.nn.Module, config: ModelConfig, folder: Path) -> None:
        (folder / ENCODER).touch()
        save_file({name: t.contiguous() for name, t in network.state_dict().items()}, folder / WEIGHTS)

    monkeypatch.setattr(training, "export_files", write)


def idx_bytes(array: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> bytes:
    return bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


@pytest.fixture(scope="session")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """IDX files of three classes that can be learned in a moment: a bar that lies, stands, or both; 180 + 60 images."""
    folder = tmp_path_factory.mktemp("data") / "bars"
    folder.mkdir()
    random = np.random.default_rng(0)
    for part, count in (("train", 180), ("t10k", 60)):
        labels = (np.arange(count) % 3).astype(np.uint8)
        images = random.integers(0, 60, (count, 28, 28), dtype=np.uint8)
        for image, label in zip(images, labels, strict=True):
            place = int(random.integers(8, 18))
            if label != 1:
                image[place : place + 3, 4:24] = 230
            if label != 0:
                image[4:24, place : place + 3] = 230
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx_bytes(images))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    return folder


def colour_folder(root: Path, counts: dict[str, int], size: int = 32) -> Path:
    """Classes of noise around a colour each."""
    random = np.random.default_rng(0)
    for number, (name, count) in enumerate(counts.items()):
        (root / name).mkdir(parents=True)
        colour = np.roll([200, 40, 90], number)
        for i in range(count):
            noise = random.integers(-40, 40, (size, size, 3))
            Image.fromarray((colour + noise).clip(0, 255).astype(np.uint8)).save(root / name / f"{i}.png")
    return root


def digest(model: Model) -> str:
    return model.config.sha256[WEIGHTS]


# --- a whole training -----------------------------------------------------------------------------------------------


def test_a_training_from_beginning_to_end(bars: Path) -> None:
    listener = Listener()
    result = train_hasher(str(bars), replace(QUICK, epochs=6), listener)
    model, evaluation = result.model, result.evaluation
    assert model.folder == paths.models_folder() / "bars-8" == open_model(model.folder).folder
    assert result.own_test and result.counts == {"train": 162, "validation": 18, "test": 60}
    assert evaluation.map > 0.95 and evaluation.retrieval.queries == 60 and evaluation.database == 180
    assert evaluation.worst_pair[0] >= result.centres.distance - 1  # type: ignore[union-attr]
    assert len(evaluation.class_rows()) == 3
    assert result.record.epochs == 6 and 1 <= result.record.best_epoch <= 6
    assert result.cpu_seconds > 0 and result.seconds > 0 and result.skipped == ()

    config = model.config
    assert config.radius == (evaluation.worst_pair[0] - 1) // 2
    assert (config.bits, config.size, config.channels, config.classes) == (8, 28, 1, ("0", "1", "2"))
    assert config.metrics["map"] == evaluation.map and config.training["recipe"]["seed"] == 0
    assert json.loads((model.folder / "config.json").read_text())["versions"]["torch"] == torch.__version__

    said = "\n".join(listener.said)
    for word in ("network small", "class centres: least distance 5", "kept epoch", "60 for the test"):
        assert word in said
    assert {"epoch", "loss"} <= listener.steps[0].keys() and "mAP" in listener.steps[-1]
    assert not list(paths.models_folder().glob(".*"))  # no checkpoint is left behind


def test_the_saved_encoder_gives_the_codes_that_were_judged(bars: Path) -> None:
    result = train_hasher(str(bars), QUICK, Silent())
    images = np.frombuffer((bars / FILES[2]).read_bytes(), np.uint8, offset=16).reshape(-1, 28, 28, 1)
    images, labels = images.copy(), np.frombuffer((bars / FILES[3]).read_bytes(), np.uint8, offset=8)
    codes = Encoder(result.model).encode(images)
    names = {row["hex"]: int(row["class"]) for row in result.evaluation.class_rows()}
    exact = np.mean([names.get(c.tobytes().hex()) == y for c, y in zip(codes, labels, strict=True)])
    assert exact == pytest.approx(result.evaluation.exact, abs=1 / 60)

    config = result.model.config
    network = networks.build(config.network)
    network.load_state_dict(load_file(result.model.folder / WEIGHTS))
    network.eval()
    x = (torch.from_numpy(images).float() / 255 - torch.tensor(config.mean)) / torch.tensor(config.std)
    with torch.inference_mode():
        outputs = network(x.permute(0, 3, 1, 2)).numpy()
    assert np.allclose(outputs, Encoder(result.model).outputs(images), atol=1e-3)


def test_equal_seeds_give_equal_bytes_and_free_names(bars: Path, weights_only: None) -> None:
    state = torch.get_rng_state()
    first = train_hasher(str(bars), QUICK, Silent()).model
    torch.rand(7)  # what the caller draws in between makes no difference
    again = train_hasher(str(bars), QUICK, Silent()).model
    other = train_hasher(str(bars), replace(QUICK, seed=1), Silent()).model
    assert [m.config.name for m in (first, again, other)] == ["bars-8", "bars-8-2", "bars-8-3"]
    assert first.config.sha256 == again.config.sha256
    assert digest(first) != digest(other)
    torch.set_rng_state(state)
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_learns(bars: Path, weights_only: None, loss: str) -> None:
    options = replace(QUICK, loss=loss, bits=12, epochs=8, margin=20.0 if loss == "dsh+center" else None)
    result = train_hasher(str(bars), options, Silent())
    assert result.evaluation.map > 0.9
    assert (result.centres is None) == (loss == "dsh")
    assert result.record.losses[-1] < result.record.losses[0]


def test_a_given_name_is_used_again_and_a_folder_is_the_models_own(
    bars: Path, tmp_path: Path, weights_only: None
) -> None:
    first = train_hasher(str(bars), replace(QUICK, epochs=1, name="mine"), Silent()).model
    again = train_hasher(str(bars), replace(QUICK, epochs=1, name="mine", seed=3), Silent()).model
    assert first.folder == again.folder and digest(first) != digest(again)
    out = train_hasher(str(bars), replace(QUICK, epochs=1, out=tmp_path / "here"), Silent()).model
    assert out.folder == tmp_path / "here" and out.config.name == "here"
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


def test_a_folder_in_colour_without_a_test_set(tmp_path: Path, weights_only: None) -> None:
    root = colour_folder(tmp_path / "hues", {"first": 40, "second": 12, "third": 20})
    (root / "second" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    listener = Listener()
    result = train_hasher(str(root), replace(QUICK, bits=6, backbone=networks.RESNET), listener)
    assert result.recipe.channels == 3 and result.recipe.balanced_batches
    assert not result.own_test and "held-out" in result.evaluation.protocol
    assert any("the data bring no test set" in line for line in listener.said)
    assert result.counts == {"train": 58, "validation": 7, "test": 7}
    assert [Path(path).name for path, _ in result.skipped] == ["broken.png"]
    assert result.evaluation.map > 0.8


def test_photographs_train_a_head_on_the_built_in_features(tmp_path: Path, weights_only: None) -> None:
    root = colour_folder(tmp_path / "hues", {"first": 8, "second": 8}, size=64)
    result = train_hasher(str(root), replace(QUICK, bits=4, epochs=4, batch=None), Silent())
    assert result.recipe.backbone == networks.LITE0 and result.model.config.size == 160
    assert result.model.config.mean == (0.5, 0.5, 0.5)
    assert result.evaluation.map == 1.0
    saved = load_file(result.model.folder / WEIGHTS)
    networks.build(result.model.config.network).load_state_dict(saved)
    builtin = load_file(builtin_folder() / WEIGHTS)
    assert torch.equal(saved["body.0.0.0.weight"], builtin["body.0.0.0.weight"].float())


# --- stopped and gone on with ---------------------------------------------------------------------------------------


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = {path!r}
from test_training import QUICK, Listener, at
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


def interrupt() -> None:
    raise KeyboardInterrupt


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


# --- errors ---------------------------------------------------------------------------------------------------------


def test_a_loss_that_is_no_number_stops_the_training(bars: Path) -> None:
    options = replace(QUICK, loss="dsh", margin=1e38)
    with pytest.raises(DshError, match=r"the loss became inf in epoch 1, step 1") as caught:
        train_hasher(str(bars), options, Silent())
    assert "smaller learning rate" in caught.value.hint and "margin" in caught.value.hint
    assert list(paths.models_folder().iterdir()) == []


def test_outputs_that_are_no_numbers_are_told() -> None:
    network = networks.build(networks.describe(networks.SMALL, InputSpec(28, 1), 8))
    with torch.no_grad():
        next(network.head.parameters()).fill_(float("nan"))
    images = np.zeros((2, 28, 28, 1), np.uint8)
    with pytest.raises(Diverged, match="not a number"):
        encode(network, PixelFeed(images, (0.5,), (0.5,)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bits": 3}, "3 bits"),
        ({"bits": MAX_BITS + 1}, "513 bits"),
        ({"loss": "triplet"}, "triplet"),
        ({"margin": 5.0}, "margin 5"),
        ({"loss": "dsh", "margin": -1.0}, "margin -1"),
        ({"epochs": 0}, "epochs is 0"),
        ({"batch": 1}, "batch is 1"),
        ({"seed": -1}, "seed is -1"),
        ({"learning_rate": 0.0}, "learning rate 0"),
        ({"device": "tpu"}, "tpu"),
        ({"backbone": "resnet19"}, "resnet19"),
        ({"name": "a/b"}, "a/b"),
        ({"name": "photo"}, "photo"),
        ({"name": "current"}, "current"),
        ({"name": ".hidden"}, ".hidden"),
        ({"out": Path(__file__).parent}, "is no model"),
    ],
)
def test_options_that_cannot_work(bars: Path, changes: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        train_hasher(str(bars), replace(QUICK, **changes), Silent())  # type: ignore[arg-type]
    assert caught.value.hint


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_device_that_is_not_here(bars: Path) -> None:
    with pytest.raises(UsageError, match="cuda"):
        train_hasher(str(bars), replace(QUICK, device="cuda"), Silent())
