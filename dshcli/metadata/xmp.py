"""Reads XMP (ISO 16684-1): the RDF that says in a picture file, or in a sidecar beside it, what is known of a picture.

Expat reads it with document types refused: XMP has none, and without them there are no entities that grow or that
fetch other files. Where expat finds what `writing.py` adds to, its offset in the bytes is kept.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from dshcli.metadata.values import NAN, Metadata, Place, clean, degrees, maybe_date, maybe_place, maybe_rating, unique

if TYPE_CHECKING:
    from xml.parsers.expat import XMLParserType

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XML = "http://www.w3.org/XML/1998/namespace"
DC = "http://purl.org/dc/elements/1.1/"
EXIF = "http://ns.adobe.com/exif/1.0/"
PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
XMP = "http://ns.adobe.com/xap/1.0/"

MAX_BYTES = 16 << 20  # of a packet or sidecar; those with a long history of edits are below 1 MB
SUBJECT = f"{DC} subject"
SIDECAR_FOR = f"{PHOTOSHOP} SidecarForExtension"  # which of the files of one name an Adobe sidecar belongs to

_DESCRIPTION, _ITEM = f"{RDF} Description", f"{RDF} li"
_CONTAINERS = {f"{RDF} {kind}" for kind in ("Bag", "Seq", "Alt")}


class BadMetadata(Exception):
    """Metadata that cannot be read; `str()` is the reason, for people."""


class Value(NamedTuple):
    """A property's value, or an item of it. language: xml:lang, or ""."""

    text: str
    language: str


@dataclass(frozen=True)
class Spot:
    """An element, by the offsets of its first tag and, unless that is its only one, of its last."""

    start: int
    end: int


@dataclass
class Packet:
    """What was read. properties: by namespace and name, with a space between; about: of the first description; rdf,
    bag: the spots of rdf:RDF and of the keywords' container; utf8: whether offsets count bytes of UTF-8."""

    properties: dict[str, list[Value]] = field(default_factory=dict)
    about: str = ""
    rdf: Spot | None = None
    bag: Spot | None = None
    utf8: bool = True

    def metadata(self) -> Metadata:
        """Its values. Those that make no sense count as none."""
        return Metadata(
            captured=self._date(f"{EXIF} DateTimeOriginal") or self._date(f"{PHOTOSHOP} DateCreated"),
            digitized=self._date(f"{XMP} CreateDate") or self._date(f"{EXIF} DateTimeDigitized"),
            place=self._place(),
            rating=maybe_rating(_number(self._text(f"{XMP} Rating"))),
            keywords=unique(self._texts(SUBJECT)),
            title=self._text(f"{DC} title"),
            description=self._text(f"{DC} description"),
            creator=unique(self._texts(f"{DC} creator")),
            rights=self._text(f"{DC} rights"),
        )

    def _texts(self, name: str) -> tuple[str, ...]:
        return tuple(value.text for value in self.properties.get(name, ()))

    def _text(self, name: str) -> str:
        values = self.properties.get(name, [])
        chosen = [value for value in values if value.language == "x-default"] or values
        return clean(chosen[0].text) if chosen else ""

    def _date(self, name: str) -> str:
        return maybe_date(self._text(name))

    def _place(self) -> Place | None:
        latitude = _degrees(self._text(f"{EXIF} GPSLatitude"), "NS")
        longitude = _degrees(self._text(f"{EXIF} GPSLongitude"), "EW")
        altitude = _number(self._text(f"{EXIF} GPSAltitude"))
        below = self._text(f"{EXIF} GPSAltitudeRef") == "1"
        return maybe_place(latitude, longitude, -altitude if below else altitude)


def _number(text: str) -> float:
    """Of `3`, `3.5`, `7/2`; NaN if it is none."""
    above, slash, below = text.partition("/")
    try:
        return float(above) / float(below) if slash else float(above)
    except (ValueError, ZeroDivisionError, OverflowError):
        return NAN


