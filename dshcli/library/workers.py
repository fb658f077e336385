"""The workers' side of indexing: files to contents. Threads each take a batch: read, digest, decode, one network call.

Both the decoders and the network release Python's lock, so that every core works.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from dshcli.codes import Codes
from dshcli.errors import BadImage, TryAgain
from dshcli.images.opening import open_image
from dshcli.images.reading import FileBytes, image_file
from dshcli.images.room import BIG_FILE, Room, Take
from dshcli.images.sniff import IMAGE_SUFFIXES
from dshcli.images.spec import InputSpec
from dshcli.images.walk import Found
from dshcli.library.connection import open_for_reading, translated
from dshcli.library.store import Content
from dshcli.machine import a_little_ahead, cores
from dshcli.proof.information import information

BATCH = 16  # files a worker takes at once: small enough to stop within a second, large enough to be worth a commit


class Hasher(Protocol):
    """What indexing needs of a model. `encode` may be called from several threads at once."""

    @property
    def model_id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def bits(self) -> int: ...
    @property
    def radius(self) -> int: ...
    @property
    def spec(self) -> InputSpec: ...
    def encode(self, pixels: npt.NDArray[np.uint8]) -> Codes:
        """Packed codes (n, ceil(bits/8)) of pixels uint8 (n, size, size, channels)."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What reading one file gave: content, or the reason why not; neither for a file that is no image at all."""

    found: Found
    content: Content | None = None
    reason: str = ""
    lasting: bool = False  # the reason lies in the content, so that the next run need not look again


@dataclass(frozen=True, slots=True)
class Batch:
    """Outcomes in the order of the walk, and the CPU seconds that decoding and the network took."""

    outcomes: list[Outcome]
    decode_seconds: float
    network_seconds: float


class KnownContents:
    """Contents that the index has already, by digest, so that a copy or a moved file is not hashed again."""

    def __init__(self, path: Path, model: int) -> None:
        self._path, self._model, self._lock = path, model, threading.Lock()

    def __enter__(self) -> Self:
        self._connection: sqlite3.Connection = open_for_reading(self._path, check_same_thread=False)
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()

    def find(self, digest: bytes) -> Content | None:
        """The content with that digest, if its code is known. Safe to call from any thread."""
        # CROSS JOIN keeps the order: without statistics, SQLite would go through all codes of the model for each file.
        sql = """
            SELECT digest, width, height, format, code, information
            FROM images INDEXED BY images_by_digest CROSS JOIN codes ON image = id AND model = ?
            WHERE digest = ? LIMIT 1
        """
        with self._lock, translated(self._path):
            row = self._connection.execute(sql, [self._model, digest]).fetchone()
        return Content(*row) if row else None


@dataclass(frozen=True)
class Worker:
    """What every thread shares: the hasher, the contents known before, the limit on pixels, and memory for them."""

    hasher: Hasher
    known: KnownContents
    max_pixels: int
    room: Room = field(default_factory=Room)

    def read_all(self, files: list[Found], jobs: int) -> Iterator[Batch]:
        """Batches in the order of `files`, read by `jobs` threads (0: one a core) that run a little ahead, no more."""
        jobs = jobs or cores()
        batches = (files[at : at + BATCH] for at in range(0, len(files), BATCH))
        return a_little_ahead(self._read_batch, batches, jobs, 2 * jobs)

    def _read_batch(self, files: list[Found]) -> Batch:
        start = time.thread_time()
        outcomes: list[Outcome] = []
        pixels: list[npt.NDArray[np.uint8]] = []
        waiting: list[int] = []  # positions in `outcomes` whose code the network has still to give
        for found in files:
            outcome, square = self._read_file(found)
            if square is not None:
                waiting.append(len(outcomes))
                pixels.append(square)
            outcomes.append(outcome)
        decoded = time.thread_time()
        if pixels:
            codes = self.hasher.encode(np.stack(pixels))
            for position, code in zip(waiting, codes, strict=True):
                outcomes[position] = _with_code(outcomes[position], code.tobytes())
        return Batch(outcomes, decoded - start, time.thread_time() - decoded)

    def _read_file(self, found: Found) -> tuple[Outcome, npt.NDArray[np.uint8] | None]:
        """What one file holds; with its pixels where only the code is still missing."""
        held, take = self.room.for_file(found.size)
        with held:
            return self._read(found, take)

    def _read(self, found: Found, take: Take) -> tuple[Outcome, npt.NDArray[np.uint8] | None]:
        try:
            with image_file(found.path, most=BIG_FILE) as file:
                return self._content(found, file, take)
        except TryAgain as error:
            return Outcome(found, reason=str(error)), None
        except BadImage as error:
            return Outcome(found, reason=str(error), lasting=True), None

    def _content(
        self, found: Found, file: FileBytes | None, take: Take
    ) -> tuple[Outcome, npt.NDArray[np.uint8] | None]:
        if file is None:
            claims = os.path.splitext(found.path)[1].lower() in IMAGE_SUFFIXES
            return Outcome(found, reason="not an image" if claims else "", lasting=True), None
        # What was read may be newer than what the walk saw: the row must describe what was hashed.
        found = Found(found.path, file.size, file.mtime_ns)
        content = self.known.find(file.digest)
        if content is not None:
            return Outcome(found, content), None
        picture = open_image(file.source, self.hasher.spec, self.max_pixels, take)
        holds = information(picture.pixels)
        content = Content(file.digest, picture.width, picture.height, picture.format, b"", holds)
        return Outcome(found, content), picture.pixels


def _with_code(outcome: Outcome, code: bytes) -> Outcome:
    assert outcome.content is not None
    return replace(outcome, content=replace(outcome.content, code=code))
