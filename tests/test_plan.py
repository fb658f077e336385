"""The plan file: written beside any other output, whole or not at all, over nothing but a plan; and read with care."""

import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import draw, records
from typer.testing import Result

from dshcli.dedupe.plan import Header, Line, created_plan, load_plan
from dshcli.errors import DshError
from dshcli.hasher.models import Model
from dshcli.library.removals import PlannedFile, Removals
from dshcli.library.store import Index

Dsh = Callable[..., Result]
HEADER = Header("/i.db", "toy-1", 2, True, 1, 1, 10)
LINE = Line(1, PlannedFile("/p/k", b"k" * 32, 20), PlannedFile("/p/m", b"m" * 32, 10), "resized", "half", "most pixels")


@pytest.fixture
def photos(tmp_path: Path, dsh: Dsh, toy_model: Model) -> Path:
    """Three equal files, one of them with an odd name; two pictures of the same code; one alone."""
    folder = tmp_path / "photos"
    data = draw(folder / "a.png", 1).read_bytes()
    for name in (b"b.png", b"caf\xe9\n'\".png"):
        with open(os.path.join(os.fsencode(folder), name), "wb") as file:
            file.write(data)
    draw(folder / "big.png", 2, (192, 128))
    draw(folder / "alone.png", 9)
    dsh("index", folder, "-m", toy_model.folder)
    dsh("models", "use", toy_model.folder)
    return folder


def test_the_plan_says_what_dupes_says(photos: Path, tmp_path: Path, dsh: Dsh, home: Path, toy_model: Model) -> None:
    plan = tmp_path / "plan.jsonl"
    result = dsh("dupes", "-r", 0, "--json", "--plan", plan)
    header, *lines = [json.loads(line) for line in plan.read_text().splitlines()]
    assert header == {
        "dsh_plan": 1, "index": str(home / "index.db"), "model": toy_model.model_id, "radius": 0, "verified": False,
        "groups": 1, "files": 2, "bytes": 2 * (photos / "a.png").stat().st_size,
    }  # fmt: skip
    (group,) = records(result)
    keep = {name: group["keeper"][name] for name in ("path", "sha256", "bytes")}  # type: ignore[index]
    assert [line["keep"] for line in lines] == [keep, keep]
    removed = [{name: m[name] for name in ("path", "sha256", "bytes")} for m in group["members"]]  # type: ignore[attr-defined]
    assert [line["remove"] for line in lines] == removed
    assert {(line["group"], line["kind"], line["why"]) for line in lines} == {(1, "exact", group["keeper"]["why"])}  # type: ignore[index]
    assert f"Wrote {plan}: 2 files to remove. To see what would be done: dsh apply {plan}" in result.stderr


@pytest.mark.parametrize("option", ["--json", "--csv", "--quiet", "--verbose", "--verify", None])
def test_beside_any_other_output(photos: Path, tmp_path: Path, dsh: Dsh, option: str | None) -> None:
    options = [option] if option else []
    plain = dsh("dupes", "-r", 0, *options)
    planned = dsh("dupes", "-r", 0, *options, "--plan", tmp_path / "plan.jsonl")
    assert planned.stdout == plain.stdout and len(load_plan(tmp_path / "plan.jsonl").lines) == 2
    dsh("dupes", "-r", 0, "--plan", tmp_path / "plan.jsonl", "--fail-on-found", exit_code=4)


def test_the_whole_way(photos: Path, tmp_path: Path, dsh: Dsh, home: Path) -> None:
    plan, before = tmp_path / "plan.jsonl", contents(photos)
    dsh("dupes", "-r", 0, "--plan", plan)
    assert "goes by codes alone" in dsh("apply", plan).stderr
    assert contents(photos) == before and not (home / "quarantine").exists()
    done = dsh("apply", plan, "--yes")
    assert done.stderr.splitlines()[-1] == "To take it back: dsh undo 1"
    assert len(contents(photos)) == len(before) - 2 and set(contents(photos).values()) == set(before.values())
    assert stat.S_IMODE((home / "quarantine" / "run-1").stat().st_mode) == 0o700
    left = dsh("dupes", "-r", 0)
    assert left.stdout == "" and "2 images whose file is gone" in left.stderr
    dsh("undo")
    assert contents(photos) == before and not (home / "quarantine" / "run-1").exists()
    assert len(records(dsh("dupes", "-r", 0, "--json"))) == 1


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_nothing_found_is_an_empty_plan(photos: Path, tmp_path: Path, dsh: Dsh) -> None:
    (photos / "a.png").unlink()
    (photos / "b.png").unlink()
    dsh("dupes", "-r", 0, "--plan", tmp_path / "plan.jsonl")
    assert dsh("apply", tmp_path / "plan.jsonl", "--yes").stdout == ""
    assert dsh("undo").stderr == dsh("undo", "--list").stderr == "Nothing was removed by this index.\n"


