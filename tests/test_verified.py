"""`dsh dupes` with verification, by a toy prover on real files: what is grouped, what is told, what is kept."""

import csv
import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from conftest import Listener, as_nobody, records
from toy_groups import ALL, Groups, groups_of, toy_photos
from toys import ToyProver, photo
from typer.testing import Result

from dshcli.commands import dupes
from dshcli.commands.choosing import FALSE_CANDIDATES, candidate_radius, choose_kinds
from dshcli.commands.dupes import DupesOptions, find_dupes
from dshcli.errors import UsageError
from dshcli.hasher.models import Model
from dshcli.library.store import Index
from dshcli.proof.kinds import Kind

EXAMPLES = Path(__file__).parent.parent / "examples" / "photos"

Dsh = Callable[..., Result]


@pytest.fixture
def prover(monkeypatch: pytest.MonkeyPatch) -> ToyProver:
    """Takes the place of the real prover in `dsh`."""
    toy = ToyProver()
    monkeypatch.setattr(dupes, "PixelProver", lambda: toy)
    return toy


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return toy_photos(tmp_path / "photos")


@pytest.fixture
def indexed(folder: Path, dsh: Dsh, copies_model: Model) -> Path:
    dsh("models", "use", copies_model.folder)
    dsh("index", folder)
    return folder


# --- what is grouped -----------------------------------------------------------------------------------------------


def test_members_are_proven_and_strangers_rejected(indexed: Path, dsh: Dsh, prover: ToyProver) -> None:
    result = dsh("dupes", "--json")
    assert groups_of(result) == ALL
    (big, other) = records(result)
    details = {Path(m["path"]).stem: (m["detail"], m["exact"]) for m in big["members"]}
    assert details == {"copy": ("3 steps", False), "edited": ("3 steps", False), "small": ("", False)}
    # Of 15 candidate pairs, those of edited, small and other with all but their keepers need no proof.
    assert "Verified 8 pairs of 15 candidate pairs: 0 known from before, 5 rejected as look-alikes" in result.stderr
    assert "pairs/s" in result.stderr and prover.proven == 8 and len(prover.gathered) == 6
    assert "2 groups among 7 images (candidates within 6 of 48 bits" in result.stderr


def test_without_verification_codes_decide(indexed: Path, dsh: Dsh, prover: ToyProver) -> None:
    result = dsh("dupes", "--no-verify", "--json")
    ((keeper, members),) = groups_of(result)
    assert keeper == "big" and len(members) == 6 and {kind for _, kind in members} == {"similar"}
    assert "(radius 2 of 48 bits" in result.stderr and "erified" not in result.stderr
    assert prover.proven == 0


def test_equal_bytes_are_exact(indexed: Path, dsh: Dsh, prover: ToyProver) -> None:
    (indexed / "big.png").unlink()
    (indexed / "small.png").unlink()
    result = dsh("dupes", "--json")
    assert groups_of(result) == [("edited", [("copy", "exact")]), ALL[1]]
    assert "Left out: 2 images whose file is gone" in result.stderr


@pytest.mark.parametrize("jobs", [1, 2, 8])
def test_the_result_does_not_depend_on_the_threads(
    tmp_path: Path, dsh: Dsh, copies_model: Model, jobs: int, prover: ToyProver
) -> None:
    for number in range(60):
        photo(tmp_path / "many" / f"{number:02}.png", number % 11, edit=number % 3, side=64 + number % 5)
    dsh("models", "use", copies_model.folder)
    dsh("index", tmp_path / "many")
    prover.seconds = 0.001
    for link in ("star", "single"):
        first = dsh("dupes", "--json", "-q", "--link", link, "-j", jobs).stdout
        with closing(sqlite3.connect(os.environ["DSH_HOME"] + "/index.db", isolation_level=None)) as connection:
            connection.execute("DELETE FROM proofs")
        assert dsh("dupes", "--json", "-q", "--link", link, "-j", 1).stdout == first
        assert len(first.splitlines()) == 11


