"""The sections of an evaluation's page. Each is a heading, a sentence that says what is seen, and a figure."""

import math
from collections.abc import Callable

import numpy as np

from dshcli.hasher.evaluation import Evaluation
from dshcli.hasher.exhibit import Exhibit, Failure, Neighbour, Picture
from dshcli.hasher.flat_map import flat_map
from dshcli.show.page.colours import class_colours
from dshcli.show.page.pictures import heat_map, thumbnail
from dshcli.show.page.svg import Chart, grid, scatter
from dshcli.show.page.text import table, words

NUMBERED, COLOURED = 25, 200  # classes whose matrix of distances is drawn with numbers; with colours only
CLOSEST = 10
IN_LEGEND = 40
LEAST_SHARE = 1e-6  # of pairs: the lower edge of the logarithmic chart


def sections(exhibit: Exhibit) -> str:
    """All sections below the figures."""
    parts: list[Callable[[Exhibit], str]] = [_by_radius, _distances, _classes, _codes, _bits, _map, _failures]
    return "\n".join(part(exhibit) for part in parts)


def _section(title: str, caption: str, body: str) -> str:
    return f"<section><h2>{title}</h2><p>{caption}</p>{body}</section>"


def _by_radius(exhibit: Exhibit) -> str:
    found = exhibit.evaluation.retrieval
    bits = exhibit.evaluation.bits
    by_radius = Chart("precision and recall by radius", (0, bits), (0, 1), "radius, bits", "share")
    by_radius.line(enumerate(found.precision_by_radius.tolist()), "one", "precision")
    by_radius.line(enumerate(found.recall_by_radius.tolist()), "two", "recall")
    curve = Chart("precision against recall", (0, 1), (0, 1), "recall", "precision")
    points = zip(found.recall_by_radius.tolist(), found.precision_by_radius.tolist(), strict=True)
    curve.line(points, "one", "a dot for each radius", dots=True)
    return _section(
        "Precision and recall",
        "Of all that lies within a radius of a query: the share that is of its class, and the share of its class that "
        "is found. Means over the queries; an empty answer counts 0.",
        f'<div class="pair">{by_radius}{curve}</div>',
    )


def _distances(exhibit: Exhibit) -> str:
    evaluation = exhibit.evaluation
    shares = [counts / max(counts.sum(), 1) for counts in (evaluation.retrieval.same, evaluation.retrieval.other)]
    charts = []
    for log in (False, True):
        top = 1.0 if log else max(float(share.max()) for share in shares) or 1.0
        low = LEAST_SHARE if log else 0.0
        name = "share of pairs" + (", logarithmic" if log else "")
        chart = Chart("distances of pairs", (-0.5, evaluation.bits + 0.5), (low, top), "distance, bits", name, log)
        for share, style, label in zip(shares, ("one", "two"), ("same class", "other class"), strict=True):
            chart.steps(share.tolist(), style, label)
        charts.append(str(chart))
    return _section(
        "Distances",
        "How far apart queries and database images are, of the same class and of others. The less the two overlap, the "
        "better one radius tells them apart.",
        f'<div class="pair">{"".join(charts)}</div>',
    )


def _classes(exhibit: Exhibit) -> str:
    evaluation = exhibit.evaluation
    distances, names = evaluation.classes.distances.astype(float), _names(evaluation)
    caption = "Bits between the codes of two classes, a class's code being what most of its images have in each bit."
    if len(names) < 2:
        return _section("Between classes", "There is one class only.", "")
    if len(names) <= NUMBERED:
        shade = 0.75 * (1 - distances / max(evaluation.bits, 1)) * (1 - np.eye(len(names)))
        figure = grid(distances.tolist(), names, shade.tolist(), "distances of classes")
    elif len(names) <= COLOURED:
        near = 1 - distances / max(float(distances.max()), 1)
        figure = f'<img class="cells" alt="distances of classes" src="{heat_map(near * (1 - np.eye(len(names))))}">'
        caption += " The stronger the colour, the nearer; classes in the order of the table below."
    else:
        figure, caption = (
            "",
            caption + f" A matrix of {len(names):,} classes would tell nothing; these are the closest.",
        )
    return _section("Between classes", caption, f'<div class="pair"><div>{figure}</div>{_closest(evaluation)}</div>')


