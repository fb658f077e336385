"""How soon are a million codes ready to search, and how much sooner than from a row each?

python -m tests.benchmarks.search.chunks [--count N] [--bits K]

CPU milliseconds from opening the index file to an array of all codes: from the packed chunks, as commands load them,
and from one BLOB a row, without and with the ids. The file is in the system's cache. Bars: 30 ms, and 30 times as fast.
"""

import argparse
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import numpy as np

from dshcli.library.chunks import load_codes
from dshcli.library.store import Index
from tests.benchmarks.measuring import benchmark_codes, cpu_seconds, machine
from tests.benchmarks.search.index_file import make_index


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--bits", type=int, default=64)
    options = parser.parse_args()
    print(machine("numpy"), "SQLite", sqlite3.sqlite_version)
    with tempfile.TemporaryDirectory() as scratch:
        db = Path(scratch) / "index.db"
        codes = benchmark_codes(options.count, options.bits)
        make_index(db, codes, 2)
        assert np.array_equal(from_chunks(db), codes) and np.array_equal(from_rows(db, "code"), codes)
        chunks = cpu_seconds(lambda: from_chunks(db), rounds=9)
        rows = cpu_seconds(lambda: from_rows(db, "code"))
        with_ids = cpu_seconds(lambda: from_rows(db, "code, image"))
    print(f"{options.count:,} codes of {options.bits} bits: {1e3 * chunks:.1f} ms from chunks (with ids)")
    print(f"from a row each {1e3 * rows:.0f} ms, with ids {1e3 * with_ids:.0f} ms: {rows / chunks:.0f} times")
    if (options.count, options.bits) == (1_000_000, 64):
        print(f"bars 30 ms, 30 times: {'met' if chunks <= 0.03 and rows >= 30 * chunks else 'MISSED'}")


def from_chunks(db: Path) -> np.ndarray:
    with Index.open(db) as index:
        return load_codes(index, index.models()[0]).codes


def from_rows(db: Path, columns: str) -> np.ndarray:
    with closing(sqlite3.connect(db)) as connection:
        rows = connection.execute(f"SELECT {columns} FROM codes WHERE model = 1 ORDER BY image").fetchall()
    return np.frombuffer(b"".join(row[0] for row in rows), np.uint8).reshape(len(rows), -1)


if __name__ == "__main__":
    main()