def test_an_explicit_radius_is_obeyed(tmp_path: Path, dsh: Dsh, copies_model: Model, prover: ToyProver) -> None:
    photo(tmp_path / "p" / "dark.png", 1, level=100, side=128)
    photo(tmp_path / "p" / "light.png", 1, level=118)
    dsh("models", "use", copies_model.folder)
    dsh("index", tmp_path / "p")
    ((_, members),) = groups_of(dsh("dupes", "--json", "--no-verify", "-r", 48))
    distance = records(dsh("dupes", "--json", "--no-verify", "-r", 48))[0]["members"][0]["distance"]
    assert 2 < distance <= 6 and len(members) == 1
    assert groups_of(dsh("dupes", "--json")) == [("dark", [("light", "resized")])]
    assert groups_of(dsh("dupes", "--json", "-r", distance)) == [("dark", [("light", "resized")])]
    result = dsh("dupes", "--json", "-r", distance - 1)
    assert groups_of(result) == [] and f"candidates within {distance - 1} of" in result.stderr


def test_candidates_come_from_as_far_as_the_budget_lets_them() -> None:
    rates = (0.0, 0.0, 0.0001, 0.001, 0.01, 0.1, 0.2)
    assert candidate_radius(rates, 30, 2) == 6  # 0.2 * 30 / 2 = 3 false candidates each
    assert FALSE_CANDIDATES == 3
    assert candidate_radius(rates, 31, 2) == 5
    assert candidate_radius(rates, 4000, 2) == 3
    assert candidate_radius(rates, 10**9, 2) == 2  # never less than the model's own
    assert candidate_radius(rates, 2, 2) == 6  # never beyond what is known
    assert candidate_radius((), 2, 9) == 9


def test_a_model_in_a_folder_of_its_own(folder: Path, dsh: Dsh, copies_model: Model, prover: ToyProver) -> None:
    dsh("index", folder, "-m", copies_model.folder)
    assert groups_of(dsh("dupes", "--json", "-m", copies_model.folder)) == ALL


def test_models_of_classes_verify_only_if_told_to(folder: Path, dsh: Dsh, toy_model: Model, prover: ToyProver) -> None:
    dsh("index", folder, "-m", toy_model.folder)
    assert len(groups_of(dsh("dupes", "--json"))[0][1]) == 6 and prover.proven == 0
    result = dsh("dupes", "--json", "--verify")
    assert groups_of(result) == ALL and "candidates within 2 of" in result.stderr


def test_chains_are_told_as_what_they_are(tmp_path: Path, dsh: Dsh, copies_model: Model, prover: ToyProver) -> None:
    """a and c are both near b, but not each other; proofs join a-b and b-c."""
    for name, level, side in (("a", 100, 128), ("b", 118, 96), ("c", 136, 64)):
        photo(tmp_path / "p" / f"{name}.png", 1, level=level, side=side)
    dsh("models", "use", copies_model.folder)
    dsh("index", tmp_path / "p")
    (group,) = records(dsh("dupes", "--json", "--no-verify", "-r48"))
    distances = {Path(m["path"]).stem: m["distance"] for m in group["members"]}
    radius = max(distances["b"], distances["c"] - distances["b"])
    assert distances["c"] > radius
    star = dsh("dupes", "--json", "-r", radius)
    assert groups_of(star) == [("a", [("b", "resized")])]
    single = dsh("dupes", "--json", "-r", radius, "--link", "single")
    assert groups_of(single) == [("a", [("b", "resized"), ("c", "resized")])]


