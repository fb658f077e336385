"""`dsh dupes --protect`: files below a folder rank first, all stay, and a plan remembers it."""

import csv
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import records
from PIL import Image
from toys import ToyProver, photo
from typer.testing import Result

from dshcli.commands import dupes
from dshcli.dedupe.places import Folders
from dshcli.dedupe.plan import load_plan
from dshcli.errors import DshError
from dshcli.hasher.models import Model
from dshcli.proof.proving import PixelProver
from dshcli.show.screen import Format, Screen

Dsh = Callable[..., Result]
WAYS = [(), ("-r", 6), ("--no-verify", "-r", 2), ("--link", "single"), ("--no-verify", "-r", 2, "--link", "single")]


@pytest.fixture(autouse=True)
def prover(monkeypatch: pytest.MonkeyPatch) -> ToyProver:
    toy = ToyProver()
    monkeypatch.setattr(dupes, "PixelProver", lambda: toy)
    return toy


@pytest.fixture
def folder(tmp_path: Path, dsh: Dsh, copies_model: Model) -> Path:
    """One toy photo: two files in album/, one of them twice, a larger one and a copy of equal bytes outside."""
    folder = tmp_path / "p"
    photo(folder / "album" / "one.png", 1, side=96)
    photo(folder / "album" / "two.png", 1, side=64)
    photo(folder / "albums" / "large.png", 1, side=192)
    (folder / "album" / "deep").mkdir()
    shutil.copy2(folder / "album" / "one.png", folder / "album" / "deep" / "one.png")
    shutil.copy2(folder / "album" / "two.png", folder / "two.png")
    dsh("models", "use", copies_model.folder)
    dsh("index", folder)
    return folder


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*.png")}


ALBUM = {"album/one.png", "album/two.png", "album/deep/one.png"}


@pytest.mark.parametrize("options", WAYS)
@pytest.mark.parametrize(
    ("protected", "survive"),
    [
        ((), {"albums/large.png"}),
        (("album",), ALBUM),
        (("album/deep",), {"album/deep/one.png"}),
        (("album/deep", "albums"), {"album/deep/one.png", "albums/large.png"}),
        (("album", "albums"), ALBUM | {"albums/large.png"}),
        ((".",), ALBUM | {"albums/large.png", "two.png"}),
        (("two.png",), {"two.png"}),
    ],
)
def test_what_survives(
    folder: Path, dsh: Dsh, tmp_path: Path, protected: tuple[str, ...], survive: set[str], options: tuple[object, ...]
) -> None:
    plan = tmp_path / "plan.jsonl"
    protect = [word for name in protected for word in ("--protect", os.path.normpath(folder / name))]
    result = dsh("dupes", "--json", "--plan", plan, *protect, *options)
    (group,) = records(result)
    assert f"{5 - len(survive)} image" in result.stderr.splitlines()[-2]
    keeper = Path(group["keeper"]["path"])
    if len(survive) == 1 and protected:
        assert group["keeper"]["why"] == f"protected by {folder / protected[0]}"
    stay = {str(Path(m["path"]).relative_to(folder)) for m in group["members"] if m["stays"]}
    assert stay | {str(keeper.relative_to(folder))} == survive
    gone = [folder / name for name in files(folder) - survive]
    assert group["frees"] == sum(path.stat().st_size for path in gone)
    header = load_plan(plan).header
    assert (header.files, header.bytes) == (len(gone), group["frees"])
    dsh("apply", plan, "--yes")
    assert files(folder) == survive


