"""Kills an indexing run 20 times at random moments, then compares the finished index with an undisturbed one's.

python -m tests.benchmarks.kill_index FOLDER [--model NAME] [--kills 20] [--seed 0]

After each kill the database must pass `PRAGMA integrity_check`; at the end all rows of all tables must be equal.
"""

import argparse
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

TABLES = ("models", "images", "codes", "code_chunks")


def start(db: Path, options: argparse.Namespace) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "dshcli", "index", options.folder, "--db", db, "--model", options.model, "-q"]
    return subprocess.Popen([str(part) for part in command])


def check(db: Path) -> int:
    """The number of images saved; raises if the file is not whole."""
    if not db.exists():
        return 0
    with closing(sqlite3.connect(db)) as connection:
        (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
        if verdict != "ok":
            raise SystemExit(f"integrity_check: {verdict}")
        made = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'images'").fetchone()[0]
        return int(connection.execute("SELECT count(*) FROM images").fetchone()[0]) if made else 0


def rows(db: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(db)) as connection:
        return {table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in TABLES}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="photo")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    moments = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as scratch:
        undisturbed, killed = Path(scratch) / "undisturbed.db", Path(scratch) / "killed.db"
        begin = time.monotonic()
        if start(undisturbed, options).wait():
            raise SystemExit("the undisturbed run failed")
        # The kills are spread over one run's length: early ones hit the creation, late ones the packing.
        longest = 1.6 * (time.monotonic() - begin) / options.kills
        for number in range(1, options.kills + 1):
            process = start(killed, options)
            time.sleep(moments.uniform(0.2, 1.0 + longest))
            finished = process.poll() is not None
            process.kill()
            process.wait()
            print(
                f"kill {number:>2}: {check(killed):>6} images saved, integrity ok{' (had ended)' if finished else ''}"
            )
        if start(killed, options).wait():
            raise SystemExit("the last run failed")
        same, other = rows(undisturbed), rows(killed)
        for table in TABLES:
            print(f"{table}: {len(same[table])} rows, {'equal' if same[table] == other[table] else 'DIFFERENT'}")
        if same != other:
            raise SystemExit(1)


if __name__ == "__main__":
    main()
