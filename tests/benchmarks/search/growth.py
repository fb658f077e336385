"""How do query and dupes grow with the number of images? Measures, and draws what was measured.

python -m tests.benchmarks.search.growth [--counts N ...] [--radius R]      measures and writes growth.json
python -m tests.benchmarks.search.growth --draw                             growth.json to growth.svg

Clustered codes of 64 bits (see measuring), CPU seconds on one thread and the peak of memory of a process of its own
for each number: `query` is one code's scan, `pairs` all pairs of distinct codes, `star` and `single` the groups, from
codes to groups. Bar at 10M: 60 s for the groups, and 3 GB.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

from dshcli.search.collapse import collapse
from dshcli.search.groups import single_groups, star_groups
from dshcli.search.neighbours import neighbours_within
from dshcli.search.pairs import column_pairs
from dshcli.show.page.svg import Chart
from tests.benchmarks.measuring import benchmark_codes, cpu_seconds, machine, peak_bytes

BITS = 64
COUNTS = (10_000, 100_000, 1_000_000, 10_000_000)
RESULTS = Path(__file__).with_suffix(".json")
LINES = {"query": "#2a78d6", "star": "#c2410c", "single": "#15803d"}
STYLE = (
    "text{font:12px sans-serif;fill:#444}.x{text-anchor:middle}.y{text-anchor:end}.grid{stroke:#ddd}"
    ".axis{fill:none;stroke:#444}.line{fill:none;stroke-width:2}"
    + "".join(f".line.{name}{{stroke:{colour}}}.dot.{name}{{fill:{colour}}}" for name, colour in LINES.items())
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS)
    parser.add_argument("--radius", type=int, default=2)
    parser.add_argument("--draw", action="store_true")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options.radius)))
    elif options.draw:
        RESULTS.with_suffix(".svg").write_text(drawing(json.loads(RESULTS.read_text())["points"]))
    else:
        points = [_in_own_process(count, options.radius) for count in options.counts]
        report = {"machine": machine("numpy"), "bits": BITS, "radius": options.radius, "points": points}
        RESULTS.write_text(json.dumps(report, indent=1) + "\n")
        largest = points[-1]
        met = max(largest["star"], largest["single"]) <= 60 and largest["peak_bytes"] <= 3e9
        if largest["count"] == 10_000_000:
            print(f"{report['machine']}; bars 60 s, 3 GB: {'met' if met else 'MISSED'}")


def _in_own_process(count: int, radius: int) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.search.growth", "--one", str(count), "--radius", str(radius)]
    line = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    print(line, end="", flush=True)
    point: dict[str, float] = json.loads(line)
    return point


def measure(count: int, radius: int) -> dict[str, float]:
    """Seconds by name, the groups and the peak of memory, for so many codes."""
    codes = benchmark_codes(count, BITS)
    ranks = np.random.default_rng(1).permutation(count)
    rounds = 3 if count <= 1_000_000 else 1
    groups: list[int] = []
    seconds = {
        "query": cpu_seconds(lambda: neighbours_within(codes[count // 2], codes, radius), 9),
        "pairs": cpu_seconds(lambda: sum(map(len, column_pairs(collapse(codes).columns, BITS, radius))), rounds),
        "star": cpu_seconds(lambda: groups.append(len(star_groups(codes, BITS, radius, ranks))), rounds),
        "single": cpu_seconds(lambda: groups.append(len(single_groups(codes, BITS, radius, ranks))), rounds),
    }
    return {"count": count} | seconds | {"stars": groups[0], "chains": groups[-1], "peak_bytes": peak_bytes()}


def drawing(points: list[dict[str, float]]) -> str:
    """The chart of points as an SVG file; both axes are logarithmic."""
    values = [point[name] for point in points for name in LINES]
    powers = [float(np.log10(point["count"])) for point in points]
    chart = Chart(
        "CPU seconds by number of images",
        (powers[0], powers[-1]),
        (10 ** np.floor(np.log10(min(values))), 10 ** np.ceil(np.log10(max(values)))),
        "images, as a power of 10",
        "CPU seconds",
        log=True,
    )
    for place, name in enumerate(LINES):
        chart.line([(x, point[name]) for x, point in zip(powers, points, strict=True)], name, dots=True)
        chart.parts.append(f'<text x="80" y="{28 + 16 * place}" style="fill:{LINES[name]}">{name}</text>')
    match = re.search(r"<svg (.*)</svg>", str(chart), re.DOTALL)
    assert match is not None
    head, _, body = match[1].partition(">")
    return f'<svg xmlns="http://www.w3.org/2000/svg" {head}><style>{STYLE}</style>{body}</svg>\n'


if __name__ == "__main__":
    main()
