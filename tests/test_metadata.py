"""Metadata of pictures read, put together and written: every format, damage, hostile XML, and exiftool's word."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import picture
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin
from sidecars import FULL, exif, sidecar

from dshcli.images.opening import pillow_ready
from dshcli.metadata.files import read_file
from dshcli.metadata.values import Metadata, Place, clean, maybe_date, maybe_place, unique
from dshcli.metadata.writing import created, extended
from dshcli.metadata.xmp import BadMetadata, parse


def iptc() -> bytes:
    """A JPEG's Photoshop block with keywords, a caption, the date and the time."""
    records = b"".join(
        bytes((0x1C, *number)) + len(value).to_bytes(2, "big") + value
        for number, value in (
            ((1, 90), b"\x1b%G"), ((2, 25), "naïve".encode()), ((2, 25), b"dog"), ((2, 120), b"Caption"),
            ((2, 55), b"20140503"), ((2, 60), b"121005+0200"),
        )
    )  # fmt: skip
    block = b"8BIM\x04\x04\0\0" + len(records).to_bytes(4, "big") + records + b"\0" * (len(records) % 2)
    body = b"Photoshop 3.0\0" + block
    return b"\xff\xed" + (len(body) + 2).to_bytes(2, "big") + body


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "heic", "avif"])
def test_exif_and_xmp_of_each_format(suffix: str, tmp_path: Path) -> None:
    pillow_ready()
    with_exif, with_xmp = tmp_path / f"e.{suffix}", tmp_path / f"x.{suffix}"
    picture(1).save(with_exif, exif=exif().tobytes())
    options: dict[str, object] = {"xmp": created(FULL)}
    if suffix == "png":
        text = PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", created(FULL).decode())
        options = {"pnginfo": text}
    elif suffix == "tif":
        options = {"tiffinfo": {700: created(FULL)}}
    picture(1).save(with_xmp, **options)
    known, notes = read_file(str(with_exif))
    assert notes == () and not known.contradicted(FULL) and not known.lacking(FULL) and not FULL.lacking(known)
    assert read_file(str(with_xmp)) == (FULL, ())


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_exif_texts_beyond_ascii(encoding: str, tmp_path: Path) -> None:
    tags = Image.Exif()
    tags[0x8298], tags[0x010E] = "© Zoé".encode(encoding), "OLYMPUS DIGITAL CAMERA         "
    picture(1).save(tmp_path / "a.jpg", exif=tags)
    assert read_file(str(tmp_path / "a.jpg")) == (Metadata(rights="© Zoé"), ())


def test_texts_behind_the_pixels_of_a_png(tmp_path: Path) -> None:
    """Where exiftool, for one, puts them."""
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", created(FULL).decode())
    picture(1).save(tmp_path / "a.png", pnginfo=text, exif=exif())
    data = (tmp_path / "a.png").read_bytes()
    pixels = data.index(b"IDAT") - 4
    end = pixels + 12 + int.from_bytes(data[pixels : pixels + 4], "big")
    assert min(data.index(b"iTXt"), data.index(b"eXIf")) > 33  # the header's end
    (tmp_path / "a.png").write_bytes(data[:33] + data[pixels:end] + data[33:pixels] + data[end:])
    assert read_file(str(tmp_path / "a.png")) == (FULL, ())
    (tmp_path / "a.png").write_bytes(data[:33] + data[pixels:])
    assert read_file(str(tmp_path / "a.png")) == (Metadata(), ())


@pytest.mark.parametrize(
    ("own", "other", "told"),
    [
        ({"captured": "2014-05-03T12:10:05+02:00"}, {"captured": "2014-05-03"}, ()),
        ({"captured": "2014-05-03T12:10:05+02:00"}, {"captured": "2014-05-03T12:10:05.5"}, ()),
        ({"captured": "2014-05-03T12:10:05"}, {"captured": "2014-05-03T12:10:05Z"}, ("captured",)),
        ({"captured": "2014-05-03"}, {"captured": "2014-05-03T12:10:05"}, ("captured",)),
        ({"captured": "2014-05-03"}, {"captured": "2014-05-04"}, ("captured",)),
        ({"place": Place(1, 2, 3)}, {"place": Place(1.00001, 2)}, ()),
        ({"place": Place(1, 2)}, {"place": Place(1, 2, 3)}, ("place",)),
        ({"place": Place(1, 2)}, {"place": Place(1.01, 2)}, ("place",)),
        ({"keywords": ("a",), "title": "t"}, {"keywords": ("b",), "title": "t"}, ()),
    ],
)
def test_what_is_not_merged_is_told(own: dict[str, object], other: dict[str, object], told: tuple[str, ...]) -> None:
    """A value that says more than the keeper's own is told, too, and not only one that says something else."""
    assert Metadata(**own).contradicted(Metadata(**other)) == told  # type: ignore[arg-type]


def test_iptc(tmp_path: Path) -> None:
    picture(1).save(tmp_path / "a.jpg")
    data = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(data[:2] + iptc() + data[2:])
    expected = Metadata(captured="2014-05-03T12:10:05+02:00", keywords=("naïve", "dog"), description="Caption")
    assert read_file(str(tmp_path / "a.jpg")) == (expected, ())


