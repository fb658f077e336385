"""`dsh dupes --against`: new images with the clean ones that they are copies of, and nothing else."""

import itertools
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from conftest import records
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from toys import ToyProver, photo
from typer.testing import Result

from dshcli.codes import hamming
from dshcli.commands import dupes
from dshcli.dedupe.against import _group, new_against_clean
from dshcli.dedupe.collection import Collection
from dshcli.dedupe.plan import load_plan
from dshcli.hasher.models import Model

Dsh = Callable[..., Result]
WAYS = [(), ("-r", 6), ("--no-verify", "-r", 2)]


@pytest.fixture
def prover(monkeypatch: pytest.MonkeyPatch) -> ToyProver:
    toy = ToyProver()
    monkeypatch.setattr(dupes, "PixelProver", lambda: toy)
    return toy


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*.png")}


@pytest.fixture
def folder(tmp_path: Path, dsh: Dsh, copies_model: Model) -> Path:
    """clean/: photo 1 in two sizes, and photo 2 at another brightness. new/: copies of both, one of them an exact one,
    and photo 3 of a third brightness twice. other/: one more copy of photo 1."""
    folder = tmp_path / "p"
    photo(folder / "clean" / "one.png", 1, side=96)
    photo(folder / "clean" / "one_small.png", 1, side=64)
    photo(folder / "clean" / "two.png", 2, level=70)
    photo(folder / "new" / "large.png", 1, side=192)
    photo(folder / "new" / "two_again.png", 2, level=70, side=120)
    shutil.copy2(folder / "clean" / "one_small.png", folder / "new" / "exact.png")
    photo(folder / "new" / "three.png", 3, level=190)
    shutil.copy2(folder / "new" / "three.png", folder / "new" / "three_again.png")
    photo(folder / "other" / "one.png", 1, side=100)
    dsh("models", "use", copies_model.folder)
    dsh("index", folder)
    return folder


COPIES = {"new/large.png", "new/exact.png", "new/two_again.png"}


def groups_of(result: Result, folder: Path) -> dict[str, set[str]]:
    def short(image: dict[str, str]) -> str:
        return str(Path(image["path"]).relative_to(folder))

    return {short(g["keeper"]): {short(m) for m in g["members"]} for g in records(result)}  # type: ignore[arg-type,attr-defined]


@pytest.mark.parametrize("options", WAYS)
@pytest.mark.parametrize("keep", [(), ("--keep", "sharp > exif > bytes")])
def test_only_copies_of_clean_images_go(
    folder: Path, dsh: Dsh, tmp_path: Path, prover: ToyProver, options: tuple[object, ...], keep: tuple[str, ...]
) -> None:
    before, plan = files(folder), tmp_path / "plan.jsonl"
    against = ("--against", folder / "clean", *options, *keep)
    result = dsh("dupes", "--json", *against, "--plan", plan)
    groups = groups_of(result, folder)
    assert all(keeper.startswith("clean/") for keeper in groups)
    assert set().union(*groups.values()) == COPIES | {"other/one.png"}
    assert groups["clean/two.png"] == {"new/two_again.png"}
    if "--no-verify" not in options:
        assert groups["clean/one_small.png"] == {"new/exact.png"}
    assert {g["keeper"]["why"] for g in records(result)} == {f"in {folder / 'clean'}"}  # type: ignore[index]
    assert "4 images could go" in result.stderr
    header = load_plan(plan).header
    gone = COPIES | {"other/one.png"}
    assert header.protected == (str(folder / "clean"),) and header.files == 4
    assert header.bytes == sum((folder / name).stat().st_size for name in gone)
    dsh("apply", plan, "--yes")
    assert files(folder) == before - gone


@pytest.mark.parametrize("options", WAYS)
def test_only_new_files_below_the_folders(
    folder: Path, dsh: Dsh, tmp_path: Path, prover: ToyProver, options: tuple[object, ...]
) -> None:
    before, plan = files(folder), tmp_path / "plan.jsonl"
    dsh("dupes", folder / "new", "--against", folder / "clean", "--plan", plan, *options)
    dsh("apply", plan, "--yes")
    assert files(folder) == before - COPIES
    again = dsh("dupes", folder / "new", "--against", folder / "clean", "--fail-on-found", *options)
    assert "0 groups" in again.stderr and "0 images could go" in again.stderr
    dsh("dupes", "--against", folder / "clean", "--fail-on-found", *options, exit_code=4)  # other/one.png


def test_several_clean_folders_and_clean_ones_inside_of_the_others(
    folder: Path, dsh: Dsh, tmp_path: Path, prover: ToyProver
) -> None:
    result = dsh("dupes", folder, "--json", "--against", folder / "clean", "--against", folder / "other")
    groups = groups_of(result, folder)
    assert set().union(*groups.values()) == COPIES and not set(groups) & COPIES
    way = tmp_path / "way"
    way.symlink_to(folder / "clean")
    ways = groups_of(dsh("dupes", folder / "new", "--json", "--against", way), folder)
    assert set().union(*ways.values()) == COPIES


