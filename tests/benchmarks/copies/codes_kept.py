"""Codes of files, kept in the work folder by the files' digests, so that a method hashes no file twice."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dshcli.progress import Reporter
from tests.benchmarks.copies.methods import Method

SAVE_EVERY = 3000  # files
TIMED = 200  # files whose hashing is timed
Known = dict[bytes, bytes | None]


def digests(paths: Sequence[Path]) -> list[bytes]:
    """SHA-256 of each file."""
    return [hashlib.sha256(path.read_bytes()).digest() for path in paths]


@dataclass(frozen=True)
class Shelf:
    """Where the codes of a method are kept."""

    folder: Path

    def codes(
        self, method: Method, paths: Sequence[Path], names: Sequence[bytes], task: Reporter
    ) -> list[bytes | None]:
        """The code of each file, in order; names: the files' digests."""
        known = self._read(method)
        missing = [number for number, name in enumerate(names) if name not in known]
        with task.task(method.name, total=len(missing), unit="file") as steps:
            for done, number in enumerate(missing, start=1):
                known[names[number]] = method.code(paths[number])
                steps.advance()
                if done % SAVE_EVERY == 0 or done == len(missing):
                    self._write(method, known)
        return [known[name] for name in names]

    def _path(self, method: Method) -> Path:
        return self.folder / f"{method.key}.npz"

    def _read(self, method: Method) -> Known:
        if not self._path(method).exists():
            return {}
        with np.load(self._path(method)) as arrays:
            rows = zip(arrays["digests"], arrays["codes"], arrays["found"], strict=True)
            return {digest.tobytes(): code.tobytes() if found else None for digest, code, found in rows}

    def _write(self, method: Method, known: Known) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        width = -(-method.bits // 8)
        blank = bytes(width)
        temporary = self.folder / f".{method.key}.npz"
        np.savez(
            temporary,
            digests=np.frombuffer(b"".join(known), np.uint8).reshape(-1, 32),
            codes=np.frombuffer(b"".join(code or blank for code in known.values()), np.uint8).reshape(-1, width),
            found=np.array([code is not None for code in known.values()]),
        )
        temporary.replace(self._path(method))


def cpu_milliseconds(method: Method, paths: Sequence[Path]) -> float:
    """CPU time of reading, decoding and hashing one file, on average over TIMED of them; the better of two rounds."""
    chosen = paths[:: max(1, len(paths) // TIMED)][:TIMED]
    method.code(chosen[0])
    rounds = []
    for _ in range(2):
        start = time.process_time()
        for path in chosen:
            method.code(path)
        rounds.append(time.process_time() - start)
    return 1000 * min(rounds) / len(chosen)