def _closest(evaluation: Evaluation) -> str:
    names = _names(evaluation)
    first, second = np.triu_indices(len(names), k=1)
    distances = evaluation.classes.distances[first, second]
    nearest = np.argsort(distances, kind="stable")[:CLOSEST]
    rows = [[words(names[first[i]]), words(names[second[i]]), str(int(distances[i]))] for i in nearest]
    return table(["closest classes", "", "bits"], rows, numbers=(2,))


def _codes(exhibit: Exhibit) -> str:
    rows = [
        [
            words(row["class"]),
            f"<code>{row['hex']}</code>",
            f"<code>{row['binary']}</code>",
            "-" if row["exact"] is None or math.isnan(row["exact"]) else f"{row['exact']:.1%}",
            "-" if row["nearest_class"] is None else str(row["nearest_class"]),
        ]
        for row in exhibit.evaluation.class_rows()
    ]
    return _section(
        "Codes",
        "The code of each class, the share of its queries that have exactly this code, and the distance to the nearest "
        "other class.",
        table(["class", "hex", "bits", "exact", "nearest class"], rows, numbers=(3, 4)),
    )


def _bits(exhibit: Exhibit) -> str:
    space, bits = exhibit.evaluation.space, exhibit.evaluation.bits
    chart = Chart("balance of bits", (-0.5, bits - 0.5), (0, 1), "bit", "share of ones")
    chart.steps(space.balance.tolist(), "one")
    chart.level(0.5)
    matrix = heat_map(space.correlation * (1 - np.eye(bits)))
    figure = f'<figure><img class="cells" alt="correlation of bits" src="{matrix}"></figure>'
    return _section(
        "Bits",
        "Left, how often each bit is 1: at one half it tells most. Right, the correlation of every two bits, orange "
        "where they agree, blue where they differ, plain where they have nothing to do with each other. "
        f"{space.distinct:,} distinct codes, {space.entropy:.2f} bits of entropy.",
        f'<div class="pair">{chart}{figure}</div>',
    )


def _map(exhibit: Exhibit) -> str:
    if not len(exhibit.outputs):
        return ""
    points, method = flat_map(exhibit.outputs)
    names = exhibit.evaluation.class_names
    colours = class_colours(len(names))
    places = [(float(x), float(y)) for x, y in points]
    figure = scatter(places, exhibit.classes.tolist(), colours, "outputs on a plane")
    keys = [
        f'<span><i class="key" style="background:{colour}"></i>{words(name)}</span>'
        for name, colour in list(zip(names, colours, strict=True))[:IN_LEGEND]
    ]
    more = f"<span>and {len(names) - IN_LEGEND} more</span>" if len(names) > IN_LEGEND else ""
    return _section(
        "Outputs on a plane",
        f"The network's outputs, before they are cut to bits, of {len(points):,} queries, laid out by {words(method)}. "
        "What lies together is alike; distances between groups mean little.",
        f'<figure>{figure}<figcaption class="legend">{"".join(keys)}{more}</figcaption></figure>',
    )


def _failures(exhibit: Exhibit) -> str:
    if not exhibit.failures:
        return _section("Worst answers", "Every query finds all images of its class before any other.", "")
    names = exhibit.evaluation.class_names
    return _section(
        "Worst answers",
        "The queries of the least average precision, each with its nearest images: with a full frame if of the query's "
        "class, with a broken one if not.",
        "".join(_failure(failure, names) for failure in exhibit.failures),
    )


def _failure(failure: Failure, names: tuple[str, ...]) -> str:
    query = _figure(failure.query, names, f"AP {failure.average_precision:.3f}", "query")
    return f'<div class="failure">{query}{"".join(_neighbour(n, names) for n in failure.neighbours)}</div>'


def _neighbour(neighbour: Neighbour, names: tuple[str, ...]) -> str:
    kind = "right" if neighbour.relevant else "wrong"
    return _figure(neighbour.picture, names, f"{neighbour.distance} bits, {kind}", kind)


def _figure(picture: Picture, names: tuple[str, ...], fact: str, kind: str) -> str:
    label = words(", ".join(names[number] for number in picture.classes))
    image = f'<img alt="{label}" src="{thumbnail(picture.pixels)}">'
    return f'<figure class="{kind}">{image}<figcaption>{label}<br><b>{fact}</b></figcaption></figure>'


def _names(evaluation: Evaluation) -> list[str]:
    return [str(row["class"]) for row in evaluation.class_rows()]
