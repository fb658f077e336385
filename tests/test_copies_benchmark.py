"""The benchmark of copies: its arithmetic against loops that anyone can follow, its files, a small run of it all."""

import io
import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from conftest import draw, picture
from PIL import Image, ImageChops, ImageStat

from dshcli.codes import hamming
from dshcli.hasher.models import Model
from dshcli.hasher.waves import Turns
from dshcli.images.opening import open_image
from dshcli.images.spec import InputSpec
from dshcli.progress import Silent
from tests.benchmarks.copies import __main__ as command
from tests.benchmarks.copies import sample, traps
from tests.benchmarks.copies.codes_kept import Shelf, digests
from tests.benchmarks.copies.edits import COLLAGE, EDITS, FILLERS, edited, upright
from tests.benchmarks.copies.files import COPY, DISTRACTOR, ORIGINAL, SAVED_TRAP, TRAP, File
from tests.benchmarks.copies.groups import Largest, judge
from tests.benchmarks.copies.methods import Method
from tests.benchmarks.copies.pairs import NOTHING, Histograms, coded, copy_distances, histograms, joined
from tests.benchmarks.copies.scores import recall_of

EDIT = {edit.name: edit for edit in EDITS}


def distance(a: bytes, b: bytes) -> int:
    return sum((x ^ y).bit_count() for x, y in zip(a, b, strict=True))


@pytest.fixture(params=[(12, 0), (64, 1), (140, 2)], ids=["12 bits", "64 bits", "140 bits"])
def some(request: pytest.FixtureRequest) -> tuple[list[bytes | None], np.ndarray, np.ndarray, int]:
    """40 codes of 9 truths, near each other so that ties abound, a few missing; a third of the truth pairs unknown."""
    bits, seed = request.param
    rng = np.random.default_rng(seed)
    base = rng.random(bits) < 0.5
    rows = np.packbits(base ^ (rng.random((40, bits)) < 0.15), axis=1)
    codes = [row.tobytes() if rng.random() < 0.9 else None for row in rows]
    unknown = np.triu(rng.random((9, 9)) < 0.3, 1)
    return codes, rng.integers(0, 9, 40), unknown | unknown.T, bits


def test_histograms_are_those_of_a_loop_over_all_pairs(some):
    codes, truths, unknown, bits = some
    unrelated, related = [0] * (bits + 1), [0] * (bits + 1)
    for a, b in combinations(range(len(codes)), 2):
        if codes[a] is None or codes[b] is None:
            continue
        if truths[a] == truths[b]:
            related[distance(codes[a], codes[b])] += 1
        elif not unknown[truths[a], truths[b]]:
            unrelated[distance(codes[a], codes[b])] += 1
    found = histograms(coded(codes, truths, bits), unknown)
    assert found.unrelated.tolist() == unrelated
    assert found.related.tolist() == related
    assert found.within(3) == (sum(unrelated[:4]), sum(related[:4]))


@pytest.mark.parametrize("rate", [0.0, 0.003, 0.05, 0.5, 1.0])
def test_a_threshold_is_the_largest_that_keeps_the_rate(some, rate):
    codes, truths, unknown, bits = some
    found = histograms(coded(codes, truths, bits), unknown)
    pairs = sum(found.unrelated)
    allowed = [t for t in range(bits + 1) if found.within(t)[0] <= rate * pairs]
    assert found.threshold(rate) == max(allowed, default=NOTHING)


def test_ties_at_a_distance_are_joined_all_or_none():
    counts = np.array([0, 2, 3, 95])
    tied = Histograms(counts, np.zeros(4, np.int64))
    assert tied.threshold(0.049) == 1
    assert tied.threshold(0.05) == 2
    assert Histograms(np.array([2, 98]), np.zeros(2, np.int64)).threshold(0.01) == NOTHING