def test_a_member_by_way_of_others(indexed: Path, dsh: Dsh, prover: ToyProver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where edit 0 and edit 9 are look-alikes, but both are proven against edit 5."""
    from dshcli.proof.kinds import Proof

    def prove(self: ToyProver, one: object, other: object) -> Proof:
        steps = abs(one.edit - other.edit) if one.name == other.name else 99  # type: ignore[attr-defined]
        return Proof(Kind.EDITED if 0 < steps < 6 else Kind.LOOK_ALIKE)

    monkeypatch.setattr(ToyProver, "prove", prove)
    for path in indexed.rglob("*.png"):
        path.unlink()
    for name, edit, side in (("a", 0, 128), ("b", 5, 96), ("c", 9, 64)):
        photo(indexed / f"{name}.png", 1, edit=edit, side=side)
    dsh("index", indexed, "--prune")
    assert groups_of(dsh("dupes", "--json")) == [("a", [("b", "edited")])]
    single = dsh("dupes", "--json", "--link", "single")
    assert groups_of(single) == [("a", [("b", "edited"), ("c", "similar")])]
    assert "by way of other images" in single.stdout
    assert groups_of(dsh("dupes", "--json", "--link", "single", "--kinds", "edited")) == [("a", [("b", "edited")])]


# --- kinds ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ("resized", [("big", [("small", "resized")])]),
        ("same-pixels", [ALL[1]]),
        ("Same Pixels, RESIZED", [("big", [("small", "resized")]), ALL[1]]),
        ("exact", [("edited", [("copy", "exact")])]),
        ("exact,resized", [("big", [("small", "resized")]), ("edited", [("copy", "exact")])]),
        ("cropped,flipped", []),
        ("exact,same_pixels,re-encoded,resized,edited,cropped,rotated,flipped", ALL),
    ],
)
@pytest.mark.parametrize("link", ["star", "single"])
def test_only_members_of_the_kinds_asked_for(
    indexed: Path, dsh: Dsh, prover: ToyProver, kinds: str, expected: Groups, link: str
) -> None:
    result = dsh("dupes", "--json", "--kinds", kinds, "--link", link)
    assert groups_of(result) == expected
    if kinds == "exact":
        assert prover.proven == 0  # digests tell


def test_exact_copies_need_no_verification(indexed: Path, dsh: Dsh, prover: ToyProver) -> None:
    result = dsh("dupes", "--json", "--kinds", "exact", "--no-verify")
    assert groups_of(result) == [("edited", [("copy", "exact")])] and "erified" not in result.stderr
    refused = dsh("dupes", "--kinds", "exact,resized", "--no-verify", exit_code=2)
    assert "without verification" in refused.stderr and "--verify" in refused.stderr
    unknown = dsh("dupes", "--kinds", "exact,blurred", exit_code=2)
    assert "no kind 'blurred'" in unknown.stderr
    assert "Kinds: exact, same-pixels, re-encoded, resized, edited, cropped, rotated, flipped" in unknown.stderr
    assert "no kind 'look-alike'" in dsh("dupes", "--kinds", "look-alike", exit_code=2).stderr
    assert "no kind ''" in dsh("dupes", "--kinds", "", exit_code=2).stderr


def test_kinds_by_name() -> None:
    assert choose_kinds((), verify=False) == frozenset(Kind) - {Kind.LOOK_ALIKE}
    assert choose_kinds(("re encoded", " EXACT "), verify=True) == {Kind.RE_ENCODED, Kind.EXACT}
    with pytest.raises(UsageError):
        choose_kinds(("edited",), verify=False)


# --- how it is shown -----------------------------------------------------------------------------------------------


def test_kind_and_detail_in_every_format(
    indexed: Path, dsh: Dsh, prover: ToyProver, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dshcli.show.screen import Format, Screen

    rows = list(csv.DictReader(dsh("dupes", "--csv").stdout.splitlines()))
    assert list(rows[0])[-3:] == ["kind", "detail", "verdict"] and list(rows[0])[:4] == [
        "group",
        "role",
        "distance",
        "exact",
    ]
    told = {Path(row["path"]).stem: (row["role"], row["kind"], row["detail"]) for row in rows}
    assert told["big"] == ("keep", "", "") and told["small"] == ("copy", "resized", "")
    assert told["copy"] == ("copy", "edited", "3 steps")
    lines = [line.split("\t") for line in dsh("dupes").stdout.splitlines()]
    assert {(Path(line[6]).stem, *line[7:]) for line in lines if line[1] == "copy"} == {
        ("small", "resized", ""), ("copy", "edited", "3 steps"), ("edited", "edited", "3 steps"),
        ("other", "same pixels", ""),
    }  # fmt: skip
    monkeypatch.setattr(Screen, "of", lambda **options: Screen(Format.TABLE))
    text = dsh("dupes").stdout
    assert "edited.png  (edited: 3 steps)" in text and "small.png  (resized)" in text
    assert "(1 bit away)" in text or "bits away" not in text


# --- what is kept --------------------------------------------------------------------------------------------------


def test_proofs_are_kept_for_the_next_run(indexed: Path, dsh: Dsh, prover: ToyProver) -> None:
    first = dsh("dupes", "--json")
    again = dsh("dupes", "--json")
    assert again.stdout == first.stdout and prover.proven == 8
    assert "Verified 8 pairs of 15 candidate pairs: 8 known from before, 5 rejected" in again.stderr
    assert "pairs/s" not in again.stderr
    photo(indexed / "new.png", 2, edit=1)
    dsh("index", indexed)
    assert "8 known from before" in dsh("dupes").stderr and 8 < prover.proven <= 12


def test_a_new_version_of_the_prover_proves_again(indexed: Path, dsh: Dsh, prover: ToyProver, home: Path) -> None:
    first = dsh("dupes", "--json").stdout
    prover.version = 2
    result = dsh("dupes", "--json")
    assert result.stdout == first and "0 known from before" in result.stderr and prover.proven == 16
    with closing(sqlite3.connect(home / "index.db")) as connection:
        assert connection.execute("SELECT version, count(*) FROM proofs GROUP BY 1").fetchall() == [(2, 8)]


def test_pruning_drops_proofs_of_contents_that_are_gone(indexed: Path, dsh: Dsh, prover: ToyProver, home: Path) -> None:
    dsh("dupes")
    (indexed / "edited.png").unlink()
    dsh("index", indexed, "--prune")  # its copy in sub/ still holds the content
    dsh("dupes")
    assert prover.proven == 8
    (indexed / "big.png").unlink()
    dsh("index", indexed, "--prune")
    with closing(sqlite3.connect(home / "index.db")) as connection:
        assert connection.execute("SELECT count(*) FROM proofs").fetchone() == (3,)


def test_a_read_only_index_is_verified_and_nothing_kept(
    public: Path,
    dsh: Dsh,
    copies_model: Model,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, side in (("a", 128), ("b", 64)):
        photo(public / "photos" / f"{name}.png", 1, side=side).chmod(0o644)
    (public / "photos").chmod(0o755)
    db = public / "index.db"
    dsh("index", public / "photos", "-m", copies_model.folder, "--db", db)
    db.chmod(0o444)
    public.chmod(0o555)
    listener, prover = Listener(), ToyProver()
    options = DupesOptions(verify=True)
    monkeypatch.setenv("DSH_HOME", str(public))
    with as_nobody(), Index.open(db) as index:
        result = find_dupes(index, options, listener, prover)
        (group,) = result.groups
    assert [member.kind for member in group.members] == ["resized"]
    (line,) = listener.said
    assert "not kept" in line and str(db) in line


def test_a_disk_that_fills_up_is_told_once(
    indexed: Path, prover: ToyProver, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dshcli.library import saving

    monkeypatch.setattr(saving, "SECONDS", 0.0)
    with closing(sqlite3.connect(home / "index.db", isolation_level=None)) as connection:
        connection.execute("CREATE TRIGGER full BEFORE INSERT ON proofs BEGIN SELECT raise(ABORT, 'no room'); END")
    listener = Listener()
    with Index.open(home / "index.db") as index:
        result = find_dupes(index, DupesOptions(), listener, prover)
        assert len(list(result.groups)) == 2
    assert len(listener.said) == 1 and "no room" in listener.said[0]


def test_the_output_of_json_is_json(indexed: Path, dsh: Dsh, prover: ToyProver) -> None:
    for line in dsh("dupes", "--json").stdout.splitlines():
        record = json.loads(line)
        assert list(record) == ["group", "frees", "keeper", "members"]
        assert list(record["members"][0])[:3] == ["distance", "exact", "path"]
        assert list(record["members"][0])[-3:] == ["kind", "detail", "verdict"]


def test_the_real_prover_on_real_photos(dsh: Dsh) -> None:
    """A radius that lets strangers in, and a proof that sends them away: the groups are those of the manifest."""
    manifest = json.loads((EXAMPLES / "groups.json").read_text())
    dsh("index", EXAMPLES)
    result = dsh("dupes", "--verify", "-r", 130, "--json")
    groups = records(result)
    assert {
        frozenset(Path(image["path"]).relative_to(EXAMPLES).as_posix() for image in (g["keeper"], *g["members"]))
        for g in groups
    } == set(map(frozenset, manifest["groups"]))
    kinds = {Path(m["path"]).relative_to(EXAMPLES).as_posix(): m["kind"] for g in groups for m in g["members"]}
    assert kinds["downloads/dahlia.png"] == "resized" and kinds["phone/astronaut_cut.jpg"] == "cropped"
    assert kinds["downloads/cat_gray.jpg"] == "edited" and kinds["phone/cat.heic"] == "re-encoded"
    assert ", 0 rejected" not in result.stderr and "0 known from before" in result.stderr
    again = dsh("dupes", "--verify", "-r", 130, "--json")
    assert again.stdout == result.stdout and "pairs/s" not in again.stderr
