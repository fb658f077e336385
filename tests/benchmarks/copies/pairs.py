"""Arithmetic of pairs: how far apart unrelated ones lie, the threshold of a false rate, how many copies it finds."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from dshcli.hasher.waves import FAR, Turns

Words = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

NOTHING = -1  # a threshold that no pair lies within


@dataclass(frozen=True)
class Coded:
    """Codes of n files: words (w, n), bits 0 beyond the code's end; truths (n,); found (n,): False where none is.

    With turns, the words of the code are followed by those of its waves in eight orientations.
    """

    words: Words
    truths: Ints
    found: Mask
    bits: int
    turns: Turns | None = None

    def of(self, chosen: npt.NDArray[np.generic]) -> "Coded":
        """Those files, by numbers or by a mask."""
        return replace(self, words=self.words[:, chosen], truths=self.truths[chosen], found=self.found[chosen])

    def distances(self, words: Words, others: Words) -> npt.NDArray[np.uint16]:
        """Distances (n,) between words (w, n) and other words, (w, n) or (w, 1), as Turns.distances tells them."""
        end = -(-self.bits // 64)
        apart = _differing(words[:end], others[:end])
        if self.turns is not None:
            upright, *_ = np.split(words[end:], 8)
            for other in np.split(others[end:], 8):
                waves = _differing(upright, other)
                np.minimum(apart, np.where(waves <= FAR, waves * self.turns.scale, apart), out=apart)
        return apart


def coded(codes: list[bytes | None], truths: Ints, bits: int, turns: Turns | None = None) -> Coded:
    """From packed codes, one per file, all of ceil(bits / 8) bytes; None where a method could not read the file."""
    rows = np.zeros((len(codes), -(-bits // 8)), np.uint8)
    for number, code in enumerate(codes):
        if code is not None:
            rows[number] = np.frombuffer(code, np.uint8)
    found = np.array([code is not None for code in codes], np.bool_)
    orientations = [] if turns is None else turns.orientations(rows)
    return Coded(np.concatenate([_words(part) for part in [rows, *orientations]]), truths, found, bits, turns)


def _words(rows: npt.NDArray[np.uint8]) -> Words:
    """Bytes (n, b) as words (w, n), zeros beyond their end."""
    padded = np.zeros((len(rows), -(-rows.shape[1] // 8) * 8), np.uint8)
    padded[:, : rows.shape[1]] = rows
    return np.ascontiguousarray(padded.view(np.uint64).T)


def _differing(words: Words, others: Words) -> npt.NDArray[np.uint16]:
    """Hamming distances (n,) between words (w, n) and others, (w, n) or (w, 1)."""
    total = np.zeros(words.shape[1], np.uint16)
    for row, other in zip(words, others, strict=True):
        total += np.bitwise_count(row ^ other)
    return total


def copy_distances(files: Coded, originals: Ints, copies: Ints) -> Ints:
    """Distances (n,) between files numbered `originals` (n,) and `copies` (n,); bits + 1 where a code is missing."""
    apart = files.distances(files.words[:, originals], files.words[:, copies]).astype(np.int64)
    return np.where(files.found[originals] & files.found[copies], apart, files.bits + 1)


@dataclass(frozen=True)
class Histograms:
    """Pairs by distance, each (bits + 1,): of different truths, and of one truth."""

    unrelated: Ints
    related: Ints

    def threshold(self, rate: float) -> int:
        """The largest distance within which at most `rate` of the unrelated pairs lie; NOTHING if even 0 joins more.

        Pairs at one distance come and go together, so that a coarse code may have to stop well below the rate.
        """
        within = np.cumsum(self.unrelated)
        return int(np.searchsorted(within, rate * within[-1], side="right")) - 1

    def within(self, threshold: int) -> tuple[int, int]:
        """Unrelated and related pairs within a distance."""
        return int(self.unrelated[: threshold + 1].sum()), int(self.related[: threshold + 1].sum())


def histograms(files: Coded, unknown: Mask) -> Histograms:
    """Of all pairs of files that have a code; unknown (t, t), symmetric: pairs of truths that count neither way."""
    counts = np.zeros((2, files.bits + 1), np.int64)
    for code, others, same in _rows(files, unknown):
        for number, part in enumerate((others, same)):
            counts[number] += np.bincount(files.distances(part, code), minlength=files.bits + 1)
    return Histograms(*counts)


def _rows(files: Coded, unknown: Mask) -> Iterator[tuple[Words, Words, Words]]:
    """For each file its code, the codes of later truths that are known to differ, later codes of its own truth."""
    whole = files.of(files.found)
    whole = whole.of(np.argsort(whole.truths, kind="stable"))
    truths, starts = np.unique(whole.truths, return_index=True)
    ends = [*starts[1:].tolist(), len(whole.truths)]
    for truth, start, end in zip(truths.tolist(), starts.tolist(), ends, strict=True):
        others = whole.words[:, end:][:, ~unknown[truth, whole.truths[end:]]]
        for number in range(start, end):
            yield whole.words[:, number, None], others, whole.words[:, number + 1 : end]


def joined(files: Coded, first: Ints, second: Ints, threshold: int) -> int:
    """Pairs of different truths, one file among `first`, one among `second` (numbers, both ascending), within it.

    A pair that both lists hold counts once.
    """
    count = 0
    other = files.of(second)
    for number in first:
        if files.found[number]:
            near = files.distances(other.words, files.words[:, number, None]) <= threshold
            once = (second > number) | ~np.isin(second, first)
            count += int((near & other.found & once & (other.truths != files.truths[number])).sum())
    return count
