"""Plans applied across file systems, on full disks and into the trash: the exact files and bytes, as in
test_apply_table.py."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import Result
from worlds import DIRECT, DONE, NAMES, PLAN, START, UNDONE, World, check, table_world


@pytest.fixture
def world(public: Path, dsh: Callable[..., Result]) -> World:
    return table_world(public, dsh)


# --- other file systems ----------------------------------------------------------------------------------------------


@pytest.fixture
def other_drive(world: World) -> Iterator[Path]:
    """A folder on another file system."""
    if not os.path.isdir("/dev/shm") or os.stat("/dev/shm").st_dev == os.stat(world.root).st_dev:
        pytest.skip("there is no second file system here")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


@pytest.mark.parametrize(
    ("script", "files", "outcomes"),
    [
        ("apply --yes", DIRECT, DONE),
        ("apply --yes; apply --yes", DIRECT, [*DONE, "already a/copy", "already b/small"]),
        ("apply --yes; undo", START, [*DONE, *UNDONE]),
        ("apply --yes; undo; undo", START, [*DONE, *UNDONE, "already b/small", "already a/copy"]),
        ("apply --yes; write a/copy N; undo", "a/keep=K a/copy=N b/small=S q1/a/copy=K other=O",
         [*DONE, "done b/small", "skipped a/copy another file has its name now"]),
    ],
)  # fmt: skip
def test_quarantine_on_another_drive(
    script: str, files: str, outcomes: list[str], world: World, other_drive: Path
) -> None:
    world.quarantine = other_drive
    before = os.stat(world.path("b/small"))
    os.chmod(world.path("b/small"), 0o640)
    check(world, script, files, outcomes)
    if files == START:
        after = os.stat(world.path("b/small"))
        assert (after.st_mtime_ns, after.st_mode & 0o777) == (before.st_mtime_ns, 0o640)


def test_hard_links_do_not_cross_drives(world: World, other_drive: Path) -> None:
    shutil.copy(world.path("a/keep"), other_drive / "copy")
    os.symlink(other_drive, world.path("drive"))
    world.write_plan("a/keep:drive/copy")
    check(world, "apply --yes --to hardlink", START, ["skipped drive/copy invalid cross-device link"])
    assert sorted(os.listdir(other_drive)) == ["copy"]


def test_reflinks_are_refused_where_the_drive_has_none(world: World, other_drive: Path) -> None:
    shutil.copy(world.path("a/keep"), other_drive / "copy")
    os.symlink(other_drive, world.path("drive"))
    world.write_plan("a/keep:drive/copy", "a/keep:b/small")
    outcomes = ["skipped drive/copy this file system has no reflinks", "skipped b/small its bytes are not"]
    check(world, "apply --yes --to reflink", START, outcomes)
    assert sorted(os.listdir(other_drive)) == ["copy"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 40 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=40k", "tmpfs", folder], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("mounting a small file system is not allowed here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_quarantine_then_a_larger_one(public: Path, dsh: Callable[..., Result], small_disk: Path) -> None:
    world = World(public, dsh, small_disk, size=30_000)
    world.make(START, PLAN)
    half = "a/keep=K q1/a/copy=K b/small=S other=O"
    check(world, "apply --yes", half, ["done a/copy", "skipped b/small no space left on device"])
    subprocess.run(["mount", "-o", "remount,size=1m", small_disk], check=True)
    check(world, "apply --yes", DIRECT, ["already a/copy", "done b/small"])
    check(world, "undo", START, UNDONE)


def test_a_full_disk_does_not_stop_an_undo_half_way(public: Path, dsh: Callable[..., Result], small_disk: Path) -> None:
    """The pictures are on the small disk, the quarantine is not; what is in the way of their return goes."""
    world = World(public, dsh, public / "q", size=10_000)
    world.make("a/keep=K", "")
    os.symlink(small_disk, world.path("b"))
    world.write("b/one", "K")
    world.write("b/two", "K")
    world.write_plan("a/keep:b/one", "a/keep:b/two")
    world.run("apply --yes")
    (small_disk / "filler").write_bytes(b"f" * 20_000)
    assert world.run("undo") == ["done b/two", "skipped b/one no space left on device"]
    (small_disk / "filler").unlink()
    assert world.run("undo") == ["already b/two", "done b/one"]
    assert sorted(os.listdir(small_disk)) == ["one", "two"] and "q1" not in world.files()


# --- the trash -------------------------------------------------------------------------------------------------------


@pytest.fixture
def trash(world: World, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A freedesktop.org trash of its own, on the drive of the pictures."""
    plat_other = pytest.importorskip("send2trash.plat_other")
    import send2trash

    data = world.root / "data"
    monkeypatch.setenv("HOME", str(world.root))
    monkeypatch.setenv("XDG_DATA_HOME", str(data))
    monkeypatch.setattr(plat_other, "XDG_DATA_HOME", os.fsencode(data))
    monkeypatch.setattr(plat_other, "HOMETRASH_B", os.fsencode(data / "Trash"))
    monkeypatch.setattr(send2trash, "send2trash", plat_other.send2trash)
    return data / "Trash"


def test_trash_and_back(world: World, trash: Path) -> None:
    check(world, "apply --yes --to trash", "a/keep=K other=O", DONE)
    assert sorted(os.listdir(trash / "files")) == ["copy", "small"]
    check(world, "apply --yes --to trash", "a/keep=K other=O", ["already a/copy", "already b/small"])
    check(world, "undo", START, UNDONE)
    assert os.listdir(trash / "files") == os.listdir(trash / "info") == []


@pytest.mark.parametrize("name", NAMES[:-1])
def test_trash_of_any_name(name: str, world: World, trash: Path) -> None:
    world.write(name, "K")
    world.write_plan(f"a/keep:{name}")
    start = world.files()
    world.run("apply --yes --to trash")
    assert not os.path.lexists(world.path(name))
    world.run("undo")
    assert world.files() == start


def test_a_trash_that_was_emptied(world: World, trash: Path) -> None:
    world.run("apply --yes --to trash")
    shutil.rmtree(trash)
    check(world, "undo", "a/keep=K other=O", ["skipped b/small look for it in your", "skipped a/copy look for it in"])


def test_a_trash_that_holds_another_version(world: World, trash: Path) -> None:
    """The path alone does not tell a trashed file; what is in its way is not overwritten."""
    world.run("apply --yes --to trash")
    (trash / "files" / "copy").write_text("edited")
    check(world, "undo", "a/keep=K b/small=S other=O", ["done b/small", "skipped a/copy look for it in your trash"])
    world.write("a/copy", "N")
    check(world, "undo", "a/keep=K a/copy=N b/small=S other=O", ["already b/small", "skipped a/copy another file has"])
