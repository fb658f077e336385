"""Linear binary codes of large least distance, by climbing over the columns of a generator matrix.

A code of rank m has 2^m words, one for each message x of m bits: its bits are the parities of x & c, for columns c that
are numbers of m bits themselves. The distance of two words is the weight of the word of x ^ y, so that only 2^m weights
count, not all pairs, and one Walsh-Hadamard transform tells what each of the 2^m columns would do for them.

Good codes have symmetries: the columns are chosen as orbits of a linear map, drawn anew for each attempt. The identity,
whose orbits are single columns, gives the plain climb; other maps lead to cyclic, quasi-cyclic or extended BCH codes.
All arithmetic is on integers that float64 holds exactly, so that a seed gives the same code on every machine.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Weights = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float64]

MAX_RANK = 20  # beyond that, the 2^m weights are too many
SYMMETRIC_RANK = 14  # beyond that, there is only time for one plain climb
MAX_DEGREE = 10  # of the polynomials that the maps are made of
WORK = 1 << 24  # weights that a search may transform: about a second
TRANSFORMS = 1 << 13  # ... and no more transforms than that at small ranks, where each has its overhead
ATTEMPT, PLAIN_ATTEMPT = 150, 1500  # transforms for one map, and for the identity
PLAIN_EVERY = 8  # attempts
WINDOW = 8  # words whose weight is above the least by that much or more all cost the same
STAY_OUT, STAY_IN = 3, 4  # exchanges for which an orbit that was taken out stays out; ... 1/4 of the orbits stay in


@dataclass(frozen=True)
class LinearCode:
    """A code of 2^rank words: its generator's columns (bits,) as numbers of `rank` bits, and the least distance."""

    rank: int
    columns: Ints
    distance: int

    def words(self, messages: Ints) -> npt.NDArray[np.uint8]:
        """The words (n, bits) of messages (n,), which are numbers below 2^rank."""
        found: npt.NDArray[np.uint8] = np.bitwise_count(messages[:, None] & self.columns) & np.uint8(1)
        return found


def linear_code(rank: int, columns: Ints) -> LinearCode:
    """The code with those generator columns; its least distance is measured."""
    return LinearCode(rank, columns, int(_weights(rank, columns)[1:].min()))


