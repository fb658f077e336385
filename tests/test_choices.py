"""What people decided beside keep rules, protected folders and clean ones; chosen keepers; files that come and go."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import records
from deciding import choose, decide, patched_prover, told, toy_photos
from toys import ToyProver
from typer.testing import Result

from dshcli.dedupe.plan import load_plan
from dshcli.hasher.models import Model
from dshcli.library.store import Index

Dsh = Callable[..., Result]


@pytest.fixture
def prover(monkeypatch: pytest.MonkeyPatch) -> ToyProver:
    return patched_prover(monkeypatch)


@pytest.fixture
def folder(tmp_path: Path, dsh: Dsh, copies_model: Model) -> Path:
    return toy_photos(tmp_path / "photos", dsh, copies_model)


@pytest.mark.parametrize("codes", [(), ("--no-verify", "--radius", 6)])
def test_verdicts_count_against_clean_folders(
    folder: Path, dsh: Dsh, home: Path, prover: ToyProver, codes: tuple[object, ...]
) -> None:
    (folder / "clean").mkdir()
    for name in ("big", "other"):
        shutil.move(folder / f"{name}.png", folder / "clean" / f"{name}.png")
    dsh("index", folder, "--prune")
    against = ("dupes", "--json", "--against", folder / "clean", *codes)
    before = told(dsh(*against))
    assert any(line.startswith("big: ") and "small/" in line for line in before)
    decide(home, folder, "clean/big small different", "clean/big mid keep both", "clean/big far same")
    choose(home, folder / "mid.png")
    groups = {line.split(":")[0]: line for line in told(dsh(*against))}
    assert "mid/" in groups["big"] and "/keep both" in groups["big"] and "far/similar/same" in groups["big"]
    assert "small/" not in groups["big"] and set(groups) <= {"big", "other"}


def test_a_chosen_keeper_comes_before_keep_rules_and_protected_files(
    folder: Path, dsh: Dsh, home: Path, prover: ToyProver, tmp_path: Path
) -> None:
    choose(home, folder / "small.png")
    decide(home, folder, "small mid keep both")
    (folder / "album").mkdir()
    shutil.move(folder / "edited.png", folder / "album" / "edited.png")
    dsh("index", folder, "--prune")
    plan = tmp_path / "plan.jsonl"
    result = dsh("dupes", "--json", "--keep", "pixels", "--protect", folder / "album", "--plan", plan)
    group = next(g for g in records(result) if "small" in str(g["keeper"]))
    assert group["keeper"]["why"] == "your choice"  # type: ignore[index]
    stays = {Path(m["path"]).stem: (m["stays"] != "", m["verdict"]) for m in group["members"]}  # type: ignore[attr-defined]
    assert stays == {"big": (False, ""), "edited": (True, ""), "mid": (False, "keep both")}
    removed = [Path(line.remove.path).stem for line in load_plan(plan).lines if line.group == group["group"]]
    assert removed == ["big"] and group["frees"] == (folder / "big.png").stat().st_size


@pytest.mark.parametrize("link", ["star", "single"])
def test_the_latest_choice_holds(folder: Path, dsh: Dsh, home: Path, prover: ToyProver, link: str) -> None:
    """Whoever chooses another one need not remember which one it was before."""
    for name in ("mid", "small", "mid", "edited"):
        choose(home, folder / f"{name}.png")
        earlier = "UPDATE chosen_keepers SET decided = '2020-01-01 00:00:00' WHERE digest != ?"
        with Index.open_or_create(home / "index.db") as index, index.write() as db:
            db.execute(earlier, [index.image(str(folder / f"{name}.png")).digest])  # type: ignore[union-attr]
        group = next(g for g in records(dsh("dupes", "--json", "--link", link)) if len(g["members"]) == 3)  # type: ignore[arg-type]
        assert Path(group["keeper"]["path"]).stem == name  # type: ignore[index]
        assert group["keeper"]["why"] == "your choice"  # type: ignore[index]


def test_what_was_chosen_stays_beside_the_clean_image(folder: Path, dsh: Dsh, home: Path, prover: ToyProver) -> None:
    (folder / "clean").mkdir()
    shutil.move(folder / "big.png", folder / "clean" / "big.png")
    shutil.copy2(folder / "clean" / "big.png", folder / "again.png")
    dsh("index", folder, "--prune")
    choose(home, folder / "mid.png")
    choose(home, folder / "again.png")  # which is kept in the clean folder
    group = next(g for g in records(dsh("dupes", "--json", "--against", folder / "clean")) if "big" in str(g["keeper"]))
    stays = {Path(m["path"]).stem: m["stays"] for m in group["members"]}  # type: ignore[attr-defined]
    assert stays == {"mid": "your choice", "again": "", "small": "", "edited": ""}


def test_equal_files_stay_wherever_they_move(
    folder: Path, dsh: Dsh, home: Path, prover: ToyProver, tmp_path: Path
) -> None:
    """The index still has rows of the old paths where only the new folder was read again: no more files for that."""
    shutil.copy2(folder / "far.png", folder / "far2.png")
    dsh("index", folder)
    dsh("decide", folder / "far.png", folder / "far2.png", "--keep-both")
    (tmp_path / "elsewhere").mkdir()
    shutil.move(folder / "far2.png", tmp_path / "elsewhere" / "far3.png")
    dsh("index", tmp_path / "elsewhere")
    assert not any(line.startswith("far") for line in told(dsh("dupes", "--json")))
    dsh("decide", folder / "far.png", tmp_path / "elsewhere" / "far3.png", "--keep-both")  # two files, not three
    shutil.copy2(folder / "far.png", folder / "far4.png")
    dsh("index", folder, "--prune")
    assert [line for line in told(dsh("dupes", "--json")) if line.startswith("far")] == ["far3: far/exact far4/exact"]


@pytest.mark.parametrize("way", [(), ("--link", "single"), ("--no-verify", "--radius", 6)])
def test_only_what_is_marked(
    folder: Path, dsh: Dsh, home: Path, prover: ToyProver, tmp_path: Path, way: tuple[object, ...]
) -> None:
    plan = tmp_path / "plan.jsonl"
    assert "marked to be removed: nothing; see dsh review" in dsh("dupes", "--marked", "--plan", plan, *way).stderr
    assert load_plan(plan).lines == ()
    decide(home, folder, "big small same", "big mid keep both", "mid edited same", "big far same")
    result = dsh("dupes", "--marked", "--json", "--plan", plan, *way)
    (group,) = records(result)
    assert {Path(m["path"]).stem for m in group["members"]} == {"small", "far"}  # type: ignore[attr-defined]
    lines = load_plan(plan).lines
    assert {(Path(line.keep.path).stem, Path(line.remove.path).stem) for line in lines} == {
        ("big", "small"), ("big", "far")
    }  # fmt: skip
    assert group["frees"] == load_plan(plan).header.bytes == sum(line.remove.size for line in lines)
    dsh("apply", plan, "--yes", "--strict")
    assert sorted(path.stem for path in folder.glob("*.png")) == ["big", "edited", "mid", "other", "other2"]


def test_a_choice_is_the_reason_although_there_are_equal_files(
    folder: Path, dsh: Dsh, home: Path, prover: ToyProver
) -> None:
    shutil.copy2(folder / "small.png", folder / "again.png")
    dsh("index", folder)
    choose(home, folder / "small.png")
    group = next(g for g in records(dsh("dupes", "--json")) if len(g["members"]) == 4)  # type: ignore[arg-type]
    assert Path(group["keeper"]["path"]).stem == "again" and group["keeper"]["why"] == "your choice"  # type: ignore[index]