def test_copies_without_a_code_are_farther_than_any_threshold(some):
    codes, truths, _, bits = some
    originals, copies = np.arange(20), np.arange(20, 40)
    expected = [
        bits + 1 if codes[a] is None or codes[b] is None else distance(codes[a], codes[b])
        for a, b in zip(originals, copies, strict=True)
    ]
    assert copy_distances(coded(codes, truths, bits), originals, copies).tolist() == expected


def test_turned_codes_are_as_far_apart_as_in_the_nearest_orientation():
    turns = Turns(bits=200, waves=128, size=64)
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 256, (30, 25), dtype=np.uint8)
    for number, turned in enumerate(turns.orientations(rows[:8])):
        rows[8 + number, 9:] = turned[number]
    files = coded([row.tobytes() for row in rows], np.arange(30), 200, turns)
    a, b = np.divmod(np.arange(900), 30)
    expected = turns.distances(rows[a], rows[b])
    assert (files.distances(files.words[:, a], files.words[:, b]) == expected).all()
    assert (expected[(a > 0) & (a < 8) & (b == a + 8)] == 0).all() and (expected != hamming(rows[a], rows[b])).any()


@pytest.mark.parametrize("second", [np.arange(5, 25), np.arange(25, 40)], ids=["the same files", "other files"])
def test_joined_counts_pairs_of_different_truths_once(some, second):
    codes, truths, _, bits = some
    first = np.arange(5, 25)
    pairs = {tuple(sorted((a, b))) for a in first.tolist() for b in second.tolist() if truths[a] != truths[b]}
    known = [(a, b) for a, b in pairs if codes[a] is not None and codes[b] is not None]
    expected = sum(distance(codes[a], codes[b]) <= bits // 4 for a, b in known)
    assert joined(coded(codes, truths, bits), first, second, bits // 4) == expected


def test_recall_is_by_edit_by_level_and_over_all_pairs():
    names = [edit.name for edit in EDITS]
    files = [File(COPY, 0, Path(), "", name) for name in names * 2]
    found = np.array([edit.level == "benign" for edit in EDITS] + [edit.name == "gray" for edit in EDITS])
    recall = recall_of(files, np.arange(len(files)), found)
    benign = sum(edit.level == "benign" for edit in EDITS)
    assert recall.edits["gray"] == 1 and recall.edits["PNG"] == 0.5 and recall.edits["collage"] == 0
    assert recall.levels["benign"] == pytest.approx((benign + 1) / (2 * benign))
    assert recall.levels["hard"] == 0
    assert recall.levels["all"] == pytest.approx((benign + 1) / (2 * len(EDITS)))


def test_groups_are_judged_pair_by_pair():
    gray, collage = "gray", "collage"
    files = [
        File(ORIGINAL, 0, Path(), "a", "a"), File(ORIGINAL, 1, Path(), "b", "b"), File(DISTRACTOR, 2, Path(), "c", "c"),
        *(File(COPY, number % 2, Path(), f"copy {number}", edit.name)
          for number, edit in enumerate(one for one in EDITS for _ in range(2))),
        File(TRAP, 3, Path(), "page 1", "pages"), File(TRAP, 4, Path(), "page 2", "pages"),
        File(SAVED_TRAP, 3, Path(), "page 1 again", "pages"),
    ]  # fmt: skip
    place = {(file.truth, file.detail): number for number, file in enumerate(files) if file.role == COPY}
    page_1, page_2, again = len(files) - 3, len(files) - 2, len(files) - 1
    groups = [
        [0, place[0, gray], 1],  # one pair right, two wrong
        [place[1, gray], place[1, collage], 2],  # one right, two unknown; neither copy is with its original
        [page_1, page_2, again],  # the first and the third are the same, two pairs are not
        [place[0, collage], place[1, "PNG"]],  # wrong
    ]
    unknown = np.zeros((3, 3), np.bool_)
    unknown[1, 2] = unknown[2, 1] = True
    found = judge(files, groups, unknown)
    assert (found.right, found.wrong, found.unknown, found.trap_pairs, found.trap_photo_pairs) == (2, 3, 2, 2, 0)
    assert found.precision == pytest.approx(2 / 5)
    assert found.trap_pairs_by_kind == {"pages": 2}
    assert (found.mixed, found.saved_traps, found.largest) == (2, 1.0, Largest(3, len(EDITS) + 1))
    assert found.too_large == 1  # three pages, where page 1 has two files
    assert found.recall.edits["gray"] == 0.5 and found.recall.edits["PNG"] == 0
    mixed_up = judge(files, [[0, page_1]], unknown)
    assert (mixed_up.trap_photo_pairs, mixed_up.trap_pairs, mixed_up.wrong, mixed_up.saved_traps) == (1, 0, 0, 0.0)


def photo(path: Path, seed: int) -> Path:
    """A drawn picture with the grain of a photo, so that no gray level takes up much of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.asarray(picture(seed, (120, 90))) + np.random.default_rng(seed).normal(0, 12, (90, 120, 3))
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
    return path


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for seed in range(12):
        photo(folder / f"sub/{seed:02}.png", seed)
    return folder


def test_edits_can_be_made_again_and_differ_from_the_picture(pictures):
    data, *others = [path.read_bytes() for path in sorted(pictures.rglob("*.png"))[: 1 + FILLERS]]
    for edit in EDITS:
        fillers = others if edit.name == COLLAGE else []
        made = edited(data, "a", edit, fillers)
        assert made == edited(data, "a", edit, fillers), edit.name
        assert made.data != data, edit.name
        with Image.open(io.BytesIO(made.data)) as image:
            assert image.format == {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}[made.ending]
    assert len({edit.name for edit in EDITS}) == len(EDITS)


def test_a_lossless_copy_has_the_same_pixels_and_a_turned_one_is_upright_again(pictures):
    data = (pictures / "sub/00.png").read_bytes()
    assert not ImageChops.difference(upright(data), upright(edited(data, "a", EDIT["PNG"]).data)).getbbox()
    for name in map(str, range(12)):  # draws all orientations but one or two
        turned = edited(data, name, EDIT["EXIF turn"]).data
        small = [upright(one).resize((24, 18), Image.Resampling.BOX) for one in (data, turned)]
        assert max(ImageStat.Stat(ImageChops.difference(*small)).mean) < 8
        ours = [open_image(one, InputSpec(32, 3)).pixels.astype(int) for one in (data, turned)]
        assert abs(ours[0] - ours[1]).mean() < 8


def test_there_are_326_traps_and_no_two_are_alike():
    planned = traps.all_traps()
    whole, saved = [t for t in planned if not t.re_saved], [t for t in planned if t.re_saved]
    assert len(whole) == len({trap.truth for trap in whole}) == 326
    assert {trap.truth for trap in saved} < {trap.truth for trap in whole}
    assert not {trap.kind for trap in saved} & set(traps.FLAT)
    some = [trap for trap in whole if trap.number < 2]
    made = [trap.make() for trap in some]
    assert len({one.data for one in made}) == len(some)
    assert made[0] == some[0].make()


def test_a_trap_saved_again_is_the_same_picture_but_smaller():
    trap = next(trap for trap in traps.all_traps() if trap.re_saved and trap.kind == "chats")
    whole = upright(traps.Trap(trap.kind, trap.layout, trap.number).make().data)
    again = upright(trap.make().data)
    assert again.width < whole.width
    change = ImageChops.difference(whole.resize((60, 120)), again.resize((60, 120)))
    assert max(ImageStat.Stat(change).mean) < 6


def test_a_small_sample_is_the_beginning_of_the_large_one(pictures):
    source = sample.folder("drawn", pictures)
    large, small = sample.draw([source], 4, 0), sample.draw([source], 4, 0, 2)
    assert len(source.names) == 12 and len(large.originals) == 4 and len(large.distractors) == 8
    assert small.originals == large.originals[:2] and small.fillers == large.fillers[:2]
    assert sample.draw([source], 4, 1).originals != large.originals


def test_flat_pictures_are_no_originals(tmp_path):
    for seed in range(4):
        photo(tmp_path / f"{seed}.png", seed)
        Image.new("RGB", (60, 40), "white").save(tmp_path / f"page {seed}.png")
    drawn = sample.draw([sample.folder("mixed", tmp_path)], 8, 0)
    assert not any("page" in picture.name for picture in drawn.originals)
    assert sum("page" in picture.name for picture in drawn.distractors) == 4


def test_pairs_that_may_show_the_same_are_unknown(pictures, tmp_path):
    for path in sorted(pictures.rglob("*.png")):
        Image.open(path).save(tmp_path / path.name)
    Image.open(tmp_path / "03.png").save(tmp_path / "twin.jpg", quality=60)
    drawn = sample.draw([sample.folder("p", tmp_path)], 2, 0)
    names = [picture.name for picture in drawn.shown]
    far = [n for n in range(2, len(names)) if "twin" not in names[n] and "03" not in names[n]]
    repeats = tmp_path / "repeats.tsv"
    repeats.write_text(f"first\tsecond\tseen\n{names[far[-1]]}\t{names[far[-2]]}\tone chair\np/none.jpg\tp/no.jpg\t-\n")
    unknown = sample.unknown_pairs(drawn, repeats)
    assert (unknown == unknown.T).all() and not unknown.diagonal().any()
    assert unknown[names.index("p/twin.jpg"), names.index("p/03.png")]
    assert unknown[far[-1], far[-2]]
    assert all(unknown[0, 2 + filler] for filler in drawn.fillers[0])
    shared = set(drawn.fillers[0]) & set(drawn.fillers[1])
    assert unknown[0, 1] == bool(shared)
    assert unknown.sum() == 2 * (2 + len(drawn.fillers[0]) + len(drawn.fillers[1]) + bool(shared))


def test_codes_are_kept_by_content(tmp_path):
    first, second, third = (draw(tmp_path / f"{seed}.png", seed) for seed in range(3))
    asked: list[str] = []

    def code(path: Path) -> bytes | None:
        asked.append(path.name)
        return None if path == second else path.name[:1].encode()

    method, shelf = Method("test", "test-1", 8, None, code), Shelf(tmp_path / "codes")
    assert shelf.codes(method, [first, second], digests([first, second]), Silent()) == [b"0", None]
    moved = first.rename(tmp_path / "other.png")
    paths = [moved, third, second]
    assert shelf.codes(method, paths, digests(paths), Silent()) == [b"0", b"2", None]
    assert asked == ["0.png", "1.png", "2.png"]


def test_a_small_run_prints_tables_and_writes_figures(pictures, toy_model: Model, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(traps, "KINDS", {"slides": ((traps.pages.slide,), 3), "solid": ((traps.flat.solid,), 2)})
    arguments = ["--originals", pictures, "--count", 2, "--model", toy_model.folder, "--work", tmp_path / "work"]
    monkeypatch.setattr("sys.argv", ["copies", *map(str, arguments), "--json", str(tmp_path / "out.json"), "--peers"])
    command.main()
    out = capsys.readouterr().out
    figures = json.loads((tmp_path / "out.json").read_text())
    (scored,), (shipped,) = figures["codes"], figures["shipped"]
    assert figures["files"] == 12 + 2 * len(EDITS) + 5 + 1
    assert scored["at_rate"]["recall"]["edits"]["PNG"] == shipped["groups"]["recall"]["edits"]["PNG"] == 1
    distances = [distance for *_, distance in scored["closest"]]
    assert distances == sorted(distances)
    assert len(distances) == 21 - 2 * FILLERS  # all pairs with an original, but for the parts of its collage
    assert scored["usual"]["threshold"] == toy_model.config.radius
    assert shipped["groups"]["trap_pairs"] >= scored["usual"]["trap_pairs"] > 0  # a mean colour cannot read slides
    assert "upside down (hard)" in out and "pairs of different traps" in out
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "work").rglob("copies-*/**/*.*")}
    command.main()
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "work").rglob("copies-*/**/*.*")} == kept
