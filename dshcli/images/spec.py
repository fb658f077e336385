"""What a network wants to see: a square of so many pixels, gray or RGB."""

from dataclasses import dataclass


@dataclass(frozen=True)
class InputSpec:
    """The side of the square input in pixels, and its channels: 1 (gray) or 3 (RGB)."""

    size: int
    channels: int
