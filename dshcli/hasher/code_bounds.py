"""How far apart so many binary codes of a length can be at most."""

from math import comb

# The largest possible number A(n, d) of words of n bits at distance d, or the best known upper bound on it, from
# Brouwer's table (win.tue.nl/~aeb/codes/binary-1.html): by even d, the first n, and the numbers from that n on.
LARGEST = {
    4: (9, (20, 40, 72, 144, 256, 512, 1024, 2048, 3276, 6552, 13104, 26168, 43688)),
    6: (12, (24, 32, 64, 128, 256, 340, 673, 1237, 2279, 4096, 6941, 13674, 24106)),
    8: (16, (32, 36, 64, 128, 256, 512, 1024, 2048, 4096, 5421, 9275, 17099, 32151)),
    10: (20, (40, 47, 84, 150, 268, 466, 836, 1585, 2817)),
    12: (24, (48, 55, 96, 169, 288)),
}


def distance_bound(classes: int, bits: int) -> int:
    """What the least distance of so many codes cannot exceed, by Plotkin, Hamming, Singleton and A(n, d)."""
    if classes < 2:
        return bits
    return next(distance for distance in range(bits, -1, -1) if distance == 0 or _may_exist(classes, bits, distance))


def _may_exist(words: int, bits: int, distance: int) -> bool:
    """Whether no bound forbids so many words. Words at an odd distance d gain a parity bit and d + 1, and back."""
    even_bits, even = (bits + 1, distance + 1) if distance % 2 else (bits, distance)
    ball = sum(comb(even_bits - 1, i) for i in range(even // 2))  # Hamming: balls of radius d/2 - 1 do not meet
    if words * ball > 2 ** (even_bits - 1) or words > 2 ** (bits - distance + 1):
        return False
    first, largest = LARGEST.get(even, (0, ()))
    if 0 <= even_bits - first < len(largest) and words > largest[even_bits - first]:
        return False
    # Half of the words agree in any one bit, and are as far apart without it.
    if words > 2 and bits > distance and not _may_exist((words + 1) // 2, bits - 1, distance):
        return False
    # Plotkin: a bit separates at most floor(c/2) ceil(c/2) of the pairs of c words, in the whole set and in every part.
    parts = range(2, min(words, 4 * bits) + 1)
    return all(even * (c * (c - 1) // 2) <= even_bits * (c // 2) * (c - c // 2) for c in parts)
