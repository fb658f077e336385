"""Sidecars and EXIF for tests, as cameras and other programs write them."""

from PIL import Image

from dshcli.metadata.values import Metadata, Place

ATTRIBUTES = {"xmp:Rating": "r", "exif:DateTimeOriginal": "c:"}


def sidecar(*words: str) -> bytes:
    """A sidecar as another program writes it: with attributes, a namespace of its own, comments and odd spaces."""
    attributes = "".join(
        f" {name}='{word.removeprefix(mark)}'"
        for word in words
        for name, mark in ATTRIBUTES.items()
        if word.startswith(mark)
    )
    titles = [word[2:] for word in words if word.startswith("t:")]
    title = "".join(
        f"<dc:title><rdf:Alt><rdf:li xml:lang='x-default'>{t}</rdf:li></rdf:Alt></dc:title>" for t in titles
    )
    items = "".join(f"<rdf:li>{word[2:]}</rdf:li>" for word in words if word.startswith("k:"))
    keywords = f"<dc:subject>\n\t<rdf:Bag>{items}</rdf:Bag></dc:subject>" if items else ""
    return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x='adobe:ns:meta/'><!-- mine: é -->
<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>
 <rdf:Description   rdf:about=''  xmlns:own='http://example.org/own' own:history='a &gt; b'{attributes}
   xmlns:xmp='http://ns.adobe.com/xap/1.0/' xmlns:dc='http://purl.org/dc/elements/1.1/'
   xmlns:exif='http://ns.adobe.com/exif/1.0/'>
   <own:steps><rdf:Seq><rdf:li rdf:parseType='Resource'><own:step>1</own:step></rdf:li></rdf:Seq></own:steps>
   {title}{keywords}</rdf:Description>
   </rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>""".encode()


FULL = Metadata(
    "2014-05-03T12:10:05.25+02:00", "2014-05-04T01:02:03", Place(48.8583701, -2.2944813, 12.5), 4, ("cat", "naïve"),
    "A title", "A description", ("Ann",), "(c) Ann",
)  # fmt: skip


def exif() -> Image.Exif:
    """FULL as a camera and Windows would write it, to the precision of EXIF's angles here."""
    tags = Image.Exif()
    tags[0x010E], tags[0x013B], tags[0x8298] = "A description", "Ann", "(c) Ann"
    tags[0x4746], tags[0x9C9E], tags[0x9C9B] = 4, "cat;naïve\0".encode("utf-16-le"), "A title\0".encode("utf-16-le")
    sub, gps = tags.get_ifd(0x8769), tags.get_ifd(0x8825)
    sub |= {
        0x9003: "2014:05:03 12:10:05", 0x9291: "25", 0x9011: "+02:00", 0x9004: "2014:05:04 01:02:03",
    }  # fmt: skip
    gps |= {
        1: "N", 2: (48.0, 51.0, 30.13236), 3: "W", 4: (2.0, 17.0, 40.13268), 5: b"\0", 6: 12.5,
    }  # fmt: skip
    return tags


LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "lol">%s]>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="&j;"/></rdf:RDF>"""
LAUGHS %= b"".join(b'<!ENTITY %c "%s">' % (letter, b"&%c;" % (letter - 1) * 10) for letter in b"bcdefghij")
HOSTILE = (  # a document that grows a billion-fold, one that fetches a file, one that asks a server
    LAUGHS,
    b"<!DOCTYPE r [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><r>&x;</r>",
    b"<!DOCTYPE r SYSTEM 'http://example.org/x.dtd'><r/>",
)