def test_how_it_is_shown(folder: Path, dsh: Dsh, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ("dupes", "--protect", folder / "album")
    rows = list(csv.DictReader(dsh(*options, "--csv").stdout.splitlines()))
    told = {str(Path(row["path"]).relative_to(folder)): (row["role"], row["why"]) for row in rows}
    why = f"protected by {folder / 'album'}"
    assert {name for name, (role, _) in told.items() if role == "keep"} == ALBUM
    assert told["album/two.png"] == ("keep", why) and told["albums/large.png"] == ("copy", "")
    lines = [line.split("\t") for line in dsh(*options).stdout.splitlines()]
    assert sorted(line[1] for line in lines) == ["copy", "copy", "keep", "keep", "keep"]
    monkeypatch.setattr(Screen, "of", lambda **options: Screen(Format.TABLE))
    text = dsh(*options).stdout
    assert text.count("\n  keep ") == 3 and f"({why}; resized)" in text and f"({why}; exact copy)" in text


def test_a_plan_is_protected_whatever_is_written_into_it(folder: Path, dsh: Dsh, tmp_path: Path) -> None:
    """A line for a protected file is skipped, also by a way into the folder that only its real path tells."""
    plan, way = tmp_path / "plan.jsonl", tmp_path / "way"
    way.symlink_to(folder / "album")
    dsh("dupes", "--protect", way, "--plan", plan)
    header, *lines = plan.read_text().splitlines()
    assert json.loads(header)["protected"] == [str(way)]
    line = json.loads(lines[0])
    kept = line["keep"]
    forged = line | {"remove": kept, "keep": line["remove"]}
    plan.write_text("\n".join([header, json.dumps(forged)]) + "\n")
    (outcome,) = records(dsh("apply", plan, "--yes", "--json"))
    assert outcome["action"] == "skipped" and outcome["reason"] == f"protected by {way}"
    assert len(files(folder)) == 5


def test_apply_adds_folders_of_its_own(folder: Path, dsh: Dsh, tmp_path: Path) -> None:
    plan = tmp_path / "plan.jsonl"
    dsh("dupes", "--protect", folder / "album", "--plan", plan)
    dsh("apply", plan, "--yes", "--protect", folder / "albums")
    assert files(folder) == ALBUM | {"albums/large.png"}


def test_plans_without_folders_load_and_odd_ones_are_told(folder: Path, dsh: Dsh, tmp_path: Path) -> None:
    plan = tmp_path / "plan.jsonl"
    dsh("dupes", "--plan", plan)
    assert "protected" not in plan.read_text() and load_plan(plan).header.protected == ()
    header, *lines = plan.read_text().splitlines()
    for value in ("/a", [1], ["a"], ["/a/../b"], ["/a\0"], ["/\ud800"]):
        plan.write_text("\n".join([json.dumps(json.loads(header) | {"protected": value}), *lines]) + "\n")
        with pytest.raises(DshError, match="line 1: .*protected"):
            load_plan(plan)


def test_symlinks_into_a_folder(folder: Path, dsh: Dsh, tmp_path: Path) -> None:
    """Indexed by a way through a symlink, protected by the real path; and the other way round."""
    way = tmp_path / "way"
    way.symlink_to(folder / "album")
    database = tmp_path / "other.db"
    dsh("index", folder / "albums", way, "--follow-symlinks", "--db", database)
    for protect in (folder / "album", way):
        (group,) = records(dsh("dupes", "--json", "--db", database, "--protect", protect))
        stay = [group["keeper"], *(m for m in group["members"] if m["stays"])]
        assert sorted(str(Path(each["path"]).relative_to(way)) for each in stay) == [
            "deep/one.png", "one.png", "two.png",
        ]  # fmt: skip


def test_where_files_really_are(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "ab").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    (tmp_path / "ab" / "file.png").symlink_to(tmp_path / "a" / "file.png")
    folders = Folders([str(tmp_path / "link"), str(tmp_path / "a" / "b")])
    holders = {
        name: os.path.relpath(folders.holder(str(tmp_path / name)) or "/", tmp_path)
        for name in ("a/x.png", "a/b/x.png", "link/b/x.png", "ab/x.png", "ab/file.png", "x.png")
    }
    nowhere = os.path.relpath("/", tmp_path)
    assert holders == {
        "a/x.png": "link", "a/b/x.png": "link", "link/b/x.png": "link", "ab/x.png": nowhere, "ab/file.png": nowhere,
        "x.png": nowhere,
    }  # fmt: skip


def test_a_protected_crop_stays_beside_the_whole_picture(
    folder: Path, dsh: Dsh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It shows less than its group's picture, so that the best whole one is kept, too."""

    database, plan = tmp_path / "photos.db", tmp_path / "plan.jsonl"
    source = Path(__file__).parents[1] / "examples" / "photos" / "holiday" / "pagoda.jpg"
    photos = tmp_path / "photos"
    (photos / "album").mkdir(parents=True)
    with Image.open(source) as file:
        image = file.convert("RGB")
    image.save(photos / "whole.png")
    image.save(photos / "again.jpg", quality=80)
    image.crop((20, 10, 460, 300)).save(photos / "album" / "cut.png")
    dsh("models", "use", "photo")
    dsh("index", photos, "--db", database)
    monkeypatch.setattr(dupes, "PixelProver", PixelProver)
    dsh("dupes", "--db", database, "--protect", photos / "album", "--plan", plan)
    dsh("apply", plan, "--yes")
    assert files(photos) | {p.name for p in photos.glob("*.jpg")} == {"whole.png", "album/cut.png"}


def test_a_folder_that_is_not_there(folder: Path, dsh: Dsh) -> None:
    assert "no such file" in dsh("dupes", "--protect", folder / "albun", exit_code=1).stderr
