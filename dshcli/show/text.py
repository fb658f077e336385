"""Facts as people read them, and names made harmless for a terminal."""

import os

from dshcli.library.store import Image


def escaped(text: str) -> str:
    """Text with every control character, and every byte that is no UTF-8, shown as an escape sequence."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def maybe_text(figure: float | None, form: str) -> str | None:
    """A figure in that form, or None where there is none."""
    return None if figure is None else form.format(figure)


def near(path: str) -> str:
    """A path for a terminal: relative where it lies below the current folder, escaped."""
    below = os.getcwd().rstrip(os.sep) + os.sep
    return escaped(path.removeprefix(below))


def bytes_text(size: int) -> str:
    """A size in powers of 1,000, with two or three digits."""
    value, unit = float(size), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 999.5:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "B" or value >= 99.95 else f"{value:.1f} {unit}"


def facts(image: Image) -> str:
    """Dimensions and size, in columns."""
    return f"{f'{image.width}x{image.height}':>11}  {bytes_text(image.size):>8}"


def count(number: int, noun: str) -> str:
    """`1 image`, `1,234 images`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
