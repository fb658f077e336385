"""A CSV file that tells the labels of images: a line each, `path,label[,label...]`, for images with several labels."""

import csv
import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dshcli.errors import DshError
from dshcli.hasher.files import FileSource, Listed, Skipped, check_labels, survey_of
from dshcli.hasher.labels import Labels
from dshcli.progress import Reporter

SUFFIX = ".csv"
PATH_COLUMNS = ("path", "file", "filename", "image")
LABEL_COLUMNS = ("label", "class", "tag")  # and all that begins so: label2, labels, class_name
FORM = "A line is path,label or path,label,label,... with commas between, and paths relative to the file's own folder."


@dataclass(frozen=True)
class Line:
    """A line of the file, by its number: the path as it stands there, and labels."""

    number: int
    path: str
    labels: list[str]


def open_labels(path: Path, reporter: Reporter) -> FileSource:
    """Lists the images that a CSV file names and looks at a few. Raises DshError if there is nothing to learn from.

    The first line may be a header, `path,label...`. Lines of the same image are joined; an image without any label, or
    whose file is not there, is left out and told. If every image has one label, the data are as those of class folders.
    """
    held, skipped = _images(path, _lines(path))
    classes = tuple(sorted({label for labels in held.values() for label in labels}))
    _check_found(path, held, skipped, classes)
    train = Listed(tuple(held), _as_array(list(held.values()), classes))
    check_labels(path, train.labels, classes)
    if skipped:
        reporter.say(f"{path}: {len(skipped)} images left out, such as {skipped[0][0]}: {skipped[0][1]}")
    splits = {"train": train}
    return FileSource(path, survey_of(path.stem, classes, splits), splits, skipped)


def _lines(path: Path) -> list[Line]:
    """The lines below the header that are not blank. Raises DshError if the file cannot be read as CSV."""
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)  # else an open quote swallows the rest
    try:
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise DshError(f"{path}, line {reader.line_num}: {error}", hint=f"See to the quotes. {FORM}") from error
    if not rows:
        raise DshError(f"{path} is empty", hint=FORM)
    if rows[0][1][0].strip().lower() in PATH_COLUMNS:
        _check_header(path, rows.pop(0)[1])
    return [Line(number, row[0], [cell.strip() for cell in row[1:] if cell.strip()]) for number, row in rows]


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
        return content.decode("utf-8-sig")
    except OSError as error:
        raise DshError(f"{path}: {error.strerror or error}", hint="Name a CSV file that can be read.") from error
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DshError(f"{path}, line {line}: the text is not UTF-8", hint="Save the file as CSV in UTF-8.") from error


def _check_header(path: Path, header: list[str]) -> None:
    columns = [cell.strip() for cell in header[1:] if cell.strip()]
    if not columns:
        raise DshError(f"{path} has no label column: its header is {','.join(header)}", hint=FORM)
    for column in columns:
        if not column.lower().startswith(LABEL_COLUMNS):
            raise DshError(
                f"{path} has a column {column!r}, which is no label",
                hint=f"{FORM} A header is path,label,label,...: leave other columns out.",
            )


def _images(path: Path, lines: list[Line]) -> tuple[dict[str, set[str]], Skipped]:
    """The labels of each image whose file is there, in the order of the lines, and those left out with the reason."""
    held: dict[str, set[str]] = {}
    nameless = tuple((f"{path}, line {line.number}", "no path") for line in lines if not line.path.strip())
    for line in lines:
        if line.path.strip():
            held.setdefault(os.path.abspath(path.parent / line.path), set()).update(line.labels)
    reasons = {image: _reason(image, labels) for image, labels in held.items()}
    skipped = nameless + tuple((image, reason) for image, reason in reasons.items() if reason)
    return {image: labels for image, labels in held.items() if not reasons[image]}, skipped


def _reason(image: str, labels: set[str]) -> str:
    """Why an image cannot be used; empty if it can."""
    if not labels:
        return "no label"
    return "" if os.path.isfile(image) else "no such file"


def _check_found(path: Path, held: dict[str, set[str]], skipped: Skipped, classes: tuple[str, ...]) -> None:
    if not held:
        example = f", such as {skipped[0][0]}: {skipped[0][1]}" if skipped else ""
        raise DshError(f"{path} names no image that is there and has a label{example}", hint=FORM)
    if len(classes) == 1:
        raise DshError(
            f"{path} has one label only, {classes[0]!r}: there is nothing to tell apart",
            hint="Add images with another label.",
        )
    if len(classes) > len(held):
        raise DshError(
            f"{path} has more labels ({len(classes)}) than images ({len(held)}), such as {classes[0]!r}",
            hint="Are the labels names of classes, spelt the same in every line? " + FORM,
        )


def _as_array(held: list[set[str]], classes: tuple[str, ...]) -> Labels:
    """Class numbers int64 (n,) if every image has one label, else bool (n, classes)."""
    numbers = {name: number for number, name in enumerate(classes)}
    if all(len(labels) == 1 for labels in held):
        return np.array([numbers[label] for labels in held for label in labels], np.int64)
    rows = np.zeros((len(held), len(classes)), bool)
    for row, labels in zip(rows, held, strict=True):
        row[[numbers[label] for label in labels]] = True
    return rows
