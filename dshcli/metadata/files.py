"""Reads the metadata of a picture file: XMP, EXIF and IPTC, in this order of trust, whatever the format.

Pillow finds the blocks, and no pixels are decoded. Whatever is damaged counts as none, and is told.
"""

import io
import os
import re
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

from dshcli.images.opening import pillow_ready
from dshcli.images.sniff import SNIFF_BYTES, sniff
from dshcli.metadata.values import (
    NAN,
    NOTHING,
    Metadata,
    Place,
    clean,
    degrees,
    maybe_date,
    maybe_place,
    maybe_rating,
    unique,
)
from dshcli.metadata.xmp import MAX_BYTES, parse

if TYPE_CHECKING:
    from PIL.Image import Image

# What cameras write as a description when nobody described the picture.
_CAMERAS = {
    "OLYMPUS DIGITAL CAMERA",
    "SONY DSC",
    "DIGITAL CAMERA",
    "KONICA MINOLTA DIGITAL CAMERA",
    "SAMSUNG",
    "default",
}

_SUB_IFD, _GPS_IFD = 0x8769, 0x8825
_UTF8 = b"\x1b%G"  # IPTC's way to say that its texts are UTF-8


def read_file(path: str) -> tuple[Metadata, tuple[str, ...]]:
    """What a picture file says of itself, and what of that could not be read and why. Raises OSError."""
    with open(path, "rb") as file:
        name = sniff(file.read(SNIFF_BYTES))
        if name is None:
            return NOTHING, ()
        file.seek(0)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Pillow's about blocks that it gave up; what can be read is read
                source = _without_pixels(file) if name == "PNG" else file
                with pillow_ready().open(source, formats=[name]) as image:
                    if name == "PNG":
                        image.info.setdefault("exif", None)  # else Pillow looks for it behind the pixels
                    return _read(image)
        except Exception as error:  # hostile bytes make decoders fail in every way there is
            return NOTHING, (f"metadata cannot be read ({_words(error)})",)


def _without_pixels(file: IO[bytes]) -> IO[bytes]:
    """A PNG without its pixels, behind which texts may stand. Pillow would decode them first."""
    rest = io.BytesIO()
    rest.write(file.read(8))
    while len(head := file.read(8)) == 8:
        size = int.from_bytes(head[:4], "big") + 4  # with its checksum
        if head[4:] in (b"IDAT", b"fdAT") or size > MAX_BYTES:
            file.seek(size, os.SEEK_CUR)
        else:
            rest.write(head + file.read(size))
    rest.seek(0)
    return rest


def _read(image: "Image") -> tuple[Metadata, tuple[str, ...]]:
    notes = list[str]()
    found = NOTHING
    readers: tuple[tuple[str, Callable[[Image], Metadata]], ...] = (("XMP", _xmp), ("EXIF", _exif), ("IPTC", _iptc))
    for kind, read in readers:
        try:
            found = found.over(read(image))
        except Exception as error:
            notes.append(f"{kind} cannot be read ({_words(error)})")
    return found, tuple(notes)


def _words(error: Exception) -> str:
    return " ".join((str(error) or type(error).__name__).split())[:120]


def _xmp(image: "Image") -> Metadata:
    data = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    if not data:
        return NOTHING
    data = data.encode("utf-8") if isinstance(data, str) else bytes(data)
    return parse(data.strip(b"\0 \t\r\n")).metadata()


# --- EXIF ------------------------------------------------------------------------------------------------------------


def _exif(image: "Image") -> Metadata:
    exif = image.getexif()
    sub, gps = exif.get_ifd(_SUB_IFD), exif.get_ifd(_GPS_IFD)
    description = _text(exif.get(0x010E))
    return Metadata(
        captured=_date(sub, 0x9003, 0x9291, 0x9011),
        digitized=_date(sub, 0x9004, 0x9292, 0x9012),
        place=_place(gps),
        rating=_rating(exif.get(0x4746)),
        keywords=unique(tuple(_wide(exif.get(0x9C9E)).split(";"))),
        title=_wide(exif.get(0x9C9B)),
        description=_wide(exif.get(0x9C9C)) if description in _CAMERAS or not description else description,
        creator=unique(tuple((_text(exif.get(0x013B)) or _wide(exif.get(0x9C9D))).split(";"))),
        rights=_text(exif.get(0x8298)),
    )