def test_keywords_of_the_keeper_itself_go_with_those_of_the_copy(tmp_path: Path) -> None:
    """A program that goes by sidecars would not see them any more."""
    data = extended(sidecar("r1"), Metadata(keywords=("copy's",)), ("own", "copy's"))
    assert parse(data).metadata().keywords == ("own", "copy's")


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    for text in (data, b"<r:RDF xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>" + data + b"</r:RDF>"):
        try:
            parse(text).metadata()
        except BadMetadata:
            continue


@settings(deadline=None)
@given(st.dictionaries(st.integers(0, 0xFFFF), st.one_of(st.text(), st.integers(0, 2**31), st.binary()), max_size=5))
def test_exif_of_wrong_types(tags: dict[int, object]) -> None:
    from dshcli.metadata import files

    wild: dict[int, object] = dict.fromkeys((1, 2, 3, 4, 5, 6, 0x9003, 0x4746, 0x9C9E), "x") | tags
    assert files._place(wild) is None
    files._date(wild, 0x9003, 0x9291, 0x9011)
    for value in tags.values():
        files._text(value), files._wide(value), files._rating(value), files._float(value)


# --- properties ------------------------------------------------------------------------------------------------------

TEXTS = st.text(max_size=30)
ZONES = st.sampled_from(["", "Z", "+02:00", "-11:30"])
DATES = st.one_of(
    st.sampled_from(["", "2014", "2014-05", "2014-05-03"]),
    st.builds(lambda moment, zone: maybe_date(moment.isoformat() + zone), st.datetimes(), ZONES),
)
PLACES = st.builds(maybe_place, st.floats(-90, 90), st.floats(-180, 180), st.one_of(st.none(), st.floats(-1000, 9000)))
METADATA = st.builds(
    Metadata, DATES, DATES, PLACES, st.sampled_from([None, -1, 1, 5]),
    st.lists(TEXTS, max_size=4).map(lambda words: unique(tuple(words))), TEXTS.map(clean), TEXTS.map(clean),
    st.lists(TEXTS, max_size=2).map(lambda words: unique(tuple(words))), TEXTS.map(clean),
)  # fmt: skip
RDF = b"http://www.w3.org/1999/02/22-rdf-syntax-ns#"
ODD = (  # sidecars that say nothing: other prefixes, elements of one tag, a byte order mark, > in an attribute
    b"<q:RDF xmlns:q='%s'/>" % RDF,
    "\ufeff<?xml version='1.0'?>".encode() + b"<q:RDF\txmlns:q='%s' ></q:RDF>" % RDF,
    b"<q:RDF xmlns:q='%s'><q:Description q:about='a&amp;&quot;>'><e xmlns='e'/></q:Description></q:RDF>" % RDF,
    b"<RDF xmlns='%s'><Description><d:subject xmlns:d='http://purl.org/dc/elements/1.1/'><Bag  a='>'/></d:subject>"
    b"</Description></RDF>" % RDF,
    sidecar(),
)


@settings(deadline=None)
@given(METADATA)
@example(Metadata(keywords=("</rdf:li>&amp;]]>", "&lol;"), title="<!-- \u2028 -->", description="' \"\n\t<![CDATA["))
def test_what_was_written_is_read(metadata: Metadata) -> None:
    assert parse(created(metadata)).metadata() == metadata


@settings(deadline=None)
@given(METADATA, st.sampled_from(ODD))
def test_what_was_added_is_read_and_the_rest_stays(metadata: Metadata, data: bytes) -> None:
    after = extended(data, metadata, metadata.keywords)
    assert parse(after).metadata() == metadata
    left = iter(after)  # what there was is still there in its order, but for the / of an element that was empty
    assert all(byte in left for byte in data.replace(b"/>", b">"))


@settings(deadline=None)
@given(METADATA, METADATA)
def test_merging(one: Metadata, other: Metadata) -> None:
    merged = one.over(other)
    assert not one.contradicted(merged) and not merged.lacking(other) and not merged.lacking(one)
    assert set(merged.keywords) == {*one.keywords, *other.keywords}
    added = one.lacking(other)
    assert one.over(added).known() | {"rating": 0} == merged.known() | {"rating": 0}


# --- another program's word ------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not here")
@pytest.mark.parametrize("before", [None, sidecar(), sidecar("k:old"), ODD[0]])
def test_exiftool_reads_it(before: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "a.xmp"
    if before is not None and not before.startswith(b"<?"):
        before = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + before + b"</x:xmpmeta>"
    path.write_bytes(created(FULL) if before is None else extended(before, FULL, FULL.keywords))
    old = ["old"] if b">old<" in (before or b"") else []
    command = ["exiftool", "-json", "-n", "-charset", "UTF8", "-validate", "-warning", str(path)]
    (told,) = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert "Warning" not in told
    command = ["exiftool", "-json", "-n", "-XMP:all", str(path)]
    (told,) = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert told["DateTimeOriginal"] == told["DateCreated"] == "2014:05:03 12:10:05.25+02:00"
    assert told["CreateDate"] == "2014:05:04 01:02:03"
    assert (round(told["GPSLatitude"], 7), round(told["GPSLongitude"], 7)) == (48.8583701, -2.2944813)
    assert (told["GPSAltitude"], told["GPSAltitudeRef"], told["Rating"]) == (12.5, 0, 4)
    assert (told["Subject"], told["Title"], told["Description"]) == ([*old, "cat", "naïve"], "A title", "A description")
    assert (told["Creator"], told["Rights"]) == ("Ann", "(c) Ann")
