"""`apply --merge-metadata`: commands and, for each, the exact set of surviving files, their bytes and sidecars.

The words are those of worlds.py. A sidecar is told by what it says: `a/keep.xmp=r5,k:cat` has its first bytes still;
`a/keep.xmp=+r5,k:cat` was written by dsh. r: rating, k: keyword, t: title, c: date of capture.
"""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import as_nobody, picture, records
from PIL import Image
from sidecars import FULL, HOSTILE, exif, sidecar
from typer.testing import Result
from worlds import PLAN, START, World, sorted_words

from dshcli.metadata.files import read_file
from dshcli.metadata.values import Metadata
from dshcli.metadata.writing import created
from dshcli.metadata.xmp import BadMetadata, parse

MERGE = "apply --yes --merge-metadata"
DIRECT = "q1/a/copy=K q1/b/small=S a/keep=K other=O"
DONE = ["done a/copy", "done b/small"]


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


def test_a_sidecar_that_may_be_that_of_another_file(world: SidecarWorld) -> None:
    """k.xmp beside k.jpg and k.png counts for both, and is not written to; nor are values of one told of the other."""
    for name in ("k.jpg", "k.png"):
        world.write(name, "K")
    world.do_say("k.xmp", "r1", "k:mine")
    world.do_say("a/copy.xmp", "r5", "k:cat", "t:T")
    world.write_plan("k.jpg:a/copy")
    start = world.files()
    world.run(MERGE)
    assert "k.jpg.xmp=+k:mine,k:cat,t:T" in world.files() and "k.xmp=r1,k:mine" in world.files()
    world.run("undo")
    assert world.files() == start


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


# --- pictures ------------------------------------------------------------------------------------------------


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


# --- hostile and damaged ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", HOSTILE)
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
