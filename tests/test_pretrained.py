"""Training on lite0: features that a second training takes from the cache, a body that learns, too little memory."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import idx_bytes
from safetensors.torch import load_file
from trainings import QUICK, Listener, at, colour_folder, interrupt

from dshcli import paths
from dshcli.errors import DshError, NoData, UsageError
from dshcli.hasher import networks, setup
from dshcli.hasher.data import Survey
from dshcli.hasher.fitting import BODY_SHARE
from dshcli.hasher.lite0 import SHIPPED
from dshcli.hasher.models import WEIGHTS
from dshcli.hasher.pretrained import FrozenViews
from dshcli.hasher.recipe import decide
from dshcli.hasher.training import TrainingResult, train_hasher
from dshcli.images.spec import InputSpec
from dshcli.progress import Silent

pytestmark = pytest.mark.usefixtures("weights_only", "one_thread")

ON_LITE0 = replace(QUICK, bits=4, epochs=2, batch=4, backbone=networks.LITE0)
TUNED = replace(ON_LITE0, fine_tune=True)


@pytest.fixture(scope="session")
def hues(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five images of each of two colours, and one that cannot be read."""
    root = colour_folder(tmp_path_factory.mktemp("data") / "hues", {"first": 5, "second": 5}, size=64)
    (root / "second" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return root


def saved(result: TrainingResult) -> dict[str, torch.Tensor]:
    return load_file(result.model.folder / WEIGHTS)


# --- features on disk -----------------------------------------------------------------------------------------------


def test_a_second_training_computes_no_features(hues: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = train_hasher(str(hues), ON_LITE0, Silent())
    monkeypatch.setattr(FrozenViews, "__call__", lambda *_, **__: pytest.fail("a feature was computed again"))
    listener = Listener()
    again = train_hasher(str(hues), ON_LITE0, listener)
    assert "features of 10 images from the cache" in listener.said
    assert again.model.config.sha256 == first.model.config.sha256
    assert [Path(path).name for path, _ in again.skipped] == ["broken.png"] and again.skipped == first.skipped
    other = train_hasher(str(hues), replace(ON_LITE0, bits=12, loss="dsh", seed=5, epochs=1), Silent())
    assert other.counts == first.counts


def test_a_training_without_changes_to_the_images_has_features_of_its_own(hues: Path) -> None:
    listener = Listener()
    for _ in range(2):
        train_hasher(str(hues), replace(ON_LITE0, augment=False, epochs=1), listener)
    assert len(list((paths.cache_folder() / "features").iterdir())) == 1
    assert sum("from the cache" in line for line in listener.said) == 1


# --- fine-tuning ----------------------------------------------------------------------------------------------------


def test_fine_tuning_moves_the_body_a_little_and_keeps_its_statistics(hues: Path) -> None:
    listener = Listener()
    result = train_hasher(str(hues), replace(TUNED, epochs=1), listener)
    assert any("lite0, fine-tuned, on 160x160" in line for line in listener.said)
    assert result.model.config.mean == (0.5, 0.5, 0.5) and result.model.config.training["recipe"]["fine_tune"]
    before = {f"body.0.{name}": t.float() for name, t in load_file(SHIPPED).items()}
    after = {name: t for name, t in saved(result).items() if name.startswith("body.")}
    assert before.keys() == after.keys()
    statistics = {name for name in before if "running" in name or "tracked" in name}
    assert len(statistics) > 100
    assert all(torch.equal(before[name], after[name]) for name in statistics)
    learned = before.keys() - statistics
    assert not any(torch.equal(before[name], after[name]) for name in learned)
    # Adam's steps are about as long as the learning rate, which is a tenth of the head's and falls in a cosine.
    steps = len(listener.steps)
    limit = 1.5 * steps * BODY_SHARE * result.recipe.learning_rate
    assert all((before[name] - after[name]).abs().max() < limit for name in learned)


def test_a_body_that_keeps_its_statistics_stays_in_eval_mode() -> None:
    network = networks.build(networks.describe(networks.RESNET, InputSpec(32, 3), 8))
    network.keep_statistics()
    assert network.train() is network
    assert network.training and network.head.training
    assert not any(module.training for module in network.body.modules())
    assert all(parameter.requires_grad for parameter in network.body.parameters())


def test_a_stopped_fine_tuning_ends_as_if_undisturbed(hues: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train_hasher(str(hues), TUNED, Listener(at(2, 1, interrupt)))
    resumed = train_hasher(str(hues), replace(TUNED, resume=True), Silent())
    undisturbed = train_hasher(str(hues), TUNED, Silent())
    assert resumed.record.epochs == 2 and resumed.record.losses == undisturbed.record.losses
    assert resumed.model.config.sha256 == undisturbed.model.config.sha256


@pytest.mark.parametrize("backbone", [networks.SMALL, networks.RESNET])
def test_a_network_from_scratch_has_nothing_to_fine_tune(hues: Path, backbone: str) -> None:
    with pytest.raises(UsageError, match=backbone) as caught:
        train_hasher(str(hues), replace(TUNED, backbone=backbone), Silent())
    assert "lite0" in caught.value.hint


def test_weights_that_cannot_be_had_are_not_fine_tuned(hues: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "maybe_load_torchvision", lambda *_: False)
    with pytest.raises(NoData, match="mobilenet_v3_small"):
        train_hasher(str(hues), replace(TUNED, backbone="mobilenet_v3_small"), Silent())


def test_fine_tuning_has_fewer_epochs() -> None:
    survey = Survey("photos", ("a", "b"), images=3000, side=300, channels=3, balanced=True, mirrors=True)
    recipes = [
        decide(replace(options, epochs=None, batch=None), survey, networks.LITE0, InputSpec(160, 3), "cpu")
        for options in (ON_LITE0, TUNED)
    ]
    assert recipes[1].epochs < recipes[0].epochs / 2 and recipes[1].batch < recipes[0].batch


# --- too little memory ----------------------------------------------------------------------------------------------


TORCH_SAYS = "[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory: you tried to allocate 9"


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(TORCH_SAYS),
        RuntimeError("could not create a primitive"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 99 bytes."),
        torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
        MemoryError("Unable to allocate 7.3 GiB for an array"),
        MemoryError(),
    ],
)
def test_a_batch_that_does_not_fit_is_told(hues: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def forward(*_: object) -> None:
        raise error

    monkeypatch.setattr(networks.HashNetwork, "forward", forward)
    options = replace(QUICK, backbone=networks.SMALL, batch=9)
    with pytest.raises(DshError, match="not enough memory") as caught:
        train_hasher(str(hues), options, Silent())
    assert "--batch 4" in caught.value.hint and "--backbone" in caught.value.hint
    assert caught.value.__cause__ is error


def test_images_that_do_not_fit_are_told(hues: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def divide(*_: object) -> None:
        raise MemoryError("Unable to allocate 7.3 GiB for an array")

    monkeypatch.setattr(setup, "divide", divide)
    with pytest.raises(DshError, match="7.3 GiB") as caught:
        train_hasher(str(hues), replace(QUICK, backbone=networks.RESNET), Silent())
    assert "64x64" in caught.value.hint and "fewer images" in caught.value.hint


def test_another_error_stays_what_it_is(hues: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forward(*_: object) -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(networks.HashNetwork, "forward", forward)
    with pytest.raises(RuntimeError, match="shapes"):
        train_hasher(str(hues), replace(QUICK, backbone=networks.SMALL), Silent())


LIMITED = """
import resource, sys
sys.path[:0] = {path!r}
import torch
from test_pretrained import QUICK, DshError, Silent, replace, train_hasher
from dshcli.hasher import training

def with_little_left(*arguments):
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), resource.RLIM_INFINITY))
    return fit(*arguments)

torch.set_num_threads(1)
fit, training._fit = training._fit, with_little_left
try:
    train_hasher({source!r}, replace(QUICK, batch=36_000), Silent())
except DshError as error:
    print(error, error.hint)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the memory in use is read from Linux's /proc")
def test_a_real_lack_of_memory(tmp_path: Path) -> None:
    """40,000 digits as one batch are 113 MB of floats, and there are 64 MB left."""
    labels = (np.arange(40_000) % 2).astype(np.uint8)
    for part, count in (("train", 40_000), ("t10k", 10)):
        pixels = np.zeros((count, 28, 28), np.uint8)
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(idx_bytes(pixels))
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(idx_bytes(labels[:count]))
    script = LIMITED.format(path=[str(Path(__file__).parent), str(Path(__file__).parents[1])], source=str(tmp_path))
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=120)
    assert "not enough memory" in done.stdout and "--batch 18000" in done.stdout, done.stderr
