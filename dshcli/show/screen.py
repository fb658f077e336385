"""Where output goes: data to stdout in one of four formats, words to stderr.

File names are hostile. On a terminal and in plain lines their control characters are shown escaped; JSON and CSV carry
every name exactly, a byte that is no UTF-8 as the escape of its surrogate (`\\udce9` for 0xE9).
"""

import csv
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dshcli.library.store import Image
from dshcli.show.text import escaped


class Format(StrEnum):
    """How data leaves: TABLE for people, PLAIN (tab-separated), JSON (a record a line) and CSV for programs."""

    TABLE = "table"
    PLAIN = "plain"
    JSON = "json"
    CSV = "csv"


@dataclass(frozen=True)
class Screen:
    """Prints in one format; `quiet` silences the words, `verbose` asks for all of them."""

    format: Format
    quiet: bool = False
    verbose: bool = False

    @classmethod
    def of(cls, *, json: bool = False, csv: bool = False, quiet: bool = False, verbose: bool = False) -> "Screen":
        """The format asked for, else a table on a terminal and plain lines elsewhere."""
        usual = Format.TABLE if sys.stdout.isatty() else Format.PLAIN
        return cls(Format.JSON if json else Format.CSV if csv else usual, quiet, verbose)

    def say(self, message: str) -> None:
        """A line of words, unless quiet or empty."""
        if message and not self.quiet:
            print(message, file=sys.stderr)

    def complain(self, message: str) -> None:
        """A line about something that went wrong, quiet or not."""
        print(message, file=sys.stderr)

    def line(self, text: str) -> None:
        """A line of data."""
        _write(text + "\n")

    def json(self, record: dict[str, Any]) -> None:
        """A record as one line of JSON."""
        _write(json.dumps(record, ensure_ascii=False) + "\n")

    def csv(self, rows: Iterable[Sequence[object]]) -> None:
        """Rows of CSV."""
        csv.writer(_Lines(), lineterminator="\n").writerows(rows)

    def row(self, columns: Sequence[str], values: Sequence[object], **more: object) -> bool:
        """A row for programs, with `more` in JSON, there instead of a column of that name. False, and nothing is
        printed, if it is for people."""
        if self.format is Format.JSON:
            self.json(dict(zip(columns, values, strict=True)) | more)
        elif self.format is Format.CSV:
            self.csv([values])
        elif self.format is Format.PLAIN:
            self.line("\t".join(escaped(str(value)) for value in values))
        return self.format is not Format.TABLE


def image_record(image: Image) -> dict[str, Any]:
    """An image's facts for JSON."""
    return {
        "path": image.path,
        "bytes": image.size,
        "width": image.width,
        "height": image.height,
        "format": image.format,
        "sha256": image.digest.hex(),
    }


class _Lines:
    @staticmethod
    def write(text: str) -> None:
        _write(text)


def _write(text: str) -> None:
    # A lone surrogate, which stands for a byte that is no UTF-8, cannot be encoded; its escape is valid JSON.
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode("utf-8"))
