"""The page of an evaluation: whole, harmless whatever the classes are called, and shown by a real browser."""

import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from conftest import KINDS, shapes
from typer.testing import Result

from dshcli.errors import DshError
from dshcli.hasher.evaluation import Protocol, evaluate
from dshcli.hasher.exhibit import Exhibit, exhibit, query_precisions, worst_answers
from dshcli.hasher.flat_map import flat_map
from dshcli.hasher.judging import Judged, Side
from dshcli.hasher.models import Model
from dshcli.hasher.ranking import Coded, tie_aware_map
from dshcli.show.page.document import document, write
from dshcli.show.page.evaluation import sections
from dshcli.show.page.svg import ticks

Dsh = Callable[..., Result]
HOSTILE = ('<script>alert("1")</script>', '"><img src=x onerror=alert(2)>', "tab\tand\x1b[31mred", "&amp;")


class Tags(HTMLParser):
    """Collects tags with their attributes, and text outside of style."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data


def side(model: Model, count: int, classes: int, bits: int, rng: np.random.Generator, channels: int = 3) -> Side:
    """Images whose outputs lie around one random centre per class."""
    centres = np.random.default_rng(9).standard_normal((classes, bits))
    labels = np.arange(count) % classes
    outputs = (centres[labels] + rng.standard_normal((count, bits))).astype(np.float32)
    pixels = rng.integers(0, 256, (count, 12, 12, channels), dtype=np.uint8)
    return Side(pixels, outputs, Coded(np.packbits(outputs >= 0, axis=1), labels))


def judged(
    model: Model, names: tuple[str, ...], bits: int = 8, count: int = 60, alone: bool = False, channels: int = 3
) -> Judged:
    rng = np.random.default_rng(1)
    queries = side(model, count, len(names), bits, rng, channels)
    database = queries if alone else side(model, 2 * count, len(names), bits, rng, channels)
    protocol = Protocol("test images against the training images", exclude_self=alone)
    evaluation = evaluate(queries.coded, database.coded, bits, names, protocol)
    return Judged(model, alone, evaluation, queries, database)


def page(shown: Exhibit) -> str:
    return document("a page", sections(shown))


# --- what is shown ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alone", [False, True])
def test_precisions_by_query_equal_those_of_one_query_each(toy_model: Model, alone: bool) -> None:
    found = judged(toy_model, ("a", "b", "c"), alone=alone)
    precisions = query_precisions(found.queries.coded, found.database.coded, exclude_self=alone)
    codes, labels = found.queries.coded.codes, found.queries.labels
    for i in range(0, 60, 7):
        others = np.flatnonzero(np.arange(len(found.database.labels)) != (i if alone else -1))
        expected = tie_aware_map(
            codes[i : i + 1], labels[i : i + 1], found.database.coded.codes[others], found.database.labels[others]
        )
        assert precisions[i] == pytest.approx(expected, abs=1e-12)
    assert precisions.mean() == pytest.approx(found.evaluation.map, abs=1e-12)


@pytest.mark.parametrize("alone", [False, True])
def test_worst_answers_are_the_worst_with_their_nearest(toy_model: Model, alone: bool) -> None:
    found = judged(toy_model, ("a", "b", "c"), alone=alone)
    failures = worst_answers(found)
    precisions = query_precisions(found.queries.coded, found.database.coded, exclude_self=alone)
    assert failures[0].average_precision == precisions.min()
    assert [f.average_precision for f in failures] == sorted(f.average_precision for f in failures)
    assert len(failures) <= 24 and max(sum(f.query.classes == (c,) for f in failures) for c in range(3)) == 4
    index = int(precisions.argmin())
    differing = np.unpackbits(found.queries.coded.codes[index] ^ found.database.coded.codes, axis=1).sum(axis=1)
    differing = np.sort(np.delete(differing, index) if alone else differing)
    assert [n.distance for n in failures[0].neighbours] == differing[: len(failures[0].neighbours)].tolist()
    assert all(n.relevant == (n.picture.classes == failures[0].query.classes) for n in failures[0].neighbours)


def test_nothing_fails_where_all_is_right(toy_model: Model) -> None:
    labels = np.arange(20) % 2
    outputs = np.where(labels[:, None] == 0, -1.0, 1.0).astype(np.float32) * np.ones((1, 8), np.float32)
    perfect = Side(np.zeros((20, 4, 4, 1), np.uint8), outputs, Coded(np.packbits(outputs >= 0, axis=1), labels))
    found = evaluate(perfect.coded, perfect.coded, 8, ("a", "b"))
    shown = exhibit(Judged(toy_model, False, found, perfect, perfect))
    assert shown.failures == () and "before any other" in page(shown)


@pytest.mark.parametrize(("count", "bits"), [(1, 8), (4, 4), (6, 48), (200, 8)])
def test_flat_map_of_any_size_is_finite_and_repeatable(count: int, bits: int) -> None:
    outputs = np.random.default_rng(0).standard_normal((count, bits)).astype(np.float32)
    places, method = flat_map(outputs)
    assert places.shape == (count, 2) and np.isfinite(places).all() and method
    assert (flat_map(outputs)[0] == places).all()


def test_flat_map_keeps_groups_together() -> None:
    rng = np.random.default_rng(0)
    groups = np.arange(120) % 3
    outputs = (20 * np.eye(3, 16)[groups] + rng.standard_normal((120, 16))).astype(np.float32)
    places, _ = flat_map(outputs)
    distances = np.linalg.norm(places[:, None] - places[None], axis=2) + 1e9 * np.eye(120)
    assert (groups[distances.argmin(axis=1)] == groups).all()


def test_flat_map_of_equal_points() -> None:
    assert np.isfinite(flat_map(np.ones((50, 8), np.float32))[0]).all()


# --- the page ---------------------------------------------------------------------------------------------------------


def test_hostile_names_stay_text(toy_model: Model) -> None:
    html = page(exhibit(judged(toy_model, HOSTILE)))
    found = Tags(html)
    names = [name for name, _ in found.tags]
    assert "script" not in names and not any("onerror" in attributes for _, attributes in found.tags)
    assert HOSTILE[0] in found.text and HOSTILE[1] in found.text and "\x1b" not in html and "\\x1b[31m" in html
    assert "&amp;amp;" in html


def test_nothing_comes_from_outside(toy_model: Model) -> None:
    html = page(exhibit(judged(toy_model, ("a", "b", "c"))))
    for tag, attributes in Tags(html).tags:
        assert tag not in ("link", "iframe", "object", "script", "base")
        for name in ("src", "href"):
            assert (attributes.get(name) or "data:").startswith("data:")
    (policy,) = [a["content"] for t, a in Tags(html).tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None and policy.startswith("default-src 'none'") and "script-src" not in policy
    assert "url(" not in html and "@import" not in html


@pytest.mark.parametrize(
    ("classes", "bits", "channels"), [(1, 8, 1), (2, 4, 3), (26, 16, 1), (300, 64, 3), (10, 512, 3)]
)
def test_pages_of_all_sizes(toy_model: Model, classes: int, bits: int, channels: int) -> None:
    names = tuple(f"class {i}" for i in range(classes))
    html = page(exhibit(judged(toy_model, names, bits, count=max(60, 2 * classes), channels=channels)))
    assert len(html) < 3_000_000 and "nan" not in re.sub(r"base64,[^\"]+", "", html).lower()
    found = Tags(html)
    assert [t for t, _ in found.tags].count("h2") == 7
    for name in (names[0], names[-1]):
        assert name in found.text


def test_a_page_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(DshError, match="nowhere"):
        write(tmp_path / "nowhere" / "page.html", "text")
    (tmp_path / "folder").mkdir()
    with pytest.raises(DshError, match="folder"):
        write(tmp_path / "folder", "text")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 8), (-0.5, 512.5), (0, 0.037), (3, 3)])
def test_ticks_are_round_few_and_inside(low: float, high: float) -> None:
    found = ticks(low, high, most=8)
    assert 1 <= len(found) <= 9 and all(low <= value <= high for value in found)


@pytest.fixture(scope="module")
def chromium() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    pytest.skip("no chromium here")


def test_a_browser_shows_the_report_of_a_command(tmp_path: Path, dsh: Dsh, chromium: str) -> None:
    data = shapes(tmp_path / "shapes", 20)
    dsh("train", data, "--bits", 8, "--epochs", 2, "--batch", 24, "--name", "shown", "--quiet")
    out = tmp_path / "out.html"
    result = dsh("eval", "shown", data, "--report", out, "--protocol", "self")
    assert f"Wrote {out}" in result.stderr
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", out.as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    text = Tags(shown.stdout).text
    assert all(kind in text for kind in KINDS) and "shown on" in text and "Worst answers" in text
    assert "CONSOLE" not in shown.stderr and "Refused" not in shown.stderr