def _text(value: Any) -> str:
    """ASCII by the book; UTF-8 or Latin-1 by what programs do. Pillow reads the latter."""
    if isinstance(value, str):
        with suppress(UnicodeError):
            value = value.encode("latin-1").decode("utf-8")
    elif isinstance(value, bytes):
        value = value.decode("utf-8", errors="replace")
    return clean(value.split("\0")[0]) if isinstance(value, str) else ""


def _wide(value: Any) -> str:
    """Windows' own tags: UTF-16, as bytes."""
    if isinstance(value, tuple):
        value = bytes(value)
    return clean(value.decode("utf-16-le", errors="ignore").split("\0")[0]) if isinstance(value, bytes) else ""


def _date(tags: dict[int, Any], date: int, fraction: int, zone: int) -> str:
    day = _text(tags.get(date))
    parts = _text(tags.get(fraction)), _text(tags.get(zone))
    whole = day + (f".{parts[0]}" if parts[0].isdigit() else "")
    return maybe_date(whole + parts[1]) or maybe_date(whole) or maybe_date(day)


def _rating(value: Any) -> int | None:
    return maybe_rating(value) if isinstance(value, int) else None


def _place(gps: dict[int, Any]) -> Place | None:
    latitude, longitude = _angle(gps.get(2), gps.get(1), "NS"), _angle(gps.get(4), gps.get(3), "EW")
    altitude = _float(gps.get(6))
    below = gps.get(5) in (1, b"\1", "\1", (1,))
    return maybe_place(latitude, longitude, -altitude if below else altitude)


def _angle(parts: Any, sign: Any, signs: str) -> float:
    """Degrees of degrees, minutes and seconds; NaN where they or their sign are missing."""
    if not isinstance(parts, tuple):
        return NAN
    return degrees(map(_float, parts[:3]), _text(sign)[:1].upper(), signs)


def _float(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return NAN


# --- IPTC ------------------------------------------------------------------------------------------------------------


def _iptc(image: "Image") -> Metadata:
    from PIL.IptcImagePlugin import getiptcinfo

    records: dict[tuple[int, int], Any] = getiptcinfo(image) or {}  # type: ignore[arg-type]
    utf8 = records.get((1, 90)) == _UTF8

    def texts(record: int) -> tuple[str, ...]:
        values = records.get((2, record), ())
        return tuple(_decoded(value, utf8) for value in (values if isinstance(values, list) else [values]) if value)

    def text(record: int) -> str:
        return next(iter(texts(record)), "")

    return Metadata(
        captured=_iptc_date(text(55), text(60)),
        digitized=_iptc_date(text(62), text(63)),
        keywords=unique(texts(25)),
        title=text(5),
        description=text(120),
        creator=unique(texts(80)),
        rights=text(116),
    )


def _decoded(value: bytes, utf8: bool) -> str:
    with suppress(UnicodeDecodeError):
        return clean(value.decode("utf-8"))
    return clean(value.decode("utf-8", errors="replace") if utf8 else value.decode("latin-1"))


def _iptc_date(day: str, time: str) -> str:
    """Of `20140503` and `121005+0200`."""
    date = maybe_date(re.sub(r"^(\d{4})(\d\d)(\d\d)$", r"\1-\2-\3", day))
    clock = re.sub(r"^(\d\d)(\d\d)(\d\d)([+-]\d\d)?(\d\d)?$", r"T\1:\2:\3\4:\5", time).removesuffix(":")
    return maybe_date(date + clock) or date
