"""The ledger of an indexing run."""

from collections.abc import Iterator
from typing import Any

from dshcli.library.indexing import Ledger
from dshcli.show.screen import Format, Screen
from dshcli.show.text import count, escaped

REASONS_SHOWN = 5


def show_ledger(screen: Screen, ledger: Ledger) -> None:
    """With JSON one record, with CSV the skipped files on stdout; the words go to stderr."""
    if screen.format is Format.JSON:
        screen.json(_record(ledger))
    elif screen.format is Format.CSV:
        screen.csv([("path", "reason"), *ledger.skipped])
    for line in ledger_words(ledger, verbose=screen.verbose):
        screen.say(line)


def ledger_words(ledger: Ledger, *, verbose: bool) -> Iterator[str]:
    """What people are told of a run."""
    rate = f", {ledger.hashed / ledger.seconds:,.0f} images/s" if ledger.hashed and ledger.seconds else ""
    yield (
        f"{count(ledger.seen, 'image')}: {ledger.hashed:,} hashed, {ledger.unchanged:,} unchanged, "
        f"{ledger.moved:,} moved, {ledger.removed:,} removed, {len(ledger.skipped):,} skipped "
        f"({ledger.seconds:.1f} s{rate}; model {ledger.model_id})"
    )
    if verbose:
        yield from _details(ledger)
    else:
        yield from _reasons(ledger)
    if ledger.missing:
        yield f"  {count(ledger.missing, 'image')} of the index gone from disk; to drop them, add --prune"
    if ledger.quarantines:
        yield f"  passed by {ledger.quarantines:,}: quarantine of dsh apply"
    if ledger.seen == 0:
        yield "  No images there. Hidden files, symlinks and what --exclude names are passed by."


def _details(ledger: Ledger) -> Iterator[str]:
    cpu = ledger.decode_seconds + ledger.network_seconds
    if cpu:
        share = ledger.decode_seconds / cpu
        yield (
            f"  CPU time: {ledger.decode_seconds:.1f} s reading and decoding ({share:.0%}), "
            f"{ledger.network_seconds:.1f} s network ({1 - share:.0%})"
        )
    for path, reason in ledger.skipped:
        yield f"  skipped {escaped(path)}: {reason}"
    for number, kind in (
        (ledger.others, "no image"),
        (ledger.symlinks, "symlink"),
        (ledger.special, "pipe, socket or device"),
    ):
        if number:
            yield f"  passed by {number:,}: {kind}"


def _reasons(ledger: Ledger) -> Iterator[str]:
    for reason, number in ledger.reasons[:REASONS_SHOWN]:
        yield f"  skipped {number:,}: {reason}"
    if ledger.skipped:
        more = len(ledger.reasons) - REASONS_SHOWN
        rest = f"{count(more, 'more reason')}; " if more > 0 else ""
        yield f"  ({rest}--verbose or --json lists every file)"


def _record(ledger: Ledger) -> dict[str, Any]:
    return {
        "model": ledger.model_id,
        "seen": ledger.seen,
        "hashed": ledger.hashed,
        "unchanged": ledger.unchanged,
        "moved": ledger.moved,
        "removed": ledger.removed,
        "missing": ledger.missing,
        "others": ledger.others,
        "symlinks": ledger.symlinks,
        "special": ledger.special,
        "quarantines": ledger.quarantines,
        "seconds": round(ledger.seconds, 3),
        "decode_cpu_seconds": round(ledger.decode_seconds, 3),
        "network_cpu_seconds": round(ledger.network_seconds, 3),
        "skipped": [{"path": path, "reason": reason} for path, reason in ledger.skipped],
    }
