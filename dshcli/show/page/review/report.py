"""A report: the page with its data inside, written in blocks as the groups come, so that no more is held than a few."""

import base64
import uuid
from collections import deque
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from dshcli.commands.dupes import Group
from dshcli.images.room import Room
from dshcli.machine import cores
from dshcli.progress import Reporter
from dshcli.show.page.review.page import END, MARK, data_block, report_start
from dshcli.show.page.review.records import group_record
from dshcli.show.page.review.thumbnails import Format, Thumbnail, thumbnail
from dshcli.writing import Sort, created, ensure_place, told

BLOCK_GROUPS, BLOCK_IMAGES = 100, 400  # a block ends with the group that reaches either
AHEAD = 2  # blocks whose thumbnails are being made while another is written
BUDGET = 47_000_000  # characters of all thumbnails: with 25,000 records the page stays below 60 MB
BASE64 = 4 / 3  # characters a byte
REPORT = Sort("report", "report of dsh dupes", MARK.encode(), "--report FILE.html", "--report out.html")


@dataclass(frozen=True)
class Heading:
    """title: of the page; header: of the plans that it exports; groups and images: how many will come
    (of images, those that stay are not counted). chosen: digests of keepers that people chose."""

    title: str
    header: dict[str, Any]
    groups: int
    images: int
    max_pixels: int
    jobs: int = 0
    chosen: Collection[bytes] = ()


def ensure_report_place(path: Path) -> None:
    """Raises UsageError unless a report may be written there: in a folder, over nothing but another report."""
    ensure_place(path, REPORT)


@contextmanager
def created_report(path: Path, heading: Heading, reporter: Reporter) -> Iterator[Callable[[Group], None]]:
    """Gives a function that adds a group. The file is there, whole, once the block ends well; else as it was before.

    Raises DshError if it cannot be written.
    """
    with (
        created(path, REPORT) as file,
        reporter.task("thumbnails", total=heading.images, unit="image") as task,
        ThreadPoolExecutor(heading.jobs or cores()) as pool,
    ):
        head = {"id": str(uuid.uuid4()), "header": heading.header, "groups": heading.groups}
        blocks = _Blocks(path, file, pool, heading, task.advance)
        with told(path, REPORT):
            file.write(report_start(heading.title, head))
        try:
            yield blocks.add
            blocks.end()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        with told(path, REPORT):
            file.write(END)


@dataclass
class _Block:
    """records and the images' thumbnails, one a digest in the order in which digests first come."""

    records: list[dict[str, Any]]
    thumbs: dict[str, Future[Thumbnail]]
    images: int = 0


class _Blocks:
    """Writes blocks in their order while the pool makes the thumbnails of the next ones."""

    def __init__(
        self, path: Path, file: IO[str], pool: ThreadPoolExecutor, heading: Heading, advance: Callable[[int], None]
    ) -> None:
        self._path, self._file, self._pool, self._advance = path, file, pool, advance
        self._form = Format.for_all(heading.images, int(BUDGET / BASE64))
        self._room, self._max_pixels, self._chosen = Room(), heading.max_pixels, heading.chosen
        self._ahead: deque[_Block] = deque()
        self._block, self._written = _Block([], {}), 0

    def add(self, group: Group) -> None:
        """Takes a group; waits, and writes, when too many are under way. Raises DshError."""
        record = group_record(group, chosen=self._chosen)
        self._block.records.append(record)
        for image in group.images:
            digest = image.digest.hex()
            if digest not in self._block.thumbs:
                self._block.thumbs[digest] = self._pool.submit(
                    thumbnail, image.path, image.digest, self._form, self._room, self._max_pixels
                )
            self._block.images += 1
        if len(self._block.records) >= BLOCK_GROUPS or self._block.images >= BLOCK_IMAGES:
            self._turn()

    def end(self) -> None:
        """Writes what is left. Raises DshError."""
        if self._block.records:
            self._turn()
        while self._ahead:
            self._write(self._ahead.popleft())

    def _turn(self) -> None:
        self._ahead.append(self._block)
        self._block = _Block([], {})
        while len(self._ahead) > AHEAD:
            self._write(self._ahead.popleft())

    def _write(self, block: _Block) -> None:
        thumbs = {digest: future.result() for digest, future in block.thumbs.items()}
        for record in block.records:
            for image in record["images"]:
                image["captured"] = image["captured"] or thumbs[image["digest"]].captured
        with told(self._path, REPORT):
            self._file.write(data_block(f"groups-{self._written}", block.records))
            self._file.write(data_block(f"thumbs-{self._written}", [_shown(thumb) for thumb in thumbs.values()]))
        self._written += 1
        self._advance(block.images)


def _shown(thumb: Thumbnail) -> str | dict[str, str]:
    return {"reason": thumb.reason} if thumb.webp is None else base64.b64encode(thumb.webp).decode()