def test_protected_new_files_stay(folder: Path, dsh: Dsh, tmp_path: Path, prover: ToyProver) -> None:
    before, plan = files(folder), tmp_path / "plan.jsonl"
    result = dsh("dupes", "--against", folder / "clean", "--protect", folder / "new", "--plan", plan)
    assert "1 image could go" in result.stderr
    dsh("apply", plan, "--yes")
    assert files(folder) == before - {"other/one.png"}


def test_neither_clean_nor_new_images_are_compared_with_each_other(folder: Path, dsh: Dsh, prover: ToyProver) -> None:
    """Pairs of clean and new contents within reach of each other: large and other with two sizes of photo 1."""
    result = dsh("dupes", "--against", folder / "clean", "-r", 6)
    assert prover.proven <= 2 * 2 + 1 and "0 rejected" in result.stderr


def test_kinds(folder: Path, dsh: Dsh, prover: ToyProver) -> None:
    found = {
        kinds: set().union(*groups_of(dsh("dupes", "--json", "--against", folder / "clean", *kinds), folder).values())
        for kinds in (("--kinds", "exact"), ("--kinds", "resized"), ("--kinds", "exact", "--no-verify"))
    }
    assert found == {
        ("--kinds", "exact"): {"new/exact.png"},
        ("--kinds", "exact", "--no-verify"): {"new/exact.png"},
        ("--kinds", "resized"): {"new/large.png", "new/two_again.png", "other/one.png"},
    }


def test_a_clean_file_that_is_gone_keeps_nothing(folder: Path, dsh: Dsh, prover: ToyProver) -> None:
    (folder / "clean" / "two.png").unlink()
    for options in WAYS:
        groups = groups_of(dsh("dupes", "--json", "--against", folder / "clean", *options), folder)
        assert "new/two_again.png" not in set().union(*groups.values()) and len(groups) >= 1


def test_flat_images_are_compared_by_bytes(folder: Path, dsh: Dsh, prover: ToyProver) -> None:
    for name in ("clean/flat", "new/flat"):
        Image.new("RGB", (60, 60), (128, 128, 128)).save(folder / f"{name}.png")
    Image.new("RGB", (61, 60), (128, 128, 128)).save(folder / "new" / "flat2.png")
    dsh("index", folder)
    for options in WAYS:
        groups = groups_of(dsh("dupes", "--json", "--against", folder / "clean", *options), folder)
        assert groups["clean/flat.png"] == {"new/flat.png"}
        assert "new/flat2.png" not in set().union(*groups.values())


def test_what_cannot_be(folder: Path, dsh: Dsh, tmp_path: Path) -> None:
    result = dsh("dupes", "--against", folder / "clean", "--link", "single", exit_code=2)
    assert "--against and --link single exclude each other" in result.stderr
    (tmp_path / "empty").mkdir()
    result = dsh("dupes", "--against", tmp_path / "empty", exit_code=1)
    assert "no image of the index lies below" in result.stderr and f"dsh index {tmp_path / 'empty'}" in result.stderr
    assert "no such file" in dsh("dupes", "--against", tmp_path / "none", exit_code=1).stderr


def test_the_built_in_model_finds_turned_copies_of_clean_photos(dsh: Dsh, tmp_path: Path) -> None:
    source = Path(__file__).parents[1] / "examples" / "photos"
    folder = tmp_path / "p"
    for name in ("clean", "new"):
        (folder / name).mkdir(parents=True)
    for name in ("holiday/pagoda.jpg", "home/coffee.jpg", "garden/gravel.jpg", "phone/dogs.jpg"):
        shutil.copy(source / name, folder / "clean")
    with Image.open(source / "holiday" / "pagoda.jpg") as file:
        file.transpose(Image.Transpose.ROTATE_90).save(folder / "new" / "left.png")
        file.transpose(Image.Transpose.ROTATE_270).save(folder / "new" / "right.png")
        file.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "new" / "mirrored.png")
    shutil.copy(source / "garden" / "dahlia.jpg", folder / "new")
    dsh("index", folder)
    groups = groups_of(dsh("dupes", "--json", "--against", folder / "clean"), folder)
    assert groups == {"clean/pagoda.jpg": {"new/left.png", "new/right.png", "new/mirrored.png"}}


def test_the_warning_of_chance_counts_the_pairs_that_are_compared() -> None:
    from dshcli.codes import chance_pairs
    from dshcli.commands.choosing import chance_warning

    pairs = chance_pairs(2, 8, 1) * 40 * 60  # chance_pairs of two images: that of one pair
    assert f"at least {pairs:,.0f} pairs" in chance_warning(100, 8, 1, 40)
    assert chance_warning(100, 8, 1, 40) != chance_warning(100, 8, 1)
    assert chance_warning(5, 16, 0, 1) == ""