def test_no_picture_is_overwritten_by_a_plan(photos: Path, tmp_path: Path, dsh: Dsh) -> None:
    before = contents(photos)
    assert "is no plan" in dsh("dupes", "--plan", photos / "a.png", exit_code=2).stderr
    assert "no such folder" in dsh("dupes", "--plan", tmp_path / "none" / "plan.jsonl", exit_code=2).stderr
    assert "is no plan" in dsh("dupes", "--plan", photos, exit_code=2).stderr
    assert contents(photos) == before
    dsh("dupes", "-r", 0, "--plan", tmp_path / "plan.jsonl")
    dsh("dupes", "-r", 0, photos, "--plan", tmp_path / "plan.jsonl")


def test_a_plan_comes_back_as_it_was_written(tmp_path: Path) -> None:
    odd = Line(
        2, PlannedFile("/p/\udce9\n\"'\t鳥", b"\0" * 32, 0), PlannedFile("/p/ ", b"\xff" * 32, 2**40), "", "", ""
    )
    with created_plan(tmp_path / "plan.jsonl", HEADER) as write:
        write(LINE)
        write(odd)
    plan = load_plan(tmp_path / "plan.jsonl")
    assert (plan.header, plan.lines) == (HEADER, (LINE, odd))
    assert len((tmp_path / "plan.jsonl").read_bytes().splitlines()) == 3


def test_a_plan_that_is_not_finished_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "plan.jsonl"
    with created_plan(path, HEADER) as write:
        write(LINE)
    whole = path.read_bytes()
    with pytest.raises(KeyboardInterrupt), created_plan(path, HEADER) as write:
        write(LINE)
        raise KeyboardInterrupt
    assert path.read_bytes() == whole and os.listdir(tmp_path) == [path.name]


def test_blank_lines_and_comments(tmp_path: Path) -> None:
    path = tmp_path / "plan.jsonl"
    with created_plan(path, HEADER) as write:
        write(LINE)
    header, line = path.read_text().splitlines()
    path.write_text(f"# mine\n\n{header}\r\n  \n # {line}\n{line}")
    assert load_plan(path).lines == (LINE,)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"path": "p/m"}, "not absolute"),
        ({"path": "/p/../m"}, "not absolute and plain"),
        ({"path": "/p/m/"}, "not absolute and plain"),
        ({"path": "/p/\0m"}, "not absolute and plain"),
        ({"path": "/p/\ud800"}, "'remove'"),
        ({"path": 3}, "'path' is no text"),
        ({"sha256": "zz"}, "'remove'"),
        ({"sha256": "6d" * 31}, "has not 64 digits"),
        ({"bytes": True}, "'bytes' is no whole number"),
        ({"bytes": -1}, "'bytes' is out of range"),
        ({"bytes": 2**63}, "'bytes' is out of range"),
    ],
)
def test_what_no_file_can_be(tmp_path: Path, change: dict[str, object], words: str) -> None:
    path = tmp_path / "plan.jsonl"
    with created_plan(path, HEADER) as write:
        write(LINE)
    header, line = path.read_text().splitlines()
    record = json.loads(line)
    record["remove"] |= change
    path.write_text(f"{header}\n{json.dumps(record)}\n")
    with pytest.raises(DshError, match="line 2: ") as caught:
        load_plan(path)
    assert words in str(caught.value) and "Nothing was done" in caught.value.hint


def test_what_is_no_plan_at_all(tmp_path: Path) -> None:
    path = tmp_path / "plan.jsonl"
    with pytest.raises(DshError, match="no such file"):
        load_plan(path)
    for data, words in ((b"", "is empty"), (b"\x89PNG\r\n\x1a\n\0", "no JSON"), (b"[" * 9999, "no JSON")):
        path.write_bytes(data)
        with pytest.raises(DshError, match=words):
            load_plan(path)


