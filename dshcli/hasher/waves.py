"""The longest waves of a picture as bits of its code, and what becomes of them when it is turned or mirrored. No torch.

Of the square that a network sees, a mirror changes the sign of every wave that rises and falls an odd number of times
across it, and a turn over the diagonal swaps the waves along x and y. So the bits of all eight orientations of a
picture follow from those of one: nothing has to be read or computed again to find its mirrored and turned copies.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import product

import numpy as np
import numpy.typing as npt

from dshcli.codes import Codes, code_bytes, hamming

FAR = 16  # differing waves of 127 up to which they count alone: next to no pair of strangers, even among clothes
FARTHEST = 28  # ... up to which a proof is worth a try: some thirty of a million pairs of clothes
FEWEST = 128  # waves of a code that can tell a picture among thousands when it is turned
AT_ONCE = 1 << 16  # codes that are turned together

ORIENTATIONS = (
    "as it is",
    "mirrored top to bottom",
    "mirrored left to right",
    "half turn",
    "mirrored over the diagonal",
    "quarter turn left",
    "quarter turn right",
    "mirrored over the other diagonal",
)  # what becomes of a picture in each of Turns.orientations

Distances = npt.NDArray[np.uint16]
Distance = Callable[[Codes, Codes], Distances]  # of codes (n, bytes) or (1, bytes) from others (n, bytes)


@cache
def longest(count: int, size: int) -> tuple[tuple[int, int], ...]:
    """The `count` longest waves (x, y) of a square of so many pixels, without the mean: how often each rises and falls
    along either side, in half periods. In the order of the bits."""
    pairs = ((x, y) for x in range(size) for y in range(size))
    return tuple(sorted(pairs, key=lambda pair: (sum(pair), abs(pair[0] - pair[1]), pair))[1 : count + 1])


def maybe_turns(bits: int, waves: int, size: int) -> "Turns | None":
    """The orientations of codes that hold so many waves, if these are enough."""
    return Turns(bits, waves, size) if waves >= FEWEST else None


def distance_of(turns: "Turns | None") -> Distance:
    """How far codes lie from others: by all bits, or by their waves as well."""
    return hamming if turns is None else turns.distances


@dataclass(frozen=True)
class Turns:
    """The eight orientations of codes of `bits` bits, the last `waves` of them the longest waves of a square.

    Pictures are as far apart as their codes or, where that is less, as their waves alone in the nearest orientation.
    These count on the scale of whole codes: each differing wave as so many bits as there are for a wave.
    """

    bits: int
    waves: int
    size: int

    @property
    def scale(self) -> int:
        """Bits of the whole code for each wave."""
        return self.bits // self.waves

    @property
    def width(self) -> int:
        """Bits of the codes that `upright` and `orientations` give."""
        return 8 * len(self._mask)

    def within(self, radius: int) -> int:
        """The differing waves that a radius of whole codes allows."""
        return min(radius // self.scale, FAR)

    def upright(self, codes: Codes) -> Codes:
        """The waves alone of whole codes (n, bytes): (n, width / 8), where all other bits are 0."""
        return codes[:, self._first :] & self._mask

    def orientations(self, codes: Codes) -> list[Codes]:
        """`upright`, and the same of the pictures in their seven other orientations."""
        turned: list[list[Codes]] = [[] for _ in range(8)]
        for at in range(0, max(len(codes), 1), AT_ONCE):
            bits = np.unpackbits(self.upright(codes[at : at + AT_ONCE]), axis=1)
            for parts, (swapped, x, y) in zip(turned, product((0, 1), repeat=3), strict=True):
                moved = np.zeros_like(bits)
                moved[:, self._places[0]] = bits[:, self._places[swapped]] ^ self._odd(x, y)
                parts.append(np.packbits(moved, axis=1))
        return [np.concatenate(parts) for parts in turned]

    def distances(self, codes: Codes, others: Codes) -> Distances:
        """Distances (n,) of codes (n, bytes), or (1, bytes), from others (n, bytes): the Hamming distance, or that of
        the waves in the nearest orientation, scaled, where these are no more than FAR and it is less."""
        apart, upright = hamming(codes, others), self.upright(others)
        for turned in self.orientations(codes):
            waves = hamming(turned, upright)
            np.minimum(apart, np.where(waves <= FAR, waves * self.scale, apart), out=apart)
        return apart

    @property
    def _first(self) -> int:
        """The first byte of a code with a wave in it."""
        return (self.bits - self.waves) // 8

    @cached_property
    def _mask(self) -> npt.NDArray[np.uint8]:
        """Which bits, from that byte on, are waves whose twin over the diagonal is one, too."""
        mask = np.zeros(8 * (code_bytes(self.bits) - self._first), np.uint8)
        mask[self._places[0]] = 1
        return np.packbits(mask)

    @cached_property
    def _kept(self) -> list[tuple[int, int]]:
        waves = set(longest(self.waves, self.size))
        return [(x, y) for x, y in longest(self.waves, self.size) if (y, x) in waves]

    @cached_property
    def _places(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The bits, from the first byte on, of the kept waves, and of those with x and y swapped."""
        start = self.bits - self.waves - 8 * self._first
        place = {wave: start + number for number, wave in enumerate(longest(self.waves, self.size))}
        return np.array([place[x, y] for x, y in self._kept]), np.array([place[y, x] for x, y in self._kept])

    def _odd(self, x: int, y: int) -> npt.NDArray[np.uint8]:
        """Which kept waves change their sign when the picture is mirrored: left to right (x), top to bottom (y)."""
        return np.array([(x * across + y * down) % 2 for across, down in self._kept], np.uint8)
