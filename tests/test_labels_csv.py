"""Labels from a CSV file: what is read, what is told, several labels through a whole training and its evaluation."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Listener, records
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from typer.testing import Result

from dshcli.errors import DshError
from dshcli.hasher.data import stratified
from dshcli.hasher.evaluation import evaluate
from dshcli.hasher.labels import images_by_class, rarest, words
from dshcli.hasher.labels_csv import open_labels
from dshcli.hasher.ranking import Coded
from dshcli.hasher.sampling import balanced_batches
from dshcli.hasher.some_classes import SomeClasses
from dshcli.images.spec import InputSpec
from dshcli.progress import Silent

Dsh = Callable[..., Result]
COLOURS = {"red": (220, 30, 30), "blue": (30, 30, 220)}


def draw(path: Path, colour: str, square: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 60, (32, 32, 3), dtype=np.uint8)
    at = int(rng.integers(4, 10))
    pixels[slice(at, at + 16) if square else slice(at + 6, at + 10), at : at + 16] = COLOURS[colour]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def table(folder: Path, images: int = 96) -> Path:
    """Squares and bars, red and blue: each has the labels of its colour and its shape."""
    lines = ["path,label,label"]
    for i in range(images):
        colour, square = ("red", "blue")[i % 2], i % 4 < 2
        draw(folder / "images" / f"{i:03}.png", colour, square, i)
        lines.append(f"images/{i:03}.png,{colour},{'square' if square else 'bar'}")
    path = folder / "labels.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def written(folder: Path, text: str, images: tuple[str, ...] = ("a", "b", "c", "d")) -> Path:
    for number, name in enumerate(images):
        draw(folder / f"{name}.png", ("red", "blue")[number % 2], True, number)
    path = folder / "labels.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_lines_are_joined_and_what_cannot_be_used_is_told(tmp_path: Path) -> None:
    text = '\n"a.png","red, dark"\nb.png,blue\na.png,square\nc.png\nnowhere.png,red\nd.png,blue,square\n'
    listener = Listener()
    source = open_labels(written(tmp_path, text), listener)
    assert source.survey.classes == ("blue", "red, dark", "square")
    held = dict(
        zip(source.splits["train"].paths, words(source.splits["train"].labels, source.survey.classes), strict=True)
    )
    assert {Path(path).name: names for path, names in held.items()} == {
        "a.png": "red, dark, square",
        "b.png": "blue",
        "d.png": "blue, square",
    }
    assert {(Path(path).name, reason) for path, reason in source.skipped} == {
        ("c.png", "no label"),
        ("nowhere.png", "no such file"),
    }
    assert "2 images left out" in listener.said[0]


def test_one_label_each_is_a_data_set_of_classes(tmp_path: Path) -> None:
    source = open_labels(written(tmp_path, "a.png,x\nb.png,y\nc.png,x\nd.png,y\n"), Silent())
    dataset = source.load(InputSpec(32, 3), Silent())
    assert dataset.train.labels.tolist() == [0, 1, 0, 1] and dataset.classes == ("x", "y")


def test_an_unreadable_image_is_skipped_with_its_reason(tmp_path: Path) -> None:
    path = written(tmp_path, "a.png,x,z\nb.png,y\nc.png,x\nd.png,y,z\n")
    (tmp_path / "b.png").write_bytes(b"no image")
    dataset = open_labels(path, Silent()).load(InputSpec(32, 3), Silent())
    assert len(dataset.train) == 3 and [Path(p).name for p, _ in dataset.skipped] == ["b.png"]
    assert dataset.train.labels.tolist() == [[True, False, True], [True, False, False], [False, True, True]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("path\na.png\n", "no label column"),
        ("path,label,width\na.png,x,3\n", "column 'width'"),
        ("a.png\nb.png\n", "no image that is there and has a label"),
        ("a.png,x\nb.png,x\n", "one label only, 'x'"),
        ("a.png,x,y\nb.png,y,z\n", r"more labels \(3\) than images \(2\)"),
        ("a.png,x\nb.png,y\n", "one training image only"),
        ("a.png,x,all\nb.png,y,all\nc.png,x,all\n", "every image has the label 'all'"),
        ('a.png,"x\nb.png,y\n', "line 2"),
    ],
)
def test_what_cannot_be_learned_from(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DshError, match=message) as caught:
        open_labels(written(tmp_path, text), Silent())
    assert "labels.csv" in str(caught.value) and caught.value.hint


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(b"a.png,caf\xe9\n")
    with pytest.raises(DshError, match="not UTF-8"):
        open_labels(path, Silent())


# --- several labels ---------------------------------------------------------------------------------------------------


def test_rarest_label() -> None:
    labels = np.array([[1, 1, 0], [1, 0, 0], [1, 0, 1], [0, 0, 1]], bool)
    assert images_by_class(labels) == {0: 3, 1: 1, 2: 2}
    assert rarest(labels).tolist() == [1, 0, 2, 2]
    assert rarest(np.array([4, 2])).tolist() == [4, 2]


@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(4, 80), st.integers(2, 6), st.floats(0.05, 0.5))
def test_stratified_by_several_labels(seed: int, images: int, classes: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.random((images, classes)) < rng.random(classes)
    labels[~labels.any(axis=1), 0] = True
    rest, part = stratified(labels, share, np.random.default_rng(seed))
    assert sorted([*rest, *part]) == list(range(images))
    total, kept = labels.sum(axis=0), labels[rest].sum(axis=0)
    assert (kept[total > 0] > 0).all()  # nothing is judged that was never trained on
    again = stratified(labels, share, np.random.default_rng(seed))
    assert (again[0] == rest).all() and (again[1] == part).all()


def test_balanced_batches_count_an_image_for_its_rarest_label() -> None:
    labels = np.zeros((100, 3), bool)
    labels[:, 0] = True
    labels[:10, 1] = labels[10:20, 2] = True
    batches = balanced_batches(labels, 30, np.random.default_rng(0))
    for batch in batches:
        counts = np.bincount(rarest(labels)[batch], minlength=3)
        assert counts.max() - counts.min() <= 2


def test_evaluation_of_several_labels_equals_a_loop() -> None:
    rng = np.random.default_rng(3)
    codes, labels = rng.integers(0, 256, (40, 1), dtype=np.uint8), rng.random((40, 3)) < 0.5
    labels[~labels.any(axis=1), 0] = True
    found = evaluate(Coded(codes[:10], labels[:10]), Coded(codes, labels), 8, ("a", "b", "c"))
    relevant = (labels[:10, None] & labels[None]).any(axis=2)
    distances = np.bitwise_count(codes[:10] ^ codes[:, 0][None])
    within = distances <= 2
    precision = [(r & w).sum() / w.sum() for r, w in zip(relevant, within, strict=True)]
    assert found.within(2)["precision"] == pytest.approx(np.mean(precision))
    assert found.exact is found.nearest is found.predicted_label_map is None
    assert found.as_dict()["exact_code_rate"] is None
    bits = np.unpackbits(codes, axis=1)
    expected = [np.packbits(2 * bits[labels[:, c]].sum(axis=0) >= labels[:, c].sum()).tolist() for c in range(3)]
    assert found.classes.codes.tolist() == expected


def test_train_and_judge_images_of_several_labels(tmp_path: Path, dsh: Dsh) -> None:
    path = table(tmp_path)
    options = ("--bits", 16, "--epochs", 12, "--batch", 24, "--backbone", "small", "--name", "shapes")
    (record,) = records(dsh("train", path, *options, "--json"))
    evaluation = record["evaluation"]
    pairs = np.array([sum(evaluation["same_class_pairs"]), sum(evaluation["other_class_pairs"])])
    assert evaluation["map"] > pairs[0] / pairs.sum() + 0.1  # well above chance
    assert evaluation["exact_code_rate"] is None and len(evaluation["classes"]) == 4
    text = dsh("eval", "shapes", path, "--references", "--report", tmp_path / "page.html").stdout
    assert "mAP" in text and "exact class code" not in text
    assert (tmp_path / "page.html").read_text(encoding="utf-8").count("<h2>") == 7


def test_several_labels_are_not_divided_into_unseen_classes(tmp_path: Path) -> None:
    source = SomeClasses(open_labels(table(tmp_path, 12), Silent()), (0, 1))
    with pytest.raises(DshError, match="several labels"):
        source.load(InputSpec(32, 3), Silent())
