"""What people decided about pairs of contents, in a real index file."""

import sqlite3
from pathlib import Path

import pytest

from dshcli.library.decisions import Choice, Decisions, Said, Verdict
from dshcli.library.store import Index

A, B, C = (bytes([value]) * 32 for value in (1, 2, 3))


def test_the_last_word_on_a_pair_holds_in_whatever_order(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    with Index.open_or_create(path) as index:
        decisions = Decisions(index)
        decisions.save([Said(B, A, Verdict.DIFFERENT), Said(B, C, Verdict.DIFFERENT)])
        decisions.save([Said(A, B, Verdict.BOTH)])
    with Index.open(path) as index:
        found = Decisions(index)
        assert [(d.one, d.other, d.verdict) for d in found.all()] == [(A, B, Verdict.BOTH), (B, C, Verdict.DIFFERENT)]
        assert found.find(C, B) == found.find(B, C)
        assert found.find(A, C) is None


def test_a_decision_is_forgotten(tmp_path: Path) -> None:
    with Index.open_or_create(tmp_path / "index.db") as index:
        decisions = Decisions(index)
        decisions.save([Said(A, B, Verdict.SAME), Said(A, C, Verdict.SAME)])
        decisions.save([Said(B, A, None)])
        assert [(d.one, d.other) for d in decisions.all()] == [(A, C)]


def test_equal_files_are_counted(tmp_path: Path) -> None:
    with Index.open_or_create(tmp_path / "index.db") as index:
        with index.write() as db:
            for name in ("a", "b", "gone"):
                (tmp_path / name).write_bytes(b"A")
                row = [str(tmp_path / name), A]
                db.execute("INSERT INTO images (path, size, mtime_ns, digest) VALUES (?, 1, 1, ?)", row)
        (tmp_path / "gone").unlink()
        decisions = Decisions(index)
        decisions.save([Said(A, A, Verdict.BOTH), Said(A, B, Verdict.BOTH)])
        assert [(d.one == d.other, d.files) for d in decisions.all()] == [(True, 2), (False, 0)]


def test_one_keeper_is_chosen_among_a_group(tmp_path: Path) -> None:
    with Index.open_or_create(tmp_path / "index.db") as index:
        decisions = Decisions(index)
        decisions.save([Choice(A)])
        decisions.save([Choice(B, (A, C))])
        decisions.save([Choice(B)])
        assert decisions.chosen() == {B}
        decisions.save([Choice(B, chosen=False)])
        assert decisions.chosen() == set()


def test_a_decision_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    with Index.open_or_create(path) as index, sqlite3.connect(path) as reader:
        decisions = Decisions(index)
        with pytest.raises(TypeError):
            decisions.save([Said(A, B, Verdict.SAME), Said(A, None, Verdict.SAME)])  # type: ignore[arg-type]
        assert reader.execute("SELECT count(*) FROM decisions").fetchone() == (0,)
