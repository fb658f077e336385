"""What was gathered from pictures, the latest used of them: each picture is decoded once while it is in use."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Shelf(Generic[Value]):
    """At most `limit` values by number, made on demand; those not asked for longest make room. For any thread.

    A value is made by one thread while others that want it wait. What could not be made once raises the same exception
    ever after.
    """

    def __init__(self, make: Callable[[int], Value], limit: int) -> None:
        self._make, self._limit = make, limit
        self._lock = threading.Lock()
        self._values: OrderedDict[int, Future[Value]] = OrderedDict()
        self._failed: dict[int, Future[Value]] = {}

    def get(self, number: int) -> Value:
        """The value; raises what making it raised."""
        with self._lock:
            future = self._values.get(number) or self._failed.get(number)
            if future is None:
                future = mine = self._values[number] = Future()
                while len(self._values) > self._limit:
                    self._values.popitem(last=False)  # whoever waits for it holds it
            else:
                mine = None
                if number in self._values:
                    self._values.move_to_end(number)
        if mine is not None:
            self._fill(number, mine)
        return future.result()

    def _fill(self, number: int, future: Future[Value]) -> None:
        try:
            future.set_result(self._make(number))
        except BaseException as error:
            with self._lock:
                self._failed[number] = future
                self._values.pop(number, None)
            future.set_exception(error)
