"""Real processes that verify, killed: the index stays whole, what was proven is kept, and the end is the same."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import toys
from toys import photo
from typer.testing import Result

from dshcli.hasher.models import Model

PHOTOS = 40  # of 36 pictures, all candidates of each other: 364 proofs


@pytest.fixture
def db(tmp_path: Path, dsh: Callable[..., Result], copies_model: Model) -> Path:
    for number in range(PHOTOS):
        photo(tmp_path / "photos" / f"{number}.png", 20 + number % 36, side=96 + number // 36)
    dsh("models", "use", copies_model.folder)
    dsh("index", tmp_path / "photos", "--db", tmp_path / "index.db")
    return tmp_path / "index.db"


def start(db: Path, seconds: float = 0.05) -> subprocess.Popen[str]:
    command = [sys.executable, toys.__file__, "dupes", "--db", str(db), "--json", "--jobs", "2"]
    environment = os.environ | {"TOY_SECONDS": str(seconds), "PYTHONPATH": str(Path(__file__).parents[1])}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return output, errors


def saved(db: Path) -> int:
    """Proofs in the index by now; also checks that the file is whole."""
    with closing(sqlite3.connect(db)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return int(connection.execute("SELECT count(*) FROM proofs").fetchone()[0])


def proofs(db: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(db)) as connection:
        return connection.execute("SELECT * FROM proofs ORDER BY 1, 2").fetchall()


def wait_for_more(process: subprocess.Popen[str], db: Path, before: int) -> None:
    deadline = time.monotonic() + 30
    while process.poll() is None and saved(db) <= before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert process.poll() is None and saved(db) > before


def undisturbed(db: Path) -> tuple[str, list[tuple[object, ...]]]:
    """What a run without any harm prints and keeps; nothing is kept of it here."""
    output, _ = finish(start(db, 0.0))
    rows = proofs(db)
    with closing(sqlite3.connect(db, isolation_level=None)) as connection:
        connection.execute("DELETE FROM proofs")
    return output, rows


def test_killed_in_the_middle(db: Path) -> None:
    output, rows = undisturbed(db)
    assert len(output.splitlines()) == PHOTOS - 36
    progress = [0]
    for _ in range(2):
        process = start(db)
        wait_for_more(process, db, progress[-1])
        process.kill()
        process.communicate()
        progress.append(saved(db))
    assert progress[0] < progress[1] < progress[2] < len(rows)
    last, errors = finish(start(db))
    assert last == output and proofs(db) == rows
    assert f"{progress[2]} known from before" in errors


def test_ctrl_c_keeps_what_is_proven_and_exits_130(db: Path) -> None:
    output, rows = undisturbed(db)
    process = start(db)
    time.sleep(0.5)
    wait_for_more(process, db, 0)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130, errors
    assert "goes on from there" in errors and "Traceback" not in errors
    done = saved(db)
    assert 0 < done < len(rows)
    last, errors = finish(start(db, 0.0))
    assert last == output and f"{done} known from before" in errors


def test_two_at_once(db: Path) -> None:
    output, rows = undisturbed(db)
    results = [finish(process) for process in [start(db, 0.005) for _ in range(2)]]
    assert [result[0] for result in results] == [output] * 2
    assert proofs(db) == rows
