"""Other tools' codes of the same files. Each is loaded only if it is asked for; which are missing is said.

imagehash and pdqhash are libraries that hash a picture: they are given it upright, as a careful caller would do.
imagededup and duplicate-images open files themselves and are left to it. imagededup's CNN is not here: its weights come
from a server when it is first used, not with the package.
"""

from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from dshcli.progress import Reporter
from tests.benchmarks.copies.edits import upright
from tests.benchmarks.copies.methods import Method

PDQ_QUALITY = 50  # below it, PDQ's authors say, a hash should not be used


def _imagehash(name: str, side: int, usual: int | None, label: str) -> Method:
    import imagehash

    function: Callable[..., Any] = getattr(imagehash, name)

    def code(path: Path) -> bytes | None:
        return np.packbits(function(upright(path.read_bytes()), hash_size=side).hash.ravel()).tobytes()

    return Method(label, f"imagehash-{version('imagehash')}-{name}-{side}", side * side, usual, code)


def _pdq(least_quality: int, label: str) -> Method:
    import pdqhash

    def code(path: Path) -> bytes | None:
        bits, quality = pdqhash.compute(np.asarray(upright(path.read_bytes())))
        return np.packbits(np.asarray(bits, np.uint8)).tobytes() if quality >= least_quality else None

    return Method(label, f"pdqhash-{version('pdqhash')}-quality-{least_quality}", 256, 31, code)


def _imagededup(name: str) -> Method:
    from imagededup import methods

    hasher = getattr(methods, name)(verbose=False)

    def code(path: Path) -> bytes | None:
        text = hasher.encode_image(image_file=str(path))
        return None if text is None else bytes.fromhex(text)

    return Method(f"imagededup {name}", f"imagededup-{version('imagededup')}-{name}", 64, 10, code)


def _duplicate_images() -> Method:
    from duplicate_images.hash_scanner import ImageHashScanner
    from duplicate_images.methods import IMAGE_HASH_ALGORITHM

    scanner = ImageHashScanner([], IMAGE_HASH_ALGORITHM["phash"])

    def code(path: Path) -> bytes | None:
        _, found = scanner.get_hash(path)
        return None if found is None else np.packbits(found.hash.ravel()).tobytes()

    return Method("duplicate-images", f"duplicate-images-{version('duplicate-images')}-phash", 64, 0, code)


PEERS: dict[str, tuple[str, Callable[[], Method]]] = {  # name -> the package that it needs, how to load it
    "phash64": ("imagehash", partial(_imagehash, "phash", 8, 10, "pHash 64")),
    "phash256": ("imagehash", partial(_imagehash, "phash", 16, None, "pHash 256")),
    "dhash64": ("imagehash", partial(_imagehash, "dhash", 8, 10, "dHash 64")),
    "pdq": ("pdqhash", partial(_pdq, 0, "PDQ")),
    "pdq50": ("pdqhash", partial(_pdq, PDQ_QUALITY, "PDQ, quality >= 50")),
    "imagededup-phash": ("imagededup", partial(_imagededup, "PHash")),
    "imagededup-dhash": ("imagededup", partial(_imagededup, "DHash")),
    "imagededup-ahash": ("imagededup", partial(_imagededup, "AHash")),
    "imagededup-whash": ("imagededup", partial(_imagededup, "WHash")),
    "duplicate-images": ("duplicate-images", _duplicate_images),
}


def load(names: list[str], reporter: Reporter) -> list[Method]:
    """Those that are installed."""
    found = []
    for name in names:
        package, make = PEERS[name]
        try:
            version(package)
        except PackageNotFoundError:
            reporter.say(f"{name} is left out: {package} is not installed (pip install dshcli[bench])")
            continue
        found.append(make())
    return found
