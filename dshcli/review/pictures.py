"""Pictures for the page, by the digest of their content: read anew from files that are as the index knows them."""

import asyncio
import io
import os
import stat
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from dshcli.errors import BadImage, system_reason
from dshcli.images.room import Room
from dshcli.images.showing import open_file_to_show
from dshcli.library.contents import files_of
from dshcli.library.store import Image
from dshcli.machine import cores
from dshcli.review.connections import Connection

CACHE_BYTES = 64_000_000
MOST_THREADS = 4  # a browser asks for six pictures at a time


@dataclass(frozen=True)
class Form:
    """How a picture is sent: its longer side in pixels, at most, and the encoding."""

    side: int
    encoding: str
    quality: int

    @property
    def media_type(self) -> str:
        return f"image/{self.encoding}"


THUMB = Form(320, "webp", 80)
PICTURE = Form(1600, "jpeg", 88)


class NoPicture(Exception):
    """Why there is no picture of a content (any more); `str()` is for people."""


class Pictures:
    """Makes pictures in a few threads; keeps the latest used ones, within bounds. For one event loop."""

    def __init__(self, index: Connection, max_pixels: int) -> None:
        self._index, self._max_pixels = index, max_pixels
        self._pool = ThreadPoolExecutor(min(cores(), MOST_THREADS))
        self._room = Room()
        self._made = Cache(CACHE_BYTES)
        self._flying: dict[tuple[bytes, Form], asyncio.Future[bytes]] = {}

    async def ensure_there(self, digest: bytes) -> str:
        """The path of a file that is, by its size and time, what was indexed with this digest. Raises NoPicture."""
        files = await self._index.run(lambda index: files_of(index, digest))
        return await asyncio.to_thread(_unchanged, files)

    async def get(self, digest: bytes, form: Form) -> bytes:
        """An encoded picture of a content. Raises NoPicture, DshError."""
        path, key = await self.ensure_there(digest), (digest, form)
        made = self._made.get(key)
        if made is not None:
            return made
        if key not in self._flying:
            self._flying[key] = asyncio.ensure_future(self._make(path, digest, form))
            self._flying[key].add_done_callback(lambda _: self._flying.pop(key))
        return await asyncio.shield(self._flying[key])  # others may wait for it, too

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    async def _make(self, path: str, digest: bytes, form: Form) -> bytes:
        made = await asyncio.get_running_loop().run_in_executor(self._pool, self._encoded, path, digest, form)
        self._made.put((digest, form), made)
        return made

    def _encoded(self, path: str, digest: bytes, form: Form) -> bytes:
        try:
            image = open_file_to_show(path, digest, form.side, self._max_pixels, self._room)
        except BadImage as error:
            raise NoPicture(f"{path}: {error}") from error
        except OSError as error:
            raise NoPicture(f"{path}: {system_reason(error)}") from error
        buffer = io.BytesIO()
        image.save(buffer, form.encoding, quality=form.quality, icc_profile=image.info.get("icc_profile"))
        return buffer.getvalue()


def _unchanged(files: Sequence[Image]) -> str:
    reasons = []
    for image in files:
        try:
            file = os.stat(image.path)
        except OSError as error:
            reasons.append(f"{image.path}: {system_reason(error)}")
            continue
        if stat.S_ISREG(file.st_mode) and (file.st_size, file.st_mtime_ns) == (image.size, image.mtime_ns):
            return image.path
        reasons.append(f"{image.path}: changed since it was indexed")
    raise NoPicture("; ".join(reasons[:3]) or "the index has no file of this content any more")


class Cache:
    """Encoded pictures up to so many bytes in all; those not asked for longest make room. For one thread."""

    def __init__(self, limit: int) -> None:
        self._limit, self.size = limit, 0
        self._values: OrderedDict[object, bytes] = OrderedDict()

    def get(self, key: object) -> bytes | None:
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: object, value: bytes) -> None:
        self.size += len(value) - len(self._values.pop(key, b""))
        self._values[key] = value
        while self.size > self._limit:
            self.size -= len(self._values.popitem(last=False)[1])
