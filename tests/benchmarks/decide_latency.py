"""How long `dsh review` takes from a mark on the page to its answer, when it is on disk; and the memory that it needs.

python -m tests.benchmarks.decide_latency [--groups 10000] [--marks 200] [--busy]

An index of groups of two or three images is made up; the server is the real process, asked as a browser asks it. With
--busy, another process writes into the same index all the while, as dsh index does.
"""

import argparse
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from dshcli.library.store import Index
from tests.benchmarks.measuring import machine

sys.path.append(str(Path(__file__).parents[1]))

from served import serving  # noqa: E402  (tests are no package)

LINKS = 50_000  # names of one file, of which ext4 allows 65,000


def make_index(folder: Path, groups: int) -> Path:
    """Groups of two or three images of one random code each; their files are names of a few empty ones."""
    chance = random.Random(0)
    db, number = folder / "index.db", 0
    with Index.open_or_create(db) as index:
        model = index.ensure_model("bench-1", "bench", 64, 0)
        with index.write() as rows:
            for _ in range(groups):
                code = chance.randbytes(8)
                for _ in range(chance.choice((2, 2, 3))):
                    path = _file(folder, number)
                    values = [number + 1, path, 40_000 + number % 997, 0, chance.randbytes(32), 4000, 3000, "JPEG"]
                    rows.execute("INSERT INTO images VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, 0.9)", values)
                    rows.execute("INSERT INTO codes VALUES (?, ?, ?)", [model, number + 1, code])
                    number += 1
    return db


def _file(folder: Path, number: int) -> str:
    base = folder / f"file-{number // LINKS}"
    if number % LINKS == 0:
        base.touch()
    path = folder / "photos of the summer" / f"{number // 1000:03}" / f"IMG_{number:07}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    os.link(base, path)
    return str(path)


@contextmanager
def writing_beside(db: Path) -> Iterator[None]:
    """Another connection that writes a hundred rows a time, with a pause as long as hashing takes."""
    ended = threading.Event()

    def write() -> None:
        with Index.open_or_create(db) as index:
            while not ended.wait(0.05):
                with index.write() as rows:
                    rows.executemany("UPDATE images SET information = 0.8 WHERE id = ?", [(i,) for i in range(1, 101)])

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def memory(process: int, name: str = "VmRSS") -> int:
    """Bytes that a process holds."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", type=int, default=10_000)
    parser.add_argument("--marks", type=int, default=200)
    parser.add_argument("--busy", action="store_true")
    wanted = parser.parse_args()
    chance = random.Random(1)
    print(machine("starlette", "uvicorn"))
    with tempfile.TemporaryDirectory(prefix="dsh-decide-", dir=Path.cwd()) as name:
        os.environ["DSH_HOME"] = name
        db = make_index(Path(name), wanted.groups)
        start = time.perf_counter()
        with serving("--db", db, "--radius", 0, "-q") as server, writing_beside(db) if wanted.busy else nullcontext():
            ready = time.perf_counter() - start
            seconds, listed = [], []
            for _ in range(wanted.marks):
                at = chance.randrange(wanted.groups)
                start = time.perf_counter()
                (group,) = server.get(f"api/groups?start={at}&count=1").json()["groups"]
                listed.append(time.perf_counter() - start)
                one, other = (image["digest"] for image in group["images"][:2])
                start = time.perf_counter()
                answer = server.mark(one, other, chance.choice(("same", "keep both", "different")))
                seconds.append(time.perf_counter() - start)
                assert answer.json() == {"saved": 1}, answer.text
            start, listed_all = time.perf_counter(), 0
            while listed_all < wanted.groups:
                listed_all += len(server.get(f"api/groups?start={listed_all}&count=500").json()["groups"])
            all_seconds = time.perf_counter() - start
            start = time.perf_counter()
            lines = server.get("api/plan").text.count("\n") - 1
            planned = time.perf_counter() - start
            held, most = memory(server.process.pid), memory(server.process.pid, "VmHWM")
    print(f"{wanted.groups:,} groups: served after {ready:.1f} s; {held / 1e6:,.0f} MB, {most / 1e6:,.0f} MB at most")
    for what, times in (("a decision", seconds), ("a group listed", listed)):
        worst, middle = max(times), statistics.median(times)
        print(f"{what}: median {1000 * middle:.1f} ms, worst of {len(times)} {1000 * worst:.1f} ms")
    print(f"all groups listed, 500 at a time: {all_seconds:.1f} s")
    print(f"the plan of {lines} lines: {1000 * planned:.0f} ms")


if __name__ == "__main__":
    main()
