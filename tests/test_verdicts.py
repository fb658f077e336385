"""Groups honour what people decided: against a slow reference on random codes, and on real files."""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from conftest import records, toy_config, write_toy_files
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import ToyProver, photo
from typer.testing import Result

from dshcli.codes import hamming
from dshcli.commands import dupes
from dshcli.commands.dupes import DupesOptions, find_dupes
from dshcli.dedupe.by_codes import CodeTerms, group_codes
from dshcli.dedupe.collection import Collection
from dshcli.dedupe.plan import load_plan
from dshcli.dedupe.verdicts import Verdicts
from dshcli.hasher.models import Model, save_model
from dshcli.library.decisions import Decisions, Verdict
from dshcli.library.store import Index

Dsh = Callable[..., Result]
SAME, BOTH, DIFFERENT = Verdict.SAME, Verdict.BOTH, Verdict.DIFFERENT
BITS = 16


# --- codes alone, against a slow reference -------------------------------------------------------------------------


def digest_of(content: int) -> bytes:
    return bytes([content]) * 32


@st.composite
def worlds(draw: st.DrawFn, verdicts: tuple[Verdict, ...]) -> tuple[Collection, Verdicts, list[int], int]:
    """Up to 14 images of fewer contents with close codes, some of them flat; verdicts among the contents; a radius."""
    count = draw(st.integers(2, 14))
    contents = draw(st.lists(st.integers(0, 11), min_size=count, max_size=count))
    codes = {c: draw(st.sampled_from([0, 1, 3, 7, 15, 31, 63, 96, 255])) for c in sorted(set(contents))}
    packed = np.array([[codes[c], codes[c] // 2] for c in contents], np.uint8)
    ranks = np.array(draw(st.permutations(range(count))))
    digests = np.array([list(digest_of(c)) for c in contents], np.uint8)
    images = Collection(np.arange(count) * 3, packed, ranks, np.ones(count, np.int64), digests)
    pairs = {
        (one, other): v
        for one, other in combinations(sorted(codes), 2)
        if (v := draw(st.none() | st.sampled_from(verdicts)))
    }
    flat = [3 * place for place, content in enumerate(contents) if content == 11]
    told = Verdicts({(digest_of(one), digest_of(other)): v for (one, other), v in pairs.items()})
    return images, told, flat, draw(st.integers(0, 4))


def groups_found(world: tuple[Collection, Verdicts, list[int], int], link: str) -> set[frozenset[tuple[bool, int]]]:
    """The groups as sets of (is the keeper, id)."""
    images, verdicts, flat, radius = world
    found = group_codes(images, CodeTerms(BITS, radius, link, np.array(flat, np.int64), verdicts))
    groups = [found.members[a:b].tolist() for a, b in zip(found.starts[:-1], found.starts[1:], strict=True)]
    assert len(set(sum(groups, []))) == len(sum(groups, []))
    return {frozenset((place == 0, int(images.ids[m])) for place, m in enumerate(group)) for group in groups}


class Slow:
    """The same world, best content first, by definition: `near` and `verdict` of two contents by their numbers."""

    def __init__(self, world: tuple[Collection, Verdicts, list[int], int]) -> None:
        self.images, self.verdicts, self.flat, self.radius = world
        best: dict[bytes, int] = {}
        for place in np.argsort(self.images.ranks).tolist():
            best.setdefault(self.images.digests[place].tobytes(), place)
        self.digests, self.places = list(best), list(best.values())

    def verdict(self, one: int, other: int) -> Verdict | None:
        return self.verdicts.between(self.digests[one], self.digests[other])

    def near(self, one: int, other: int) -> bool:
        a, b = self.places[one], self.places[other]
        lively = not {int(self.images.ids[a]), int(self.images.ids[b])} & set(self.flat)
        return lively and int(hamming(self.images.codes[a], self.images.codes[b])) <= self.radius

    def star(self) -> list[int]:
        keepers: list[int] = []
        for content in range(len(self.digests)):
            fit = [
                keeper
                for keeper in range(content)
                if keepers[keeper] == keeper and self.near(keeper, content) and self.verdict(keeper, content) is None
            ]
            keepers.append(min(fit, default=content))
        return keepers

    def single(self) -> list[int]:
        everything = range(len(self.digests))
        steps = {
            (one, other)
            for one, other in combinations(everything, 2)
            if self.verdict(one, other) in (SAME, BOTH) or (self.near(one, other) and self.verdict(one, other) is None)
        }
        while True:
            keepers = [min(self._reached(content, steps)) for content in everything]
            out = {c for c in everything if self.verdict(keepers[c], c) is DIFFERENT and keepers[c] != c}
            if not out:
                return keepers
            steps = {(a, b) for a, b in steps if (a in out) == (b in out)}

    def _reached(self, start: int, steps: set[tuple[int, int]]) -> set[int]:
        reached = {start}
        while more := {x for pair in steps if reached & set(pair) for x in pair} - reached:
            reached |= more
        return reached

    def groups(self, keepers: list[int]) -> set[frozenset[tuple[bool, int]]]:
        numbers = {digest: number for number, digest in enumerate(self.digests)}
        members: dict[int, list[int]] = {}
        for place in np.argsort(self.images.ranks).tolist():
            members.setdefault(keepers[numbers[self.images.digests[place].tobytes()]], []).append(place)
        return {
            frozenset((place == self.places[keeper], int(self.images.ids[place])) for place in group)
            for keeper, group in members.items()
            if len(group) > 1
        }


@settings(max_examples=300, deadline=None)
@given(world=worlds((DIFFERENT,)))
def test_stars_are_those_without_the_pairs_that_are_different(
    world: tuple[Collection, Verdicts, list[int], int],
) -> None:
    slow = Slow(world)
    assert groups_found(world, "star") == slow.groups(slow.star())


@settings(max_examples=300, deadline=None)
@given(world=worlds((DIFFERENT, SAME, BOTH)))
def test_chains_are_steps_that_are_said_and_none_that_are_different(
    world: tuple[Collection, Verdicts, list[int], int],
) -> None:
    slow = Slow(world)
    assert groups_found(world, "single") == slow.groups(slow.single())


@settings(max_examples=300, deadline=None)
@given(world=worlds((DIFFERENT, SAME, BOTH)), seed=st.integers(0, 2**32 - 1))
def test_stars_with_all_verdicts(world: tuple[Collection, Verdicts, list[int], int], seed: int) -> None:
    """No member is different from its keeper, what is said to be one is together, and the order does not matter."""
    images, verdicts, flat, radius = world
    groups = groups_found(world, "star")
    contents = dict(zip(images.ids.tolist(), (row.tobytes() for row in images.digests), strict=True))
    for group in groups:
        (keeper,) = [contents[id] for first, id in group if first]
        assert all(verdicts.between(keeper, contents[id]) is not DIFFERENT for _, id in group)
    if DIFFERENT not in verdicts.pairs.values():
        of = {contents[id]: group for group in groups for _, id in group}
        for one, other in verdicts.pairs:
            assert of.get(one) == of.get(other) is not None
    order = np.random.default_rng(seed).permutation(len(images.ids))
    shuffled = Collection(*(each[order] for each in vars(images).values()))
    assert groups_found((shuffled, verdicts, flat, radius), "star") == groups


@settings(max_examples=50, deadline=None)
@given(world=worlds((SAME,)), link=st.sampled_from(["star", "single"]))
def test_groups_without_verdicts_stay_as_they_were(
    world: tuple[Collection, Verdicts, list[int], int], link: str
) -> None:
    images, _, flat, radius = world
    elsewhere = Verdicts({(digest_of(101), digest_of(102)): SAME, (digest_of(0), digest_of(103)): DIFFERENT})
    assert groups_found((images, elsewhere, flat, radius), link) == groups_found(
        (images, Verdicts(), flat, radius), link
    )


# --- which groups are settled --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "both", "settled"),
    [
        ("ab", "ab", True),
        ("ab", "", False),
        ("abc", "ab bc", True),
        ("abc", "ab", False),
        ("abcd", "ab cd", False),
        ("abc", "ab xc", False),
        ("aa", "aa", True),
        ("aa", "", False),
        ("abb", "ab", False),
        ("abb", "ab bb", True),
        ("ab", "ab aa", True),
    ],
)
def test_a_group_is_settled_if_all_of_it_was_kept(files: str, both: str, *, settled: bool) -> None:
    pairs = {(pair[0].encode(), pair[1].encode()): BOTH for pair in map(sorted, both.split())}
    assert Verdicts(pairs).settles(Counter(letter.encode() for letter in files)) is settled


@pytest.mark.parametrize(
    ("group", "pairs", "told"),
    [
        ("kb", {"kb": SAME}, SAME),
        ("kb", {"kb": BOTH}, BOTH),
        ("kbc", {"bc": BOTH}, BOTH),  # of an earlier group, which a better keeper joined
        ("kbc", {"bc": BOTH, "bk": SAME}, SAME),
        ("kbc", {"bc": SAME}, None),
        ("kb", {"bc": BOTH}, None),
        ("kbb", {"bb": BOTH}, BOTH),
        ("kb", {"bb": BOTH}, None),
    ],
)
def test_what_is_told_of_a_member(group: str, pairs: dict[str, Verdict], told: Verdict | None) -> None:
    verdicts = Verdicts({(min(p).encode(), max(p).encode()): verdict for p, verdict in pairs.items()})
    assert verdicts.told(b"k", b"b", Counter(letter.encode() for letter in group)) is told


# --- real files ----------------------------------------------------------------------------------------------------


@pytest.fixture
def prover(monkeypatch: pytest.MonkeyPatch) -> ToyProver:
    toy = ToyProver()
    monkeypatch.setattr(dupes, "PixelProver", lambda: toy)
    return toy


@pytest.fixture
def folder(tmp_path: Path, dsh: Dsh, copies_model: Model) -> Path:
    """Toy photos: big 192, mid 96, small 64 and edited of name 1; other, other2 of name 2; far of another code."""
    folder = tmp_path / "photos"
    photo(folder / "big.png", 1, side=192)
    photo(folder / "mid.png", 1, side=160)
    photo(folder / "small.png", 1, side=64)
    photo(folder / "edited.png", 1, edit=3)
    photo(folder / "other.png", 2)
    photo(folder / "other2.png", 2, stamp="again")
    photo(folder / "far.png", 7, level=60, side=50)
    dsh("models", "use", copies_model.folder)
    dsh("index", folder)
    return folder


def decide(home: Path, folder: Path, *lines: str) -> None:
    """`decide(home, folder, "big small different")`, as rows of the index."""
    with Index.open_or_create(home / "index.db") as index:
        for line in lines:
            one, other, words = line.split(" ", 2)
            digests = [index.image(str(folder / f"{name}.png")).digest for name in (one, other)]  # type: ignore[union-attr]
            Decisions(index).decide([digests], Verdict(words))


def choose(home: Path, path: Path) -> None:
    with Index.open_or_create(home / "index.db") as index:
        Decisions(index).choose(index.image(str(path)).digest)  # type: ignore[union-attr]


def told(result: Result) -> list[str]:
    """Each group as `keeper: member/kind/verdict ...`, sorted."""
    groups = []
    for group in map(dict, records(result)):
        members = sorted(
            f"{Path(m['path']).stem}/{m['kind']}" + (f"/{m['verdict']}" if m["verdict"] else "")
            for m in group["members"]
        )
        groups.append(f"{Path(group['keeper']['path']).stem}: {' '.join(members)}")
    return sorted(groups)


WAYS = [(), ("--radius", 6), ("--link", "single"), ("--link", "single", "--radius", 6)]
BIG = "big: edited/edited mid/resized small/resized"
OTHER = "other2: other/same pixels"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("decided", "expected"),
    [
        ((), [BIG, OTHER]),
        (("big small different",), ["big: edited/edited mid/resized", OTHER]),
        (("other other2 different",), [BIG]),
        (("small other same",), ["big: edited/edited mid/resized other/similar other2/similar small/resized"]),
        (("big far same",), ["big: edited/edited far/similar/same mid/resized small/resized", OTHER]),
        (("big far keep both",), ["big: edited/edited far/similar/keep both mid/resized small/resized", OTHER]),
        (("big small same", "big small different"), ["big: edited/edited mid/resized", OTHER]),
        (("big small same",), ["big: edited/edited mid/resized small/resized/same", OTHER]),
        (("other other2 keep both",), [BIG]),
    ],
)
def test_verdicts_count_in_verified_groups(
    folder: Path, dsh: Dsh, home: Path, prover: ToyProver, way: tuple[object, ...], decided: tuple[str, ...],
    expected: list[str],
) -> None:  # fmt: skip
    decide(home, folder, *decided)
    if decided == ("big small different",) and "single" in way:
        expected = ["big: edited/edited mid/resized", OTHER]  # its steps to mid and edited are gone, too
    assert told(dsh("dupes", "--json", *way)) == expected


@pytest.mark.parametrize("way", [("--no-verify", *way) for way in WAYS[1:]])
def test_verdicts_count_in_groups_by_codes(
    folder: Path, dsh: Dsh, home: Path, prover: ToyProver, way: tuple[object, ...]
) -> None:
    everything = ["edited", "mid", "other", "other2", "small"]
    assert told(dsh("dupes", "--json", *way)) == ["big: " + " ".join(f"{name}/similar" for name in everything)]
    decide(home, folder, "big other different", "big other2 different", "big far keep both", "mid big keep both")
    kept = "big: edited/similar far/similar/keep both mid/similar/keep both small/similar"
    assert told(dsh("dupes", "--json", *way)) == [kept, "other2: other/similar"]
    assert prover.proven == 0


def test_no_proof_is_made_for_a_pair_that_is_different(folder: Path, dsh: Dsh, home: Path, prover: ToyProver) -> None:
    assert "rejected as look-alikes" in dsh("dupes").stderr and prover.proven > 0
    decide(home, folder, *(f"{one} {other} different" for one, other in combinations(names_of(folder), 2)))
    prover.version, prover.proven = 2, 0  # so that none is known from before
    for way in WAYS:
        result = dsh("dupes", *way)
        assert result.stdout == "" and "Verified 0 pairs of 0 candidate pairs" in result.stderr
    assert prover.proven == 0


def names_of(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.png"))


def test_a_proof_that_fails_is_told_as_what_was_said(folder: Path, dsh: Dsh, home: Path, prover: ToyProver) -> None:
    decide(home, folder, "big other same", "big far keep both")
    (group,) = records(dsh("dupes", "--json"))
    details = {Path(m["path"]).stem: (m["kind"], m["detail"]) for m in group["members"]}  # type: ignore[attr-defined]
    assert details["other"] == details["far"] == ("similar", "you said so")
    assert details["other2"] == ("similar", "by way of other images")
    assert details["mid"] == ("resized", "")


def test_what_stays_is_in_no_plan_and_frees_nothing(
    folder: Path, dsh: Dsh, home: Path, prover: ToyProver, tmp_path: Path
) -> None:
    decide(home, folder, "big mid keep both", "other other2 keep both")
    plan = tmp_path / "plan.jsonl"
    result = dsh("dupes", "--json", "--plan", plan)
    assert told(result) == ["big: edited/edited mid/resized/keep both small/resized"]
    removed = {Path(line.remove.path).stem for line in load_plan(plan).lines}
    frees = sum((folder / f"{name}.png").stat().st_size for name in removed)
    assert removed == {"edited", "small"}
    header = load_plan(plan).header
    assert (header.groups, header.files, header.bytes) == (1, 2, frees)
    assert "1 group left out that you decided to keep; --decided shows them" in result.stderr
    assert "2 images could go" in result.stderr and f"{plan}: 2 files to remove" in result.stderr
    roles = [line.split("\t")[1] for line in dsh("dupes", "--decided").stdout.splitlines()]
    assert roles.count("keep") == 4 and roles.count("copy") == 2
    assert "left out that you decided" not in dsh("dupes", "--decided").stderr


def test_a_settled_group_comes_back_when_an_image_joins(folder: Path, dsh: Dsh, home: Path, prover: ToyProver) -> None:
    decide(home, folder, "other other2 keep both")
    assert told(dsh("dupes", "--json")) == [BIG]
    assert told(dsh("dupes", "--json", "--decided")) == [BIG, OTHER + "/keep both"]
    photo(folder / "other3.png", 2, side=200)
    dsh("index", folder)
    assert told(dsh("dupes", "--json")) == [BIG, "other3: other/resized/keep both other2/resized/keep both"]
    decide(home, folder, "other3 other keep both")
    assert told(dsh("dupes", "--json", "--link", "single")) == [BIG]


def test_equal_files_stay_as_long_as_they_are_no_more(folder: Path, dsh: Dsh, home: Path, prover: ToyProver) -> None:
    shutil.copy2(folder / "far.png", folder / "far2.png")
    dsh("index", folder)
    assert "far: far2/exact" in told(dsh("dupes", "--json"))
    decide(home, folder, "far far keep both")
    assert told(dsh("dupes", "--json", "--kinds", "exact")) == []
    shutil.copy2(folder / "far.png", folder / "far3.png")
    dsh("index", folder)
    (group,) = records(dsh("dupes", "--json", "--kinds", "exact"))
    assert {(m["verdict"], m["detail"]) for m in group["members"]} == {("", "you kept 2 files of it before")}  # type: ignore[attr-defined]
    (folder / "far3.png").unlink()
    dsh("index", folder, "--prune")
    assert told(dsh("dupes", "--json", "--kinds", "exact")) == []


@pytest.mark.parametrize("way", [*WAYS, ("--no-verify", "--radius", 6)])
def test_a_chosen_keeper_comes_before_all_rules(
    folder: Path, dsh: Dsh, home: Path, prover: ToyProver, way: tuple[object, ...]
) -> None:
    choose(home, folder / "edited.png")
    group = next(g for g in records(dsh("dupes", "--json", *way)) if "edited" in str(g["keeper"]))
    assert group["keeper"]["why"] == "your choice"  # type: ignore[index]
    assert {"big", "mid", "small"} <= {Path(m["path"]).stem for m in group["members"]}  # type: ignore[attr-defined]


def test_what_is_different_from_a_chosen_keeper_leaves(folder: Path, dsh: Dsh, home: Path, prover: ToyProver) -> None:
    choose(home, folder / "small.png")
    decide(home, folder, "small big different", "small mid different")
    assert told(dsh("dupes", "--json")) == ["big: mid/resized", OTHER, "small: edited/edited"]


def test_decisions_survive_moves_scans_and_models(
    folder: Path, dsh: Dsh, home: Path, prover: ToyProver, tmp_path: Path
) -> None:
    decide(home, folder, "big small different", "other other2 keep both", "big far same")
    choose(home, folder / "mid.png")
    (folder / "sub").mkdir()
    for name in ("small", "other", "mid"):
        shutil.move(folder / f"{name}.png", folder / "sub" / f"{name}.png")
    os.utime(folder / "big.png")
    dsh("index", folder, "--prune")
    expected = ["mid: big/resized edited/edited far/similar small/resized"]
    assert told(dsh("dupes", "--json")) == expected
    again = save_model(tmp_path / "again", toy_config(name="again", radius=3, false_rates=(0.0,) * 5), write_toy_files)
    dsh("models", "use", again.folder)
    dsh("index", folder)
    assert told(dsh("dupes", "--json")) == expected
    assert "1 group left out that you decided to keep" in dsh("dupes").stderr


VERDICTS = st.lists(
    st.tuples(st.sampled_from(list(combinations(range(7), 2))), st.sampled_from([SAME, BOTH, DIFFERENT])), max_size=8
)


@pytest.mark.parametrize("link", ["star", "single"])
def test_verified_groups_with_random_verdicts(folder: Path, dsh: Dsh, home: Path, prover: ToyProver, link: str) -> None:
    """Always: no member is different from its keeper; what is said is together, unless something is different; and
    neither threads nor earlier proofs change anything."""
    with Index.open_or_create(home / "index.db") as index:
        decisions = Decisions(index)
        digests = [index.image(str(folder / f"{name}.png")).digest for name in names_of(folder)]  # type: ignore[union-attr]

        @settings(max_examples=40, deadline=None)
        @given(decided=VERDICTS, radius=st.sampled_from([None, 6]))
        def check(decided: list[tuple[tuple[int, int], Verdict]], radius: int | None) -> None:
            decisions.forget([(one.one, one.other) for one in decisions.all()])
            pairs = {tuple(digests[number] for number in pair): verdict for pair, verdict in decided}
            for pair, verdict in pairs.items():
                decisions.decide([pair], verdict)
            options = DupesOptions(radius=radius, link=link, jobs=1, decided=True)
            groups = [[g.keeper, *(m.image for m in g.members)] for g in find_dupes(index, options).groups]
            of = {image.digest: number for number, group in enumerate(groups) for image in group}
            assert len(of) == sum(map(len, groups))
            for pair, verdict in pairs.items():
                if verdict is DIFFERENT:
                    assert not any(group[0].digest in pair and set(pair) <= digests_of(group) for group in groups)
                elif DIFFERENT not in pairs.values():
                    assert of[pair[0]] == of[pair[1]]
            again = find_dupes(index, DupesOptions(radius=radius, link=link, jobs=4, decided=True)).groups
            assert [[g.keeper, *(m.image for m in g.members)] for g in again] == groups

        check()


def digests_of(group: Iterable[object]) -> set[bytes]:
    return {image.digest for image in group}  # type: ignore[attr-defined]


# --- beside keep rules, protected folders and clean ones -----------------------------------------------------------


@pytest.mark.parametrize("codes", [(), ("--no-verify", "--radius", 6)])
def test_verdicts_count_against_clean_folders(
    folder: Path, dsh: Dsh, home: Path, prover: ToyProver, codes: tuple[object, ...]
) -> None:
    (folder / "clean").mkdir()
    for name in ("big", "other"):
        shutil.move(folder / f"{name}.png", folder / "clean" / f"{name}.png")
    dsh("index", folder, "--prune")
    against = ("dupes", "--json", "--against", folder / "clean", *codes)
    before = told(dsh(*against))
    assert any(line.startswith("big: ") and "small/" in line for line in before)
    decide(home, folder, "clean/big small different", "clean/big mid keep both", "clean/big far same")
    choose(home, folder / "mid.png")
    groups = {line.split(":")[0]: line for line in told(dsh(*against))}
    assert "mid/" in groups["big"] and "/keep both" in groups["big"] and "far/similar/same" in groups["big"]
    assert "small/" not in groups["big"] and set(groups) <= {"big", "other"}


def test_a_chosen_keeper_comes_before_keep_rules_and_protected_files(
    folder: Path, dsh: Dsh, home: Path, prover: ToyProver, tmp_path: Path
) -> None:
    choose(home, folder / "small.png")
    decide(home, folder, "small mid keep both")
    (folder / "album").mkdir()
    shutil.move(folder / "edited.png", folder / "album" / "edited.png")
    dsh("index", folder, "--prune")
    plan = tmp_path / "plan.jsonl"
    result = dsh("dupes", "--json", "--keep", "pixels", "--protect", folder / "album", "--plan", plan)
    group = next(g for g in records(result) if "small" in str(g["keeper"]))
    assert group["keeper"]["why"] == "your choice"  # type: ignore[index]
    stays = {Path(m["path"]).stem: (m["stays"] != "", m["verdict"]) for m in group["members"]}  # type: ignore[attr-defined]
    assert stays == {"big": (False, ""), "edited": (True, ""), "mid": (False, "keep both")}
    removed = [Path(line.remove.path).stem for line in load_plan(plan).lines if line.group == group["group"]]
    assert removed == ["big"] and group["frees"] == (folder / "big.png").stat().st_size
