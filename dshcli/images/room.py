"""Bounds the memory of pictures that several threads hold at once: who asks for more than is left waits."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

ROOM = 400_000_000  # bytes: with the program and its network it stays below half a gigabyte or so
BIG_FILE = 32_000_000  # bytes of a file that is read and decoded alone

Take = Callable[[int], AbstractContextManager[object]]

_PIXEL_BYTES = {"1": 1, "L": 1, "P": 1, "LA": 4, "I;16": 2}  # as Pillow holds them; 4 in all other modes
_WIDENED = 4  # bytes of a pixel that is made RGB or RGBA before it can be scaled
_COEFFICIENT_BYTES = 2 * 3  # a pixel of a progressive JPEG, all of whose coefficients are kept until the last pass


class Room:
    """So many bytes, taken and given back by threads. A picture that needs more than all of it gets in alone."""

    def __init__(self, size: int = ROOM) -> None:
        self._size, self._taken, self._changed = size, 0, threading.Condition()

    @contextmanager
    def take(self, wanted: int) -> Iterator[None]:
        """Waits until there is room. Not to be nested: two threads would wait for each other."""
        with self._changed:
            self._changed.wait_for(lambda: self._taken == 0 or self._taken + wanted <= self._size)
            self._taken += wanted
        try:
            yield
        finally:
            with self._changed:
                self._taken -= wanted
                self._changed.notify_all()

    def for_file(self, size: int) -> tuple[AbstractContextManager[object], Take]:
        """What to hold while a file of `size` bytes is read and decoded, and what its decoding has to ask then."""
        return (self.take(self._size), unlimited) if size > BIG_FILE else (nullcontext(), self.take)


def unlimited(wanted: int) -> AbstractContextManager[object]:
    """For whoever opens one picture at a time, or has all the room already."""
    return nullcontext()


def decoded_bytes(image: "Image", whole: tuple[int, int]) -> int:
    """About what decoding an opened image takes, which draft() may have scaled down from its `whole` size in pixels."""
    pixels = image.size[0] * image.size[1]
    each = _PIXEL_BYTES.get(image.mode, 4)
    if image.mode == "P" or "transparency" in image.info:
        each += _WIDENED
    progressive = whole[0] * whole[1] * _COEFFICIENT_BYTES if image.info.get("progressive") else 0
    return pixels * each + progressive
