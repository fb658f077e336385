"""`dsh eval` on models that are trained here, in seconds: judging, references, seeds, unseen classes, errors."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import KINDS, Listener, records, shapes
from safetensors.numpy import load_file, save_file
from typer.testing import Result

from dshcli import paths
from dshcli.errors import BadModel, DshError, UsageError
from dshcli.hasher.encoder import Encoder
from dshcli.hasher.folders import open_folder
from dshcli.hasher.itq import fit_itq, pca_whitening
from dshcli.hasher.judging import Judged, JudgeOptions, judge
from dshcli.hasher.models import WEIGHTS, Model, open_model
from dshcli.hasher.recipe import TrainOptions
from dshcli.hasher.references import references
from dshcli.hasher.siblings import recipe_of
from dshcli.hasher.training import TrainingResult, train_hasher
from dshcli.progress import Silent

Dsh = Callable[..., Result]

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shapes(tmp_path_factory.mktemp("shapes"), 50)


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingResult:
    out = tmp_path_factory.mktemp("trained") / "shapes"
    options = TrainOptions(bits=8, epochs=6, batch=32, device="cpu", seed=4, out=out)
    return train_hasher(str(data), options, Silent())


@pytest.fixture
def model(trained: TrainingResult, home: Path) -> Model:
    """The trained model under this test's own models."""
    folder = home / "models" / "shapes"
    shutil.copytree(trained.model.folder, folder)
    return open_model(folder)


def judged(model: Model, folder: Path, options: JudgeOptions | None = None) -> Judged:
    return judge(model, open_folder(folder, Silent()), options or JudgeOptions(), Silent())


def test_judging_on_its_own_data_gives_the_figures_of_the_training(trained: TrainingResult, data: Path) -> None:
    found = judged(trained.model, data)
    assert not trained.own_test and "held-out" in found.evaluation.protocol
    assert found.evaluation.retrieval.queries == trained.counts["test"]
    assert found.evaluation.map == pytest.approx(trained.evaluation.map, abs=1e-9)
    assert found.evaluation.worst_pair == trained.evaluation.worst_pair
    assert found.evaluation.map > 0.9


def test_codes_are_those_of_index_and_query(trained: TrainingResult, data: Path) -> None:
    found = judged(trained.model, data)
    one_by_one = Encoder(trained.model)
    for i in (0, 7):
        assert one_by_one.encode(found.queries.pixels[i : i + 1])[0].tolist() == found.queries.coded.codes[i].tolist()


def test_against_itself_leaves_the_query_out(trained: TrainingResult, data: Path) -> None:
    found = judged(trained.model, data, JudgeOptions(against_self=True, places=(1, 3)))
    codes, labels = found.queries.coded.codes[:, 0], found.queries.labels
    assert found.database is found.queries
    distances = np.bitwise_count(codes[:, None] ^ codes[None]).astype(int)
    nearest = []
    for i in range(len(codes)):
        others = np.arange(len(codes)) != i
        tied = others & (distances[i] == distances[i][others].min())
        nearest.append((labels[tied] == labels[i]).mean())
    assert found.evaluation.retrieval.precision_at[1] == pytest.approx(np.mean(nearest))
    assert set(found.evaluation.retrieval.map_at) == {1, 3}
    assert found.evaluation.retrieval.same.sum() + found.evaluation.retrieval.other.sum() == len(codes) * (
        len(codes) - 1
    )


def test_data_that_are_not_what_it_was_trained_on(trained: TrainingResult, tmp_path: Path) -> None:
    def said(kinds: tuple[str, ...], names: dict[str, str], tint: int = 0) -> str:
        folder = shapes(tmp_path / "".join(names.values()), 12, kinds, tint)
        for old, new in names.items():
            (folder / old).rename(folder / new)
        listener = Listener()
        judge(trained.model, open_folder(folder, listener), JudgeOptions(), listener)
        return "\n".join(listener.said)

    assert "1 of the 2 classes are new to shapes: cross" in said(("block", "frame"), {"frame": "cross"})
    words = said(("block", "lying"), {"block": "a", "lying": "b"}, tint=150)
    assert "was trained on other classes" in words and "sees gray only" in words


def test_references_equal_a_direct_computation(trained: TrainingResult, data: Path) -> None:
    found = judged(trained.model, data, JudgeOptions(against_self=True))
    from dshcli.hasher import networks
    from dshcli.hasher.ranking import similarity_map, tie_aware_map

    network = networks.build(trained.model.config.network)
    network.load_state_dict({k: torch.from_numpy(v) for k, v in load_file(trained.model.folder / WEIGHTS).items()})
    config = trained.model.config
    pixels = torch.from_numpy(found.queries.pixels).float().permute(0, 3, 1, 2) / 255
    with torch.inference_mode():
        scaled = (pixels - torch.tensor(config.mean)[:, None, None]) / torch.tensor(config.std)[:, None, None]
        features = network.body.eval()(scaled).double().numpy()
    labels = found.queries.labels
    values = references(found, Silent())
    assert values.features == pytest.approx(similarity_map(features, labels, features, labels, exclude_self=True))
    outputs = found.queries.outputs.astype(float)
    assert values.outputs == pytest.approx(similarity_map(outputs, labels, outputs, labels, exclude_self=True))
    for value, fit in ((values.pca, pca_whitening), (values.itq, fit_itq)):
        codes = np.packbits(fit(features, 8)(features) >= 0, axis=1)
        assert value == pytest.approx(tie_aware_map(codes, labels, codes, labels, exclude_self=True), abs=0.02)
    assert values.chance == pytest.approx((len(labels) / 4 - 1) / (len(labels) - 1))


