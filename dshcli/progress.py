"""Progress as data: long jobs report to a Reporter; the terminal draws it, the silent twin ignores it.

with reporter.task("hashing", total=5000, unit="image") as task:
    task.advance(16)
    task.note(loss=0.31)
reporter.say("kept the epoch with the best validation mAP: 7")
"""

import sys
import time
from typing import Protocol, Self

LOG_EVERY = 30.0  # seconds between lines where stderr is a file and a bar would be noise


class Task:
    """One long step. This base is the silent twin: it does nothing, so callers need no `if`."""

    def advance(self, count: int = 1) -> None:
        """`count` more units are done."""

    def note(self, **facts: object) -> None:
        """Facts to show beside the bar, such as the current loss."""

    def close(self) -> None:
        """Ends the step; safe to call twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class Reporter(Protocol):
    """Who is told how a long job goes."""

    def task(self, name: str, *, total: int | None, unit: str) -> Task:
        """Begins a step of `total` units (None: unknown)."""
        ...

    def say(self, message: str) -> None:
        """One line for the person who waits."""
        ...


class Silent:
    """The reporter of `--quiet`, of library callers and of tests."""

    def task(self, name: str, *, total: int | None, unit: str) -> Task:
        return Task()

    def say(self, message: str) -> None:
        pass


class Terminal:
    """Bars with rate and ETA on stderr; where stderr is no terminal, a line every 30 seconds instead."""

    def task(self, name: str, *, total: int | None, unit: str) -> Task:
        if sys.stderr.isatty():
            return _Bar(name, total, unit)
        return _Lines(name, total, unit)

    def say(self, message: str) -> None:
        print(message, file=sys.stderr, flush=True)


class _Bar(Task):
    def __init__(self, name: str, total: int | None, unit: str) -> None:
        from tqdm import tqdm

        self._bar = tqdm(desc=name, total=total, unit=f" {unit}", file=sys.stderr, leave=False, dynamic_ncols=True)

    def advance(self, count: int = 1) -> None:
        self._bar.update(count)

    def note(self, **facts: object) -> None:
        self._bar.set_postfix(facts, refresh=False)

    def close(self) -> None:
        self._bar.close()


class _Lines(Task):
    def __init__(self, name: str, total: int | None, unit: str) -> None:
        self._name, self._total, self._unit = name, total, unit
        self._done, self._facts = 0, ""
        self._start = self._last = time.monotonic()

    def advance(self, count: int = 1) -> None:
        self._done += count
        now = time.monotonic()
        if now - self._last >= LOG_EVERY:
            self._last = now
            print(self._line(now), file=sys.stderr, flush=True)

    def note(self, **facts: object) -> None:
        self._facts = ", ".join(f"{name}={value}" for name, value in facts.items())

    def _line(self, now: float) -> str:
        rate = self._done / max(now - self._start, 1e-9)
        of_total = f"/{self._total}" if self._total is not None else ""
        left = f", {(self._total - self._done) / rate:.0f} s left" if self._total is not None and rate > 0 else ""
        facts = f" ({self._facts})" if self._facts else ""
        return f"{self._name}: {self._done}{of_total} {self._unit}s, {rate:.1f}/s{left}{facts}"
