"""The example photos: what their manifest says is true, each has a licence, and the script still makes them."""

import importlib.util
import json
import sys
from itertools import combinations
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from conftest import draw

from dshcli.errors import BadImage
from dshcli.images.opening import Picture, open_image
from dshcli.images.spec import InputSpec

EXAMPLES = Path(__file__).parent.parent / "examples"
PHOTOS = EXAMPLES / "photos"
MANIFEST = json.loads((PHOTOS / "groups.json").read_text())
GROUPS, KINDS, UNREADABLE = MANIFEST["groups"], MANIFEST["kinds"], MANIFEST["unreadable"]
MEMBERS = [(group[0], path) for group in GROUPS for path in group[1:]]
NO_PICTURES = {"groups.json", "LICENSES.md"}


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_photos", EXAMPLES / "make_photos.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "make_photos", module)  # dataclasses look their module up
        spec.loader.exec_module(module)
    return module


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def shown(path: str) -> Picture:
    return open_image(PHOTOS / path, InputSpec(64, 3))


def difference(a: str, b: str) -> float:
    """Mean difference of two pictures as a viewer shows them, in gray levels."""
    return float(np.abs(shown(a).pixels.astype(int) - shown(b).pixels.astype(int)).mean())


def test_the_folder_is_small_and_the_manifest_lists_all_of_it() -> None:
    assert 40 <= len(KINDS) <= 60
    assert files(PHOTOS) == set(KINDS) | NO_PICTURES
    assert sum((PHOTOS / path).stat().st_size for path in files(PHOTOS)) <= 3_000_000


def test_groups_are_disjoint_and_one_is_large() -> None:
    members = [path for group in GROUPS for path in group]
    assert len(members) == len(set(members))
    assert set(members) <= set(KINDS) - set(UNREADABLE)
    assert all(len(group) > 1 for group in GROUPS)
    assert max(map(len, GROUPS)) >= 4


def test_a_group_is_an_original_and_everything_made_from_it() -> None:
    for group in GROUPS:
        assert KINDS[group[0]] == "original"
        made = {path for path, kind in KINDS.items() if kind.endswith(f" of {group[0]}")}
        assert made - set(UNREADABLE) == set(group[1:])


def test_every_picture_has_a_licence() -> None:
    text = (PHOTOS / "LICENSES.md").read_text(encoding="utf-8")
    assert [path for path in KINDS if f"`{path}`" not in text] == []
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert len(rows) == sum(kind == "original" for kind in KINDS.values())
    assert all("CC0 1.0" in row or "CC BY " in row or "public domain" in row for row in rows)
    assert "BY-SA" not in text


def test_every_type_that_can_be_read_is_there() -> None:
    formats = {shown(path).format for path in set(KINDS) - set(UNREADABLE)}
    assert formats == {"JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "HEIF", "AVIF"}


def test_only_exact_copies_have_equal_bytes() -> None:
    equal = {
        frozenset(pair) for pair in combinations(KINDS, 2) if len({(PHOTOS / path).read_bytes() for path in pair}) == 1
    }
    copies = {frozenset((path, kind.removeprefix("exact copy of "))) for path, kind in KINDS.items() if "exact" in kind}
    assert equal == copies and len(copies) >= 3


@pytest.mark.parametrize("orientation", [3, 6])
def test_photos_turned_by_exif_alone_display_like_their_original(orientation: int) -> None:
    mark = f"EXIF orientation {orientation} of "
    turned = [path for path, kind in KINDS.items() if mark in kind]
    assert turned
    for path in turned:
        original = KINDS[path].split(mark)[1]
        assert difference(path, original) < 2
        assert (shown(path).width, shown(path).height) == (shown(original).width, shown(original).height)


@pytest.mark.parametrize(("original", "path"), MEMBERS)
def test_a_version_is_nearer_to_its_original_than_any_other_picture(original: str, path: str) -> None:
    others = [group[0] for group in GROUPS if group[0] != original]
    assert difference(path, original) < min(difference(path, other) for other in others)


def test_look_alikes_are_in_no_common_group() -> None:
    assert MANIFEST["look_alikes"]
    for pair in MANIFEST["look_alikes"]:
        assert set(pair) <= set(KINDS)
        assert not any(set(pair) <= set(group) for group in GROUPS)


@pytest.mark.parametrize(("path", "reason"), UNREADABLE.items())
def test_unreadable_files_say_why(path: str, reason: str) -> None:
    with pytest.raises(BadImage, match=f"^{reason}"):
        shown(path)


def test_the_flat_picture_has_one_colour() -> None:
    (flat,) = (path for path, kind in KINDS.items() if kind == "one flat colour")
    assert len(np.unique(shown(flat).pixels.reshape(-1, 3), axis=0)) == 1


def test_the_script_describes_the_photos_that_are_there(script: ModuleType) -> None:
    assert script.manifest() == MANIFEST
    assert script.licences() == (PHOTOS / "LICENSES.md").read_text(encoding="utf-8")


def test_the_script_makes_the_same_files_every_time(script: ModuleType, tmp_path: Path) -> None:
    for seed, original in enumerate(script.ORIGINALS):
        draw(tmp_path / "sources" / original.folder / original.source, seed)
    for out in ("once", "again"):
        script.make_photos(tmp_path / "sources", tmp_path / out)
    assert files(tmp_path / "once") == files(PHOTOS)
    for path in files(PHOTOS):
        assert (tmp_path / "once" / path).read_bytes() == (tmp_path / "again" / path).read_bytes(), path
