"""Binary codes that are known to be as far apart as can be, or close to it: no search is needed.

Four families (MacWilliams and Sloane, The Theory of Error-Correcting Codes, 1977, chapters 2 and 15), where m is the
order of a Hadamard matrix, q is 1 mod 4 and a prime or the square of one, and r is odd:

    two words           each other's complement, of 1 bit
    Hadamard codes      2m words of m bits, m words of m - 1 bits, m/2 words of m - 2 bits, all at distance m/2
    conference codes    2q + 2 words of q bits at distance (q - 1)/2
    Kerdock codes       4^(r+1) words of 2^(r+1) bits at distance 2^r - 2^((r-1)/2); half as many for each bit less

Codes side by side add their bits and their distances, and a code that loses a bit loses 1 of its distance at most. For
few classes such mixtures reach Plotkin's bound (Levenshtein 1961).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import isqrt

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint8]
Matrix = npt.NDArray[np.int64]

KERDOCK = {3: 0b1011, 5: 0b100101, 7: 0b10001001}  # r and a primitive polynomial of that degree over GF(2)
SHORTER = 4  # bits that a Kerdock code may lose so
SPARE = 8  # bits that a mixture may have too many, and then loses


@dataclass(frozen=True)
class Block:
    """A code of so many words and bits and that least distance; make() gives it as 0 and 1, (words, bits)."""

    words: int
    bits: int
    distance: int
    make: Callable[[], Words]


def best_mixture(classes: int, bits: int) -> tuple[int, list[Block]]:
    """The blocks that side by side hold so many classes farthest apart, and the distance that this guarantees.

    Together they have at most SPARE bits more than asked for, each of which costs 1 of the distance and is paid for, or
    some less. If no block has so many words: (0, []).
    """
    usable = [block for block in _blocks(bits + SPARE) if block.words >= classes]
    distances: list[int] = [0]  # of the best mixture of 0, 1, 2 ... bits
    lasts: list[Block | None] = [None]  # the last block of that mixture, or none where the last bit is of no use
    for length in range(1, bits + SPARE + 1):
        distance = distances[-1]
        last: Block | None = None
        for block in usable:
            if block.bits <= length and distances[length - block.bits] + block.distance > distance:
                distance, last = distances[length - block.bits] + block.distance, block
        distances.append(distance)
        lasts.append(last)
    length = max(range(bits, bits + SPARE + 1), key=lambda n: distances[n] - n)
    guaranteed, chosen = distances[length] - (length - bits), []
    while length > 0:
        if (part := lasts[length]) is not None:
            chosen.append(part)
        length -= 1 if part is None else part.bits
    return (guaranteed, chosen) if guaranteed > 0 else (0, [])


def _blocks(longest: int) -> list[Block]:
    blocks = [Block(2, 1, 1, partial(np.array, [[0], [1]], np.uint8))]
    for order in (2, *range(4, longest + 3, 4)):
        if has_hadamard(order):
            blocks += [
                Block(2 * order, order, order // 2, partial(_hadamard_code, order)),
                Block(order, order - 1, order // 2, partial(_hadamard_code, order, without=1)),
                Block(order // 2, order - 2, order // 2, partial(_hadamard_code, order, without=2)),
            ]
    for order in range(5, longest + 1, 4):
        if _is_field(order):
            blocks.append(Block(2 * order + 2, order, (order - 1) // 2, partial(_conference_code, order)))
    for degree in KERDOCK:
        for less in range(SHORTER):
            words, bits, distance = 4 ** (degree + 1) >> less, 2 ** (degree + 1) - less, 2**degree - 2 ** (degree // 2)
            blocks.append(Block(words, bits, distance, partial(_kerdock_code, degree, without=less)))
    return [block for block in blocks if 0 < block.bits <= longest]


def _hadamard_code(order: int, without: int = 0) -> Words:
    """The rows of a Hadamard matrix and their complements; or those that begin with 1, or 1 and 1, without that."""
    matrix = hadamard(order)
    rows = np.vstack([matrix, -matrix])
    return (rows[(rows[:, :without] > 0).all(axis=1), without:] > 0).astype(np.uint8)


def _conference_code(order: int) -> Words:
    """Sloane and Seidel, 1970: the rows of a conference matrix's core with 1 for 0, those of its negative, 0 and 1."""
    core, unit = _squares(order), np.eye(order, dtype=np.int64)
    edge = np.ones((1, order), np.int64)
    return (np.vstack([core + unit, unit - core, edge, -edge]) > 0).astype(np.uint8)


