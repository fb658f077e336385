"""Groups gather around the image with the most near ones, and keep the best that shows all of its picture."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import records
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from typer.testing import Result

from dshcli.codes import hamming
from dshcli.dedupe.by_codes import rank_contents
from dshcli.dedupe.centres import best_keepers, central_first, content_ranks, shows_all
from dshcli.dedupe.collection import Collection
from dshcli.proof.kinds import BORDER, LAID_OVER, Kind, Proof

PHOTOS = Path(__file__).parents[1] / "examples" / "photos" / "holiday"
Dsh = Callable[..., Result]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 40), radius=st.integers(0, 16))
def test_images_with_the_most_near_ones_come_first(seed: int, count: int, radius: int) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 8, (count, 2), dtype=np.uint8)
    nothing = np.zeros(count, np.int64)
    images = Collection(np.arange(count), codes, rng.permutation(count), nothing, np.empty((count, 0), np.uint8))
    near = [sum(int(hamming(one, other)) <= radius for other in codes) for one in codes]
    expected = sorted(range(count), key=lambda i: (-near[i], images.ranks[i]))
    assert np.argsort(central_first(images, 16, radius).ranks).tolist() == expected


def test_contents_keep_the_ranks_of_a_collection_from_which_others_went() -> None:
    """Ranks have gaps then, and may be larger than the number of images that are left."""
    codes, digests = np.zeros((4, 2), np.uint8), np.array([[1], [2], [2], [3]], np.uint8)
    images = Collection(np.array([3, 5, 7, 8]), codes, np.array([9, 4, 2, 7]), np.zeros(4, np.int64), digests)
    ranked, _ = rank_contents(images)
    assert content_ranks(images, ranked).tolist() == [2, 7, 9]


def test_the_best_of_those_that_show_all_is_kept() -> None:
    centres = np.array([0, 0, 0, 0, 4, 4])
    proofs = {1: Proof(Kind.CROPPED), 2: Proof(Kind.RESIZED), 3: Proof(Kind.RE_ENCODED), 5: Proof(Kind.FLIPPED)}
    ranks = np.array([5, 0, 1, 2, 4, 3])  # the crop is the largest
    assert best_keepers(centres, proofs, ranks).tolist() == [2, 2, 2, 2, 4, 4]


@pytest.mark.parametrize(
    ("proof", "whole"),
    [
        (Proof(Kind.SAME_PIXELS), True),
        (Proof(Kind.EDITED, "gray"), True),
        (Proof(Kind.EDITED, f"{BORDER}, darker"), False),
        (Proof(Kind.EDITED, f"{LAID_OVER} 12 %"), False),
        (Proof(Kind.ROTATED, "half turn"), False),
        (Proof(Kind.CROPPED, "80 % of the picture"), False),
    ],
)
def test_what_shows_all_of_a_picture(proof: Proof, *, whole: bool) -> None:
    assert shows_all(proof) is whole


def test_a_screenshot_is_no_keeper_of_the_photo_that_it_shows(dsh: Dsh, tmp_path: Path) -> None:
    """It has the most pixels, and hides the photo's lower part from those copies of it that are cut."""
    with Image.open(PHOTOS / "pagoda.jpg") as file:
        photo = file.convert("RGB")
    photo.save(tmp_path / "photo.png")
    photo.save(tmp_path / "small.jpg", quality=60)
    photo.resize((240, 160)).save(tmp_path / "half.jpg", quality=85)
    photo.convert("L").save(tmp_path / "gray.jpg", quality=85)
    photo.crop((20, 10, 460, 300)).save(tmp_path / "cut.jpg", quality=85)
    screen = Image.new("RGB", (900, 700), (32, 34, 40))
    screen.paste(photo.crop((0, 0, 480, 260)).resize((720, 390)), (90, 120))
    draw = ImageDraw.Draw(screen)
    draw.rectangle((0, 0, 900, 50), (70, 72, 80))
    draw.text((20, 18), "File  Edit  View  Help", (230, 230, 230))
    screen.save(tmp_path / "screen.png")
    dsh("index", tmp_path)
    (group,) = records(dsh("dupes", "--json"))
    assert Path(group["keeper"]["path"]).name == "photo.png"
    assert group["keeper"]["why"] == "whole picture"
    kinds = {Path(member["path"]).name: member["kind"] for member in group["members"]}
    assert kinds["small.jpg"] == "re-encoded" and kinds["half.jpg"] == "resized" and kinds["gray.jpg"] == "edited"
    assert kinds["cut.jpg"] == "cropped" and "screen.png" in kinds
