"""Groups of real files honour what people decided."""

import os
import shutil
from collections.abc import Callable, Iterable
from itertools import combinations
from pathlib import Path

import pytest
from conftest import records, toy_config, write_toy_files
from deciding import choose, decide, patched_prover, told, toy_photos
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import ToyProver, photo
from typer.testing import Result

from dshcli.commands.dupes import DupesOptions, find_dupes
from dshcli.dedupe.plan import load_plan
from dshcli.hasher.models import Model, save_model
from dshcli.library.decisions import Decisions, Said, Verdict
from dshcli.library.store import Index

Dsh = Callable[..., Result]
SAME, BOTH, DIFFERENT = Verdict.SAME, Verdict.BOTH, Verdict.DIFFERENT


@pytest.fixture
def prover(monkeypatch: pytest.MonkeyPatch) -> ToyProver:
    return patched_prover(monkeypatch)


@pytest.fixture
def folder(tmp_path: Path, dsh: Dsh, copies_model: Model) -> Path:
    return toy_photos(tmp_path / "photos", dsh, copies_model)


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
            decisions.save([Said(each.one, each.other, None) for each in decisions.all()])
            pairs = {tuple(digests[number] for number in pair): verdict for pair, verdict in decided}
            for pair, verdict in pairs.items():
                decisions.save([Said(*pair, verdict)])
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
