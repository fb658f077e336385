"""Proves many pairs in threads, by a rule that says which: reads and gathers each picture once, asks for known proofs
first, and keeps new ones as they come."""

import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, Protocol

from dshcli.errors import BadImage, TryAgain
from dshcli.images.reading import read_image_file
from dshcli.machine import cores
from dshcli.progress import Task
from dshcli.proof.kinds import Proof
from dshcli.proof.shelf import Shelf

EVIDENCE_BYTES = 300_000  # of one picture, at most
SHELF_BYTES = 256_000_000


class Prover(Protocol):
    """Compares pictures. Both functions may be called from several threads at once."""

    @property
    def version(self) -> int: ...
    def gather(self, data: bytes, digest: bytes, max_pixels: int) -> Any:
        """All that a proof needs to know of a picture, `EVIDENCE_BYTES` at most. Raises BadImage."""
        ...

    def prove(self, one: Any, other: Any) -> Proof: ...


class PixelProver:
    """The prover of this package. What it needs is loaded when it is first asked."""

    @property
    def version(self) -> int:
        from dshcli.proof.prove import VERSION

        return VERSION

    def gather(self, data: bytes, digest: bytes, max_pixels: int) -> Any:
        from dshcli.proof.evidence import gather

        return gather(data, digest, max_pixels)

    def prove(self, one: Any, other: Any) -> Proof:
        from dshcli.proof.prove import prove

        return prove(one, other)


class Rule(Protocol):
    """Says which pairs to prove; see dedupe/rules."""

    @property
    def done(self) -> int:
        """Pairs that are settled, by a proof or without."""
        ...

    def next(self) -> tuple[int, int] | None:
        """A pair that needs a proof; None if there is none until more is told, or none any more."""
        ...

    def tell(self, left: int, right: int, proof: Proof | None) -> None:
        """The proof of a pair that `next` gave; None if it could not be compared."""
        ...


class Known(Protocol):
    """Proofs of earlier runs, by the digests of two contents; asked and told by one thread."""

    def find(self, one: bytes, other: bytes) -> Proof | None: ...
    def add(self, one: bytes, other: bytes, proof: Proof) -> None: ...


@dataclass(frozen=True)
class Files:
    """The digest of each content, and the paths of the files that hold it."""

    digests: list[bytes]
    paths: dict[int, list[str]]


@dataclass
class Tally:
    """What became of the pairs. anew: compared in this run, in so many seconds; known: compared by an earlier one;
    rejected: of both, those that are no copies; unproven: a picture could not be read. problems: path and reason."""

    anew: int = 0
    known: int = 0
    rejected: int = 0
    unproven: int = 0
    seconds: float = 0.0
    problems: list[tuple[str, str]] = field(default_factory=list)

    def count(self, proof: Proof | None) -> None:
        self.unproven += proof is None
        self.rejected += proof is not None and not proof.accepted


class Proving:
    """Proves pairs of contents by their numbers in `files`, as rules ask for them. `tally` counts over all rules."""

    def __init__(self, prover: Prover, files: Files, known: Known, jobs: int, max_pixels: int) -> None:
        self.tally = Tally()
        self._prover, self._files, self._known = prover, files, known
        self._jobs, self._max_pixels = jobs or cores(), max_pixels
        self._shelf: Shelf[Any] = Shelf(self._gather, SHELF_BYTES // EVIDENCE_BYTES)
        self._failed: dict[int, list[tuple[str, str]]] = {}

    def run(self, rule: Rule, task: Task) -> None:
        """Proves until the rule wants no more. What was finished is kept, also when a KeyboardInterrupt passes."""
        start, done = time.monotonic(), rule.done
        flying: dict[Future[Proof | None], tuple[int, int]] = {}
        with ThreadPoolExecutor(self._jobs) as pool:
            try:
                while self._start(rule, pool, flying):
                    for future in wait(flying, return_when=FIRST_COMPLETED).done:
                        self._finish(rule, *flying.pop(future), future.result())
                    task.advance(rule.done - done)
                    done = rule.done
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
                self._rescue(flying)
        task.advance(rule.done - done)
        self.tally.seconds += time.monotonic() - start
        self.tally.problems = sorted(problem for problems in self._failed.values() for problem in problems)

    def _start(self, rule: Rule, pool: ThreadPoolExecutor, flying: dict[Future[Proof | None], tuple[int, int]]) -> bool:
        """Hands pairs to the threads, a few more than there are; False if nothing is left to wait for."""
        while len(flying) < 2 * self._jobs and (pair := rule.next()) is not None:
            known = self._known.find(*self._digests(*pair))
            if known is None:
                flying[pool.submit(self._prove, *pair)] = pair
            else:
                self.tally.known += 1
                self.tally.count(known)
                rule.tell(*pair, known)
        return bool(flying)

    def _finish(self, rule: Rule, left: int, right: int, proof: Proof | None) -> None:
        self.tally.count(proof)
        if proof is not None:
            self.tally.anew += 1
            self._known.add(*self._digests(left, right), proof)
        rule.tell(left, right, proof)

    def _rescue(self, flying: dict[Future[Proof | None], tuple[int, int]]) -> None:
        """Keeps what was finished before a stop and not yet told."""
        for future, pair in flying.items():
            if not future.cancelled() and future.exception() is None and (proof := future.result()) is not None:
                self._known.add(*self._digests(*pair), proof)

    def _digests(self, left: int, right: int) -> tuple[bytes, bytes]:
        return self._files.digests[left], self._files.digests[right]

    def _prove(self, left: int, right: int) -> Proof | None:
        try:
            return self._prover.prove(self._shelf.get(left), self._shelf.get(right))
        except BadImage:
            return None  # _gather has noted why

    def _gather(self, content: int) -> Any:
        """Reads the first file of a content that can be read."""
        problems = []
        for path in self._files.paths[content]:
            try:
                file = read_image_file(path)
                if file is None or file.digest != self._files.digests[content]:
                    raise TryAgain("changed since it was indexed")
                return self._prover.gather(file.data, file.digest, self._max_pixels)
            except BadImage as error:
                problems.append((path, str(error)))
        self._failed[content] = problems
        raise BadImage("no file of this content can be read")