# --- slow references -----------------------------------------------------------------------------------------------


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), clean=st.integers(0, 14), new=st.integers(0, 14), radius=st.integers(0, 5))
def test_by_codes_each_new_image_goes_to_the_nearest_clean_one(seed: int, clean: int, new: int, radius: int) -> None:
    rng = np.random.default_rng(seed)
    count = clean + new
    ids = np.sort(rng.choice(1000, count, replace=False))
    codes = rng.integers(0, 256, (count, 2), dtype=np.uint8) & rng.integers(0, 256, (1, 2), dtype=np.uint8)
    is_clean = rng.permutation(np.arange(count) < clean)
    is_flat = rng.random(count) < 0.3
    digests = rng.integers(0, 4, (count, 1), dtype=np.uint8)
    ranks = np.argsort(np.argsort(rng.permutation(count) + count * ~is_clean))
    images = Collection(ids, codes, ranks, np.zeros(count, np.int64), digests)
    expected: dict[int, set[int]] = {}
    for i in np.flatnonzero(~is_clean).tolist():
        others = [j for j in np.flatnonzero(is_clean & (is_flat == is_flat[i])).tolist()]
        if is_flat[i]:
            near = [(0, int(ranks[j]), j) for j in others if digests[i] == digests[j]]
        else:
            apart = {j: int(hamming(codes[i], codes[j])) for j in others}
            near = [(apart[j], int(ranks[j]), j) for j in others if apart[j] <= radius]
        if near:
            expected.setdefault(min(near)[2], set()).add(i)
    grouping = _group(images, ids[is_flat], ids[is_clean], 16, radius)
    found = {}
    for start, stop in itertools.pairwise(grouping.starts.tolist()):
        keeper, *members = grouping.members[start:stop].tolist()
        found[keeper] = set(members)
        if not is_flat[keeper]:
            apart = [int(hamming(codes[keeper], codes[member])) for member in members]
            assert apart == grouping.distances[start + 1 : stop].tolist()
    assert found == expected


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), clean=st.integers(0, 12), new=st.integers(0, 12), radius=st.integers(0, 9))
def test_candidates_are_all_pairs_of_a_clean_and_a_new_one(seed: int, clean: int, new: int, radius: int) -> None:
    codes = np.random.default_rng(seed).integers(0, 256, (clean + new, 2), dtype=np.uint8)
    pairs = new_against_clean(codes, clean, 16, radius, None, 0).pairs
    expected = [
        (right, int(hamming(codes[left], codes[right])), left)
        for right in range(clean, clean + new)
        for left in range(clean)
        if hamming(codes[left], codes[right]) <= radius
    ]
    found = zip(pairs.right.tolist(), pairs.distances.tolist(), pairs.left.tolist(), strict=True)
    assert list(found) == sorted(expected)


@pytest.mark.parametrize("seed", range(3))
def test_proven_copies_of_many(
    tmp_path: Path, dsh: Dsh, copies_model: Model, prover: ToyProver, home: Path, seed: int
) -> None:
    """Random toy photos: each new one goes to the clean one with its bytes or, with its name, the nearest."""
    rng = np.random.default_rng(seed)
    for number in range(60):
        part = "clean" if rng.random() < 0.5 else "new"
        facts = {"level": int(rng.integers(60, 200)), "side": int(rng.integers(60, 99)), "edit": int(rng.integers(3))}
        photo(tmp_path / "p" / part / f"{number:02}.png", int(rng.integers(1, 4)), **facts)
    dsh("models", "use", copies_model.folder)
    dsh("index", tmp_path / "p")
    with closing(sqlite3.connect(home / "index.db")) as connection:
        rows = connection.execute(
            "SELECT path, code, width * height, size, mtime_ns, digest FROM images JOIN codes ON image = id"
        ).fetchall()
    clean = sorted((row for row in rows if "/clean/" in row[0]), key=lambda r: (-r[2], -r[3], r[4], r[0]))
    expected: dict[str, set[str]] = {}
    for path, code, *_, digest in (row for row in rows if "/new/" in row[0]):
        apart = [int(hamming(np.frombuffer(code, np.uint8), np.frombuffer(row[1], np.uint8))) for row in clean]
        own = name_of(path)
        near = [
            (clean[at][5] != digest, d, at) for at, d in enumerate(apart) if d <= 3 and name_of(clean[at][0]) == own
        ]
        if near:
            expected.setdefault(clean[min(near)[2]][0], set()).add(path)
    result = dsh("dupes", "--json", "-r", 3, "--against", tmp_path / "p" / "clean")
    assert {g["keeper"]["path"]: {m["path"] for m in g["members"]} for g in records(result)} == expected  # type: ignore[index,attr-defined]
    assert len(expected) > 3


def name_of(path: str) -> int:
    with Image.open(path) as image:
        return int(image.convert("RGB").getpixel((0, 0))[0])  # type: ignore[index]
