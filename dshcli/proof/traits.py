"""Traits of a content that keepers can be chosen by and that only its file tells. What is heavy loads when used."""

from collections.abc import Callable
from dataclasses import dataclass

from dshcli.images.room import Take

Value = float | str


@dataclass(frozen=True)
class Trait:
    """name, version: by which the index keeps it; version is raised whenever a value may come out differently. words:
    why an image is kept that is better by it than all others.

    told: a file's bytes, the limit on pixels and who is asked for memory -> its value; raises BadImage. grade: of a
    value, higher being better, and equal where the difference is none.
    """

    name: str
    version: int
    words: str
    told: Callable[[bytes, int, Take], Value]
    grade: Callable[[Value], int]


def _exif(data: bytes, max_pixels: int, take: Take) -> Value:
    from dshcli.images.captured import captured

    return captured(data, max_pixels)


def _sharpness(data: bytes, max_pixels: int, take: Take) -> Value:
    from dshcli.images.gray import open_gray
    from dshcli.proof.sharpness import sharpness

    return sharpness(open_gray(data, max_pixels, take))


def _graded(value: Value) -> int:
    from dshcli.proof.sharpness import grade

    return grade(float(value))


EXIF = Trait("exif", 1, "has EXIF", _exif, lambda value: int(bool(value)))
SHARP = Trait("sharpness", 1, "sharpest", _sharpness, _graded)
