"""A folder of toy photos (toys.py) with what verification makes of it, for the tests of `dsh dupes`."""

import shutil
from pathlib import Path

from conftest import records
from toys import photo
from typer.testing import Result

Groups = list[tuple[str, list[tuple[str, str]]]]


def toy_photos(folder: Path) -> Path:
    """Toy photos whose codes are all within 1 bit of each other, since their mean gray is the same.

    big 192, small 64, edited: name 1;  other, other2 (same pixels): name 2;  lone: name 3;  a copy of edited in sub/
    """
    photo(folder / "big.png", 1, side=192)
    photo(folder / "small.png", 1, side=64)
    photo(folder / "edited.png", 1, edit=3)
    photo(folder / "other.png", 2)
    photo(folder / "other2.png", 2, stamp="again")
    photo(folder / "lone.png", 3, side=100)
    (folder / "sub").mkdir()
    shutil.copy2(folder / "edited.png", folder / "sub" / "copy.png")
    return folder


def groups_of(result: Result) -> Groups:
    """Each group as the keeper's name and the names and kinds of the others, sorted."""
    return sorted(
        (Path(g["keeper"]["path"]).stem, sorted((Path(m["path"]).stem, m["kind"]) for m in g["members"]))
        for g in map(dict, records(result))
    )


ALL: Groups = [
    ("big", [("copy", "edited"), ("edited", "edited"), ("small", "resized")]),
    ("other2", [("other", "same pixels")]),
]
