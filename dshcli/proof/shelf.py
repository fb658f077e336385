"""What was gathered from pictures, kept within a bound of bytes: each picture is decoded once while it is in use."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

Value = TypeVar("Value")

SHELF_BYTES = 256_000_000


class Shelf(Generic[Value]):
    """Values by number, made on demand; those not asked for longest make room. Safe to use from any thread.

    A value is made by one thread while others that want it wait. An exception is kept for ever: what could not be made
    once is not tried again.
    """

    def __init__(self, make: Callable[[int], Value], size: Callable[[Value], int], limit: int = SHELF_BYTES) -> None:
        self._make, self._size, self._limit = make, size, limit
        self._lock = threading.Lock()
        self._values: OrderedDict[int, Future[Value]] = OrderedDict()
        self._sizes: dict[int, int] = {}  # of those that are made
        self._total = 0

    def get(self, number: int) -> Value:
        """The value; raises what making it raised."""
        with self._lock:
            future = self._values.get(number)
            if future is not None:
                self._values.move_to_end(number)
            else:
                self._values[number] = mine = Future()
        if future is not None:
            return future.result()
        try:
            value = self._make(number)
        except BaseException as error:
            mine.set_exception(error)
            raise
        mine.set_result(value)
        self._account(number, self._size(value))
        return value

    def _account(self, number: int, size: int) -> None:
        with self._lock:
            self._sizes[number] = size
            self._total += size
            oldest = [made for made in self._values if made in self._sizes] if self._total > self._limit else []
            for made in oldest:
                if self._total <= self._limit or made == number:
                    break
                del self._values[made]
                self._total -= self._sizes.pop(made)
