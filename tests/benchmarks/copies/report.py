"""The figures as plain text tables."""

from collections.abc import Sequence

from tests.benchmarks.copies.edits import EDITS
from tests.benchmarks.copies.pairs import NOTHING
from tests.benchmarks.copies.scores import OVERALL, RATE, AtThreshold, Score
from tests.benchmarks.copies.shipped import Shipped

LEVELS = (*dict.fromkeys(edit.level for edit in EDITS), OVERALL)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Markdown; the first row is the head, all columns but the first stand right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["| " + " | ".join(_cells(row, widths)) + " |" for row in rows]
    rule = "|" + "|".join("-" * (w + 1) + ("-" if not n else ":") for n, w in enumerate(widths)) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def _cells(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [text.ljust(w) if not n else text.rjust(w) for n, (text, w) in enumerate(zip(row, widths, strict=True))]


def percent(share: float, digits: int = 1) -> str:
    """Rounded down, so that 100.0 means all."""
    step = 10**digits
    return f"{int(share * 100 * step + 1e-9) / step:.{digits}f}"


def codes_text(scores: Sequence[Score]) -> str:
    """Codes alone: at the threshold of RATE, by edit, and at the usual distances."""
    head = ["method", "bits", "threshold", *LEVELS, "CPU ms"]
    rows = [[s.method, str(s.bits), _threshold(s), *_levels(s.at_rate), f"{s.cpu_milliseconds:.1f}"] for s in scores]
    edits = [["edit", *(s.method for s in scores)]]
    for edit in EDITS:
        found = (percent(s.at_rate.recall.edits[edit.name]) for s in scores)
        edits.append([f"{edit.name} ({edit.level})", *found])
    usual = [
        ["method", "within", *LEVELS, "false per million", "precision", "trap pairs", "traps with photos", "unread"]
    ]
    usual += [_usual(s, s.usual) for s in scores if s.usual is not None]
    return "\n\n".join(
        [
            f"Codes alone: recall in % of original-copy pairs at {RATE * 1e6:g} false pair per million unrelated pairs "
            f"({scores[0].pairs:,} of them)",
            table([head, *rows]),
            "The same by edit",
            table(edits),
            "Codes alone, within the usual distances (of dsh: the model's radius)",
            table(usual),
        ]
    )


def _threshold(score: Score) -> str:
    return "none" if score.at_rate.threshold == NOTHING else str(score.at_rate.threshold)


def _levels(at: AtThreshold) -> list[str]:
    return [percent(at.recall.levels[level]) for level in LEVELS]


def _usual(score: Score, at: AtThreshold) -> list[str]:
    false = f"{1e6 * at.unrelated_pairs / max(score.pairs, 1):.2f}"
    traps = [f"{at.trap_pairs:,}", f"{at.trap_photo_pairs:,}"]
    return [score.method, str(at.threshold), *_levels(at), false, percent(at.precision, 3), *traps, str(score.unread)]


def shipped_text(results: Sequence[Shipped]) -> str:
    """Groups of `dsh dupes`: recall, precision, traps, sizes, time; recall by edit."""
    head = ["dsh index + dsh dupes", *(result.method for result in results)]
    rows = [head]
    rows += [[f"recall {level} %", *(percent(r.groups.recall.levels[level], 2) for r in results)] for level in LEVELS]
    rows += [
        ["pairs of photos: precision %", *(percent(r.groups.precision, 4) for r in results)],
        [
            "... right / wrong / unknown",
            *(f"{r.groups.right:,} / {r.groups.wrong} / {r.groups.unknown}" for r in results),
        ],
        ["pairs of different traps", *(f"{r.groups.trap_pairs:,}" for r in results)],
        ["traps with photos", *(f"{r.groups.trap_photo_pairs:,}" for r in results)],
        ["traps saved again, found %", *(percent(r.groups.saved_traps) for r in results)],
        ["groups", *(f"{r.groups.count:,}" for r in results)],
        ["... with photos that differ", *(str(r.groups.mixed) for r in results)],
        ["... larger than the true one", *(str(r.groups.too_large) for r in results)],
        ["largest group / true size", *(f"{r.groups.largest.size} / {r.groups.largest.of_truth}" for r in results)],
        ["CPU s of index (files new to it)", *(f"{r.index_cpu_seconds:.0f} ({r.hashed:,})" for r in results)],
        ["CPU s of dupes", *(f"{r.dupes_cpu_seconds:.0f}" for r in results)],
        ["s of dupes", *(f"{r.dupes_seconds:.0f}" for r in results)],
    ]
    edits = [["edit", *(result.method for result in results)]]
    edits += [[f"{e.name} ({e.level})", *(percent(r.groups.recall.edits[e.name]) for r in results)] for e in EDITS]
    words = [f"{result.method} said: {result.last_words}" for result in results if result.last_words]
    return "\n\n".join([table(rows), "Copies in the group of their original, in %", table(edits), *words])
