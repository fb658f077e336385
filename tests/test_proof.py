"""Proofs on pixels: one real file of each kind, and pictures that only look alike."""

import hashlib
import io
import random
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from dshcli.errors import BadImage, TryAgain
from dshcli.proof.evidence import SIDE, Evidence, gather
from dshcli.proof.features import find_features, match
from dshcli.proof.kinds import Kind, Proof
from dshcli.proof.prove import prove
from dshcli.proof.proving import EVIDENCE_BYTES

PHOTOS = Path(__file__).parents[1] / "examples" / "photos"
PAGODA, COFFEE = PHOTOS / "holiday" / "pagoda.jpg", PHOTOS / "home" / "coffee.jpg"
WORDS = re.findall(
    r"\w+",
    """the of and to in is you that it he was for on are as with his they at be this have from or one had by word
but not what all were when your can said there use an each which she do how their if will up other about out many then
them these so some her would make like him into time has look two more write go see number no way could people my than
first water been call who oil its now find long down day did get come made may part""",
)


def opened(path: Path) -> Image.Image:
    return Image.open(path).convert("RGB")


def evidence(path: Path) -> Evidence:
    data = path.read_bytes()
    return gather(data, hashlib.sha256(data).digest())


def saved(image: Image.Image, path: Path, **options: object) -> Evidence:
    image.save(path, **({"quality": 85} | options if path.suffix == ".jpg" else options))
    return evidence(path)


def proven(one: Evidence, other: Evidence) -> Proof:
    """The proof of a pair, which is of the same kind the other way round."""
    proof = prove(one, other)
    assert prove(other, one).kind is proof.kind
    return proof


def with_caption(image: Image.Image) -> Image.Image:
    image = image.copy()
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, image.height * 0.85, image.width, image.height), fill="black")
    draw.text((20, image.height * 0.87), "what a day it was", fill="white", font=ImageFont.load_default(28))
    return image


