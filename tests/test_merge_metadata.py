"""`apply --merge-metadata`: commands and, for each, the exact set of surviving files, their bytes and sidecars.

The words are those of worlds.py. A sidecar is told by what it says: `a/keep.xmp=r5,k:cat` has its first bytes still;
`a/keep.xmp=+r5,k:cat` was written by dsh. r: rating, k: keyword, t: title, c: date of capture.
"""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import as_nobody, picture, records
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin
from typer.testing import Result
from worlds import PLAN, START, World, sorted_words

from dshcli.images.opening import pillow_ready
from dshcli.metadata.files import read_file
from dshcli.metadata.values import Metadata, Place, clean, maybe_date, maybe_place, unique
from dshcli.metadata.writing import created, extended
from dshcli.metadata.xmp import BadMetadata, parse

MERGE = "apply --yes --merge-metadata"
DIRECT = "q1/a/copy=K q1/b/small=S a/keep=K other=O"
NAMES = {"xmp:Rating": "r", "dc:title": "t:", "exif:DateTimeOriginal": "c:"}
DONE = ["done a/copy", "done b/small"]


def sidecar(*words: str) -> bytes:
    """A sidecar as another program writes it: with attributes, a namespace of its own, comments and odd spaces."""
    attributes = "".join(
        f" {name}='{word.removeprefix(mark)}'"
        for word in words
        for name, mark in NAMES.items()
        if word.startswith(mark) and name != "dc:title"
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


class SidecarWorld(World):
    """With a word for sidecars: `say a/copy.xmp r5 k:cat`."""

    def do_say(self, name: str, *words: str) -> None:
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        Path(path).write_bytes(sidecar(*words))
        os.chmod(path, 0o640)
        os.utime(path, ns=(10**18, 10**18 + 7))

    def do_bytes(self, name: str, text: str) -> None:
        with open(self.path(name), "wb") as file:
            file.write(text.encode())

    def _content(self, path: str) -> str:
        if not path.endswith(".xmp") or os.path.islink(path):
            return super()._content(path)
        data = Path(os.fsencode(path).decode(errors="surrogateescape")).read_bytes()
        try:
            known = parse(data).metadata()
        except BadMetadata:
            return "bad"
        words = [f"r{known.rating}"] if known.rating else []
        words += [f"c:{known.captured}"] if known.captured else []
        words += [f"k:{word}" for word in known.keywords] + ([f"t:{known.title}"] if known.title else [])
        facts = os.stat(path)
        untouched = data == sidecar(*words) and (facts.st_mode & 0o777, facts.st_mtime_ns) == (0o640, 10**18 + 7)
        return ("" if untouched else "+") + ",".join(words)


@pytest.fixture
def world(public: Path, dsh: Callable[..., Result]) -> SidecarWorld:
    made = SidecarWorld(public, dsh, public / "q")
    made.make(START, PLAN)
    return made


# fmt: off
TABLE: dict[str, tuple[str, str, list[str]]] = {
    # name: (commands and events, surviving files, outcomes)
    "a dry run touches nothing": (
        "say a/copy.xmp r5; apply --merge-metadata", f"{START} a/copy.xmp=r5", ["would a/copy", "would b/small"]),
    "nothing to merge": (MERGE, DIRECT, DONE),
    "only when asked for": ("say a/copy.xmp r5; apply --yes", f"{DIRECT} a/copy.xmp=r5", DONE),
    "a new sidecar": (f"say a/copy.xmp r5 k:cat; {MERGE}", f"{DIRECT} a/copy.xmp=r5,k:cat a/keep.xmp=+r5,k:cat", DONE),
    "the first value counts, keywords are united": (
        f"say a/copy.xmp r5 k:cat; say b/small.xmp r3 k:dog k:cat t:T; {MERGE}",
        f"{DIRECT} a/copy.xmp=r5,k:cat b/small.xmp=r3,k:dog,k:cat,t:T a/keep.xmp=+r5,k:cat,k:dog,t:T", DONE),
    "a keeper's own value wins": (
        f"say a/keep.xmp r1 t:mine; say a/copy.xmp r5 t:yours c:2014-05-03; {MERGE}",
        f"{DIRECT} a/copy.xmp=r5,c:2014-05-03,t:yours a/keep.xmp=+r1,c:2014-05-03,t:mine", DONE),
    "a sidecar that knows it all is left alone": (
        f"say a/keep.xmp r5 k:a k:b; say a/copy.xmp r5 k:b; {MERGE}",
        f"{DIRECT} a/copy.xmp=r5,k:b a/keep.xmp=r5,k:a,k:b", DONE),
    "keywords into a list that is there": (
        f"say a/keep.xmp k:a; say a/copy.xmp k:b; {MERGE}", f"{DIRECT} a/copy.xmp=k:b a/keep.xmp=+k:a,k:b", DONE),
    "a rejected copy says nothing of the keeper": (
        f"say a/copy.xmp r-1; {MERGE}", f"{DIRECT} a/copy.xmp=r-1", DONE),
    "twice": (
        f"say a/copy.xmp r5; {MERGE}; {MERGE}", f"{DIRECT} a/copy.xmp=r5 a/keep.xmp=+r5",
        [*DONE, "already a/copy", "already b/small"]),
    "a file that stays gives nothing": (
        f"say a/copy.xmp r5; write a/copy N; {MERGE}",
        "a/keep=K a/copy=N a/copy.xmp=r5 q1/b/small=S other=O",
        ["skipped a/copy changed since it was planned", "done b/small"]),
    "hard links": (
        f"say a/copy.xmp r5; plan a/keep:a/copy; {MERGE} --to hardlink",
        "a/keep=K* a/copy=K* b/small=S other=O a/copy.xmp=r5 a/keep.xmp=+r5", ["done a/copy"]),
    "deleted, and not undone": (
        f"say a/copy.xmp r5; {MERGE} --to delete --really-delete; rm a/copy.xmp; undo",
        "a/keep=K other=O a/keep.xmp=+r5", [*DONE, "skipped b/small deleted for good", "skipped a/copy deleted for"]),

    # undo
    "undo of a new sidecar": (
        f"say a/copy.xmp r5; {MERGE}; undo", f"{START} a/copy.xmp=r5", [*DONE, *DONE[::-1]]),
    "undo of one that was added to": (
        f"say a/keep.xmp k:a t:mine; say a/copy.xmp r5 k:b; say b/small.xmp c:2014-05-03 k:c; {MERGE}; undo",
        f"{START} a/keep.xmp=k:a,t:mine a/copy.xmp=r5,k:b b/small.xmp=c:2014-05-03,k:c", [*DONE, *DONE[::-1]]),
    "undo twice": (
        f"say a/copy.xmp r5; {MERGE}; undo; undo", f"{START} a/copy.xmp=r5",
        [*DONE, *DONE[::-1], "already b/small", "already a/copy"]),
    "undo after the user's edit": (
        f"say a/copy.xmp r5; {MERGE}; say a/keep.xmp r2; undo", f"{START} a/copy.xmp=r5 a/keep.xmp=r2",
        [*DONE, *DONE[::-1]]),
    "undo after the user removed the sidecar": (
        f"say a/keep.xmp t:mine; say a/copy.xmp r5; {MERGE}; rm a/keep.xmp; undo", f"{START} a/copy.xmp=r5",
        [*DONE, *DONE[::-1]]),
    "undo of hard links": (
        f"say a/copy.xmp r5; plan a/keep:a/copy; {MERGE} --to hardlink; undo", f"{START} a/copy.xmp=r5",
        ["done a/copy", "done a/copy"]),
    "what a copy gave stays while it cannot come back": (
        f"say a/copy.xmp r5; {MERGE}; rm q1/a/copy; undo", "a/keep=K b/small=S other=O a/copy.xmp=r5 a/keep.xmp=+r5",
        [*DONE, "done b/small", "skipped a/copy no longer in"]),
    "... and what another gave after it goes": (
        f"say a/copy.xmp r5; say b/small.xmp t:T; {MERGE}; rm q1/a/copy; undo",
        "a/keep=K b/small=S other=O a/copy.xmp=r5 b/small.xmp=t:T a/keep.xmp=+r5",
        [*DONE, "done b/small", "skipped a/copy no longer in"]),
    "apply, undo, apply": (
        f"say a/copy.xmp r5; {MERGE}; undo; {MERGE}",
        f"{DIRECT} a/copy.xmp=r5 a/keep.xmp=+r5".replace("q1", "q2"), [*DONE, *DONE[::-1], *DONE]),
    "a removal that fails leaves no sidecar": (
        f"say a/copy.xmp r5; {MERGE} --dir /proc/none", f"{START} a/copy.xmp=r5",
        ["skipped a/copy no such file or directory", "skipped b/small no such file or directory"]),

    # sidecars that cannot be written
    "a protected keeper": (
        f"say b/small.xmp r5; {MERGE} --protect @a",
        "a/keep=K a/copy=K b/small=S other=O b/small.xmp=r5",
        ["skipped a/copy protected by", "skipped b/small its rating would be lost: the keeper is protected by"]),
    "a protected keeper, and nothing to add": (
        f"say a/keep.xmp r5; say b/small.xmp r4; {MERGE} --protect @a",
        "a/keep=K a/copy=K q1/b/small=S other=O b/small.xmp=r4 a/keep.xmp=r5",
        ["skipped a/copy protected by", "done b/small"]),
    "a sidecar that is damaged": (
        f"bytes a/keep.xmp <x; say a/copy.xmp r5; {MERGE}",
        "a/keep=K a/copy=K q1/b/small=S other=O a/copy.xmp=r5 a/keep.xmp=bad",
        ["skipped a/copy its rating would be lost: keep.xmp cannot be added to (damaged: ", "done b/small"]),
    "a sidecar that is damaged, and so is the copy's": (
        f"bytes a/keep.xmp <x; bytes a/copy.xmp <x; {MERGE}", f"{DIRECT} a/copy.xmp=bad a/keep.xmp=bad", DONE),
    "a sidecar that is a symlink": (
        f"say x r1; symlink x a/keep.xmp; say a/copy.xmp r5; plan a/keep:a/copy; {MERGE}; rm x",
        f"{START} a/copy.xmp=r5 a/keep.xmp=symlink",
        ["skipped a/copy its rating would be lost: keep.xmp cannot be added to (a symlink)"]),
    "a value that makes no sense": (
        f"say a/keep.xmp rmany; say a/copy.xmp r5; {MERGE}; rm a/keep.xmp",
        "a/keep=K a/copy=K q1/b/small=S other=O a/copy.xmp=r5",
        ["skipped a/copy its rating would be lost: its own rating is empty or makes no sense", "done b/small"]),
}
# fmt: on


@pytest.mark.parametrize("name", TABLE)
def test_table(name: str, world: SidecarWorld) -> None:
    check(world, *TABLE[name])


def check(world: World, script: str, files: str, outcomes: list[str]) -> None:
    told = world.run(script)
    assert len(told) == len(outcomes), told
    for line, expected in zip(told, outcomes, strict=True):
        assert line == expected or (len(expected) > len("done a/copy") and expected in line), told
    assert world.files() == sorted_words(files)


@pytest.mark.parametrize("name", ["caf~.jpg", "new_line.jpg", "-rf.jpg", "鳥🙂.jpg", "\x1b[31m.jpg", "n" * 251])
def test_names(name: str, world: SidecarWorld) -> None:
    """Keepers and copies of any name."""
    world.write(name, "K")
    world.write(f"d/{name}", "S")
    world.do_say(f"d/{name}.xmp", "r5", "k:cat")
    world.write_plan(f"{name}:d/{name}")
    start = world.files()
    assert world.run(MERGE) == [f"done d/{name}"]
    assert f"{name}.xmp=+r5,k:cat" in world.files()
    world.run("undo")
    assert world.files() == start


def test_a_name_too_long_for_a_sidecar(world: SidecarWorld) -> None:
    long = "n" * 255
    world.write(long, "K")
    world.do_say("a/copy.xmp", "r5")
    world.write_plan(f"{long}:a/copy")
    assert world.run(MERGE) == ["skipped a/copy file name too long"]


def test_both_conventions(world: SidecarWorld) -> None:
    """a.jpg.xmp comes before a.xmp; an a.xmp that says it is a raw file's is neither read nor written to."""
    for name, letter in (("k.jpg", "K"), ("c.jpg", "S")):
        world.write(name, letter)
    world.write_plan("k.jpg:c.jpg")
    world.do_say("c.jpg.xmp", "r5")
    world.do_say("c.xmp", "r2", "t:T")
    world.do_say("k.xmp", "k:mine")
    start = world.files()
    world.run(MERGE)
    assert "k.xmp=+r5,k:mine,t:T" in world.files() and "k.jpg.xmp" not in world.files()
    world.run("undo")
    assert world.files() == start
    raw = sidecar("r1").replace(
        b"own:history=", b"xmlns:p='http://ns.adobe.com/photoshop/1.0/' p:SidecarForExtension='CR2' own:history="
    )
    Path(world.path("k.xmp")).write_bytes(raw)
    world.run(MERGE)
    assert "k.jpg.xmp=+r5,t:T" in world.files() and Path(world.path("k.xmp")).read_bytes() == raw


def test_folders_that_cannot_be_written(world: SidecarWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy stays unless its metadata adds nothing; a dry run says the same; undo goes on once it can."""
    monkeypatch.setenv("DSH_HOME", str(world.root))
    world.do_say("b/small.xmp", "r5")
    world.write_plan("a/keep:b/small")
    start = world.files()
    for folder, folders, names in os.walk(world.root):
        for entry in (".", *folders, *names):
            if os.geteuid() == 0:
                os.chown(os.path.join(folder, entry), 65534, 65534)
    reason = "skipped b/small its rating would be lost: the keeper's folder cannot be written"
    with as_nobody():
        assert world.run("chmod 555 a; apply --merge-metadata; " + MERGE) == [reason, reason]
        assert world.files() == start
        assert world.run(f"chmod 755 a; {MERGE}; chmod 555 a; undo") == [
            "done b/small", "skipped b/small restored, but not the keeper's sidecar: permission denied",
        ]  # fmt: skip
        assert world.run("chmod 755 a; undo") == ["done b/small"]
    assert world.files() == start


def test_what_is_said(world: SidecarWorld, dsh: Callable[..., Result]) -> None:
    world.do_say("a/copy.xmp", "r5", "k:cat")
    world.do_say("b/small.xmp", "r3")
    options = ("apply", world.plan, "--dir", world.quarantine, "--merge-metadata", "--json")
    dry, done = records(dsh(*options)), dsh(*options, "--yes")
    first, second = records(done)
    assert (first["merged"], second["merged"]) == ({"rating": 5, "keywords": ["cat"]}, {})
    assert first["sidecar"] == world.path("a/keep.xmp") and second["sidecar"] == ""
    assert first["notes"] == ["its sidecar stays: copy.xmp"]
    assert second["notes"] == [
        "not merged, since the keeper has its own: rating", "its sidecar stays: small.xmp",
    ]  # fmt: skip
    for would, did in zip(dry, [first, second], strict=True):
        assert would | {"action": "done"} == did
    assert "1 sidecar of kept files got what only the other files say." in done.stderr
    undone = dsh("undo", "--db", world.db)
    assert "1 sidecar of kept files taken back." in undone.stderr
    assert undone.stdout.splitlines()[1].split("\t")[-2] == world.path("a/keep.xmp")


def test_a_sidecar_that_is_new_is_as_private_as_its_picture(world: SidecarWorld) -> None:
    os.chmod(world.path("a/keep"), 0o600)
    world.do_say("a/copy.xmp", "r5")
    world.run(MERGE)
    assert os.stat(world.path("a/keep.xmp")).st_mode & 0o777 == 0o600


def test_a_sidecar_that_changes_meanwhile(world: SidecarWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither one that comes nor one that changes between reading and writing is written over."""
    from dshcli.dedupe import applying

    world.do_say("a/copy.xmp", "r5")
    world.write_plan("a/keep:a/copy")
    write = applying.Merge.write

    def late(self: applying.Merge) -> None:
        world.do_say("a/keep.xmp", "t:late")
        write(self)

    monkeypatch.setattr(applying.Merge, "write", late)
    files = START + " a/copy.xmp=r5 a/keep.xmp=t:late"
    check(world, MERGE, files, ["skipped a/copy file exists"])
    world.do_say("a/keep.xmp", "t:early")
    check(world, MERGE, files, ["skipped a/copy changed while it was looked at"])


# --- reading pictures ------------------------------------------------------------------------------------------------

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


def test_pictures_whose_metadata_is_merged(tmp_path: Path, dsh: Callable[..., Result]) -> None:
    """Real files: the keeper's bytes stay, its EXIF counts, the rest comes from two copies."""
    from dshcli.library.store import Index

    Index.open_or_create(tmp_path / "index.db").__exit__()
    own = Image.Exif()
    own[0x010E] = "The keeper's own"
    files = [tmp_path / name for name in ("keep.png", "one.jpg", "two.jpg")]
    picture(1).save(files[0], exif=own)
    picture(1).save(files[1], exif=exif())
    picture(1).save(files[2], xmp=created(Metadata(rating=1, keywords=("dog",), rights="")))
    facts = [
        {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
        for path in files
    ]
    header = {"dsh_plan": 1, "index": str(tmp_path / "index.db"), "model": "m", "radius": 0, "verified": True,
              "groups": 1, "files": 2, "bytes": 0}  # fmt: skip
    lines = [{"group": 1, "keep": facts[0], "remove": copy, "kind": "", "detail": "", "why": ""} for copy in facts[1:]]
    (tmp_path / "plan").write_text("\n".join(json.dumps(line) for line in [header, *lines]))
    before = files[0].read_bytes()
    options = ("apply", tmp_path / "plan", "--to", "delete", "--really-delete", "--merge-metadata", "--json")
    dry, done = records(dsh(*options)), records(dsh(*options, "--yes"))
    assert [one["merged"] for one in dry] == [one["merged"] for one in done]
    assert done[0]["notes"] == ["not merged, since the keeper has its own: description"]
    assert done[1]["merged"] == {"keywords": ["dog"]}
    assert files[0].read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir() if "index" not in path.name) == [
        "keep.png", "keep.png.xmp", "plan",
    ]  # fmt: skip
    known = parse((tmp_path / "keep.png.xmp").read_bytes()).metadata()
    assert (known.rating, known.keywords, known.description) == (4, ("cat", "naïve", "dog"), "")
    assert (known.captured, known.digitized) == (FULL.captured, FULL.digitized)


def test_keywords_of_the_keeper_itself_go_with_those_of_the_copy(tmp_path: Path) -> None:
    """A program that goes by sidecars would not see them any more."""
    data = extended(sidecar("r1"), Metadata(keywords=("copy's",)), ("own", "copy's"))
    assert parse(data).metadata().keywords == ("own", "copy's")


# --- hostile and damaged ---------------------------------------------------------------------------------------------

LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "lol">%s]>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="&j;"/></rdf:RDF>"""
LAUGHS %= b"".join(b'<!ENTITY %c "%s">' % (letter, b"&%c;" % (letter - 1) * 10) for letter in b"bcdefghij")
SECRETS = (
    b"<!DOCTYPE r [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><r>&x;</r>",
    b"<!DOCTYPE r SYSTEM 'http://example.org/x.dtd'><r/>",
)


@pytest.mark.parametrize("data", [LAUGHS, *SECRETS])
def test_document_types_are_refused(data: bytes, world: SidecarWorld, tmp_path: Path) -> None:
    with pytest.raises(BadMetadata, match="document type"):
        parse(data)
    picture(1).save(tmp_path / "a.jpg", xmp=data)
    assert read_file(str(tmp_path / "a.jpg")) == (
        Metadata(), ("XMP cannot be read (has a document type, which XMP never has)",)
    )  # fmt: skip
    for name in ("a/copy.xmp", "a/keep.xmp"):
        Path(world.path(name)).write_bytes(data)
    check(world, MERGE, f"{DIRECT} a/copy.xmp=bad a/keep.xmp=bad", DONE)


def test_damaged_metadata_does_not_stop_a_run(world: SidecarWorld, dsh: Callable[..., Result]) -> None:
    """Any part of a picture's metadata cut off or overwritten: nothing raises, and the picture goes."""
    path = Path(world.path("a/copy"))
    picture(1).save(path, "JPEG", exif=exif(), xmp=created(FULL))
    whole = path.read_bytes()
    for at in range(4, 1600, 37):
        for data in (whole[:at], whole[:at] + b"\xff\x00\x41" * 9 + whole[at + 27 :]):
            path.write_bytes(data)
            read_file(str(path))
    world.write_plan("a/keep:a/copy")
    path.write_bytes(whole[:24] + b"\xff" * 40 + whole[64:])
    world.write_plan("a/keep:a/copy")
    result = records(dsh("apply", world.plan, "--dir", world.quarantine, "--merge-metadata", "--yes", "--json"))
    assert [outcome["action"] for outcome in result] == ["done"]


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    for text in (data, b"<r:RDF xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>" + data + b"</r:RDF>"):
        try:
            parse(text).metadata()
        except BadMetadata:
            continue


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


@given(METADATA)
def test_what_was_written_is_read(metadata: Metadata) -> None:
    assert parse(created(metadata)).metadata() == metadata


@given(METADATA, st.sampled_from(ODD))
def test_what_was_added_is_read_and_the_rest_stays(metadata: Metadata, data: bytes) -> None:
    after = extended(data, metadata, metadata.keywords)
    assert parse(after).metadata() == metadata
    left = iter(after)  # what there was is still there in its order, but for the / of an element that was empty
    assert all(byte in left for byte in data.replace(b"/>", b">"))


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
