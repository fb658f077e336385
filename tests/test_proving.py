"""Proving many pairs: what is read, how often, what is kept, and what happens to files that cannot be read."""

import threading
from pathlib import Path

import pytest
from toys import ToyProver, photo

from dshcli.dedupe.rules import EachOf
from dshcli.errors import BadImage
from dshcli.images.reading import read_image_file
from dshcli.progress import Task
from dshcli.proof import proving as module
from dshcli.proof.kinds import Kind, Proof
from dshcli.proof.proving import Files, Proving
from dshcli.proof.shelf import Shelf


class Memory:
    """Known proofs, in a dict."""

    def __init__(self) -> None:
        self.proofs: dict[frozenset[bytes], Proof] = {}

    def find(self, one: bytes, other: bytes) -> Proof | None:
        return self.proofs.get(frozenset((one, other)))

    def add(self, one: bytes, other: bytes, proof: Proof) -> None:
        self.proofs[frozenset((one, other))] = proof


class Counted(Task):
    def __init__(self) -> None:
        self.done = 0

    def advance(self, count: int = 1) -> None:
        self.done += count


def digest(path: Path) -> bytes:
    file = read_image_file(str(path))
    assert file is not None
    return file.digest


def files_of(*paths: Path) -> Files:
    return Files([digest(path) for path in paths], {n: [str(path)] for n, path in enumerate(paths)})


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """0, 1: one picture in two sizes; 2: the same edited; 3, 4: others."""
    return [
        photo(tmp_path / "0.png", 1, side=192), photo(tmp_path / "1.png", 1), photo(tmp_path / "2.png", 1, edit=3),
        photo(tmp_path / "3.png", 2), photo(tmp_path / "4.png", 3),
    ]  # fmt: skip


ALL = [(a, b) for b in range(5) for a in range(b)]


@pytest.mark.parametrize("jobs", [1, 2, 7])
def test_every_pair_is_proven_and_every_picture_read_once(photos: list[Path], jobs: int) -> None:
    prover, known, task, rule = ToyProver(seconds=0.002), Memory(), Counted(), EachOf(ALL)
    proving = Proving(prover, files_of(*photos), known, jobs, 10**6)
    proving.run(rule, task)
    kinds = {pair: proof.kind for pair, proof in rule.proofs.items() if proof is not None and proof.accepted}
    assert kinds == {(0, 1): Kind.RESIZED, (0, 2): Kind.EDITED, (1, 2): Kind.EDITED}
    assert sorted(prover.gathered) == sorted(map(digest, photos))
    tally = proving.tally
    assert (tally.anew, tally.known, tally.rejected, tally.unproven, tally.problems) == (10, 0, 7, 0, [])
    assert len(known.proofs) == task.done == 10 and tally.seconds >= 10 * 0.002 / jobs


def test_known_proofs_are_not_made_again(photos: list[Path]) -> None:
    known = Memory()
    Proving(ToyProver(), files_of(*photos), known, 2, 10**6).run(EachOf(ALL[:6]), Task())
    prover, rule = ToyProver(), EachOf(ALL)
    proving = Proving(prover, files_of(*photos), known, 2, 10**6)
    proving.run(rule, Task())
    assert prover.proven == 4 and (proving.tally.anew, proving.tally.known, proving.tally.rejected) == (4, 6, 7)
    assert all(rule.proofs[pair] is not None for pair in ALL)


def test_what_cannot_be_read_stays_unproven(photos: list[Path], tmp_path: Path) -> None:
    """One of each: gone, other bytes by now, not to be decoded, too large, no picture any more."""
    paths = [
        *photos, photo(tmp_path / "5.png", 13), photo(tmp_path / "6.png", 1, side=400), photo(tmp_path / "7.png", 5)
    ]  # fmt: skip
    files = files_of(*paths)
    photos[0].unlink()
    photo(photos[1], 9)
    (tmp_path / "7.png").write_text("no picture any more")
    known, rule = Memory(), EachOf([(a, b) for b in range(8) for a in range(b)])
    proving = Proving(ToyProver(), files, known, 2, 150_000)
    proving.run(rule, Task())
    assert {pair for pair, proof in rule.proofs.items() if proof is not None} == {(2, 3), (2, 4), (3, 4)}
    assert proving.tally.problems == [
        (str(photos[0]), "no such file"),
        (str(photos[1]), "changed since it was indexed"),
        (str(paths[5]), "damaged: unlucky"),
        (str(paths[6]), "more pixels than the limit"),
        (str(paths[7]), "changed since it was indexed"),
    ]
    assert proving.tally.unproven == 25 and len(known.proofs) == 3


def test_another_file_of_the_same_content_will_do(photos: list[Path], tmp_path: Path) -> None:
    files = files_of(*photos)
    files.paths[0] = [str(tmp_path / "gone.png"), str(photos[0])]
    rule = EachOf([(0, 1)])
    proving = Proving(ToyProver(), files, Memory(), 2, 10**6)
    proving.run(rule, Task())
    proof = rule.proofs[0, 1]
    assert proof is not None and proof.kind is Kind.RESIZED and proving.tally.problems == []


def test_few_pictures_are_kept_at_a_time(photos: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHELF_BYTES", 2 * module.EVIDENCE_BYTES)
    prover, rule = ToyProver(), EachOf(ALL)
    Proving(prover, files_of(*photos), Memory(), 1, 10**6).run(rule, Task())
    assert len(prover.gathered) > 5 and all(proof is not None for proof in rule.proofs.values())


def test_a_stop_keeps_what_was_finished(photos: list[Path]) -> None:
    """Ctrl-C comes while a rule is told a proof: that proof and those that fly meanwhile are kept."""

    class Stopped(EachOf):
        def tell(self, left: int, right: int, proof: Proof | None) -> None:
            super().tell(left, right, proof)
            if self.done == 4:
                raise KeyboardInterrupt

    known = Memory()
    with pytest.raises(KeyboardInterrupt):
        Proving(ToyProver(seconds=0.01), files_of(*photos), known, 2, 10**6).run(Stopped(ALL), Task())
    assert 4 <= len(known.proofs) < 10


# --- the shelf -----------------------------------------------------------------------------------------------------


def test_the_shelf_drops_what_was_not_used_for_longest() -> None:
    made: list[int] = []

    def make(number: int) -> int:
        made.append(number)
        return -number

    shelf = Shelf(make, 2)
    assert [shelf.get(n) for n in (1, 2, 1, 3, 1, 2)] == [-1, -2, -1, -3, -1, -2]
    assert made == [1, 2, 3, 2]


def test_one_thread_makes_a_value_and_the_others_wait() -> None:
    made: list[int] = []
    started, may_go = threading.Event(), threading.Event()

    def make(number: int) -> int:
        made.append(number)
        started.set()
        assert may_go.wait(5)
        return number

    shelf, results = Shelf(make, 1), list[int]()
    threads = [threading.Thread(target=lambda: results.append(shelf.get(4))) for _ in range(6)]
    for thread in threads:
        thread.start()
    assert started.wait(5)
    may_go.set()
    for thread in threads:
        thread.join()
    assert made == [4] and results == [4] * 6


def test_what_failed_is_not_tried_again() -> None:
    made: list[int] = []

    def fail(number: int) -> int:
        made.append(number)
        raise BadImage("no")

    shelf = Shelf(fail, 1)
    for number in (1, 2, 1, 2):
        with pytest.raises(BadImage):
            shelf.get(number)
    assert made == [1, 2]
