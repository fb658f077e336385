"""Options that several commands share, and the small checks that typer does not make."""

import os
import sys
from collections.abc import Iterator
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from dshcli import __version__
from dshcli.errors import UsageError, system_reason

LOOK: Any = {"rich_markup_mode": None, "context_settings": {"help_option_names": ["-h", "--help"]}}


class Device(StrEnum):
    """Where a network runs."""

    CPU = "cpu"
    CUDA = "cuda"


class Removal(StrEnum):
    """What becomes of the files that a plan removes."""

    QUARANTINE = "quarantine"
    TRASH = "trash"
    HARDLINK = "hardlink"
    REFLINK = "reflink"
    DELETE = "delete"


Db = Annotated[
    Path | None,
    typer.Option("--db", metavar="FILE", help="The index file; else DSH_DB, else your data folder."),
]
ModelName = Annotated[
    str | None, typer.Option("--model", "-m", metavar="NAME", help="A model's name or folder; else the current model.")
]
Radius = Annotated[
    int | None,
    typer.Option("--radius", "-r", metavar="BITS", help="Largest distance, inclusive; else the model's."),
]
Folders = Annotated[list[str], typer.Argument(metavar="FOLDER", help="Only images under these folders.")]
Verify = Annotated[
    bool | None,
    typer.Option("--verify/--no-verify", help="Prove copies on their pixels; else if the model is one of copies."),
]
Kinds = Annotated[
    str | None,
    typer.Option(metavar="KIND,...", help="Only exact, same-pixels, re-encoded, resized, edited, cropped, ..."),
]
ListFile = Annotated[
    Path | None,
    typer.Option("--list", metavar="FILE", help="Also the images whose paths FILE lists, one a line; - is stdin."),
]
PlanFile = Annotated[
    Path | None, typer.Option("--plan", metavar="FILE.jsonl", help="Also write a plan, for dsh apply.")
]
ReportFile = Annotated[
    Path | None, typer.Option("--report", metavar="FILE.html", help="Also write a page to look at the groups and mark.")
]
RemoveTo = Annotated[
    Removal,
    typer.Option("--to", help="Where files go. Links and reflinks are for files of equal bytes only."),
]
Protect = Annotated[
    list[str], typer.Option("--protect", metavar="DIR", help="Remove nothing below it; may be repeated.")
]
Keep = Annotated[
    str | None,
    typer.Option(
        "--keep",
        metavar="RULES",
        help="Which image is kept, the first rule deciding first: folder:PATH, format:NAME, exif, sharp, pixels, "
        "bytes, oldest, newest, path; else 'pixels > bytes > oldest > path'.",
    ),
]
CleanFolders = Annotated[
    list[str],
    typer.Option(
        "--against",
        metavar="DIR",
        help="Only copies of what lies below it, which stays; may be repeated.",
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 3 if any file was skipped.")]
MaxPixels = Annotated[
    int | None, typer.Option("--max-pixels", metavar="N", min=1, help="Skip larger images; else 200 million.")
]
DeviceName = Annotated[Device, typer.Option("--device", help="Where the network runs; cuda is an NVIDIA GPU.")]
Jobs = Annotated[int, typer.Option("--jobs", "-j", metavar="N", min=0, help="Threads; 0 means one a core.")]
DataDir = Annotated[Path | None, typer.Option(metavar="DIR", help="Where the public data set's files are.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, a record a line.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say everything.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print data only: no words, no progress.")]


Copies = Annotated[
    bool, typer.Option("--copies", help="Judge by edits of photos without labels: DATA is a folder of them.")
]
Photos = Annotated[int, typer.Option("--photos", metavar="N", min=1, help="With --copies: how many are edited.")]
MaxFalse = Annotated[
    float,
    typer.Option("--max-false", metavar="N", help="With --copies: false pairs per million that a radius may join."),
]
Seed = Annotated[int, typer.Option(metavar="N", min=0, help="With --copies: chooses the photos and their edits.")]
WriteRadius = Annotated[
    bool, typer.Option("--write-radius", help="With --copies: use the folder's radius from now on.")
]

_OF_LABELS = ("data_dir", "protocol", "at", "seeds", "unseen", "references", "report")  # of eval without --copies
_OF_COPIES = ("photos", "max_false", "seed", "write_radius")


class Against(StrEnum):
    """What test images search when a model is judged: the training images, or each other."""

    TRAIN = "train"
    SELF = "self"


class Link(StrEnum):
    """How groups hold together: every member within the radius of the keeper, or of any other member."""

    STAR = "star"
    SINGLE = "single"


LinkRule = Annotated[Link, typer.Option("--link", help="All members near the keeper, or chains.")]
Decided = Annotated[bool, typer.Option("--decided", help="Also groups that you decided to keep.")]


def show_version(wanted: bool) -> None:
    """Prints the version and leaves."""
    if wanted:
        typer.echo(f"dsh {__version__}")
        raise typer.Exit


def at_most_one(**flags: bool) -> None:
    """Raises UsageError if two flags are set that exclude each other."""
    chosen = [f"--{name}" for name, value in flags.items() if value]
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)} exclude each other", hint=f"Give one: {chosen[0]}")


def words_of(text: str | None) -> tuple[str, ...]:
    """The parts between commas; none of None."""
    return () if text is None else tuple(text.split(","))


def either_labels_or_copies(context: typer.Context, *, copies: bool) -> None:
    """Raises UsageError if an option of eval was given that belongs to the other of its two ways to judge."""
    for name in _OF_LABELS if copies else _OF_COPIES:
        source, option = context.get_parameter_source(name), f"--{name.replace('_', '-')}"
        if source is not None and source.name == "COMMANDLINE":
            if copies:
                raise UsageError(f"--copies and {option} exclude each other", hint=f"{option} is for labelled images.")
            raise UsageError(f"{option} needs --copies", hint="dsh eval MODEL ./my-photos --copies edits photos.")


def all_queries(arguments: list[str], listed: Path | None) -> Iterator[str]:
    """The arguments, with the lines of stdin in the place of a `-`, then those of the listed file, if there is one.

    Raises UsageError if there is neither or the file cannot be opened.
    """
    if not arguments and listed is None:
        raise UsageError("there is no image to look for", hint="Name some, or a file that lists them: --list FILE")
    named = (line for word in arguments for line in (_lines(sys.stdin.buffer) if word == "-" else [word]))
    return chain(named, () if listed is None else _lines_of(listed))


def _lines_of(path: Path) -> Iterator[str]:
    if str(path) == "-":
        return _lines(sys.stdin.buffer)
    try:
        with path.open("rb") as file:
            return iter([*_lines(file)])
    except OSError as error:
        raise UsageError(f"{path}: {system_reason(error)}", hint="--list takes a file of paths, one a line.") from error


def _lines(stream: BinaryIO) -> Iterator[str]:
    """The lines that are not empty. Bytes that are no UTF-8 are kept, as Python keeps them in paths."""
    return (os.fsdecode(line.rstrip(b"\r\n")) for line in stream if line.strip())
