"""`dsh explain`: facts about two real image files, indexed or not, and the conclusion."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import draw, picture, records
from PIL import Image
from typer.testing import Result

from dshcli.commands.explain import Waves
from dshcli.hasher.models import Model
from dshcli.hasher.waves import ORIENTATIONS
from dshcli.show.explain import waves_words

Dsh = Callable[..., Result]
PHOTO = Path(__file__).parents[1] / "examples" / "photos" / "holiday" / "pagoda.jpg"
SIZE = (160, 120)


@pytest.fixture
def pictures(tmp_path: Path, dsh: Dsh, copies_model: Model) -> Path:
    """a.png, a re-encoded a.jpg, a copy of a.png in sub/; b, another picture; flat.png of one colour. Not indexed."""
    folder = tmp_path / "p"
    draw(folder / "a.png", 1, SIZE)
    picture(1, SIZE).save(folder / "a.jpg", quality=90)
    draw(folder / "b.png", 2, SIZE)
    Image.new("RGB", SIZE, (200, 10, 10)).save(folder / "flat.png")
    (folder / "sub").mkdir()
    shutil.copy2(folder / "a.png", folder / "sub" / "copy.png")
    dsh("models", "use", copies_model.folder)
    return folder


def explained(dsh: Dsh, *arguments: object) -> dict[str, Any]:
    (record,) = records(dsh("explain", *arguments, "--json"))
    return dict(record)


def test_two_files_of_no_index(pictures: Path, dsh: Dsh, home: Path, copies_model: Model) -> None:
    found = explained(dsh, pictures / "a.png", pictures / "a.jpg")
    assert found["model"] == copies_model.model_id and (found["bits"], found["radius"], found["images"]) == (48, 2, 0)
    assert found["candidate_radius"] == 6  # no images, so that no candidate is false
    assert found["distance"] <= 2 and found["waves"] is None and found["near"] == "codes"
    assert found["proof"]["kind"] == "re-encoded" and found["proof"]["accepted"] and found["tried"]["share"] > 0.7
    assert found["groups"] is None and found["one"]["indexed"] == [] and found["verdict"] == ""
    assert found["so"] == "one picture: candidates by codes, and proven: re-encoded"
    assert not (home / "index.db").exists()


def test_copies_stand_in_one_group(pictures: Path, dsh: Dsh) -> None:
    dsh("index", pictures)
    found = explained(dsh, pictures / "a.png", pictures / "a.jpg")
    assert found["images"] == 5 and found["one"]["indexed"] == [str(pictures / "a.png"), str(pictures / "sub/copy.png")]
    roles = {place["role"]: place for place in found["groups"]}
    assert roles["keeper"]["group"] == roles["copy"]["group"] and roles["copy"]["kind"] == "re-encoded"
    assert found["so"] == "in one group: candidates by codes, and proven: re-encoded"
    assert explained(dsh, pictures / "a.png", pictures / "a.jpg", "--no-groups")["groups"] is None


def test_one_of_the_two_is_in_the_index(pictures: Path, dsh: Dsh, tmp_path: Path) -> None:
    dsh("index", pictures / "sub")
    found = explained(dsh, pictures / "a.jpg", pictures / "a.png")
    assert found["groups"] == [None, None] and found["other"]["indexed"] == [str(pictures / "sub/copy.png")]
    assert "no group has both, since not both are in the index" in found["so"]


def test_equal_files(pictures: Path, dsh: Dsh) -> None:
    dsh("index", pictures)
    found = explained(dsh, pictures / "a.png", pictures / "sub/copy.png")
    assert found["proof"]["kind"] == "exact" and found["tried"] is None and found["so"] == "in one group: equal bytes"


@pytest.mark.parametrize(
    ("radius", "near", "so"),
    [
        (48, "codes", "kept apart: candidates by codes, but the proof failed"),
        (0, "", "kept apart: they are no candidates, nor copies"),
    ],
)
def test_strangers(pictures: Path, dsh: Dsh, radius: int, near: str, so: str) -> None:
    dsh("index", pictures)
    found = explained(dsh, pictures / "a.png", pictures / "b.png", "-r", radius)
    assert (found["radius"], found["candidate_radius"], found["near"], found["so"]) == (radius, radius, near, so)
    assert found["proof"]["kind"] == "look-alike" and not found["proof"]["accepted"]
    text = dsh("explain", pictures / "a.png", pictures / "b.png", "-r", radius).stdout
    assert "both\tproof\trejected (look-alike): " in text


def test_a_flat_image_is_compared_with_none(pictures: Path, dsh: Dsh) -> None:
    dsh("index", pictures)
    found = explained(dsh, pictures / "a.png", pictures / "flat.png", "-r", 48)
    assert found["other"]["flat"] and not found["one"]["flat"] and not found["candidates"]
    assert found["so"] == "kept apart: a flat image is grouped by equal bytes alone"


@pytest.mark.parametrize(
    ("names", "option", "verdict", "so"),
    [
        (("a.png", "b.png"), "--same", "same", "in one group: you decided: same"),
        (("a.png", "flat.png"), "--keep-both", "keep both", "in one group: you decided: keep both"),
        (("a.png", "a.jpg"), "--different", "different", "kept apart: you decided: different"),
    ],
)
def test_what_was_decided_counts(
    pictures: Path, dsh: Dsh, names: tuple[str, str], option: str, verdict: str, so: str
) -> None:
    dsh("index", pictures)
    one, other = (pictures / name for name in names)
    dsh("decide", one, other, option)
    dsh("decide", "--keeper", other)
    found = explained(dsh, one, other)
    assert (found["verdict"], found["so"]) == (verdict, so) and found["decided"] and found["other"]["chosen"]
    if verdict != "different":
        assert found["groups"][1]["why"] == "your choice"


def test_a_model_that_proves_nothing_goes_by_codes(pictures: Path, dsh: Dsh, toy_model: Model) -> None:
    dsh("index", pictures, "-m", toy_model.folder)
    found = explained(dsh, pictures / "a.png", pictures / "b.png", "-r", 48, "-m", toy_model.folder)
    assert (
        not found["verify"] and found["so"].startswith("in one group: ") and found["so"].endswith("within the radius")
    )


def test_the_exif_orientation_is_told(pictures: Path, dsh: Dsh) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(1, SIZE).save(pictures / "turned.jpg", exif=exif)
    found = explained(dsh, pictures / "a.png", pictures / "turned.jpg")
    assert (found["other"]["orientation"], found["other"]["width"], found["other"]["height"]) == (6, *SIZE[::-1])
    text = dsh("explain", pictures / "a.png", pictures / "turned.jpg").stdout
    assert "EXIF 6: shown with a quarter turn right" in text
    exif[0x0112] = 2
    picture(1, SIZE).save(pictures / "mirrored.jpg", exif=exif)
    text = dsh("explain", pictures / "a.png", pictures / "mirrored.jpg").stdout
    assert "EXIF 2: shown mirrored left to right" in text


def test_the_nearest_orientation_is_told(tmp_path: Path, dsh: Dsh) -> None:
    """By the model that ships, whose codes hold waves."""
    turns = Image.Transpose
    operations = [
        None, turns.FLIP_TOP_BOTTOM, turns.FLIP_LEFT_RIGHT, turns.ROTATE_180, turns.TRANSPOSE, turns.ROTATE_90,
        turns.ROTATE_270, turns.TRANSVERSE,
    ]  # fmt: skip
    for operation, name in zip(operations, ORIENTATIONS, strict=True):
        with Image.open(PHOTO) as image:
            turned = image.convert("RGB")
        (turned if operation is None else turned.transpose(operation)).save(tmp_path / "turned.png")
        found = explained(dsh, PHOTO, tmp_path / "turned.png")
        assert found["waves"] == {"orientation": name, "differing": 0, "of": 127, "limit": 28}
        assert found["near"] == ("codes" if found["distance"] <= found["candidate_radius"] else "waves")
        assert found["proof"]["accepted"], name
    text = dsh("explain", PHOTO, tmp_path / "turned.png").stdout
    assert "0 of 127 differ once the first is mirrored over the other diagonal (limit 28)" in text


def test_the_nearest_orientation_in_words() -> None:
    assert [waves_words(Waves(name, 47, 127, 28)) for name in ORIENTATIONS] == [
        "47 of 127 differ with the first as it is (limit 28)",
        "47 of 127 differ once the first is mirrored top to bottom (limit 28)",
        "47 of 127 differ once the first is mirrored left to right (limit 28)",
        "47 of 127 differ once the first is given a half turn (limit 28)",
        "47 of 127 differ once the first is mirrored over the diagonal (limit 28)",
        "47 of 127 differ once the first is given a quarter turn left (limit 28)",
        "47 of 127 differ once the first is given a quarter turn right (limit 28)",
        "47 of 127 differ once the first is mirrored over the other diagonal (limit 28)",
    ]


@pytest.mark.parametrize(
    ("name", "words"), [("gone.png", "no such file"), ("notes.txt", "not an image"), ("cut.png", "truncated")]
)
def test_a_file_that_cannot_be_read(pictures: Path, dsh: Dsh, name: str, words: str) -> None:
    (pictures / "notes.txt").write_text("no image")
    (pictures / "cut.png").write_bytes((pictures / "a.png").read_bytes()[:300])
    result = dsh("explain", pictures / "a.png", pictures / name, exit_code=1)
    assert str(pictures / name) in result.stderr and words in result.stderr and "Hint: " in result.stderr


def test_the_page_shows_both_and_the_facts(pictures: Path, dsh: Dsh, tmp_path: Path) -> None:
    hostile = shutil.copy2(pictures / "a.jpg", pictures / "<script>alert(1)<.jpg")
    page = tmp_path / "why.html"
    result = dsh("explain", pictures / "a.png", hostile, "--report", page)
    html = page.read_text(encoding="utf-8")
    assert html.count('src="data:image/jpeg;base64,') == 2 and "<script" not in html
    assert "one picture: candidates by codes, and proven: re-encoded" in html
    assert not re.search(r"(?:src|href)=\"(?!data:)", html)
    assert f"Wrote {page}" in result.stderr and result.stdout
    nowhere = dsh("explain", pictures / "a.png", hostile, "--report", tmp_path / "no" / "why.html", exit_code=1)
    assert "Name a file in a folder that you can write" in nowhere.stderr
