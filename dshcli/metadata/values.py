"""What is known of a picture besides its pixels, in one form whatever it was read from, and how two such merge."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

SAME_PLACE = 1e-4  # degrees, some 10 m: closer ones do not contradict each other

NAN = float("nan")

# What XML 1.0 cannot hold, not even escaped.
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_DATE = re.compile(
    r"(\d{4})(?:[-:](\d\d)(?:[-:](\d\d)"
    r"(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9})\d*)?)?\s?(Z|[+-]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)


@dataclass(frozen=True)
class Place:
    """Latitude (north is positive) and longitude (east is positive) in degrees, to 7 decimals; altitude in metres
    above the sea, to 2 decimals, or None."""

    latitude: float
    longitude: float
    altitude: float | None = None


@dataclass(frozen=True)
class Metadata:
    """None, "" or () is what is not known.

    captured, digitized: when the picture was taken, and when it became a file: ISO 8601, from `2014` to
    `2014-05-03T12:10:05.25+02:00`; without a zone where none is known. rating: 1 to 5, or -1 for a rejected picture;
    0, which cameras write too, is none. keywords: each once, in their order.
    """

    captured: str = ""
    digitized: str = ""
    place: Place | None = None
    rating: int | None = None
    keywords: tuple[str, ...] = ()
    title: str = ""
    description: str = ""
    creator: tuple[str, ...] = ()
    rights: str = ""

    def __bool__(self) -> bool:
        return self != NOTHING

    def over(self, other: "Metadata") -> "Metadata":
        """This, and where it knows nothing what the other one knows; keywords of both."""
        added = {name: value for name, value in _known(other) if self._lacks(name)}
        return replace(self, **added | {"keywords": unique((*self.keywords, *other.keywords))})

    def lacking(self, other: "Metadata") -> "Metadata":
        """Of the other one what this does not know. That a copy was rejected says nothing of what is kept."""
        added = {name: value for name, value in _known(other) if self._lacks(name) and (name, value) != ("rating", -1)}
        keywords = tuple(word for word in other.keywords if word not in self.keywords)
        return Metadata(**added | {"keywords": keywords})

    def contradicted(self, other: "Metadata") -> tuple[str, ...]:
        """The names of fields of which the other one knows something else."""
        return tuple(
            name
            for name, value in _known(other)
            if name != "keywords" and not self._lacks(name) and not _agree(getattr(self, name), value)
        )

    def _lacks(self, name: str) -> bool:
        return getattr(self, name) in _UNKNOWN

    def known(self) -> dict[str, Any]:
        """The fields that are known, by name, as JSON can hold them."""
        values = dict(_known(self))
        if self.place is not None:
            values["place"] = [self.place.latitude, self.place.longitude, self.place.altitude]
        return values


_UNKNOWN: tuple[object, ...] = (None, "", ())
NOTHING = Metadata()


def _known(metadata: Metadata) -> list[tuple[str, Any]]:
    values = ((field.name, getattr(metadata, field.name)) for field in fields(metadata))
    return [(name, value) for name, value in values if value not in _UNKNOWN]


def _agree(one: Any, other: Any) -> bool:
    """Whether the other value says nothing that this one does not; fractions of a second and metres do not count."""
    if isinstance(one, Place):
        near = (one.latitude - other.latitude, one.longitude - other.longitude)
        high = other.altitude is None or one.altitude is not None
        return high and all(abs(difference) <= SAME_PLACE for difference in near)
    if isinstance(one, str) and (date := _DATE.fullmatch(one)) and (same := _DATE.fullmatch(other)):
        return one[:19].startswith(other[:19]) and same[8] in (None, date[8])
    return bool(one == other)


# --- values, made sound ----------------------------------------------------------------------------------------------


def clean(text: str) -> str:
    """Text as XML can hold it: control characters dropped, newlines as \\n, no space around it."""
    return _NOT_IN_XML.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def unique(words: tuple[str, ...]) -> tuple[str, ...]:
    """Words in one line each, without empty and repeated ones."""
    return tuple(dict.fromkeys(word for word in (" ".join(clean(word).split()) for word in words) if word))


def maybe_date(text: str) -> str:
    """A date of EXIF's form or XMP's as ISO 8601, or "" if it is none: cameras without a clock write 0000:00:00."""
    found = _DATE.fullmatch(text.strip(" \0"))
    if found is None:
        return ""
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        datetime(int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0))
    except ValueError:
        return ""
    date = "-".join(part for part in (year, month, day) if part)
    if hour is None:
        return date
    fraction = (fraction or "").rstrip("0")
    return f"{date}T{hour}:{minute}:{second or '00'}{'.' if fraction else ''}{fraction}{_zone(zone)}"


def _zone(text: str | None) -> str:
    if text in (None, "Z"):
        return text or ""
    return text if int(text[1:3]) < 24 and int(text[4:]) < 60 else ""


def degrees(parts: Iterable[float], letter: str, signs: str) -> float:
    """Of degrees, minutes and seconds; NaN if one of them is, or if the letter is none of `signs`: that of a positive
    and that of a negative angle."""
    if letter not in (*signs,):
        return NAN
    angle: float = sum(part / 60**power for power, part in enumerate(parts))
    return angle if letter == signs[0] else -angle


def maybe_place(latitude: float, longitude: float, altitude: float | None = None) -> Place | None:
    """None for what lies nowhere, and for the zeros that receivers write before they know."""
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):  # which NaN is not, either
        return None
    latitude, longitude = round(latitude, 7) + 0.0, round(longitude, 7) + 0.0
    if latitude == longitude == 0:
        return None
    if altitude is not None:
        altitude = round(altitude, 2) + 0.0 if abs(altitude) < 1e6 else None
    return Place(latitude, longitude, altitude)


def maybe_rating(value: float) -> int | None:
    """None for what is no rating, and for 0, which says that nobody has rated."""
    return round(value) or None if -1 <= value <= 5 else None
