"""Identical codes as one: every search among images starts with the distinct codes."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dshcli.codes import Codes
from dshcli.search.join import key_hashes
from dshcli.search.words import Columns, Positions, columns_at, word_columns


@dataclass(frozen=True)
class Distinct:
    """The distinct codes among n, in the order in which they first appear."""

    columns: Columns  # (words, distinct)
    ids: Positions  # (n,): which distinct code each code is


def collapse(codes: Codes) -> Distinct:
    """The distinct codes of codes (n, bytes). One sort, however many codes are identical."""
    columns = word_columns(codes)
    count = columns.shape[1]
    order = _grouping_order(columns)
    starts = np.flatnonzero(_unlike_predecessor(columns, order))
    firsts = np.minimum.reduceat(order, starts) if count else order
    is_first = np.zeros(count, dtype=np.bool_)
    is_first[firsts] = True
    id_of_first = np.cumsum(is_first) - 1
    ids = np.empty(count, dtype=np.int64)
    ids[order] = np.repeat(id_of_first[firsts], np.diff(np.append(starts, count)))
    return Distinct(columns_at(columns, np.flatnonzero(is_first)), ids)


def _grouping_order(columns: Columns) -> Positions:
    """An order in which identical codes stand together. Sorting one word is quicker than sorting several, so wide
    codes are sorted by a hash; should two codes ever share it, by all their words."""
    if len(columns) == 1:
        return np.argsort(columns[0])
    every_bit = np.full(len(columns), 2**64 - 1, dtype=np.uint64)
    hashes = key_hashes(columns, every_bit)
    order = np.argsort(hashes)
    if np.array_equal(_unlike_predecessor(hashes[None], order), _unlike_predecessor(columns, order)):
        return order
    return np.lexsort(columns)


def _unlike_predecessor(columns: Columns, order: Positions) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether each code, in that order, differs from the one before it; the first one does."""
    unlike = np.zeros(len(order), dtype=np.bool_)
    unlike[:1] = True
    for word in columns:
        ordered = word[order]
        unlike[1:] |= ordered[1:] != ordered[:-1]
    return unlike


def first_of_each(ids: Positions) -> npt.NDArray[np.bool_]:
    """Whether each of `ids` is the first of its number."""
    first = np.zeros(len(ids), np.bool_)
    first[np.unique(ids, return_index=True)[1]] = True
    return first
