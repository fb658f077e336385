"""The files of a run: made once, kept in the work folder, listed with what each of them shows."""

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import PIL

from dshcli.progress import Reporter
from tests.benchmarks.copies import edits, traps
from tests.benchmarks.copies.edits import COLLAGE, EDITS, Edit, edited
from tests.benchmarks.copies.edits.canvas import Made
from tests.benchmarks.copies.sample import Sample, Shown

ORIGINAL, DISTRACTOR, COPY, TRAP, SAVED_TRAP = "original", "distractor", "copy", "trap", "re-saved trap"


@dataclass(frozen=True)
class File:
    """truth: the number of what it shows, equal for an original and its copies.

    detail: a copy's edit, a trap's kind, or the name of an original or distractor in its source.

    `kept` is where the file lies, `name` what it is called in the folder that commands are run on.
    """

    role: str
    truth: int
    kept: Path
    name: str
    detail: str


def make_files(sample: Sample, work: Path, reporter: Reporter) -> list[File]:
    """Originals, distractors, copies and traps, in this order; those that are not in the work folder yet are made."""
    originals = [_whole(ORIGINAL, number, picture) for number, picture in enumerate(sample.originals)]
    start = len(originals)
    distractors = [_whole(DISTRACTOR, start + number, picture) for number, picture in enumerate(sample.distractors)]
    copies: list[File] = []
    with reporter.task("edits", total=len(originals), unit="original") as task:
        for number in range(len(originals)):
            copies += _copies(sample, number, work / f"copies-{version_of(edits)}")
            task.advance()
    made = list(_traps(work / f"traps-{version_of(edits, traps)}", start + len(distractors), reporter))
    return [*originals, *distractors, *copies, *made]


def _whole(role: str, truth: int, picture: Shown) -> File:
    return File(role, truth, picture.path, f"{role}s/{slug(picture.name)}{picture.path.suffix.lower()}", picture.name)


def _copies(sample: Sample, number: int, folder: Path) -> Iterator[File]:
    original = sample.originals[number]
    fillers = [sample.distractors[filler] for filler in sample.fillers[number]]
    data = original.path.read_bytes()
    into = folder / f"{slug(original.name)}-{hashlib.sha256(data).hexdigest()[:8]}"
    into.mkdir(parents=True, exist_ok=True)
    have = {path.stem: path for path in into.iterdir()}
    for edit in EDITS:
        others = fillers if edit.name == COLLAGE else []
        stem = _stem(edit, others)
        path = have.get(stem)
        if path is None:
            path = _write(into, stem, edited(data, original.name, edit, [other.path.read_bytes() for other in others]))
        yield File(COPY, number, path, f"copies/{into.name}/{path.name}", edit.name)


def _stem(edit: Edit, others: Sequence[Shown]) -> str:
    """A file name that tells the edit and, for a collage, what fills it."""
    if not others:
        return slug(edit.name)
    names = "|".join(other.name for other in others)
    return f"{slug(edit.name)}-{hashlib.sha256(names.encode()).hexdigest()[:8]}"


def _traps(folder: Path, first_truth: int, reporter: Reporter) -> Iterator[File]:
    folder.mkdir(parents=True, exist_ok=True)
    have = {path.stem: path for path in folder.iterdir()}
    truths: dict[str, int] = {}
    planned = traps.all_traps()
    with reporter.task("traps", total=len(planned), unit="trap") as task:
        for trap in planned:
            path = have.get(trap.name) or _write(folder, trap.name, trap.make())
            truth = truths.setdefault(trap.truth, first_truth + len(truths))
            yield File(SAVED_TRAP if trap.re_saved else TRAP, truth, path, f"traps/{path.name}", trap.kind)
            task.advance()


def _write(folder: Path, stem: str, made: Made) -> Path:
    """Written under another name first: a file that is there is whole, wherever an earlier run was stopped."""
    path = folder / f"{stem}.{made.ending}"
    temporary = folder.parent / f".{os.getpid()}"
    temporary.write_bytes(made.data)
    temporary.replace(path)
    return path


def slug(name: str) -> str:
    """A name that may stand in a path; / and blanks are kept apart from what they separate."""
    return name.rsplit(".", 1)[0].replace("/", "__").replace(" ", "_").replace("%", "pc")


def version_of(*packages: ModuleType) -> str:
    """A digest of the packages' sources and of Pillow's version: another one, and files are made anew."""
    digest = hashlib.sha256(PIL.__version__.encode())
    for package in packages:
        for path in sorted(Path(str(package.__file__)).parent.glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


def lay_out(files: Sequence[File], folder: Path) -> dict[str, int]:
    """One folder with all files under their names (hard links where the disk allows), and the number of each path."""
    shutil.rmtree(folder, ignore_errors=True)
    numbers = {}
    for number, file in enumerate(files):
        path = folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(file.kept, path)
        except OSError:
            shutil.copy2(file.kept, path)
        numbers[str(path)] = number
    return numbers
