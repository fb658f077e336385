"""What was found of copies: recall by edit, false pairs by radius, the distances of unrelated pairs."""

import shlex
from collections.abc import Iterator
from typing import Any

import numpy as np

from dshcli.commands.eval_copies import FEWEST_PHOTOS, MILLION, MOST_FILES, CopiesEvaluation
from dshcli.hasher.copies.judging import WAYS
from dshcli.hasher.copies.photos import SIDE
from dshcli.hasher.copies.related import MOST
from dshcli.hasher.radii import maybe_stored
from dshcli.show.screen import Format, Screen
from dshcli.show.text import count, escaped

COLUMNS = ("edit", "copies", "radius", "recall", "folder_radius", "folder_recall", "median_distance")
MEAN = "mean of all"
BINS = 32  # that the distances from 0 to all bits are divided into
LISTED = 10  # skipped files that are named
Row = tuple[Any, ...]


def show_copies(screen: Screen, result: CopiesEvaluation) -> None:
    """Data in the format of the screen, then words: what was measured, how, and what this folder wants."""
    if screen.format is Format.JSON:
        screen.json(_record(result))
    elif screen.format is Format.CSV:
        screen.csv([COLUMNS, *_edits(result)])
    elif screen.format is Format.PLAIN:
        tables = {"edit": _edits(result), "radius": _radii(result), "distance": _histogram(result)}
        for name, rows in tables.items():
            for row in rows:
                screen.line("\t".join([name, *(_cell(value) for value in row)]))
    else:
        _show_for_people(screen, result)
    for line in (*_skipped(result), *_protocol(result), *_wish(result)):
        screen.say(line)


def _edits(result: CopiesEvaluation) -> list[Row]:
    """A row for each edit, in the order of COLUMNS, and one for their mean; None where no radius is wanted."""
    own, wanted = result.own_radius, result.wanted_radius
    figures = result.figures
    recalls = [None if radius is None else figures.recall(radius) for radius in (own, wanted)]
    rows: list[Row] = []
    for edit, distances in figures.copies.items():
        first, second = (None if recall is None else recall[edit] for recall in recalls)
        rows.append((edit, len(distances), own, first, wanted, second, float(np.median(distances))))
    first, second = (None if radius is None else figures.overall(radius) for radius in (own, wanted))
    copies, median = sum(row[1] for row in rows), float(np.median(np.concatenate([*figures.copies.values()])))
    return [*rows, (MEAN, copies, own, first, wanted, second, median)]


def _radii(result: CopiesEvaluation) -> list[Row]:
    """Whose radius, which, false pairs per million unrelated ones, and among the photos of this folder; the recall."""
    rows = []
    for whose, radius in (("the model's", result.own_radius), ("this folder's", result.wanted_radius)):
        if radius is not None:
            rate = result.figures.calibration.expected_rate(radius)
            rows.append((whose, radius, rate * MILLION, result.false_pairs(radius), result.figures.overall(radius)))
    return rows


