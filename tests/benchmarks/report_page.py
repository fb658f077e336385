"""How a report of many groups does: its size, how long it takes to make, and how fast a browser shows, marks, scrolls.

    python -m tests.benchmarks.report_page PHOTOS [--groups 10000] [--images 25000] [--keep out.html]

PHOTOS is a folder of real photos. Groups take files of it in turn, each with a thumbnail of its own, so that the page
is as large as one of so many different files. Needs chromium with its driver, and selenium.
"""

import argparse
import hashlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from dshcli.commands.dupes import Group, Member
from dshcli.images.opening import MAX_PIXELS, pillow_ready
from dshcli.library.store import Image
from dshcli.progress import Terminal
from dshcli.show.page.review.report import Heading, created_report
from tests.benchmarks.index.make_files import photos_under
from tests.benchmarks.measuring import machine, peak_bytes

sys.path.append(str(Path(__file__).parents[1]))

from browsing import chromium  # noqa: E402  (tests are no package)

KINDS = ("re-encoded", "resized", "edited", "cropped", "exact", "similar")
ROUNDS = 5  # loads of the page, whose median counts
MARKS = 50
FRAMES = 300
SPEEDS = (("briskly", 150), ("by a fling", 850))  # pixels a frame
LONG = 50  # ms, from which browsers call a task long

WATCH = """
window.long = [];
new PerformanceObserver((list) => window.long.push(...list.getEntries().map((e) => e.duration)))
  .observe({type: "longtask", buffered: true});
"""
MARK = """
const done = arguments[arguments.length - 1], times = [];
const next = () => {
  if (times.length === arguments[0]) return done(times);
  const start = performance.now();
  document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key: "r", bubbles: true}));
  requestAnimationFrame(() => { const frame = new MessageChannel(); frame.port1.onmessage = () => {
    times.push(performance.now() - start); next(); }; frame.port2.postMessage(0); });
};
next();
"""
SCROLL = """
const done = arguments[arguments.length - 1], [count, by] = arguments, frames = [];
let last = performance.now(), at = 0;
const step = (now) => {
  frames.push(now - last);
  last = now;
  if (at++ >= count) return done(frames.slice(2));
  scrollBy(0, by);
  requestAnimationFrame(step);
};
requestAnimationFrame(step);
"""


def images_of(folder: Path) -> list[Image]:
    """The pictures below a folder, as an index has them."""
    found = []
    for path in photos_under(folder):
        data, facts = path.read_bytes(), path.stat()
        try:
            with pillow_ready().open(path) as image:
                size, form = image.size, image.format or ""
        except OSError:
            continue
        digest = hashlib.sha256(data).digest()
        found.append(Image(len(found), str(path), facts.st_size, facts.st_mtime_ns, digest, *size, form))
    return found


def groups_of(images: list[Image], groups: int, total: int) -> Iterator[Group]:
    """So many groups of two images or more, of `total` images together."""
    turn = cycle(images)
    for number in range(groups):
        size = total * (number + 1) // groups - total * number // groups
        keeper, *others = islice(turn, size)
        members = tuple(Member(o, 2 + i, False, KINDS[(number + i) % len(KINDS)], "") for i, o in enumerate(others))
        yield Group(number + 1, keeper, "most pixels", members, sum(o.size for o in others))


# --- the page


def make(path: Path, images: list[Image], groups: int, total: int) -> None:
    plan = {
        "dsh_plan": 1, "index": "/i.db", "model": "photo", "radius": 1, "verified": True, "groups": 0, "files": 0,
        "bytes": 0,
    }  # fmt: skip
    start = time.perf_counter()
    with created_report(path, Heading("Duplicates", plan, groups, total, MAX_PIXELS), Terminal()) as add:
        for group in groups_of(images, groups, total):
            add(group)
    seconds = time.perf_counter() - start
    print(f"made in {seconds:.0f} s ({total / seconds:.0f} images/s), {peak_bytes() / 1e6:.0f} MB of memory at most")
    print(f"file: {path.stat().st_size / 1e6:.1f} MB")


def load(browser: Any, url: str, groups: int) -> tuple[float, float]:
    """First contentful paint, and when all groups are there, in ms after the start of navigation."""
    browser.get("about:blank")
    browser.get(url)
    browser.set_script_timeout(120)
    whole = browser.execute_async_script(
        "const done = arguments[1], all = `${arguments[0].toLocaleString('en-US')} groups`;"
        "const look = () => document.querySelector('#found').textContent === all ? done(performance.now()) "
        ": setTimeout(look, 20); look();",
        groups,
    )
    paint = browser.execute_script("return performance.getEntriesByName('first-contentful-paint')[0].startTime")
    return float(paint), float(whole)


def browse(path: Path, groups: int, folder: Path) -> None:
    with chromium(folder) as browser:
        loads = [load(browser, path.as_uri(), groups) for _ in range(ROUNDS)]
        paints, wholes = zip(*loads, strict=True)
        told = ", ".join(f"{value:.0f}" for value in paints)
        print(f"first contentful paint: {statistics.median(paints):.0f} ms (median of {told})")
        print(f"all groups read: {statistics.median(wholes) / 1000:.1f} s")
        marks = browser.execute_async_script(MARK, MARKS)
        print(f"a mark, to the next frame: {statistics.median(marks):.1f} ms, at most {max(marks):.1f} ms")
        browser.execute_script("scrollTo(0, 0)")
        time.sleep(1)
        browser.execute_script(WATCH)
        time.sleep(0.2)
        for name, step in SPEEDS:
            browser.execute_script("window.long = []")
            frames = browser.execute_async_script(SCROLL, FRAMES, step)
            time.sleep(0.5)
            late = browser.execute_script("return window.long")
            print(
                f"scrolled {name} ({step} pixels a frame, {FRAMES} frames): frames of {statistics.median(frames):.1f} "
                f"ms, at most {max(frames):.1f} ms; {len(late)} tasks longer than {LONG} ms"
                + "".join(f" {t:.0f}" for t in late)
            )
        heap = browser.execute_script("return performance.memory ? performance.memory.usedJSHeapSize : 0")
        print(f"JavaScript's memory: {heap / 1e6:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--groups", type=int, default=10_000)
    parser.add_argument("--images", type=int, default=25_000)
    parser.add_argument("--keep", type=Path, help="write the page there, and keep it; used as it is if it is there")
    options = parser.parse_args()
    print(machine("pillow", "selenium"))
    with tempfile.TemporaryDirectory() as folder:
        path = options.keep or Path(folder) / "report.html"
        if not path.exists():
            images = images_of(options.photos)
            print(f"{options.groups:,} groups, {options.images:,} images of {len(images):,} files")
            make(path.absolute(), images, options.groups, options.images)
        else:
            print(f"file: {os.path.getsize(path) / 1e6:.1f} MB")
        browse(path.absolute(), options.groups, Path(folder))


if __name__ == "__main__":
    main()
