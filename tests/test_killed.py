"""Real processes, killed: whatever the moment, the index opens and the next run makes it what it would have been."""

import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from conftest import INTERRUPTIBLE, draw

from dshcli.hasher.models import Model

IMAGES = 600


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for number in range(IMAGES):
        draw(folder / f"{number % 7}" / f"{number:03}.jpg", number, (600, 400))
    (folder / "bad.jpg").write_text("no picture")
    return folder


def start(db: Path, photos: Path, model: Model) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", INTERRUPTIBLE, "index", photos, "--db", db, "--model", model.folder]
    return subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen[bytes]) -> str:
    _, errors = process.communicate()
    assert process.returncode == 0, errors.decode()
    return errors.decode()


def rows(db: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(db)) as connection:
        tables = ("models", "images", "codes", "code_chunks")
        return {table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in tables}


def saved(db: Path) -> int:
    """Images in the index by now; also checks that the file is whole."""
    if not db.exists():
        return 0
    with closing(sqlite3.connect(db)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'images'").fetchone()
        return int(connection.execute("SELECT count(*) FROM images").fetchone()[0]) if tables[0] else 0


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, photos: Path, toy_model: Model) -> Path:
    db = tmp_path_factory.mktemp("undisturbed") / "index.db"
    finish(start(db, photos, toy_model))
    return db


def test_killed_again_and_again(tmp_path: Path, photos: Path, toy_model: Model, undisturbed: Path) -> None:
    db, moments = tmp_path / "index.db", random.Random(1)
    progress = []
    for _ in range(8):
        process = start(db, photos, toy_model)
        before, deadline = saved(db), time.monotonic() + 20
        goal = before + moments.randrange(10, 90)
        while process.poll() is None and time.monotonic() < deadline and saved(db) < goal:
            time.sleep(moments.random() / 100)
        process.kill()
        process.communicate()
        progress.append(saved(db))
    assert progress == sorted(progress) and 0 < progress[0] < progress[-1]
    assert "600 hashed" not in finish(start(db, photos, toy_model)), "the killed runs had saved nothing"
    assert rows(db) == rows(undisturbed)


def test_ctrl_c_saves_what_is_done_and_exits_130(tmp_path: Path, photos: Path, toy_model: Model) -> None:
    db = tmp_path / "index.db"
    process = start(db, photos, toy_model)
    while process.poll() is None and saved(db) < 32:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130, errors
    assert b"goes on from there" in errors and b"Traceback" not in errors
    done = saved(db)
    assert 32 <= done < IMAGES
    assert f"{done} unchanged" in finish(start(db, photos, toy_model)).replace(",", "")


def test_two_runs_on_one_index_at_once(tmp_path: Path, photos: Path, toy_model: Model, undisturbed: Path) -> None:
    db = tmp_path / "index.db"
    processes = [start(db, photos, toy_model) for _ in range(2)]
    for process in processes:
        finish(process)
    assert saved(db) == IMAGES + 1

    def content(db: Path) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(db)) as connection:
            sql = (
                "SELECT path, size, digest, width, error, code FROM images LEFT JOIN codes ON image = id ORDER BY path"
            )
            return connection.execute(sql).fetchall()

    assert content(db) == content(undisturbed)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 300 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", folder], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("mounting a small file system is not allowed here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_told_and_the_next_run_goes_on(
    small_disk: Path, photos: Path, toy_model: Model, undisturbed: Path
) -> None:
    db = small_disk / "index.db"
    process = start(db, photos, toy_model)
    _, errors = process.communicate()
    assert process.returncode == 1, errors
    assert str(db).encode() in errors and b"goes on from there" in errors and b"Traceback" not in errors
    assert 0 < saved(db) < IMAGES
    subprocess.run(["mount", "-o", "remount,size=20m", small_disk], check=True)
    finish(start(db, photos, toy_model))
    assert rows(db) == rows(undisturbed)
