"""Training through its outer door, on small real data: results, losses, seeds, errors."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from trainings import QUICK, Listener, colour_folder

from dshcli import paths
from dshcli.codes import MAX_BITS
from dshcli.errors import DshError, UsageError
from dshcli.hasher import networks
from dshcli.hasher.encoder import Encoder
from dshcli.hasher.feeds import PixelFeed
from dshcli.hasher.fitting import Diverged, encode
from dshcli.hasher.idx import FILES
from dshcli.hasher.lite0 import SHIPPED
from dshcli.hasher.models import WEIGHTS, Model, open_model
from dshcli.hasher.recipe import LOSSES
from dshcli.hasher.training import train_hasher
from dshcli.images.spec import InputSpec
from dshcli.progress import Silent

pytestmark = pytest.mark.usefixtures("one_thread")


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
    builtin = {f"body.0.{name}": tensor for name, tensor in load_file(SHIPPED).items()}
    assert torch.equal(saved["body.0.0.0.weight"], builtin["body.0.0.0.weight"].float())


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
