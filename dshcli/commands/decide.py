"""`dsh decide`: verdicts on pairs of pictures and chosen keepers, by the contents of files, written into the index."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from dshcli.errors import BadImage, DshError, UsageError
from dshcli.images.reading import ensure_image_file
from dshcli.library.decisions import Choice, Decision, Decisions, Said, Verdict
from dshcli.library.store import Index

Word = Said | Choice


@dataclass(frozen=True)
class Named:
    """A file that was named, and the digest of its content."""

    path: str
    digest: bytes


@dataclass(frozen=True)
class Contents:
    """A content, and the files of the index that have it."""

    digest: bytes
    paths: tuple[str, ...]


@dataclass(frozen=True)
class ListedDecision:
    """A decision, and the files that it is about."""

    decision: Decision
    one: Contents
    other: Contents


@dataclass(frozen=True)
class ListedChoice:
    """A chosen keeper, and when it was chosen."""

    keeper: Contents
    decided: str


def decide_pairs(database: Path, paths: Sequence[str], verdict: Verdict | None) -> list[Word]:
    """Writes a verdict on the first image and each other one, or `different` on every two; None forgets it, and of one
    image alone that it was chosen. Returns what was written. Raises UsageError, NoIndex, DshError."""
    if len(paths) < 2 and (verdict is not None or not paths):
        raise UsageError("a verdict is about two images or more", hint="dsh decide A.jpg B.jpg --different")
    named = [_named(path) for path in paths]
    if len(named) == 1:
        return _saved(database, [Choice(named[0].digest, chosen=False)], create=False)
    if verdict is Verdict.DIFFERENT:
        pairs = list(combinations(named, 2))
        _ensure_unequal(pairs)
    else:
        pairs = [(named[0], other) for other in named[1:]]
        # Two files of one content, named beside another one, are to be kept both as well.
        pairs += [pair for pair in combinations(named[1:], 2) if pair[0].digest == pair[1].digest]
    unique = dict.fromkeys((one.digest, other.digest) for one, other in pairs)
    words = [Said(one, other, verdict, _files(database, named, one) if one == other else 0) for one, other in unique]
    return _saved(database, words, create=verdict is not None)


def choose_keeper(database: Path, keeper: str, others: Sequence[str]) -> list[Word]:
    """Keeps an image before others of its group; of these, any that was chosen no longer is. Raises DshError."""
    digest = _named(keeper).digest
    among = tuple(dict.fromkeys(each.digest for each in map(_named, others) if each.digest != digest))
    return _saved(database, [Choice(digest, among)], create=True)


def decide_from(database: Path, source: Path) -> list[Word]:
    """Writes all decisions of a file, or none if a line of it is damaged. Raises DshError."""
    from dshcli.dedupe.sayings import load_sayings

    return _saved(database, load_sayings(source), create=True)


def list_decisions(index: Index) -> tuple[list[ListedDecision], list[ListedChoice]]:
    """All decisions, the oldest first, and all chosen keepers."""
    decisions = Decisions(index)

    def contents(digest: bytes) -> Contents:
        return Contents(digest, tuple(decisions.paths(digest)))

    found = sorted(decisions.all(), key=lambda each: each.decided)
    listed = [ListedDecision(each, contents(each.one), contents(each.other)) for each in found]
    chosen = [ListedChoice(contents(digest), time) for digest, time in decisions.choices().items()]
    return listed, chosen


def _saved(database: Path, words: Sequence[Word], *, create: bool) -> list[Word]:
    if not create:
        with Index.open(database):
            pass  # what is forgotten makes no index
    if words:
        with Index.open_or_create(database) as index:
            Decisions(index).save(words)
    return list(words)


def _named(path: str) -> Named:
    """A file by its content. Raises DshError if it cannot be read or is no image."""
    try:
        file = ensure_image_file(path)
    except BadImage as error:
        raise DshError(
            f"{path}: {error}", hint="Decisions are about what image files hold; name files that can be read."
        ) from error
    return Named(os.path.abspath(path), file.digest)


def _ensure_unequal(pairs: Sequence[tuple[Named, Named]]) -> None:
    for one, other in pairs:
        if one.digest == other.digest:
            raise UsageError(
                f"{one.path} and {other.path} hold the same bytes, so they are no different pictures",
                hint="To keep both files: dsh decide A B --keep-both",
            )


def _files(database: Path, named: Sequence[Named], digest: bytes) -> int:
    """How many files of a content there are, in the index or named."""
    known: list[str] = []
    if database.exists():
        with Index.open_or_create(database) as index:
            known = Decisions(index).present(digest)
    return len({*known, *(each.path for each in named if each.digest == digest)})
