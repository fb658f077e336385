"""Walking: each regular file once, in a fixed order; nothing else is ever opened."""

import os
from pathlib import Path

import pytest

from dshcli.errors import DshError
from dshcli.images.walk import Passed, WalkOptions, absolute_root, walk


def names(*roots: Path, options: WalkOptions | None = None, passed: Passed | None = None) -> list[str]:
    found = walk([absolute_root(root) for root in roots], options or WalkOptions(), passed or Passed())
    return [os.path.relpath(file.path, roots[0]) for file in found]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("b.jpg", "a/x.PNG", "a/b/deep.gif", ".hidden/h.jpg", ".dot.jpg", "thumbs/t.jpg", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * len(name))
    return tmp_path


def test_sorted_and_without_hidden_files(tree: Path) -> None:
    assert names(tree) == ["a/b/deep.gif", "a/x.PNG", "b.jpg", "notes.txt", "thumbs/t.jpg"]
    assert ".dot.jpg" in names(tree, options=WalkOptions(hidden=True))
    assert ".hidden/h.jpg" in names(tree, options=WalkOptions(hidden=True))


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        (("*.png",), (), ["a/x.PNG"]),
        (("a/*",), (), ["a/b/deep.gif", "a/x.PNG"]),
        ((), ("thumbs",), ["a/b/deep.gif", "a/x.PNG", "b.jpg", "notes.txt"]),
        ((), ("thumbs/*", "*.txt"), ["a/b/deep.gif", "a/x.PNG", "b.jpg"]),
        (("*.jpg", "*.png"), ("b.jpg",), ["a/x.PNG", "thumbs/t.jpg"]),
    ],
)
def test_globs(tree: Path, include: tuple[str, ...], exclude: tuple[str, ...], expected: list[str]) -> None:
    assert names(tree, options=WalkOptions(include=include, exclude=exclude)) == expected


def test_size_and_time_are_the_files_own(tree: Path) -> None:
    (file,) = walk([str(tree / "b.jpg")], WalkOptions(), Passed())
    facts = (tree / "b.jpg").stat()
    assert (file.size, file.mtime_ns) == (facts.st_size, facts.st_mtime_ns)


def test_overlapping_roots_give_each_file_once(tree: Path) -> None:
    assert names(tree, tree / "a", tree / "a" / "x.PNG", tree) == names(tree)


def test_a_root_whose_name_begins_like_another(tmp_path: Path) -> None:
    for name in ("ab/1.jpg", "a/2.jpg"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    assert len(names(tmp_path / "a", tmp_path / "ab")) == 2


def test_symlinks_are_counted_or_followed_and_loops_end(tree: Path) -> None:
    (tree / "loop").symlink_to(tree)
    (tree / "link.jpg").symlink_to(tree / "b.jpg")
    (tree / "dangling.jpg").symlink_to(tree / "nowhere")
    passed = Passed()
    assert names(tree, passed=passed) == ["a/b/deep.gif", "a/x.PNG", "b.jpg", "notes.txt", "thumbs/t.jpg"]
    assert passed.symlinks == 3
    followed = names(tree, options=WalkOptions(follow_symlinks=True))
    assert followed == ["a/b/deep.gif", "a/x.PNG", "b.jpg", "link.jpg", "notes.txt", "thumbs/t.jpg"]


def test_a_root_that_is_a_symlink_is_followed(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    link = tmp_path_factory.mktemp("elsewhere") / "photos"
    link.symlink_to(tree)
    assert len(names(link)) == 5


def test_pipes_and_devices_are_never_files(tree: Path) -> None:
    os.mkfifo(tree / "pipe.jpg")
    passed = Passed()
    assert "pipe.jpg" not in names(tree, passed=passed)
    assert passed.special == 1
    assert names(Path("/dev/null"), passed=passed) == [] and passed.special == 2


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/caf\xe9\n\x1b[31m.jpg"
    with open(raw, "wb"):
        pass
    assert [os.fsencode(name) for name in names(tmp_path)] == [b"caf\xe9\n\x1b[31m.jpg"]


def test_a_missing_root_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DshError, match="nowhere: no such file"):
        absolute_root(tmp_path / "nowhere")


def test_a_closed_folder_is_told_and_the_walk_goes_on(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def closed(folder: str) -> object:
        if os.path.basename(folder) == "a":
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", closed)  # permissions themselves do not bind root
    passed = Passed()
    assert names(tree, passed=passed) == ["b.jpg", "notes.txt", "thumbs/t.jpg"]
    assert passed.unreadable == [(str(tree / "a"), "permission denied")]