def test_the_journal_names_any_path(tmp_path: Path) -> None:
    """Rows give back the paths that went in, and the totals of a run by the states of its steps."""
    from dataclasses import replace

    from dshcli.library.removals import Run, State, Step

    run = Run(3, "2026-01-02 03:04:05", "/p/\udce9.jsonl", b"d" * 32, "quarantine", "/q/\udce9")
    step = Step(1, 7, LINE.keep, PlannedFile("/p/\udce9", b"m" * 32, 10), "/q/\udce9/1", 0o640, 10**18)
    with Index.open_or_create(tmp_path / "index.db") as index:
        removals = Removals(index)
        for number in (1, 2, 3):
            removals.begin(run, replace(step, number=number))
        removals.mark(run, replace(step, number=2), State.UNDONE)
        removals.mark(run, replace(step, number=3), State.FAILED)
        assert removals.open_steps() == [(run, step)]
        assert [s.state for s in removals.steps(3)] == [State.BEGUN, State.UNDONE, State.FAILED]
        (totals,) = removals.runs()
        assert (totals.run, totals.removed, totals.restored, totals.bytes) == (run, 1, 1, 10)


def test_reflinks_share_blocks_or_are_refused(tmp_path: Path, photos: Path, dsh: Dsh) -> None:
    """Where the drive has reflinks each copy is a file of its own before and after; elsewhere nothing is touched."""
    before = contents(photos)
    dsh("dupes", "-r", 0, "--plan", tmp_path / "plan.jsonl")
    outcomes = records(dsh("apply", tmp_path / "plan.jsonl", "--yes", "--to", "reflink", "--json"))
    assert {o["action"] for o in outcomes} in ({"done"}, {"skipped"})
    assert contents(photos) == before
    assert all(path.stat().st_nlink == 1 for path in photos.iterdir())


def test_reflinks_step_by_step(tmp_path: Path, photos: Path, dsh: Dsh, monkeypatch: pytest.MonkeyPatch) -> None:
    """All but the system call, which few drives have: the copy keeps its time and permissions."""
    monkeypatch.setattr("dshcli.dedupe.ways.clone", lambda source, target: shutil.copyfile(source, target) and None)
    before, plan = contents(photos), tmp_path / "plan.jsonl"
    os.chmod(photos / "b.png", 0o604)
    os.utime(photos / "b.png", ns=(10**18, 10**18))
    facts = (photos / "b.png").stat()
    dsh("dupes", "-r", 0, "--plan", plan)
    for expected in ("done", "already"):
        outcomes = records(dsh("apply", plan, "--yes", "--to", "reflink", "--json"))
        assert {o["action"] for o in outcomes} == {expected}
    after = (photos / "b.png").stat()
    assert (after.st_mode, after.st_mtime_ns) == (facts.st_mode, facts.st_mtime_ns) and after.st_ino != facts.st_ino
    assert contents(photos) == before
    assert {o["action"] for o in records(dsh("undo", "--json"))} == {"done"}


@pytest.mark.parametrize("named", [".", "removed", "removed/run-1"])
def test_what_was_removed_is_not_taken_up_again(tmp_path: Path, dsh: Dsh, toy_model: Model, named: str) -> None:
    """Else a file in the quarantine would be the copy to keep, and the real one could go."""
    folder = tmp_path / "p"
    draw(folder / "a.png")
    shutil.copy2(folder / "a.png", folder / "b.png")
    dsh("index", folder, "-m", toy_model.folder)
    dsh("dupes", "--plan", tmp_path / "plan.jsonl")
    dsh("apply", tmp_path / "plan.jsonl", "--yes", "--dir", folder / "removed")
    result = dsh("index", folder / named, "-m", toy_model.folder)
    assert "0 moved" in result.stderr and "passed by 1: quarantine of dsh apply" in result.stderr
    assert dsh("dupes").stdout == ""
    dsh("undo")
    assert dsh("index", folder, "-m", toy_model.folder, "--json").stdout.count('"quarantines": 0') == 1
    assert len(dsh("dupes").stdout.splitlines()) == 2
