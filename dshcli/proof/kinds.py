"""What a pair of pictures is to each other, as a proof on their pixels says it. Imports nothing heavy."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """From the strongest bond to none."""

    EXACT = "exact"  # the same bytes
    SAME_PIXELS = "same pixels"  # other bytes, but each pixel is the same once both are upright
    RE_ENCODED = "re-encoded"  # the same size, what compression changes
    RESIZED = "resized"  # the same picture at another size
    EDITED = "edited"  # colours changed, or something laid over it, or a border around it
    CROPPED = "cropped"  # one shows a part of the other
    ROTATED = "rotated"  # by quarter turns or by any angle
    FLIPPED = "flipped"  # mirrored, turned as well or not
    LOOK_ALIKE = "look-alike"  # rejected: not the same picture


BORDER, LAID_OVER = "a border around it", "something laid over"  # words in a proof's detail

COPIES = frozenset(Kind) - {Kind.LOOK_ALIKE}


@dataclass(frozen=True)
class Proof:
    """What a pair is, and the evidence.

    detail: a few words for people, such as "62 % of the picture" or "quarter turn left", or "". changed: the share of
    the compared, textured cells that do not agree, 0 to 1 (1 where nothing could be aligned). inliers: local features
    that agree on one homography; 0 where none was needed.
    """

    kind: Kind
    detail: str = ""
    changed: float = 0.0
    inliers: int = 0

    @property
    def accepted(self) -> bool:
        return self.kind is not Kind.LOOK_ALIKE
