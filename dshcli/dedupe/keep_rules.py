"""The rules by which users choose keepers, such as `folder:./album > exif > sharp > pixels`: read, and made ready.

Rules on places are settled by a look at the paths of the index; rules on traits know nothing until they are told (see
ranking.py), and until then leave all images equal.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dshcli.dedupe.keepers import DEFAULT, PLAIN, Keys, Rule
from dshcli.dedupe.places import Folders
from dshcli.errors import DshError, UsageError
from dshcli.images.sniff import FORMATS
from dshcli.images.walk import absolute_root
from dshcli.library.store import Facts, Image, Index
from dshcli.proof.traits import EXIF, SHARP, Trait, Value
from dshcli.search.words import Positions

NAMES = "folder:PATH, format:NAME, exif, sharp, pixels, bytes, oldest, newest, path"
PATH = "path"
_TRAITS = {"exif": EXIF, "sharp": SHARP}
UNKNOWN = np.iinfo(np.int64).min + 1  # the grade of what could not be read: below any other


@dataclass(frozen=True)
class Among:
    """The images of these ids (ascending) come first."""

    words: str
    ids: Positions

    def keys(self, facts: Facts) -> Keys:
        return (~np.isin(facts.ids, self.ids)).astype(np.int64)

    def value(self, image: Image) -> int:
        at = int(np.searchsorted(self.ids, image.id))
        return int(at < len(self.ids) and self.ids[at] == image.id)


@dataclass(frozen=True)
class Chosen:
    """The images that people chose come first, those of the latest choice before all. turns: from 1, of the images of
    these ids (ascending)."""

    words: str
    ids: Positions
    turns: Positions

    @classmethod
    def load(cls, index: Index, words: str) -> "Chosen":
        turn = "dense_rank() OVER (ORDER BY decided)"
        sql = f"SELECT id, {turn} FROM images JOIN chosen_keepers USING (digest) ORDER BY id"
        return cls(words, *np.array(index.rows(sql), np.int64).reshape(-1, 2).T.copy())

    def keys(self, facts: Facts) -> Keys:
        return -_values_of(facts.ids, self.ids, self.turns, 0)

    def value(self, image: Image) -> int:
        return int(_values_of(np.array([image.id]), self.ids, self.turns, 0)[0])


class ByTrait:
    """A trait of contents decides, as far as it was told; what is not known comes last."""

    def __init__(self, trait: Trait) -> None:
        self.trait, self.words = trait, trait.words
        self._grades: dict[bytes, int] = {}
        self._ids = self._of_ids = np.empty(0, np.int64)

    def learn(self, ids: Positions, digests: Sequence[bytes], values: Mapping[bytes, Value]) -> None:
        """ids (ascending) of images, their digests, and the value of each content that has one."""
        self._grades = {digest: self.trait.grade(value) for digest, value in values.items()}
        self._ids = ids
        self._of_ids = np.array([self._grades.get(digest, UNKNOWN) for digest in digests], np.int64)

    def keys(self, facts: Facts) -> Keys:
        return -_values_of(facts.ids, self._ids, self._of_ids, UNKNOWN)

    def value(self, image: Image) -> int:
        return self._grades.get(image.digest, UNKNOWN)


def _values_of(wanted: Positions, ids: Positions, values: Positions, otherwise: int) -> Positions:
    """The values of the wanted ids, given those of `ids` (ascending); or what the others have."""
    found = np.full(len(wanted), otherwise)
    if len(ids):
        at = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
        told = ids[at] == wanted
        found[told] = values[at[told]]
    return found


def keep_rules(index: Index, text: str | None) -> tuple[Rule, ...]:
    """The rules that a text lists, best first, between > or, where there is none, commas (None: the usual ones).

    The path, which settles ties in the end, is none of them. Raises UsageError for a word that is no rule.
    """
    if text is None:
        return DEFAULT
    words = [word.strip() for word in text.split(">" if ">" in text else ",")]
    last = words.index(PATH) if PATH in words else len(words)  # no two images share one: nothing behind it matters
    return tuple([_rule(index, word) for word in words if word != PATH][:last])


def _rule(index: Index, word: str) -> Rule:
    name, _, value = word.partition(":")
    if word in PLAIN:
        return PLAIN[word]
    if word in _TRAITS:
        return ByTrait(_TRAITS[word])
    if name == "folder" and value:
        return Among(f"in {value}", Folders([_folder(word, value)]).ids(index))
    if name == "format" and value:
        chosen = _format(word, value)
        rows = index.rows("SELECT id FROM images WHERE error IS NULL AND format = ? ORDER BY id", [chosen])
        return Among(f"is {chosen}", np.fromiter((row[0] for row in rows), np.int64))
    raise UsageError(f"--keep: there is no rule {word!r}", hint=f"Rules, of which the first decides first: {NAMES}")


def _folder(word: str, path: str) -> str:
    try:
        return absolute_root(os.path.expanduser(path))
    except DshError as error:
        raise UsageError(f"--keep: {word!r}: {error}", hint=f"{error.hint} Rules: {NAMES}") from error


def _format(word: str, name: str) -> str:
    chosen = {"JPG": "JPEG", "TIF": "TIFF", "HEIC": "HEIF"}.get(name.upper(), name.upper())
    if chosen not in FORMATS:
        raise UsageError(f"--keep: {word!r}: there is no format {name!r}", hint=f"Formats: {', '.join(FORMATS)}")
    return chosen
