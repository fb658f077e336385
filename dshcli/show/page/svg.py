"""Charts as SVG text: a frame with axes, and lines, areas, bars and dots in it. All values are the caller's units."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

from dshcli.show.page.text import words

WIDTH, HEIGHT = 440, 260
LEFT, RIGHT, TOP, BOTTOM = 66, 12, 12, 40


@dataclass
class Chart:
    """A frame over x and y ranges; logarithmic in y if log, where everything below the range lies on its edge."""

    title: str
    x: tuple[float, float]
    y: tuple[float, float]
    x_name: str
    y_name: str
    log: bool = False
    parts: list[str] = field(default_factory=list)
    legend: list[tuple[str, str]] = field(default_factory=list)

    def across(self, value: float) -> float:
        """The place of an x value, in the picture's units."""
        low, high = self.x
        return LEFT + (WIDTH - LEFT - RIGHT) * (value - low) / ((high - low) or 1)

    def down(self, value: float) -> float:
        """The place of a y value."""
        low, high = self.y
        if self.log:
            value, low, high = (math.log10(max(v, self.y[0])) for v in (value, low, high))
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - low) / ((high - low) or 1))

    def line(self, points: Iterable[tuple[float, float]], style: str, name: str = "", dots: bool = False) -> None:
        """A line through points; with dots, each of them is marked."""
        places = [(self.across(a), self.down(b)) for a, b in points]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
        self.parts.append(f'<polyline class="line {style}" points="{path}"/>')
        if dots:
            self.parts += [f'<circle class="dot {style}" cx="{a:.1f}" cy="{b:.1f}" r="3"/>' for a, b in places]
        self._named(name, style)

    def steps(self, heights: Sequence[float], style: str, name: str = "") -> None:
        """An area of one step for each of x = 0, 1, 2, ..."""
        base = self.down(self.y[0])
        path = [f"M{self.across(-0.5):.1f},{base:.1f}"]
        path += [f"V{self.down(h):.1f}H{self.across(i + 0.5):.1f}" for i, h in enumerate(heights)]
        self.parts.append(f'<path class="area {style}" d="{"".join(path)}V{base:.1f}Z"/>')
        self._named(name, style)

    def level(self, value: float) -> None:
        """A dashed line at a y value."""
        at = f"{self.down(value):.1f}"
        self.parts.append(f'<line class="level" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at}" y2="{at}"/>')

    def _named(self, name: str, style: str) -> None:
        if name:
            self.legend.append((name, style))

    def __str__(self) -> str:
        return (
            f'<figure class="chart"><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(self.title)}">'
            f"{self._axes()}{''.join(self.parts)}</svg>{self._legend()}</figure>"
        )

    def _axes(self) -> str:
        low, left, right = HEIGHT - BOTTOM, LEFT, WIDTH - RIGHT
        marks = []
        for value in ticks(*self.x, most=8, whole=True):
            at = f"{self.across(value):.1f}"
            marks.append(f'<text class="x" x="{at}" y="{low + 16}">{value:g}</text>')
        for value in _powers(*self.y) if self.log else ticks(*self.y, most=5):
            height = self.down(value)
            marks.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{height:.1f}" y2="{height:.1f}"/>')
            marks.append(f'<text class="y" x="{left - 6}" y="{height + 4:.1f}">{value:g}</text>')
        names = (
            f'<text class="x" x="{(left + right) / 2}" y="{HEIGHT - 6}">{escape(self.x_name)}</text>'
            f'<text class="x" transform="translate(12 {(TOP + low) / 2}) rotate(-90)">{escape(self.y_name)}</text>'
        )
        return f'{"".join(marks)}<path class="axis" d="M{left},{TOP}V{low}H{right}"/>{names}'

    def _legend(self) -> str:
        if not self.legend:
            return ""
        items = "".join(f'<span><i class="key {style}"></i>{escape(name)}</span>' for name, style in self.legend)
        return f'<figcaption class="legend">{items}</figcaption>'


def ticks(low: float, high: float, *, most: int, whole: bool = False) -> list[float]:
    """Round values within a range, at most so many."""
    span = high - low
    if span <= 0:
        return [low]
    unit = 10.0 ** math.floor(math.log10(span / most))
    step = next(unit * m for m in (1, 2, 5, 10, 20) if span / (unit * m) <= most)
    if whole:
        step = max(step, 1.0)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _powers(low: float, high: float) -> list[float]:
    return [10.0**e for e in range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)]


def scatter(points: Sequence[tuple[float, float]], groups: Sequence[int], colours: Sequence[str], title: str) -> str:
    """Dots on a plane without axes, each in its group's colour."""
    side, edge = 560, 10
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    x0, y0 = min(xs), min(ys)
    scale = (side - 2 * edge) / (max(max(xs) - x0, max(ys) - y0) or 1)
    by_group: dict[int, list[str]] = {}
    for (x, y), group in zip(points, groups, strict=True):
        place = f'<circle cx="{edge + (x - x0) * scale:.1f}" cy="{side - edge - (y - y0) * scale:.1f}" r="2.6"/>'
        by_group.setdefault(group, []).append(place)
    body = "".join(f'<g fill="{colours[group]}">{"".join(dots)}</g>' for group, dots in sorted(by_group.items()))
    return f'<svg class="map" viewBox="0 0 {side} {side}" role="img" aria-label="{escape(title)}">{body}</svg>'


def grid(values: Sequence[Sequence[float]], names: Sequence[str], shade: Sequence[Sequence[float]], title: str) -> str:
    """A matrix with its numbers; shade 0..1 is how strongly a cell is coloured."""
    cell, margin = 34, 110
    side = margin + cell * len(names)
    parts = []
    for i, name in enumerate(names):
        at = margin + cell * i + cell / 2
        text = words(name if len(name) <= 14 else name[:13] + "…")
        parts.append(f'<text class="y" x="{margin - 6}" y="{at + 4}">{text}</text>')
        parts.append(f'<text class="y" transform="translate({at + 4} {margin - 6}) rotate(90)">{text}</text>')
        for j, value in enumerate(values[i]):
            x, y = margin + cell * j, margin + cell * i
            box = f'x="{x}" y="{y}" width="{cell - 1}" height="{cell - 1}" fill-opacity="{shade[i][j]:.2f}"'
            parts.append(f'<rect class="cell" {box}/>')
            parts.append(f'<text class="n" x="{x + cell / 2 - 0.5}" y="{y + 21}">{value:g}</text>')
    return (
        f'<svg class="matrix" viewBox="0 0 {side} {side}" style="max-width:{side}px" role="img" '
        f'aria-label="{escape(title)}">{"".join(parts)}</svg>'
    )