def _degrees(text: str, signs: str) -> float:
    """Of XMP's `48,51.5N` and `48,51,30N`; NaN if it is none."""
    return degrees(map(_number, text[:-1].split(",")[:3]), text[-1:], signs)


def parse(data: bytes) -> Packet:
    """Reads a packet or a sidecar. Raises BadMetadata."""
    from xml.parsers import expat

    if len(data) > MAX_BYTES:
        raise BadMetadata(f"larger than {MAX_BYTES >> 20} MiB")
    parser = expat.ParserCreate(namespace_separator=" ")
    reader = _Reader(parser, data[:4])
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise BadMetadata(f"damaged: {error}") from error
    except (ValueError, LookupError) as error:  # an encoding that Python does not have
        raise BadMetadata("in an unknown encoding") from error
    if reader.packet.rdf is None:
        raise BadMetadata("no XMP")
    return reader.packet


class _Reader:
    """Follows the elements: RDF / Description / property / container / item."""

    def __init__(self, parser: "XMLParserType", head: bytes) -> None:
        self.packet = Packet(utf8=head[:2] not in (b"\xfe\xff", b"\xff\xfe") and b"\0" not in head)
        self._parser = parser
        self._names = list[str]()
        self._starts = list[int]()
        self._text = list[str]()
        self._language = ""
        self._items = False  # whether the property has had any: then the text around them is none of its own
        self._described = False
        self._rdf = 0  # depth of rdf:RDF, counted from 1; 0 outside
        parser.buffer_text = True
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler = self._text.append
        parser.StartDoctypeDeclHandler, parser.XmlDeclHandler = self._refuse, self._declared

    def _refuse(self, *_: object) -> None:
        raise BadMetadata("has a document type, which XMP never has")

    def _declared(self, version: str, encoding: str | None, standalone: int) -> None:
        if (encoding or "utf-8").lower() not in ("utf-8", "us-ascii"):
            self.packet.utf8 = False

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._names.append(name)
        self._starts.append(self._parser.CurrentByteIndex)
        if name == f"{RDF} RDF" and not self._rdf and self.packet.rdf is None:
            self._rdf = len(self._names)
        depth = self._depth()
        if depth == 1 and name == _DESCRIPTION:
            self._describe(attributes)
        elif depth == 2 and self._names[-2] == _DESCRIPTION:
            values = self.packet.properties.setdefault(name, [])
            if f"{RDF} resource" in attributes:
                values.append(Value(attributes[f"{RDF} resource"], ""))
            self._items = False
        if depth == 2 or (depth == 4 and name == _ITEM):
            self._items = self._items or depth == 4
            self._text.clear()
            self._language = attributes.get(f"{XML} lang", "")

    def _end(self, name: str) -> None:
        depth = self._depth()
        spot = Spot(self._starts.pop(), self._parser.CurrentByteIndex)
        if depth == 0 and len(self._names) == self._rdf:
            self.packet.rdf, self._rdf = spot, 0
        elif depth in (2, 4) and self._names[self._rdf] == _DESCRIPTION:
            self._end_value(depth, name)
        elif depth == 3 and name in _CONTAINERS and self._names[-2] == SUBJECT:
            self.packet.bag = spot
        self._names.pop()

    def _end_value(self, depth: int, name: str) -> None:
        value = Value("".join(self._text), self._language)
        self._text.clear()
        if depth == 4 and name == _ITEM and self._names[-2] in _CONTAINERS:
            self.packet.properties[self._names[-3]].append(value)
        elif depth == 2 and not self._items and value.text.strip():
            self.packet.properties[name].append(value)

    def _describe(self, attributes: dict[str, str]) -> None:
        if not self._described:
            self.packet.about = attributes.get(f"{RDF} about", attributes.get("about", ""))
            self._described = True
        for name, value in attributes.items():
            if not name.startswith((RDF, XML)) and " " in name:
                self.packet.properties.setdefault(name, []).append(Value(value, ""))

    def _depth(self) -> int:
        """Of the innermost element below rdf:RDF, which has 0; -1 outside."""
        return len(self._names) - self._rdf if self._rdf else -1
