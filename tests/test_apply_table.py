"""Commands and, for each, the exact set of surviving files and their bytes. See worlds.py for the words."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from conftest import as_nobody
from typer.testing import Result
from worlds import DIRECT, DONE, NAMES, START, UNDONE, World, check, table_world


def skipped(reason: str) -> list[str]:
    """Both files of the plan are skipped for that reason."""
    return [f"skipped a/copy {reason}", f"skipped b/small {reason}"]


# fmt: off
TABLE: dict[str, tuple[str, str, list[str]]] = {
    # name: (commands and events, surviving files, outcomes)
    "a dry run touches nothing": ("apply", START, ["would a/copy", "would b/small"]),
    "a dry run, of any way": (
        "apply --to trash; apply --to hardlink; apply --to delete --really-delete", START,
        ["would a/copy", "would b/small", "would a/copy", "skipped b/small its bytes are not the keeper's",
         "would a/copy", "would b/small"]),
    "to the quarantine": ("apply --yes", DIRECT, DONE),
    "as hard links": (
        "apply --yes --to hardlink", "a/keep=K* a/copy=K* b/small=S other=O",
        ["done a/copy", "skipped b/small its bytes are not the keeper's"]),
    "deleted": ("apply --yes --to delete --really-delete", "a/keep=K other=O", DONE),
    "delete must be confirmed": ("apply --yes --to delete exit=2", START, ["really-delete"]),
    "a confirmation of nothing": ("apply --yes --really-delete exit=2", START, ["needs --to delete"]),
    "twice": ("apply --yes; apply --yes", DIRECT, [*DONE, "already a/copy", "already b/small"]),
    "twice as hard links": (
        "apply --yes --to hardlink; apply --yes --to hardlink", "a/keep=K* a/copy=K* b/small=S other=O",
        ["done a/copy", "skipped b/small its bytes are not the keeper's",
         "already a/copy", "skipped b/small its bytes are not the keeper's"]),
    "twice, deleting": (
        "apply --yes --to delete --really-delete; apply --yes --to delete --really-delete", "a/keep=K other=O",
        [*DONE, "already a/copy", "already b/small"]),
    "hard links, then the quarantine": (
        "apply --yes --to hardlink; apply --yes", "a/keep=K* a/copy=K* q2/b/small=S other=O",
        ["done a/copy", "skipped b/small its bytes are not the keeper's",
         "skipped a/copy it is the keeper's own file by another name", "done b/small"]),

    "a file that was removed and came again, without its keeper": (
        "apply --yes; write a/copy K; rm a/keep; apply --yes",
        "a/copy=K q1/a/copy=K q1/b/small=S other=O", [*DONE, "skipped a/copy the keeper is gone", "already b/small"]),

    # decided after the plan was made
    "to be kept both": (
        "decide a/keep b/small keep both; apply --yes", "a/keep=K q1/a/copy=K b/small=S other=O",
        ["done a/copy", "skipped b/small decided: keep both"]),
    "different": (
        "decide b/small a/keep different; apply --yes --to delete --really-delete", "a/keep=K b/small=S other=O",
        ["done a/copy", "skipped b/small decided: different"]),
    "equal files to be kept both": (
        "decide a/keep a/copy keep both 2; apply --yes", "a/keep=K a/copy=K q1/b/small=S other=O",
        ["skipped a/copy decided: keep both", "done b/small"]),
    "more equal files than were kept, stopped in between": (
        "decide a/keep a/copy keep both 2; write a/third K; index; plan a/keep:a/copy a/keep:a/third; apply --yes; "
        "write a/third K; apply --yes", "a/keep=K q1/a/copy=K q1/a/third=K q1/a/third-2=K b/small=S other=O",
        ["done a/copy", "done a/third", "already a/copy", "done a/third"]),
    "chosen as the keeper": (
        "choose b/small; apply --yes", "a/keep=K q1/a/copy=K b/small=S other=O",
        ["done a/copy", "skipped b/small your choice to keep it"]),
    "chosen, and then the keeper": (
        "choose b/small; choose a/keep; apply --yes", DIRECT, DONE),
    "said to be the same": ("decide a/keep b/small same; decide a/keep a/copy same; apply --yes", DIRECT, DONE),

    # undo
    "undo": ("apply --yes; undo", START, [*DONE, *UNDONE]),
    "undo twice": ("apply --yes; undo; undo", START, [*DONE, *UNDONE, "already b/small", "already a/copy"]),
    "undo hard links": (
        "apply --yes --to hardlink; undo", START,
        ["done a/copy", "skipped b/small its bytes are not the keeper's", "done a/copy"]),
    "undo hard links twice": (
        "apply --yes --to hardlink; undo; undo", START,
        ["done a/copy", "skipped b/small its bytes are not the keeper's", "done a/copy", "already a/copy"]),
    "nothing to undo": ("undo", START, []),
    "the last run failed: no older one is undone": (
        "plan a/keep:a/copy; apply --yes; plan a/keep:b/small; apply --yes --dir /proc/none; undo",
        "a/keep=K q1/a/copy=K b/small=S other=O", ["done a/copy", "skipped b/small no such file or directory"]),
    "no such run": ("apply --yes; undo 7 exit=1", DIRECT, [*DONE, "there is no run 7"]),
    "what was deleted is not undone": (
        "apply --yes --to delete --really-delete; undo; undo --strict exit=3", "a/keep=K other=O",
        [*DONE, *[f"skipped {name} deleted for good" for name in ("b/small", "a/copy", "b/small", "a/copy")]]),
    "undo the first of two runs": (
        "plan a/keep:a/copy; apply --yes; plan a/keep:b/small; apply --yes; undo 1",
        "a/keep=K a/copy=K q2/b/small=S other=O", [*DONE, "done a/copy"]),
    "undo the last of two runs, twice": (
        "plan a/keep:a/copy; apply --yes; plan a/keep:b/small; apply --yes; undo; undo",
        "a/keep=K q1/a/copy=K b/small=S other=O", [*DONE, "done b/small", "already b/small"]),
    "undo after a partial apply": (
        "mkdir c; rename b/small c/small; apply --yes; rename c/small b/small; undo",
        START, ["done a/copy", "skipped b/small gone", "done a/copy"]),
    "a partial apply goes on in its run": (
        "rename b/small moved; apply --yes; rename moved b/small; apply --yes; undo",
        START, ["done a/copy", "skipped b/small gone", "already a/copy", "done b/small", *UNDONE]),
    "apply, undo, apply": ("apply --yes; undo; apply --yes",
        "q2/a/copy=K q2/b/small=S a/keep=K other=O", [*DONE, *UNDONE, *DONE]),
    "undo overwrites nothing": (
        "apply --yes; write a/copy N; undo --strict exit=3", f"{START} q1/a/copy=K".replace("a/copy=K", "a/copy=N", 1),
        [*DONE, "done b/small", "skipped a/copy another file has its name now"]),
    "undo of what the user put back": (
        "apply --yes; write a/copy K; undo", START, [*DONE, *UNDONE]),
    "undo into a folder that is gone": ("apply --yes; rmdir b; undo", START, [*DONE, *UNDONE]),
    "undo where the quarantine was emptied": (
        "apply --yes; rm q1/a/copy; undo", "a/keep=K b/small=S other=O",
        [*DONE, "done b/small", "skipped a/copy no longer in"]),
    "undo where the quarantine was changed": (
        "apply --yes; write q1/a/copy N; undo", "a/keep=K b/small=S q1/a/copy=N other=O",
        [*DONE, "done b/small", "skipped a/copy changed in"]),
    "undo of a hard link written to since": (
        "apply --yes --to hardlink; write a/copy N; undo", "a/keep=N* a/copy=N* b/small=S other=O",
        ["done a/copy", "skipped b/small its bytes are not the keeper's", "skipped a/copy changed since"]),
    "undo of a hard link whose keeper was replaced": (
        "apply --yes --to hardlink; rm a/keep; write a/keep N; undo", "a/keep=N a/copy=K b/small=S other=O",
        ["done a/copy", "skipped b/small its bytes are not the keeper's", "done a/copy"]),
    "undo of a hard link that is gone": (
        "apply --yes --to hardlink; rm a/copy; undo", START,
        ["done a/copy", "skipped b/small its bytes are not the keeper's", "done a/copy"]),

    "undo of hard links of three": (
        "write a/copy2 K; plan a/keep:a/copy a/keep:a/copy2; apply --yes --to hardlink; rm a/keep; undo",
        "a/copy=K a/copy2=K b/small=S other=O", ["done a/copy", "done a/copy2", "done a/copy2", "done a/copy"]),

    # keepers
    "the keeper is gone": ("rm a/keep; apply --yes", "a/copy=K b/small=S other=O", skipped("the keeper is gone")),
    "the keeper changed": (
        "write a/keep N; apply --yes", "a/keep=N a/copy=K b/small=S other=O",
        skipped("the keeper is changed since it was planned")),
    "the keeper is a symlink now": (
        "rename a/keep k; symlink k a/keep; apply --yes", "a/keep=symlink k=K a/copy=K b/small=S other=O",
        skipped("the keeper is a symlink")),
    "the keeper is a pipe now": (
        "rm a/keep; fifo a/keep; apply --yes", "a/keep=special a/copy=K b/small=S other=O",
        skipped("the keeper is no regular file")),
    "the keeper goes between two applies": (
        "rename b/small c; apply --yes; rename c b/small; rm a/keep; apply --yes", "q1/a/copy=K b/small=S other=O",
        ["done a/copy", "skipped b/small gone", "already a/copy", "skipped b/small the keeper is gone"]),
    "a keeper is no other group's copy": (
        "plan a/keep:a/copy other:a/keep; apply --yes", "a/keep=K q1/a/copy=K b/small=S other=O",
        ["done a/copy", "skipped a/keep it is the keeper of group 1"]),
    "two files that keep each other": (
        "plan a/keep:a/copy a/copy:a/keep; apply --yes --to delete --really-delete", START,
        ["skipped a/copy it is the keeper of group 2", "skipped a/keep it is the keeper of group 1"]),
    "the keeper by way of a symlinked folder": (
        "symlink a way; plan a/keep:way/copy other:way/keep; apply --yes",
        "q1/way/copy=K a/keep=K b/small=S other=O", ["done way/copy", "skipped way/keep it is the keeper of group 1"]),

    # members
    "a member is gone": ("rm a/copy; apply --yes", "a/keep=K q1/b/small=S other=O",
        ["skipped a/copy gone", "done b/small"]),
    "its folder is gone": ("rm b/small; rmdir b; apply --yes", "a/keep=K q1/a/copy=K other=O",
        ["done a/copy", "skipped b/small gone"]),
    "a member changed": ("write a/copy N; apply --yes", "a/keep=K a/copy=N q1/b/small=S other=O",
        ["skipped a/copy changed since it was planned", "done b/small"]),
    "a member changed, and deleting": (
        "write a/copy N; apply --yes --to delete --really-delete", "a/keep=K a/copy=N other=O",
        ["skipped a/copy changed since it was planned", "done b/small"]),
    "a member is a symlink to the keeper": (
        "rm a/copy; symlink a/keep a/copy; apply --yes", "a/keep=K a/copy=symlink q1/b/small=S other=O",
        ["skipped a/copy a symlink", "done b/small"]),
    "a member is a folder": ("rm a/copy; mkdir a/copy; write a/copy/x X; apply --yes",
        "a/keep=K a/copy/x=X q1/b/small=S other=O", ["skipped a/copy no regular file", "done b/small"]),
    "a hard link to the keeper": (
        "rm a/copy; link a/keep a/copy; apply --yes", "a/keep=K* a/copy=K* q1/b/small=S other=O",
        ["skipped a/copy it is the keeper's own file by another name", "done b/small"]),
    "the keeper's own path by way of a symlinked folder": (
        "symlink a way; plan a/keep:way/keep; apply --yes --to delete --really-delete", START,
        ["skipped way/keep it is the keeper of group 1"]),
    "one member by two paths": (
        "symlink a way; plan a/keep:a/copy a/keep:way/copy; apply; apply --yes",
        "a/keep=K q1/a/copy=K b/small=S other=O", ["would a/copy", "skipped way/copy listed before, in group 1",
         "done a/copy", "skipped way/copy listed before, in group 1"]),
    "two hard links, neither the keeper's": (
        "link a/copy a/copy2; plan a/keep:a/copy a/keep:a/copy2; apply --yes; undo",
        "a/keep=K a/copy=K* a/copy2=K* b/small=S other=O",
        ["done a/copy", "done a/copy2", "done a/copy2", "done a/copy"]),

    # protected
    "a protected folder": ("apply --yes --protect @a", "a/keep=K a/copy=K q1/b/small=S other=O",
        ["skipped a/copy protected by", "done b/small"]),
    "two protected folders": ("apply --yes --protect @a --protect @b", START, skipped("protected by")),
    "protected from hard links": ("apply --yes --to hardlink --protect @a", START,
        ["skipped a/copy protected by", "skipped b/small its bytes are not the keeper's"]),
    "protected by way of a symlink": (
        "symlink b safe; apply --yes --protect @safe", "a/keep=K q1/a/copy=K b/small=S other=O",
        ["done a/copy", "skipped b/small protected by"]),
    "reached by way of a symlink into a protected folder": (
        "symlink b way; plan a/keep:a/copy a/keep:way/small; apply --yes --protect @b",
        "a/keep=K q1/a/copy=K b/small=S other=O", ["done a/copy", "skipped way/small protected by"]),
    "a folder whose name begins as a protected one's": (
        "mkdir b2; apply --yes --protect @b2", DIRECT, DONE),
    "a protected folder that is not there": ("apply --yes --protect @nowhere exit=1", START, ["no such file"]),

    # plans that were edited
    "a line deleted": ("edit 1 * ''; apply --yes", "a/keep=K a/copy=K q1/b/small=S other=O", ["done b/small"]),
    "a line made a comment": ("edit 2 { '# {'; apply --yes", "a/keep=K q1/a/copy=K b/small=S other=O", ["done a/copy"]),
    "keeper and copy exchanged": (
        "plan a/copy:a/keep; apply --yes", "a/copy=K q1/a/keep=K b/small=S other=O", ["done a/keep"]),
    "keeper and copy are one": ("edit 1 a/copy a/keep; apply --yes exit=1", START, ["line 2: the file to keep is"]),
    "another digest": ("edit 1 sha256 sha257; apply --yes exit=1", START, ["line 2: 'sha256' is missing"]),
    "another file's path": ("edit 2 b/small other; apply --yes", "a/keep=K q1/a/copy=K b/small=S other=O",
        ["done a/copy", "skipped other changed since it was planned"]),
    "a path that climbs": ("edit 2 b/small b/../other; apply --yes exit=1", START, ["line 3: the path of 'remove'"]),
    "a damaged line stops it all": ("edit 2 { [; apply --yes exit=1", START, ["line 3: no JSON"]),
    "a line that is no record": ("edit 2 * 12; apply --yes exit=1", START, ["line 3: no JSON object"]),
    "a number that is a text": ("edit 2 1000 '\"1000\"'; apply --yes exit=1", START, ["line 3: 'bytes' is no whole"]),
    "a header of a later version": ("edit 0 'plan\": 1' 'plan\": 2'; apply exit=1", START, ["a plan of version 2"]),
    "no header": ("edit 0 * '{}'; apply --yes exit=1", START, ["line 1: not a plan's header"]),
    "an index that is not there": ("edit 0 index.db none.db; apply --yes exit=1", START, ["there is no index yet"]),
    "edited between two applies": (
        "apply --yes; edit 2 { '# {'; edit 1 oldest best; apply --yes; undo 1", START,
        [*DONE, "skipped a/copy gone", *UNDONE]),
    "skipped, and strict": ("rm a/copy; apply --strict exit=3", "a/keep=K b/small=S other=O",
        ["skipped a/copy gone", "would b/small"]),
}
# fmt: on


@pytest.fixture
def world(public: Path, dsh: Callable[..., Result]) -> World:
    return table_world(public, dsh)


@pytest.mark.parametrize("name", TABLE)
def test_table(name: str, world: World) -> None:
    script, files, outcomes = TABLE[name]
    check(world, script, files, outcomes)


WAYS = ("--to hardlink", "")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NAMES)
def test_names(name: str, way: str, world: World) -> None:
    """Any name goes and comes back: as a member, and as a keeper."""
    world.write(f"d/{name}", "K")
    world.write(f"{name}", "K")
    world.write_plan(f"d/{name}:a/copy", f"d/{name}:{name}")
    start = world.files()
    world.run(f"apply --yes {way}")
    content = "K*" if way else "K"
    after = {f"d/{name}={content}", *(f"{place}{n}={content}" for n in ("a/copy", name) for place in _place(way))}
    assert after <= set(_split(world.files())) and len(_split(world.files())) == len(_split(start))
    world.run("undo")
    assert world.files() == start


def _place(way: str) -> tuple[str, ...]:
    return ("",) if way else ("q1/",)


def _split(files: str) -> list[str]:
    """Words of files, whose names may hold spaces of their own."""
    return files.split(" ")


# --- permissions -----------------------------------------------------------------------------------------------------

LOCKED: dict[str, tuple[str, str, list[str]]] = {
    "a folder that cannot be written": (
        "chmod 555 b; apply; apply --yes",
        "a/keep=K q1/a/copy=K b/small=S other=O",
        ["would a/copy", "skipped b/small its folder cannot be written"]
        + ["done a/copy", "skipped b/small its folder cannot be written"],
    ),
    "a folder that cannot be written, deleting": (
        "chmod 555 b; apply --yes --to delete --really-delete",
        "a/keep=K b/small=S other=O",
        ["done a/copy", "skipped b/small its folder cannot be written"],
    ),
    "a file that cannot be read": (
        "chmod 0 b/small; apply --yes; chmod 644 b/small",
        "a/keep=K q1/a/copy=K b/small=S other=O",
        ["done a/copy", "skipped b/small unreadable: permission denied"],
    ),
    "a keeper that cannot be read": (
        "chmod 0 a/keep; apply --yes; chmod 644 a/keep",
        START,
        skipped("the keeper is unreadable: permission denied"),
    ),
    "a quarantine that cannot be written": (
        "apply --yes --dir /proc/none",
        START,
        skipped("no such file or directory"),
    ),
    "permission denied half way, and on": (
        "chmod 555 b; apply --yes; chmod 755 b; apply --yes",
        DIRECT,
        ["done a/copy", "skipped b/small its folder cannot be written", "already a/copy", "done b/small"],
    ),
    "undo into a folder that cannot be written, and on": (
        "apply --yes; chmod 555 b; undo; chmod 755 b; undo",
        START,
        [*DONE, "skipped b/small permission denied", "done a/copy", "done b/small", "already a/copy"],
    ),
}


@pytest.mark.parametrize("name", LOCKED)
def test_permissions(name: str, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    script, files, outcomes = LOCKED[name]
    monkeypatch.setenv("DSH_HOME", str(world.root))
    if os.geteuid() == 0:
        for folder, folders, names in os.walk(world.root):
            for entry in (".", *folders, *names):
                os.chown(os.path.join(folder, entry), 65534, 65534)
    with as_nobody():
        check(world, script, files, outcomes)
        os.chmod(world.path("b"), 0o755)


# --- words -----------------------------------------------------------------------------------------------------------


def test_modes_and_times_survive(world: World) -> None:
    os.chmod(world.path("a/copy"), 0o604)
    before = os.stat(world.path("a/copy"))
    for way in WAYS:
        world.run(f"apply --yes {way}; undo")
        after = os.stat(world.path("a/copy"))
        assert (after.st_mode, after.st_mtime_ns, after.st_nlink) == (before.st_mode, before.st_mtime_ns, 1)


def test_what_is_said(world: World, dsh: Callable[..., Result]) -> None:
    dry = dsh("apply", world.plan, "--dir", world.quarantine)
    assert "Dry run, nothing was changed. With --yes, 2 files (2.0 kB) would be moved" in dry.stderr
    assert dry.stdout.splitlines()[0].split("\t")[:4] == ["1", "would", "1000", world.path("a/copy")]
    done = dsh("apply", world.plan, "--dir", world.quarantine, "--yes", "--csv")
    assert f"To take it back: dsh undo 1 --db {world.db}" in done.stderr
    assert done.stdout.splitlines()[0] == "group,action,bytes,path,target,keep,reason,merged,sidecar,notes"
    listed = dsh("undo", "--list", "--db", world.db)
    number, _, way, *counts, plan, folder = listed.stdout.rstrip("\n").split("\t")
    assert (number, way, counts) == ("1", "quarantine", ["2", "0", "2000"])
    assert (plan, folder) == (str(world.plan), str(world.quarantine / "run-1"))
    assert dsh("apply", world.plan, "-q", "--dir", world.quarantine).stderr == ""
    assert "exclude each other" in dsh("undo", "--json", "--csv", exit_code=2).stderr


def test_a_quarantine_whose_drive_is_away(world: World) -> None:
    """A step that was stopped then is not taken for one that did not happen."""
    world.run("apply --yes")
    os.rename(world.quarantine, world.root / "away")
    with closing(sqlite3.connect(world.db)) as connection, connection:
        connection.execute("UPDATE removal_steps SET state = 'begun' WHERE step = 2")
    missing = ["skipped b/small no longer in", "skipped a/copy no longer in"]
    check(world, "undo", "a/keep=K other=O", missing)
    os.rename(world.root / "away", world.quarantine)
    check(world, "undo", START, UNDONE)


def test_only_one_at_a_time(world: World) -> None:
    from dshcli.library.removals import lock_removals

    with lock_removals(world.db):
        check(world, "apply --yes exit=1", START, ["another dsh apply or undo is at work"])
        check(world, "apply", START, ["would a/copy", "would b/small"])
    check(world, "apply --yes", DIRECT, DONE)