def _histogram(result: CopiesEvaluation) -> list[Row]:
    """From and to which distance, unrelated pairs, per million of all; what is empty at either end is one bin."""
    counts = result.figures.unrelated
    width = max(-(-(len(counts) - 1) // BINS), 1)
    filled = np.flatnonzero(counts)
    if not len(filled):
        return []
    first, last = filled[0] // width * width, (filled[-1] // width + 1) * width
    edges = sorted({0, *range(first, last, width), min(last, len(counts)), len(counts)})
    bins = [(start, stop - 1, int(counts[start:stop].sum())) for start, stop in zip(edges, edges[1:], strict=False)]
    return [(*each, each[2] / int(counts.sum()) * MILLION) for each in bins]


def _cell(value: object) -> str:
    """A value in a plain line."""
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _show_for_people(screen: Screen, result: CopiesEvaluation) -> None:
    own, wanted = result.own_radius, result.wanted_radius
    shown = f"{f'radius {own}':>12}" + ("" if wanted is None else f"{f'radius {wanted}':>12}")
    screen.line(f"{'edit':<20}{'copies':>8}{shown}{'median distance':>18}")
    for edit, copies, _, first, _, second, median in _edits(result):
        recalls = "".join(f"{share:12.1%}" for share in (first, second) if share is not None)
        screen.line(f"{edit:<20}{copies:>8,}{recalls}{median:18.0f}")
    screen.line("")
    among = f"among {result.photos:,} photos"
    screen.line(f"{'radius':>6}  {'whose':<14}{'false pairs per million':>24}{among:>24}{'copies found':>14}")
    for whose, radius, per_million, false_pairs, recall in _radii(result):
        screen.line(f"{radius:>6}  {whose:<14}{_few(per_million):>24}{_few(false_pairs):>24}{recall:14.1%}")
    screen.line("")
    screen.line(f"{'distance':>9}{'unrelated pairs':>17}{'per million':>14}")
    for start, stop, pairs, per_million in _histogram(result):
        screen.line(f"{f'{start}-{stop}' if stop > start else start:>9}{pairs:>17,}{_few(per_million):>14}")


def _few(number: float) -> str:
    """A number that may be far below 1, or in the millions."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _skipped(result: CopiesEvaluation) -> Iterator[str]:
    skipped = result.read.skipped
    for path, reason in skipped[:LISTED]:
        yield f"Skipped: {escaped(path)}: {escaped(reason)}"
    if len(skipped) > LISTED:
        yield f"Skipped: {len(skipped) - LISTED:,} more (--json lists them all)"


def _protocol(result: CopiesEvaluation) -> Iterator[str]:
    """What was measured, and how."""
    figures, related, options = result.figures, result.related, result.options
    if result.read.files > MOST_FILES:
        yield f"{MOST_FILES:,} of the folder's {result.read.files:,} files were looked at, chosen by the seed."
    if result.flat:
        yield f"Left out: {count(result.flat, 'picture')} with next to nothing on it."
    yield (
        f"{result.model.model_id}: {figures.photos:,} of {count(result.photos, 'photo')}, {SIDE} pixels at most, each "
        f"edited in {len(WAYS)} ways (seed {options.seed})."
    )
    yield (
        f"{figures.calibration.pairs:,} unrelated pairs: {result.pairs:,} of two photos, the others of a photo and a "
        f"copy of another. Left out: {count(related.pairs, 'pair')} that may show the same, found among the "
        f"{related.looked_at:,} nearest by their pixels."
    )
    if not related.complete:
        yield (
            f"More than {MOST:,} near pairs may show the same; those not looked at count as unrelated, so that "
            "the radius may be too small. Move copies elsewhere first: dsh dupes finds them."
        )


def _wish(result: CopiesEvaluation) -> Iterator[str]:
    """The radius that this folder wants, or why none can be told."""
    name, own, wanted = shlex.quote(result.name), result.own_radius, result.wanted_radius
    per_million = f"{result.options.false_per_million:g} false per million"
    few = result.figures.calibration.pairs * result.options.false_per_million < MILLION
    if not result.told:
        yield (
            f"No radius can be told from {count(result.pairs, 'unrelated pair')} of photos: they are too few. "
            f"Give {FEWEST_PHOTOS} photos or more."
        )
        return
    if wanted is None:
        rate = result.figures.calibration.expected_rate(0) * MILLION
        yield (
            f"Even radius 0 is expected to join {_few(rate)} per million unrelated pairs: none of this model keeps to "
            f"{per_million} in this folder{', as far as so few pairs tell' if few else ''}."
        )
        return
    if few:
        yield f"The pairs are too few to see {per_million}: the radius is drawn on from the nearest of them."
    if result.wary.radius != wanted:
        yield (
            f"{count(result.alike, 'pair')} look alike (their small gray copies do) and still count as unrelated; "
            f"without them the radius would be {result.wary.radius}."
        )
    wish = f"This folder wants radius {wanted} (the model's own is {own})"
    if result.options.store:
        beyond = "; where dupes verifies, it looks farther and pixels decide" if result.model.config.false_rates else ""
        yield f"{wish}. Stored: query and dupes use it with {result.model.model_id} from now on{beyond}."
        yield f"Back to {own}: dsh models radius {name} --reset"
    else:
        yield f"{wish}: dsh eval {name} {shlex.quote(result.folder)} --copies --write-radius stores it."


def _record(result: CopiesEvaluation) -> dict[str, Any]:
    figures, related = result.figures, result.related
    stored = maybe_stored(result.model.model_id)
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in _edits(result)]
    kept = ("edit", "copies", "recall", "folder_recall", "median_distance")
    *edits, mean = ({column: row[column] for column in kept} for row in rows)
    return {
        "model": result.model.model_id,
        "bits": result.model.config.bits,
        "folder": result.folder,
        "files": result.read.files,
        "photos": result.photos,
        "photos_edited": figures.photos,
        "blank": result.flat,
        "skipped": [{"path": path, "reason": reason} for path, reason in result.read.skipped],
        "seed": result.options.seed,
        "max_false_per_million": result.options.false_per_million,
        "own_radius": result.own_radius,
        "folder_radius": result.wanted_radius,
        "folder_radius_without_look_alikes": result.wary.radius if result.wanted_radius is not None else None,
        "stored_radius": None if stored is None else stored.radius,
        "unrelated_pairs": figures.calibration.pairs,
        "unrelated_pairs_of_photos": result.pairs,
        "pairs_left_out": related.pairs,
        "pairs_looked_at": related.looked_at,
        "pairs_all_looked_at": related.complete,
        "pairs_that_look_alike": result.alike,
        "radii": [
            {"whose": whose, "radius": radius, "false_per_million": rate, "false_pairs": pairs, "recall": recall}
            for whose, radius, rate, pairs, recall in _radii(result)
        ],
        "edits": edits,
        "mean": mean,
        "unrelated_by_distance": figures.unrelated.tolist(),
    }