def _kerdock_code(degree: int, without: int = 0) -> Words:
    """Those Kerdock words that begin with so many zeros, without these (Hammons et al., IEEE Trans. Inf. Th. 1994).

    A linear code over the numbers mod 4, whose words follow a recurrence and have one constant added, in the Gray code:
    0, 1, 2, 3 are 00, 01, 11, 10. The recurrence is a primitive polynomial h over GF(2) lifted to mod 4 by Graeffe's
    method, h'(x^2) = h(x) h(-x) up to its sign.
    """
    polynomial = np.array([KERDOCK[degree] >> power & 1 for power in range(degree + 1)])
    lifted = np.convolve(polynomial, polynomial * (-1) ** np.arange(degree + 1))[::2]
    states = np.stack(np.unravel_index(np.arange(4**degree), (4,) * degree), axis=1)
    values = np.zeros((4**degree, 2**degree), np.int64)  # the last place is that of infinity, always 0
    values[:, :degree] = states
    for place in range(degree, 2**degree - 1):
        # lifted is monic but for its sign
        values[:, place] = -lifted[-1] * values[:, place - degree : place] @ lifted[:-1] % 4
    values = (values[None] + np.arange(4)[:, None, None]).reshape(-1, 2**degree) % 4
    bits = np.stack([values >= 2, (values == 1) | (values == 2)], axis=2).reshape(len(values), -1)
    return bits[~bits[:, :without].any(axis=1), without:].astype(np.uint8)


def has_hadamard(order: int) -> bool:
    """Whether hadamard() can make a matrix of that order."""
    if order <= 2:
        return order > 0
    return order % 4 == 0 and (_is_prime(order - 1) or _has_second(order) or has_hadamard(order // 2))


def _has_second(order: int) -> bool:
    return order % 8 == 4 and _is_field(order // 2 - 1)


def hadamard(order: int) -> Matrix:
    """A matrix of 1 and -1 with orthogonal rows (Sylvester 1867; both of Paley's, 1933) where has_hadamard() holds."""
    if order == 1:
        return np.ones((1, 1), np.int64)
    if order > 2 and _is_prime(order - 1):
        return _bordered(_squares(order - 1), -1) + np.eye(order, dtype=np.int64)
    if order > 2 and _has_second(order):
        conference, unit = _bordered(_squares(order // 2 - 1), 1), np.eye(order // 2, dtype=np.int64)
        return np.kron(conference, [[1, 1], [1, -1]]) + np.kron(unit, [[1, -1], [-1, -1]])
    return np.kron([[1, 1], [1, -1]], hadamard(order // 2))


def _bordered(core: Matrix, side: int) -> Matrix:
    bordered = np.pad(core, ((1, 0), (1, 0)), constant_values=1)
    bordered[1:, 0] = side
    bordered[0, 0] = 0
    return bordered


def _squares(order: int) -> Matrix:
    """Jacobsthal's matrix of the field of p or p^2 elements: 1 if the difference of two is a square, -1 if not, or 0.

    An element a + b sqrt(r) of the larger field, r no square, is a square if its norm a^2 - r b^2 is one in the other.
    """
    prime = order if _is_prime(order) else isqrt(order)
    squares = {x * x % prime for x in range(1, prime)}
    character = np.array([0] + [1 if x in squares else -1 for x in range(1, prime)])
    b, a = np.divmod(np.arange(order), prime)
    a, b = np.subtract.outer(a, a), np.subtract.outer(b, b)
    if order == prime:
        return np.asarray(character[a % prime])
    no_square = next(x for x in range(2, prime) if x not in squares)
    return np.asarray(character[(a * a - no_square * b * b) % prime])


def _is_field(order: int) -> bool:
    return _is_prime(order) or (isqrt(order) ** 2 == order and _is_prime(isqrt(order)) and order % 2 == 1)


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % divisor for divisor in range(2, isqrt(number) + 1))
