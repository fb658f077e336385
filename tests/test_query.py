"""`dsh query`: neighbours of images in the index and of others, one by one and by lists."""

import csv
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import records
from flats import flat_pictures, names
from PIL import Image
from typer.testing import Result

from dshcli.hasher.models import Model

Dsh = Callable[..., Result]


@pytest.fixture
def indexed(tmp_path: Path, dsh: Dsh, toy_model: Model) -> Path:
    colours = flat_pictures(tmp_path / "colours")
    dsh("index", colours, "--model", toy_model.folder)
    dsh("models", "use", toy_model.folder)
    return colours


def test_query_lists_by_distance_then_path(indexed: Path, dsh: Dsh) -> None:
    result = dsh("query", indexed / "big.png", "-r", 2)
    assert result.stdout.splitlines() == [
        f"0\t40x40\t{(indexed / 'small.png').stat().st_size}\t{indexed / 'small.png'}",
        f"2\t40x40\t{(indexed / 'near.png').stat().st_size}\t{indexed / 'near.png'}",
    ]
    assert "2 neighbours within 2 of 48 bits among 5 images" in result.stderr
    assert dsh("query", indexed / "big.png", "-r", 1).stdout.count("\n") == 1


def test_query_of_an_image_outside_the_index(indexed: Path, dsh: Dsh, tmp_path: Path) -> None:
    Image.new("RGB", (9, 9), (224, 0, 0)).save(tmp_path / "new.webp", lossless=True)
    (record,) = records(dsh("query", tmp_path / "new.webp", "-r", 1, "--json"))
    assert [(n["distance"], os.path.basename(n["path"])) for n in record["neighbours"]] == [
        (1, "big.png"), (1, "near.png"), (1, "small.png")
    ]  # fmt: skip
    assert record["neighbours"][0]["width"] == 80


def test_query_of_an_indexed_image_that_changed_uses_the_new_pixels(indexed: Path, dsh: Dsh) -> None:
    Image.new("RGB", (9, 9), (0, 0, 240)).save(indexed / "big.png")
    result = dsh("query", indexed / "big.png", "-r", 0)
    assert names(result.stdout.split("\t")[3::3])[0].startswith("blue.png")


def test_query_without_radius_uses_the_calibrated_one(indexed: Path, dsh: Dsh) -> None:
    result = dsh("query", indexed / "big.png")
    assert "within 2 of 48 bits" in result.stderr and result.stdout.count("\n") == 2


def test_query_k_nearest(indexed: Path, dsh: Dsh) -> None:
    result = dsh("query", indexed / "near.png", "-k", 3)
    assert [line.split("\t")[0] for line in result.stdout.splitlines()] == ["2", "2", "28"]
    assert dsh("query", indexed / "near.png", "-k", 3, "-r", 2).stdout.count("\n") == 2
    assert dsh("query", indexed / "near.png", "-k", 0, exit_code=2).stderr.startswith("Error: -k must be at least 1")


def test_several_queries_and_a_bad_one(indexed: Path, dsh: Dsh, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_text("no picture")
    result = dsh("query", indexed / "big.png", bad, indexed / "blue.png", "-r", 0)
    assert result.stdout.splitlines() == [
        f"{indexed / 'big.png'}\t0\t40x40\t{(indexed / 'small.png').stat().st_size}\t{indexed / 'small.png'}",
        f"{indexed / 'blue.png'}\t0\t50x50\t{(indexed / 'blue.png').stat().st_size}\t{indexed / 'sub' / 'copy.png'}",
    ]
    assert f"{bad}: not an image" in result.stderr
    assert f"{bad}: not an image" in dsh("query", bad, exit_code=1).stderr
    assert "no such file" in dsh("query", tmp_path / "nowhere.jpg", exit_code=1).stderr


def test_query_paths_from_stdin(indexed: Path, dsh: Dsh) -> None:
    paths = f"{indexed / 'big.png'}\n{indexed / 'blue.png'}\n"
    found = records(dsh("query", "-", "-r", 0, "--json", input=paths))
    assert [names([record["query"]])[0] for record in found] == ["big.png", "blue.png"]
    assert [len(record["neighbours"]) for record in found] == [1, 1]
    table = dsh("query", "-", "-r", 0, "--csv", "-q", input=paths).stdout
    assert list(csv.DictReader(table.splitlines()))[0]["distance"] == "0"


def test_query_of_a_list(indexed: Path, dsh: Dsh, tmp_path: Path) -> None:
    """Each answer in its place, also of images that cannot be read or come twice."""
    new = tmp_path / os.fsdecode(b"caf\xe9.png")
    Image.new("RGB", (9, 9), (224, 0, 0)).save(new)
    listed = tmp_path / "list.txt"
    lines = [indexed / "big.png", tmp_path / "nowhere.png", new, indexed / "blue.png", new, indexed / "big.png"]
    listed.write_bytes(b"\r\n".join(map(os.fsencode, lines)) + b"\n\n")
    found = records(dsh("query", "--list", listed, "-r", 1, "--json"))
    assert [record["query"] for record in found] == [
        os.fsencode(path).decode("utf-8", "surrogateescape") for path in lines
    ]
    assert [len(record["neighbours"]) for record in found] == [1, 0, 3, 1, 3, 1]  # type: ignore[arg-type]
    assert [record.get("error", "") for record in found].count("") == 5
    by_stdin = dsh("query", "--list", "-", "-r", 1, "--json", input=f"{indexed / 'big.png'}\n")
    assert records(by_stdin) == found[:1]
    first = dsh("query", indexed / "blue.png", "--list", listed, "-r", 1, "--json")
    assert records(first) == [found[3], *found]


def test_a_query_needs_an_image(indexed: Path, dsh: Dsh, tmp_path: Path) -> None:
    assert "there is no image to look for" in dsh("query", exit_code=2).stderr
    missing = dsh("query", "--list", tmp_path / "missing.txt", exit_code=2).stderr
    assert "missing.txt: no such file or directory" in missing and "Hint: --list takes" in missing


@pytest.mark.parametrize(("count", "radius"), [(None, 2), (None, 48), (3, None), (2, 4)])
def test_many_queries_as_one_by_one(tmp_path: Path, dsh: Dsh, toy_model: Model, count: int, radius: int) -> None:
    """Batches of queries of several sizes are answered as each of them alone; most are in the index, some are not."""
    for number in range(40):
        level = 6 * number
        place = "new" if number % 7 == 3 else "in"
        (tmp_path / place).mkdir(exist_ok=True)
        Image.new("RGB", (9, 9), (level, 255 - level, 90)).save(tmp_path / place / f"{number:02}.png")
    dsh("index", tmp_path / "in", "--model", toy_model.folder)
    dsh("models", "use", toy_model.folder)
    limits = [*(["-k", count] if count else []), *(["-r", radius] if radius is not None else [])]
    queries = sorted(tmp_path.glob("*/*.png"))
    found = records(dsh("query", *queries, *limits, "--json"))
    assert len(found) == 40
    for query in queries[::3]:
        (alone,) = records(dsh("query", query, *limits, "--json"))
        assert alone == found[queries.index(query)] and alone["neighbours"]
