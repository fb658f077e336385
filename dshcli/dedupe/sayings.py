"""Decisions in a file that people carry from a report into an index, as JSON lines:

    {"one": "5f0c...", "other": "a113...", "verdict": "different"}
    {"keeper": "5f0c...", "among": ["5f0c...", "a113..."]}

Digests are SHA-256 of files. A verdict is "same", "keep both", "different", or null to forget one; "chosen": false
beside a keeper forgets a choice. Lines may be empty or, with a # at their start, be comments; other keys count nothing.
"""

from pathlib import Path
from typing import Any

from dshcli.dedupe.json_lines import Off, lines_of, parsed
from dshcli.errors import DshError, system_reason
from dshcli.library.contents import DIGEST_BYTES
from dshcli.library.decisions import Choice, Said, Verdict


def load_sayings(path: Path) -> list[Said | Choice]:
    """Reads such a file. Raises DshError, which names the line, if any part of it is not as it must be."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DshError(
            f"{path}: {system_reason(error)}", hint="Name a file of decisions: --from decisions.jsonl"
        ) from error
    words = list[Said | Choice]()
    for number, raw in lines_of(data):
        try:
            words.append(_word(raw))
        except Off as error:
            raise DshError(
                f"{path}, line {number}: {error}",
                hint="Nothing was written. Correct that line or delete it, then the same command again.",
            ) from error
    if not words:
        raise DshError(f"{path} holds no decision", hint="Name a file of decisions: --from decisions.jsonl")
    return words


def _word(raw: bytes) -> Said | Choice:
    record = parsed(raw)
    return _choice(record) if "keeper" in record else _said(record)


def _said(record: dict[str, Any]) -> Said:
    one, other = (_digest(record.get(name), name) for name in ("one", "other"))
    if "verdict" not in record:
        raise Off("'verdict' is missing")
    word = record["verdict"]
    if word is not None and word not in [*map(str, Verdict)]:
        raise Off(f"'verdict' is none of {', '.join(Verdict)} and null: {word!r}")
    if one == other and word == Verdict.DIFFERENT:
        raise Off("a content cannot be different from itself")
    return Said(one, other, None if word is None else Verdict(word))


def _choice(record: dict[str, Any]) -> Choice:
    keeper, among, chosen = record["keeper"], record.get("among", []), record.get("chosen", True)
    if not isinstance(among, list):
        raise Off("'among' is no list")
    if not isinstance(chosen, bool):
        raise Off("'chosen' is not true or false")
    digest = _digest(keeper, "keeper")
    others = tuple(_digest(other, "among") for other in among)
    return Choice(digest, tuple(other for other in others if other != digest), chosen)


def _digest(value: object, name: str) -> bytes:
    if value is None:
        raise Off(f"{name!r} is missing")
    if not isinstance(value, str):
        raise Off(f"{name!r} is no text")
    try:
        digest = bytes.fromhex(value)
    except ValueError as error:
        raise Off(f"{name!r}: {error}") from error
    if len(digest) != DIGEST_BYTES or len(value) != 2 * DIGEST_BYTES:
        raise Off(f"{name!r} has not {2 * DIGEST_BYTES} digits")
    return digest