def on_a_screen(image: Image.Image) -> Image.Image:
    screen = Image.new("RGB", (420, 800), "white")
    draw = ImageDraw.Draw(screen)
    draw.rectangle((0, 0, 420, 60), fill="navy")
    draw.text((20, 18), "Photos of friends", fill="white", font=ImageFont.load_default(24))
    screen.paste(image.resize((400, 400 * image.height // image.width)), (10, 120))
    for line in range(4):
        draw.text((10, 600 + 40 * line), "so many people like this one", fill="black", font=ImageFont.load_default(20))
    return screen


def beside_another(image: Image.Image) -> Image.Image:
    both = Image.new("RGB", (2 * image.width, image.height))
    both.paste(image, (0, 0))
    both.paste(opened(COFFEE).resize(image.size), (image.width, 0))
    return both


def seen_at_an_angle(image: Image.Image) -> Image.Image:
    width, height = image.size
    corners = (50, 5, 2, height - 5, width - 4, height - 5, width - 60, 5)
    return image.transform(image.size, Image.Transform.QUAD, corners, Image.Resampling.BICUBIC)


EDITS: dict[str, tuple[Callable[[Image.Image], Image.Image], Kind, str]] = {
    "half": (lambda image: image.resize((240, 160)), Kind.RESIZED, "half the size"),
    "a quarter": (lambda image: image.resize((120, 80)), Kind.RESIZED, "a quarter of the size"),
    "larger": (lambda image: image.resize((720, 480)), Kind.RESIZED, "150 % of the size"),
    "another shape": (lambda image: image.resize((400, 320)), Kind.RESIZED, "another shape"),
    "gray": (lambda image: image.convert("L"), Kind.EDITED, "gray"),
    "brighter": (lambda image: ImageEnhance.Brightness(image).enhance(1.5), Kind.EDITED, "brighter"),
    "colours": (lambda image: ImageEnhance.Color(image).enhance(2.5), Kind.EDITED, "colours"),
    "caption": (with_caption, Kind.EDITED, "something laid over"),
    "border": (lambda image: ImageOps.expand(image, 30, "white"), Kind.EDITED, "a border around it"),
    "cropped": (lambda image: image.crop((40, 30, 380, 290)), Kind.CROPPED, "58 % of the picture"),
    "cropped to half": (lambda image: image.crop((200, 0, 440, 320)), Kind.CROPPED, "50 % of the picture"),
    "on a screen": (on_a_screen, Kind.CROPPED, "% of the picture"),
    "beside another": (beside_another, Kind.CROPPED, "50 % of the picture"),
    "turned left": (lambda image: image.transpose(Image.Transpose.ROTATE_90), Kind.ROTATED, "quarter turn left"),
    "turned right": (lambda image: image.transpose(Image.Transpose.ROTATE_270), Kind.ROTATED, "quarter turn right"),
    "half a turn": (lambda image: image.transpose(Image.Transpose.ROTATE_180), Kind.ROTATED, "half turn"),
    "7 degrees": (lambda image: image.rotate(7, Image.Resampling.BICUBIC), Kind.ROTATED, "by 7 degrees"),
    "at an angle": (seen_at_an_angle, Kind.ROTATED, "seen at an angle"),
    "mirrored": (ImageOps.mirror, Kind.FLIPPED, "left to right"),
    "upside down": (ImageOps.flip, Kind.FLIPPED, "top to bottom"),
    "mirrored, cropped": (lambda image: ImageOps.mirror(image).crop((60, 0, 480, 300)), Kind.FLIPPED, "left to right"),
    "transposed": (lambda image: image.transpose(Image.Transpose.TRANSPOSE), Kind.FLIPPED, "quarter turn"),
}


@pytest.mark.parametrize("name", list(EDITS))
def test_edits(tmp_path: Path, name: str) -> None:
    edit, kind, words = EDITS[name]
    proof = proven(evidence(PAGODA), saved(edit(opened(PAGODA)), tmp_path / "copy.jpg"))
    assert (proof.kind, words in proof.detail) == (kind, True), proof


@pytest.mark.parametrize("quality", [10, 30, 60, 90])
def test_re_encoded(tmp_path: Path, quality: int) -> None:
    proof = proven(evidence(PAGODA), saved(opened(PAGODA), tmp_path / "copy.jpg", quality=quality))
    assert (proof.kind, proof.detail) == (Kind.RE_ENCODED, "")


def test_blur_and_noise_are_no_other_picture(tmp_path: Path) -> None:
    original = opened(PAGODA)
    grain = np.random.default_rng(0).normal(0, 20, (original.height, original.width, 3))
    noisy = Image.fromarray(np.clip(np.asarray(original) + grain, 0, 255).astype(np.uint8))
    assert proven(evidence(PAGODA), saved(noisy, tmp_path / "noisy.jpg")).accepted
    blurred = original.filter(ImageFilter.GaussianBlur(4))
    assert proven(evidence(PAGODA), saved(blurred, tmp_path / "blurred.jpg")).accepted


def test_exact_and_same_pixels(tmp_path: Path) -> None:
    first = evidence(PAGODA)
    assert prove(first, evidence(PAGODA)) == Proof(Kind.EXACT)
    assert proven(first, saved(opened(PAGODA), tmp_path / "whole.png")).kind is Kind.SAME_PIXELS
    other = opened(PAGODA)
    other.putpixel((100, 100), (255, 0, 255))
    assert proven(first, saved(other, tmp_path / "one_off.png")).kind is Kind.RE_ENCODED


def test_same_pixels_by_exif_turn(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned to the right when shown
    lying = opened(PAGODA).transpose(Image.Transpose.ROTATE_90)
    turned = saved(lying, tmp_path / "turned.png", exif=exif)
    assert (turned.width, turned.height) == (480, 320)
    assert proven(saved(opened(PAGODA), tmp_path / "upright.png"), turned).kind is Kind.SAME_PIXELS


def test_large_jpegs_of_other_metadata_are_of_the_same_pixels(tmp_path: Path) -> None:
    large = opened(PAGODA).resize((1920, 1280))
    plain = saved(large, tmp_path / "plain.jpg", comment=b"")
    exif = Image.Exif()
    exif[0x010E] = "a walk in autumn"
    described = saved(large, tmp_path / "described.jpg", exif=exif, comment=b"mine")
    assert plain.digest != described.digest
    assert proven(plain, described).kind is Kind.SAME_PIXELS
    exif[0x0112] = 3
    assert proven(plain, saved(large, tmp_path / "turned.jpg", exif=exif)).kind is Kind.ROTATED


def test_moving_pictures_are_never_of_the_same_pixels(tmp_path: Path) -> None:
    still, moving = opened(PAGODA).quantize(64), tmp_path / "moving.gif"
    still.save(moving, save_all=True, append_images=[opened(COFFEE).resize(still.size).quantize(64)])
    proof = proven(saved(still, tmp_path / "still.gif"), evidence(moving))
    assert proof.kind is not Kind.SAME_PIXELS


def test_transparent_parts_are_white(tmp_path: Path) -> None:
    clear = opened(PAGODA).convert("RGBA")
    clear.paste((0, 0, 0, 0), (0, 0, 480, 40))
    white = opened(PAGODA)
    white.paste("white", (0, 0, 480, 40))
    assert proven(saved(clear, tmp_path / "clear.png"), saved(white, tmp_path / "white.png")).kind is Kind.SAME_PIXELS


def test_gray_files(tmp_path: Path) -> None:
    gray = opened(PAGODA).convert("L")
    first = saved(gray, tmp_path / "gray.png")
    assert proven(first, saved(gray.convert("RGB"), tmp_path / "as_rgb.png")).kind is Kind.SAME_PIXELS
    assert proven(first, saved(gray.resize((240, 160)), tmp_path / "half.jpg")).kind is Kind.RESIZED


# --- what only looks alike ---------------------------------------------------------------------------------------


def page(seed: int) -> Image.Image:
    """A page of text in the one layout that all pages share."""
    rng, image = random.Random(seed), Image.new("RGB", (620, 800), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(15)
    for y in range(60, 740, 20):
        line = ""
        while draw.textlength(line, font) < 470:
            line += rng.choice(WORDS) + " "
        draw.text((60, y), line, fill="black", font=font)
    return image


def chat(seed: int) -> Image.Image:
    """A screen of one program, with bubbles at the same places."""
    rng, image = random.Random(seed), Image.new("RGB", (390, 844), "#e5ddd5")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(16)
    draw.rectangle((0, 0, 390, 60), fill="#075e54")
    draw.text((64, 18), "Aunt Jane", fill="white", font=ImageFont.load_default(22))
    for row in range(9):
        left = 20 if row % 2 else 120
        draw.rounded_rectangle((left, 75 + 78 * row, left + 250, 140 + 78 * row), 12, fill="#dcf8c6")
        for line in range(2):
            words = " ".join(rng.choice(WORDS) for _ in range(5))[:28]
            draw.text((left + 12, 82 + 78 * row + 26 * line), words, fill="black", font=font)
    return image


def listing(seed: int) -> Image.Image:
    """A list with the same icons and buttons in every row."""
    rng, image = random.Random(seed), Image.new("RGB", (390, 844), "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 390, 56), fill="#6200ee")
    draw.text((20, 14), "Inbox", fill="white", font=ImageFont.load_default(24))
    for row, colour in enumerate(["red", "green", "blue", "orange", "purple", "teal", "gray", "navy", "black", "pink"]):
        y = 64 + 76 * row
        draw.ellipse((12, y + 10, 64, y + 62), fill=colour)
        draw.text((80, y + 10), " ".join(rng.sample(WORDS, 3)).title(), fill="black", font=ImageFont.load_default(20))
        draw.text((80, y + 40), " ".join(rng.sample(WORDS, 6))[:34], fill="gray", font=ImageFont.load_default(14))
        draw.text((365, y + 24), ">", fill="gray", font=ImageFont.load_default(20))
    return image


def table(seed: int) -> Image.Image:
    """A grid of rules with other numbers."""
    rng, image = random.Random(seed), Image.new("RGB", (720, 560), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(15)
    for row in range(18):
        draw.line((30, 30 + 28 * row, 690, 30 + 28 * row), fill="black")
        for column in range(5):
            draw.text((40 + 132 * column, 34 + 28 * row), f"{rng.uniform(1000, 9999):.2f}", fill="black", font=font)
    for column in range(6):
        draw.line((30 + 132 * column, 30, 30 + 132 * column, 534), fill="black")
    return image


@pytest.mark.parametrize("draw", [page, chat, listing, table])
def test_pages_and_screens_with_other_content(tmp_path: Path, draw: Callable[[int], Image.Image]) -> None:
    first = saved(draw(1), tmp_path / "1.jpg")
    assert proven(first, saved(draw(2), tmp_path / "2.jpg")).kind is Kind.LOOK_ALIKE
    noisy = Image.fromarray(np.clip(np.asarray(draw(2)) + np.random.default_rng(0).normal(0, 15), 0, 255).astype("u1"))
    assert proven(first, saved(noisy.resize((300, 400)), tmp_path / "small.jpg", quality=20)).kind is Kind.LOOK_ALIKE
    assert proven(first, saved(draw(1).resize((400, 500)), tmp_path / "copy.jpg", quality=60)).accepted


def test_photos_of_other_scenes(tmp_path: Path) -> None:
    files = sorted((PHOTOS / "holiday").glob("*.jpg")) + sorted((PHOTOS / "garden").glob("*.jpg"))
    found = {file.stem: evidence(file) for file in files if "_cut" not in file.stem and "darker" not in file.stem}
    names = sorted(found)
    pairs = [(one, other) for one in names for other in names if one < other]
    assert len(pairs) >= 40
    assert [pair for pair in pairs if prove(found[pair[0]], found[pair[1]]).accepted] == []


def test_another_view_of_one_scene(tmp_path: Path) -> None:
    """The far half is shifted less than the near half, as when the camera moves: no map from plane to plane fits."""
    scene = opened(PHOTOS / "garden" / "gravel.jpg").resize((480, 480))
    moved = Image.new("RGB", (400, 400))
    for top in range(0, 400, 20):
        moved.paste(scene.crop((10 + (top // 20) * 7 % 60, top, 410 + (top // 20) * 7 % 60, top + 20)), (0, top))
    first = saved(scene.crop((40, 0, 440, 400)), tmp_path / "scene.jpg")
    assert proven(first, saved(moved, tmp_path / "moved.jpg")).changed > 0.3


@pytest.mark.parametrize("colours", [("white", "white"), ("teal", "navy"), ("white", "black")])
def test_flat_pictures_are_no_copies(tmp_path: Path, colours: tuple[str, str]) -> None:
    one = saved(Image.new("RGB", (300, 200), colours[0]), tmp_path / "1.jpg")
    other = saved(Image.new("RGB", (200, 300), colours[1]), tmp_path / "2.jpg")
    assert proven(one, other).kind is Kind.LOOK_ALIKE


def test_gradients_are_no_copies(tmp_path: Path) -> None:
    ramp = Image.linear_gradient("L").resize((300, 300))
    other = ramp.point([round(255 * (level / 255) ** 1.5) for level in range(256)])
    assert proven(saved(ramp, tmp_path / "1.jpg"), saved(other, tmp_path / "2.jpg")).kind is Kind.LOOK_ALIKE


# --- odd pictures, threads, cost ----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (1, 500), (3000, 2), (30, 1)])
def test_tiny_and_thin_pictures(tmp_path: Path, size: tuple[int, int]) -> None:
    small = saved(opened(PAGODA).resize(size), tmp_path / "small.png")
    assert proven(small, small).kind is Kind.EXACT
    again = saved(opened(PAGODA).resize(size), tmp_path / "small.bmp")
    assert proven(small, again).kind is Kind.SAME_PIXELS
    assert proven(small, evidence(COFFEE)).kind is Kind.LOOK_ALIKE
    assert proven(small, saved(Image.new("RGB", size, "red"), tmp_path / "red.png")).kind is Kind.LOOK_ALIKE


def test_extreme_shapes(tmp_path: Path) -> None:
    strip = opened(PAGODA).crop((0, 150, 480, 200)).resize((2000, 208))
    proof = proven(saved(strip, tmp_path / "strip.jpg"), saved(strip.resize((1000, 104)), tmp_path / "half.jpg"))
    assert (proof.kind, proof.detail) == (Kind.RESIZED, "half the size")


def test_small_squares(tmp_path: Path) -> None:
    one, other = (opened(path).resize((32, 32)) for path in (PAGODA, COFFEE))
    first = saved(one, tmp_path / "1.png")
    assert proven(first, saved(one, tmp_path / "1.jpg", quality=90)).accepted
    assert proven(first, saved(other, tmp_path / "2.png")).kind is Kind.LOOK_ALIKE


def test_what_cannot_be_read(tmp_path: Path) -> None:
    data = PAGODA.read_bytes()
    with pytest.raises(BadImage, match="not an image"):
        gather(b"plain words", b"")
    with pytest.raises(BadImage, match="truncated"):
        gather(data[: len(data) // 2], b"")
    with pytest.raises(TryAgain, match="--max-pixels"):
        gather(data, b"", max_pixels=1000)


def test_the_same_answer_from_any_thread_in_any_order(tmp_path: Path) -> None:
    photo = opened(PAGODA)
    others = [edit(photo) for name, (edit, _, _) in EDITS.items() if name in ("cropped", "7 degrees", "on a screen")]
    paths = [PAGODA, COFFEE, *(tmp_path / f"{number}.jpg" for number in range(len(others)))]
    for path, image in zip(paths[2:], others, strict=True):
        image.save(path, quality=80)
    pairs = [(one, other) for one in paths for other in paths]
    expected = {pair: prove(evidence(pair[0]), evidence(pair[1])) for pair in pairs}
    shared = {path: evidence(path) for path in paths}  # features are looked for in whichever thread comes first
    shuffled = random.Random(0).sample(pairs, len(pairs))
    with ThreadPoolExecutor(4) as pool:
        found = dict(
            zip(shuffled, pool.map(lambda pair: prove(shared[pair[0]], shared[pair[1]]), shuffled), strict=True)
        )
    assert found == expected


def test_features_of_a_mirrored_picture_need_no_second_search() -> None:
    gray = np.asarray(Image.open(PAGODA).convert("L"))
    mirrored, sought = find_features(gray).mirrored(gray.shape[1]), find_features(np.ascontiguousarray(gray[:, ::-1]))
    pairs = match(mirrored, sought)
    apart = np.linalg.norm(mirrored.points[pairs[:, 0]] - sought.points[pairs[:, 1]], axis=1)
    assert np.count_nonzero(apart < 2) > 0.8 * len(sought.points)


def test_evidence_stays_small(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1500, 1500, 3), dtype=np.uint8)
    found = saved(Image.fromarray(noise).filter(ImageFilter.GaussianBlur(2)), tmp_path / "full.png")
    assert max(found.gray.shape) == SIDE
    kept = [found.gray, found.colours, found.thumb, found.features.points, found.features.descriptors]
    assert sum(array.nbytes for array in kept) < EVIDENCE_BYTES


def test_opencv_is_not_loaded_before_it_is_needed() -> None:
    code = "import sys, dshcli.proof.prove, dshcli.proof.evidence; sys.exit('cv2' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_file_in_memory_is_enough() -> None:
    buffer = io.BytesIO()
    opened(COFFEE).resize((200, 133)).save(buffer, "PNG")
    assert prove(gather(buffer.getvalue(), b"1"), evidence(COFFEE)).kind is Kind.RESIZED