def test_damaged_weights_are_told(trained: TrainingResult, data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(trained.model.folder, folder)
    found = judged(open_model(folder), data)
    save_file({"strange": np.zeros(3, np.float32)}, folder / WEIGHTS)
    with pytest.raises(BadModel, match="weights.safetensors"):
        references(found, Silent())


# --- the command ------------------------------------------------------------------------------------------------------


def test_eval_prints_figures_and_codes(model: Model, data: Path, dsh: Dsh) -> None:
    result = dsh("eval", "shapes", data, "--at", 5)
    lines = dict(line.split("\t", 1) for line in result.stdout.splitlines())
    assert float(lines["mAP"]) > 0.9 and {"mAP@5", "P@1", "minimum class distance", *KINDS} <= lines.keys()
    assert "the query excluded" not in lines["protocol"] and "--unseen judges similarity" in result.stderr
    same = dsh("eval", "shapes", "--at", 5, "--quiet")  # its own data, without a word
    assert same.stdout == result.stdout and same.stderr == ""


def test_eval_as_json_and_csv(model: Model, data: Path, dsh: Dsh) -> None:
    (record,) = records(dsh("eval", "shapes", data, "--json", "--references", "--protocol", "self"))
    assert record["model"] == model.model_id and 0.9 < record["map"] <= 1 and len(record["bit_balance"]) == 8
    assert 0 < record["references"]["chance"] < record["references"]["features"] <= 1
    rows = [line.split(",") for line in dsh("eval", "shapes", data, "--csv").stdout.splitlines()]
    assert rows[0] == ["figure", "seed 4", "mean", "deviation"]
    assert float(dict((row[0], row[1]) for row in rows)["mAP"]) > 0.9


def test_eval_over_seeds_trains_what_is_missing_once(model: Model, data: Path, dsh: Dsh) -> None:
    first, second, summary = records(dsh("eval", "shapes", data, "--seeds", 2, "--json"))
    assert (first["seed"], second["seed"]) == (4, 5) and first["model"] != second["model"]
    assert summary["summary"]["mAP"]["mean"] == pytest.approx((first["map"] + second["map"]) / 2)
    made = open_model(paths.models_folder() / "shapes-seed5")
    assert recipe_of(made).epochs == 6 and made.model_id == second["model"]
    again = dsh("eval", "shapes", data, "--seeds", 2)
    assert "is here already" in again.stderr and "deviation" in again.stdout
    assert open_model(made.folder).model_id == made.model_id
    elsewhere = shutil.copytree(data, data.parent / "copied" / "shapes")
    assert "is here already" not in dsh("eval", "shapes", elsewhere, "--seeds", 2).stderr
    assert dsh("models", "list", "--json").stdout.count('"current": true') == 1


def test_eval_on_unseen_classes(model: Model, data: Path, dsh: Dsh) -> None:
    (record,) = records(dsh("eval", "shapes", data, "--unseen", "--json"))
    made = open_model(paths.models_folder() / "shapes-unseen4")
    judged_on = {row["class"] for row in record["classes"]}
    assert judged_on | set(made.config.classes) == set(KINDS) and not judged_on & set(made.config.classes)
    assert record["unseen_classes"] and record["references"]["features"] > 0.5


def test_what_cannot_be_judged(model: Model, data: Path, tmp_path: Path, dsh: Dsh) -> None:
    assert "Hint: dsh eval photo ./labelled" in dsh("eval", "photo", exit_code=2).stderr
    assert "neither a folder, a CSV file nor" in dsh("eval", "shapes", tmp_path / "nowhere", exit_code=1).stderr
    assert "no model named" in dsh("eval", "nobody", data, exit_code=1).stderr
    assert "does not tell the recipe" in dsh("eval", "photo", data, "--seeds", 2, exit_code=1).stderr
    (tmp_path / "bare").mkdir()
    assert "no images" in dsh("eval", "shapes", tmp_path / "bare", exit_code=1).stderr


def test_the_built_in_model_can_be_judged(data: Path, dsh: Dsh) -> None:
    result = dsh("eval", "photo", data, "--json", "--references")
    (record,) = records(result)
    assert record["map"] > record["references"]["chance"] and "trained without classes" in result.stderr
    assert json.dumps(record)


def test_errors_of_the_library(data: Path, trained: TrainingResult) -> None:
    from dshcli.commands.evaluate import EvalOptions, evaluate_model

    with pytest.raises(UsageError, match="0 seeds"):
        evaluate_model("photo", str(data), EvalOptions(seeds=0), Silent())
    config = replace(trained.model.config, training={})
    with pytest.raises(DshError, match="does not tell"):
        recipe_of(replace(trained.model, config=config))
