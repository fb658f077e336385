"""Writes XMP: a new sidecar, or additions to one that is there, whose every byte is kept."""

import re
from xml.sax.saxutils import escape, quoteattr

from dshcli.metadata.values import Metadata, Place
from dshcli.metadata.xmp import DC, EXIF, PHOTOSHOP, RDF, SUBJECT, XMP, BadMetadata, Spot, parse

_PREFIXES = {DC: "dc", EXIF: "exif", PHOTOSHOP: "photoshop", XMP: "xmp"}
_TAG = re.compile(rb"""<([^\s/>]+)(?:[^>"']|"[^"]*"|'[^']*')*>""")  # in XML that expat has found sound

Properties = dict[str, str]  # name, as in Packet.properties: what stands in the element


def created(values: Metadata) -> bytes:
    """A sidecar of these values."""
    properties = {name: text for field in _fields(values).values() for name, text in field.items()}
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="dsh">\n'
        f' <rdf:RDF xmlns:rdf="{RDF}">\n{_description("", properties)} </rdf:RDF>\n</x:xmpmeta>\n'
    ).encode()


def extended(data: bytes, values: Metadata, keywords: tuple[str, ...]) -> bytes:
    """A sidecar with values added that it lacks. keywords: all that the picture has from then on, for a sidecar without
    any, which would hide those in the picture. Raises BadMetadata if the sidecar cannot be read, or not be added to."""
    packet = parse(data)
    if not packet.utf8 or packet.rdf is None:
        raise BadMetadata("in an encoding other than UTF-8")
    inserts, added = list[tuple[Spot, str]](), Properties()
    for field, properties in _fields(values).items():
        if field == "keywords" and packet.bag is not None:
            prefix = _first_tag(data, packet.bag)[1].decode().rpartition(":")[0]
            inserts.append((packet.bag, _items(values.keywords, prefix)))
        elif properties.keys() & packet.properties.keys():
            raise BadMetadata(f"its own {field} is empty or makes no sense")
        else:
            added |= {SUBJECT: _list("Bag", keywords)} if field == "keywords" else properties
    if added:
        inserts.append((packet.rdf, _description(packet.about, added)))
    for spot, text in sorted(inserts, key=lambda insert: insert[0].end, reverse=True):
        data = _inserted(data, spot, text.encode())
    parse(data)  # whatever was odd about it, a sidecar that cannot be read any more is not written
    return data


def _inserted(data: bytes, spot: Spot, text: bytes) -> bytes:
    """Text at the end of an element. The one that ends last comes first, so that the offsets before it stay true."""
    tag = _first_tag(data, spot)
    if tag[0].endswith(b"/>"):
        return data[: tag.end() - 2] + b">" + text + b"</" + tag[1] + b">" + data[tag.end() :]
    end = spot.end
    while data[end - 1 : end] in (b" ", b"\t"):  # the last tag's indentation stays before it
        end -= 1
    return data[:end] + text + data[end:]


def _first_tag(data: bytes, spot: Spot) -> re.Match[bytes]:
    """Its first group is the tag's name."""
    tag = _TAG.match(data, spot.start)
    assert tag is not None
    return tag


def _fields(values: Metadata) -> dict[str, Properties]:
    """The properties of each field that is known."""
    fields = {
        "captured": {f"{EXIF} DateTimeOriginal": values.captured, f"{PHOTOSHOP} DateCreated": values.captured},
        "digitized": {f"{XMP} CreateDate": values.digitized},
        "place": {} if values.place is None else _place(values.place),
        "rating": {f"{XMP} Rating": "" if values.rating is None else str(values.rating)},
        "keywords": {SUBJECT: _list("Bag", values.keywords)},
        "title": {f"{DC} title": _alternative(values.title)},
        "description": {f"{DC} description": _alternative(values.description)},
        "creator": {f"{DC} creator": _list("Seq", values.creator)},
        "rights": {f"{DC} rights": _alternative(values.rights)},
    }
    return {name: properties for name, properties in fields.items() if any(properties.values())}


def _place(place: Place) -> Properties:
    properties = {
        f"{EXIF} GPSLatitude": _angle(place.latitude, "NS"),
        f"{EXIF} GPSLongitude": _angle(place.longitude, "EW"),
    }
    if place.altitude is not None:
        properties[f"{EXIF} GPSAltitude"] = f"{round(abs(place.altitude) * 100)}/100"
        properties[f"{EXIF} GPSAltitudeRef"] = "1" if place.altitude < 0 else "0"
    return properties


def _angle(degrees: float, signs: str) -> str:
    """`48,51.500000N`. Six decimals of a minute hold seven of a degree exactly."""
    millionths = round(abs(degrees) * 60_000_000)
    whole, minutes = divmod(millionths, 60_000_000)
    return f"{whole},{minutes // 1_000_000}.{minutes % 1_000_000:06}{signs[degrees < 0]}"


def _list(kind: str, words: tuple[str, ...]) -> str:
    return f"<rdf:{kind}>{_items(words)}</rdf:{kind}>" if words else ""


def _items(words: tuple[str, ...], rdf: str = "rdf") -> str:
    tag = f"{rdf}:li" if rdf else "li"
    return "".join(f"<{tag}>{escape(word)}</{tag}>" for word in words)


def _alternative(text: str) -> str:
    return f'<rdf:Alt><rdf:li xml:lang="x-default">{escape(text)}</rdf:li></rdf:Alt>' if text else ""


def _description(about: str, properties: Properties) -> str:
    """With the prefixes that it needs: those around it may have other names."""
    spaces = {name.split()[0] for name in properties} | {RDF}
    declared = "".join(
        f'\n    xmlns:{prefix}="{space}"' for space, prefix in (_PREFIXES | {RDF: "rdf"}).items() if space in spaces
    )
    elements = []
    for name, text in properties.items():
        space, local = name.split()
        tag = f"{_PREFIXES[space]}:{local}"
        elements.append(f"   <{tag}>{text}</{tag}>\n")
    return f"  <rdf:Description rdf:about={quoteattr(about)}{declared}>\n{''.join(elements)}  </rdf:Description>\n"