def search_linear_code(rank: int, bits: int, goal: int, rng: np.random.Generator, work: int = WORK) -> LinearCode:
    """The best code that is found with so much work, or the first whose least distance is `goal`."""
    left = max(min(work >> rank, TRANSFORMS * work // WORK), 1)
    # To begin with, the bits of the message over and over: all words differ.
    best = linear_code(rank, 1 << np.arange(bits) % rank)
    key, attempt = (best.distance, -(1 << rank)), 0
    while left > 0 and key[0] < goal:
        plain = rank > SYMMETRIC_RANK or attempt % PLAIN_EVERY == 0
        orbits = _Orbits(rank, [3] * rank if plain else _draw_factors(rank, bits, rng))
        climb = _Climb(rank, bits, orbits)
        climb.run(min(left, PLAIN_ATTEMPT if plain else ATTEMPT), goal, rng)
        if climb.best_key > key:
            best, key = linear_code(rank, climb.best_columns), climb.best_key
        left, attempt = left - climb.transforms, attempt + 1
    return best


def _weights(rank: int, columns: Ints) -> Weights:
    messages, weights = np.arange(2**rank), np.zeros(2**rank, np.int16)
    for column in columns:
        weights += np.bitwise_count(messages & column) & 1
    return weights


class _Orbits:
    """The orbits of a linear map on the columns of `rank` bits: of the product of companion matrices of `factors`."""

    def __init__(self, rank: int, factors: list[int]) -> None:
        columns = np.arange(2**rank)
        self._image = np.zeros_like(columns)
        shift = 0
        for factor in factors:
            degree = factor.bit_length() - 1
            part = (columns >> shift & (1 << degree) - 1) << 1
            self._image |= np.where(part >> degree, part ^ factor, part) << shift
            shift += degree
        least = columns.copy()
        reached = self._image
        while (reached != columns).any():
            np.minimum(least, reached, out=least)
            reached = self._image[reached]
        self.firsts, self.labels, self.sizes = np.unique(least, return_inverse=True, return_counts=True)

    def columns(self, orbit: int) -> Ints:
        found = [int(self.firsts[orbit])]
        while len(found) < self.sizes[orbit]:
            found.append(int(self._image[found[-1]]))
        return np.array(found)


def _draw_factors(rank: int, bits: int, rng: np.random.Generator) -> list[int]:
    """Polynomials of degrees that sum to `rank`, whose orders divide that of the first: a period of 3 to `bits`."""
    orders = {factor: order for factor, order in _orders().items() if factor.bit_length() - 1 <= rank}
    periods = sorted({order for order in orders.values() if 1 < order <= bits})
    if not periods:
        return [3] * rank
    period = periods[rng.integers(len(periods))]
    firsts = [factor for factor, order in orders.items() if order == period]
    factors = [firsts[rng.integers(len(firsts))]]
    while (left := rank - sum(factor.bit_length() - 1 for factor in factors)) > 0:
        fitting = [f for f, order in orders.items() if period % order == 0 and f.bit_length() - 1 <= left]
        factors.append(fitting[rng.integers(len(fitting))])
    return factors


@cache
def _orders() -> dict[int, int]:
    """The irreducible polynomials f over GF(2) up to MAX_DEGREE but x, as bits, and the least n: f divides x^n - 1."""
    orders: dict[int, int] = {}
    for factor in range(3, 2 << MAX_DEGREE, 2):
        if all(_remainder(factor, known) for known in orders if 2 * known.bit_length() <= factor.bit_length() + 1):
            power, order = _remainder(2, factor), 1
            while power != 1:
                power, order = _remainder(power << 1, factor), order + 1
            orders[factor] = order
    return orders


def _remainder(dividend: int, divisor: int) -> int:
    while (excess := dividend.bit_length() - divisor.bit_length()) >= 0:
        dividend ^= divisor << excess
    return dividend


class _Climb:
    """Exchanges orbits of columns, always adding the one that lowers the words' cost most.

    A word's cost falls fourfold with each unit of weight, so that those that are behind count most.
    """

    def __init__(self, rank: int, bits: int, orbits: _Orbits) -> None:
        self._orbits, self._room = orbits, bits
        self._rank, self._weights = rank, np.zeros(2**rank, np.int16)
        self._chosen: list[int] = []
        self._since: dict[int, int] = {}  # the exchange at which an orbit came in or went out
        self._costs = np.array([4.0 ** (WINDOW - excess) for excess in range(WINDOW + 1)])
        self._left, self._right = _hadamard(rank // 2), _hadamard(rank - rank // 2)
        self._parities: dict[int, Weights] = {}
        self.transforms = 0
        self.best_columns, self.best_key = np.zeros(bits, np.int64), (-1, 0)

    def run(self, transforms: int, goal: int, rng: np.random.Generator) -> None:
        exchange = 0
        while self.transforms < transforms:
            self._fill(exchange, rng)
            if self._room == 0:
                self._remember()
                if self.best_key[0] >= goal:
                    return
            for _ in range(1 if rng.integers(3) else 2):
                self._take_out(exchange, rng)
            exchange += 1

    def _fill(self, exchange: int, rng: np.random.Generator) -> None:
        while True:
            fits = self._orbits.sizes <= self._room
            fits[0] = False  # the column 0
            if not fits.any():
                return
            if rng.integers(10):  # mostly the large orbits, or there would be no room for them
                fits &= self._orbits.sizes == self._orbits.sizes[fits].max()
            gains = np.where(fits, self._gains(), -1.0)
            for orbit, since in self._since.items():
                if exchange - since < STAY_OUT and fits.sum() > STAY_OUT:
                    gains[orbit] = -1
            best = np.flatnonzero(gains == gains.max())
            self._put_in(int(best[rng.integers(len(best))]))
            self._since[self._chosen[-1]] = exchange

    def _take_out(self, exchange: int, rng: np.random.Generator) -> None:
        if not self._chosen:
            return
        if rng.integers(4):  # mostly the least useful one, but not always, or it would go round in circles
            losses = self._gains()[self._chosen]
            ages = np.array([exchange - self._since[orbit] for orbit in self._chosen])
            losses[ages < len(ages) // STAY_IN] += losses.max()
            place = int(losses.argmin())
        else:
            place = int(rng.integers(len(self._chosen)))
        orbit = self._chosen.pop(place)
        self._weights -= self._parity(orbit)
        self._room += int(self._orbits.sizes[orbit])
        self._since[orbit] = exchange

    def _put_in(self, orbit: int) -> None:
        self._chosen.append(orbit)
        self._weights += self._parity(orbit)
        self._room -= int(self._orbits.sizes[orbit])

    def _parity(self, orbit: int) -> Weights:
        """What an orbit adds to the weights."""
        if orbit in self._parities:
            return self._parities[orbit]
        added = _weights(self._rank, self._orbits.columns(orbit))
        if self._rank <= SYMMETRIC_RANK:  # beyond that, they are large and few are asked for again
            self._parities[orbit] = added
        return added

    def _gains(self) -> Floats:
        """What each orbit would save per column, up to a common factor."""
        self.transforms += 1
        excess = self._weights - self._weights[1:].min()
        costs = self._costs[np.clip(excess, 0, WINDOW)]
        costs[0] = 0
        signed = self._left @ costs.reshape(len(self._left), -1) @ self._right
        sums = np.bincount(self._orbits.labels, signed.reshape(-1))
        gains: Floats = signed[0, 0] - sums / self._orbits.sizes
        return gains

    def _remember(self) -> None:
        least = int(self._weights[1:].min())
        key = least, -int((self._weights[1:] == least).sum())
        if key > self.best_key:
            self.best_columns = np.concatenate([self._orbits.columns(orbit) for orbit in self._chosen])
            self.best_key = key


def _hadamard(rank: int) -> Floats:
    rows = np.arange(2**rank)
    return np.asarray(1.0 - 2.0 * (np.bitwise_count(rows[:, None] & rows) & 1))
