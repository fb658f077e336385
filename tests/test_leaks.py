"""`dsh leaks` on real files: what leaks, what is in conflict, and what is told of it."""

import csv
import hashlib
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import draw, records
from toys import ToyProver, photo
from typer.testing import Result

from dshcli import paths
from dshcli.commands import leaks
from dshcli.hasher.models import Model
from dshcli.library.decisions import Decisions, Said, Verdict
from dshcli.library.store import Index

ROOT = Path(__file__).parent.parent
PHOTOS = ROOT / "examples" / "photos"

Dsh = Callable[..., Result]
Told = set[tuple[str, str, str, str]]


@pytest.fixture
def prover(monkeypatch: pytest.MonkeyPatch) -> ToyProver:
    """Takes the place of the real prover."""
    toy = ToyProver()
    monkeypatch.setattr(leaks, "PixelProver", lambda: toy)
    return toy


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Toy photos, all of one code: what is a copy of what is for the prover to say, by name (and not by file name).

    train: cat/one, cat/one_small, dog/two;  val: cat/one_edited, dog/three;  test: dog/copy (of two), cat/two_small
    """
    photo(tmp_path / "train/cat/one.png", 1, side=192)
    photo(tmp_path / "train/cat/one_small.png", 1, side=64)
    photo(tmp_path / "train/dog/two.png", 2)
    photo(tmp_path / "val/cat/one_edited.png", 1, edit=3)
    photo(tmp_path / "val/dog/three.png", 3)
    photo(tmp_path / "test/cat/two_small.png", 2, side=64)
    (tmp_path / "test/dog").mkdir()
    shutil.copy(tmp_path / "train/dog/two.png", tmp_path / "test/dog/copy.png")
    return tmp_path


def told(result: Result, what: str = "leak") -> Told:
    """(image, copy, kind, detail) of all records of one sort."""
    found = set()
    for record in records(result):
        if record["what"] == what:
            image, copy = ("/".join(Path(str(record[key])).parts[-3:]) for key in ("path", "in_path"))
            found.add((image, copy, str(record["kind"]), str(record["detail"])))
    return found


def splits(data: Path, *names: str) -> list[Path]:
    return [data / name for name in names]


# --- what is found -------------------------------------------------------------------------------------------------


def test_each_image_leaks_from_each_earlier_split_once(
    data: Path, dsh: Dsh, copies_model: Model, prover: ToyProver
) -> None:
    result = dsh("leaks", *splits(data, "train", "val", "test"), "-m", copies_model.folder, "--json")
    assert told(result) == {
        ("val/cat/one_edited.png", "train/cat/one.png", "edited", "3 steps"),
        ("test/cat/two_small.png", "train/dog/two.png", "resized", ""),
        ("test/dog/copy.png", "train/dog/two.png", "exact", ""),
    }
    assert told(result, "conflict") == {
        ("test/cat/two_small.png", "train/dog/two.png", "resized", ""),
        ("test/dog/copy.png", "test/cat/two_small.png", "resized", ""),
    }
    more = {Path(str(r["path"])).stem: r["more"] for r in records(result) if r["what"] == "leak"}
    assert more == {"one_edited": 1, "two_small": 0, "copy": 0}
    totals = [list(r.values())[1:] for r in records(result) if r["what"] == "total"]
    assert totals == [
        ["val", "train", 2, 1, 0],
        ["test", "train", 2, 2, 1],
        ["test", "val", 2, 0, 0],
        ["test", "test", 2, 0, 1],
    ]


def test_the_most_certain_come_first(data: Path, dsh: Dsh, copies_model: Model, prover: ToyProver) -> None:
    result = dsh("leaks", *splits(data, "train", "val", "test"), "-m", copies_model.folder, "--json")
    assert [r["kind"] for r in records(result) if r["what"] == "leak"] == ["exact", "resized", "edited"]


def test_a_copy_of_two_pictures_that_are_no_copies_of_each_other_is_found_with_both(
    tmp_path: Path, dsh: Dsh, copies_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Between(ToyProver):
        """Names that differ by one at most are one picture: 1 is 2 and 2 is 3, but 1 is not 3."""

        def prove(self, one, other):  # type: ignore[no-untyped-def]
            near = abs(one.name - other.name) <= 1
            return super().prove(one, type(one)(one.name, other.edit, other.size) if near else other)

    monkeypatch.setattr(leaks, "PixelProver", Between)
    for split, name in (("train", 1), ("val", 3), ("test", 2)):
        photo(tmp_path / split / f"{name}.png", name)
    result = dsh("leaks", *splits(tmp_path, "train", "val", "test"), "-m", copies_model.folder, "--json")
    assert {(Path(image).name, Path(copy).name) for image, copy, _, _ in told(result)} == {
        ("2.png", "1.png"),
        ("2.png", "3.png"),
    }


def test_pairs_that_do_no_harm_are_not_proven(tmp_path: Path, dsh: Dsh, copies_model: Model, prover: ToyProver) -> None:
    for name in range(20, 30):
        photo(tmp_path / "train" / "cat" / f"{name}.png", name)
    photo(tmp_path / "val" / "cat" / "40.png", 40)
    dsh("leaks", *splits(tmp_path, "train", "val"), "-m", copies_model.folder)
    assert prover.proven == 10
    dsh("leaks", *splits(tmp_path, "train", "val"), "-m", copies_model.folder)
    assert prover.proven == 10  # the second run knows them


def test_pairs_that_were_decided_to_be_different_do_not_leak(
    data: Path, dsh: Dsh, copies_model: Model, prover: ToyProver, home: Path
) -> None:
    two = splits(data, "train", "val")
    (record,) = [r for r in records(dsh("leaks", *two, "-m", copies_model.folder, "--json")) if r["what"] == "leak"]
    digests = [hashlib.sha256(path.read_bytes()).digest() for path in (data / "train/cat").iterdir()]
    edited = hashlib.sha256(Path(str(record["path"])).read_bytes()).digest()
    with Index.open_or_create(paths.default_index()) as index:
        Decisions(index).save([Said(edited, digest, Verdict.DIFFERENT) for digest in digests])
    assert told(dsh("leaks", *two, "-m", copies_model.folder, "--fail-over", 0, "--json")) == set()


def test_torch_is_not_imported(data: Path, toy_model: Model) -> None:
    script = (
        "import sys; from dshcli.app import app\n"
        "try: app(sys.argv[1:])\n"
        "except SystemExit as e: assert not e.code, e.code\n"
        "print(sorted(m for m in ('torch', 'torchvision', 'onnx') if m in sys.modules))"
    )
    command = ["leaks", *splits(data, "train", "val"), "-m", toy_model.folder, "-q"]
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, command)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_labels_can_be_ignored(data: Path, dsh: Dsh, copies_model: Model, prover: ToyProver) -> None:
    two = splits(data, "train", "test")
    result = dsh("leaks", *two, "-m", copies_model.folder, "--ignore-conflicts", "--json")
    assert told(result, "conflict") == set()
    assert len(told(result)) == 2


def test_without_sub_folders_there_are_no_labels(tmp_path: Path, dsh: Dsh, toy_model: Model) -> None:
    draw(tmp_path / "a" / "1.png", 1)
    draw(tmp_path / "b" / "cat" / "2.png", 1)
    result = dsh("leaks", *splits(tmp_path, "a", "b"), "-m", toy_model.folder, "--json")
    assert {(image, kind) for image, _, kind, _ in told(result)} == {("b/cat/2.png", "exact")}
    assert told(result, "conflict") == set()


def test_near_codes_count_where_nothing_is_to_be_proven(tmp_path: Path, dsh: Dsh, toy_model: Model) -> None:
    photo(tmp_path / "train" / "cat" / "1.png", 1, level=128)
    photo(tmp_path / "val" / "cat" / "2.png", 2, level=128)
    photo(tmp_path / "val" / "cat" / "3.png", 3, level=200)
    two = splits(tmp_path, "train", "val")
    (record, _) = records(dsh("leaks", *two, "-m", toy_model.folder, "--json"))
    assert (record["kind"], Path(str(record["path"])).name) == ("similar", "2.png")
    assert len(told(dsh("leaks", *two, "-m", toy_model.folder, "--radius", 48, "--json"))) == 2


def test_a_link_to_a_file_of_another_split_is_a_leak(
    data: Path, dsh: Dsh, copies_model: Model, prover: ToyProver
) -> None:
    (data / "val/dog/link.png").symlink_to(data / "train/dog/two.png")
    (data / "val/bird").symlink_to(data / "train/cat")
    result = dsh("leaks", *splits(data, "train", "val"), "-m", copies_model.folder, "--json")
    exact = {found for found in told(result) if found[2] == "exact"}
    assert exact == {
        ("val/dog/link.png", "train/dog/two.png", "exact", "one file by two names"),
        ("val/bird/one.png", "train/cat/one.png", "exact", "one file by two names"),
        ("val/bird/one_small.png", "train/cat/one_small.png", "exact", "one file by two names"),
    }


def test_files_that_are_gone_or_cannot_be_read_do_not_leak(
    data: Path, dsh: Dsh, copies_model: Model, prover: ToyProver
) -> None:
    two = splits(data, "train", "val")
    dsh("leaks", *two, "-m", copies_model.folder)
    (data / "train/cat/one.png").unlink()
    (data / "train/cat/one_small.png").write_bytes(b"no picture any more")
    result = dsh("leaks", *two, "-m", copies_model.folder, "--json")
    assert told(result) == set()
    assert "one_small.png: not an image" in result.stderr


# --- exit codes and words ------------------------------------------------------------------------------------------


def test_too_many_leaks_exit_with_4(data: Path, dsh: Dsh, copies_model: Model, prover: ToyProver) -> None:
    three = splits(data, "train", "val", "test")
    for limit, code in ((0, 4), (2, 4), (3, 0)):
        dsh("leaks", *three, "-m", copies_model.folder, "--fail-over", limit, exit_code=code)
    assert "4 more than --fail-over" in " ".join(dsh("leaks", "--help").stdout.split())


def test_a_conflict_within_one_split_counts_as_well(
    tmp_path: Path, dsh: Dsh, copies_model: Model, prover: ToyProver
) -> None:
    photo(tmp_path / "train/cat/1.png", 1)
    photo(tmp_path / "train/dog/2.png", 1, side=64)
    photo(tmp_path / "val/cat/3.png", 3)
    two = splits(tmp_path, "train", "val")
    result = dsh("leaks", *two, "-m", copies_model.folder, "--fail-over", 0, exit_code=4)
    assert "train: 1 of 2 images in conflict of labels within it" in result.stderr
    assert "val in train: 0 of 1 image (0.0 %)" in result.stderr
    dsh("leaks", *two, "-m", copies_model.folder, "--fail-over", 0, "--ignore-conflicts")


@pytest.mark.parametrize(
    ("folders", "code", "words"),
    [
        (["train"], 2, "no other to leak to"),
        (["train", "train"], 2, "are one folder"),
        (["train", "linked"], 2, "are one folder"),
        (["train", "train/cat"], 2, "lies in"),
        (["train", "empty"], 1, "has no images"),
        (["train", "nowhere"], 1, "no such file"),
        (["train", "train/cat/one.png"], 1, "is no folder"),
    ],
)
def test_folders_that_cannot_be_compared(
    data: Path, dsh: Dsh, toy_model: Model, folders: list[str], code: int, words: str
) -> None:
    (data / "empty").mkdir()
    (data / "linked").symlink_to(data / "train")
    result = dsh("leaks", *splits(data, *folders), "-m", toy_model.folder, exit_code=code)
    assert words in result.stderr


def test_a_model_of_classes_does_not_look_for_copies_unless_told_to(
    data: Path, dsh: Dsh, toy_model: Model, prover: ToyProver
) -> None:
    dsh("models", "use", toy_model.folder)
    result = dsh("leaks", *splits(data, "train", "val"))
    assert "so photo looks for leaks" in result.stderr
    assert "photo-" in result.stderr.splitlines()[-1]


def test_splits_of_one_name_are_told_apart(tmp_path: Path, dsh: Dsh, toy_model: Model) -> None:
    for place in ("old", "new"):
        draw(tmp_path / place / "data" / "1.png", 1)
    (record, _) = records(dsh("leaks", tmp_path / "old/data", tmp_path / "new/data", "-m", toy_model.folder, "--json"))
    assert (record["split"], record["in_split"]) == (str(tmp_path / "new/data"), str(tmp_path / "old/data"))


def test_csv_has_what_json_has(data: Path, dsh: Dsh, copies_model: Model, prover: ToyProver) -> None:
    three = splits(data, "train", "val", "test")
    rows = list(csv.DictReader(dsh("leaks", *three, "-m", copies_model.folder, "--csv").stdout.splitlines()))
    found = [r for r in records(dsh("leaks", *three, "-m", copies_model.folder, "--json")) if r["what"] != "total"]
    assert [(r["what"], r["path"], r["in_path"], r["kind"]) for r in rows] == [
        (r["what"], r["path"], r["in_path"], r["kind"]) for r in found
    ]


# --- the built-in model, the page, the examples --------------------------------------------------------------------


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """data/train and data/val of real photos: two re-encoded copies leak, one under another label."""
    for split, label, names in (
        ("train", "places", ("holiday/pagoda.jpg", "holiday/stream.jpg")),
        ("train", "things", ("home/coffee.jpg", "garden/brick_wall.jpg")),
        ("val", "places", ("downloads/pagoda.webp", "holiday/mountain_trail.jpg")),
        ("val", "places", ("phone/coffee.avif",)),
    ):
        folder = tmp_path / "data" / split / label
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            shutil.copy(PHOTOS / name, folder)
    return tmp_path


def test_copies_of_photos_are_proven_and_shown_side_by_side(photos: Path, dsh: Dsh) -> None:
    page = photos / "leaks.html"
    result = dsh("leaks", *splits(photos / "data", "train", "val"), "--json", "--report", page)
    assert {(image, kind) for image, _, kind, _ in told(result)} == {
        ("val/places/pagoda.webp", "re-encoded"),
        ("val/places/coffee.avif", "re-encoded"),
    }
    assert {image for image, *_ in told(result, "conflict")} == {"val/places/coffee.avif"}
    html = page.read_text()
    assert html.count("<img") == 6  # two leaks and a conflict, two pictures each
    assert "http://" not in html and "https://" not in html and "<script" not in html
    assert "coffee.avif" in html and "val in train: 2 of 3 images (66.7 %)" in html
    assert re.search(r"Wrote .*leaks\.html \([\d.]+ kB, 6 pictures\)", result.stderr)


@pytest.mark.parametrize("name", ["ci/leaks.yml", "pre-commit/.pre-commit-config.yaml"])
def test_the_commands_of_the_examples_run(name: str, photos: Path, dsh: Dsh, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "examples" / name).read_text()
    (command,) = re.findall(r"^\s*(?:- run|entry): dsh (leaks .*)$", text, re.M)
    monkeypatch.chdir(photos)
    dsh(*shlex.split(command), exit_code=4)
    assert ("--report leaks.html" in command) == (photos / "leaks.html").exists()
    for copy in ("pagoda.webp", "coffee.avif"):
        (photos / "data/val/places" / copy).unlink()
    dsh(*shlex.split(command))


def test_no_file_names_reach_the_hook() -> None:
    text = (ROOT / "examples" / "pre-commit" / ".pre-commit-config.yaml").read_text()
    assert re.search(r"^\s+pass_filenames: false$", text, re.M)
