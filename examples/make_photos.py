"""Makes the photos of this folder: originals from free packages, and versions of them as a real folder collects them.

    python examples/make_photos.py SOURCES_DIR OUT_DIR

SOURCES_DIR holds three packages, unpacked over each other; each ships the pictures, and the words on their licences:

    pip download --no-deps scikit-image==0.26.0 scikit-learn==1.9.1    then unzip both wheels there
    apt-get download lomiri-wallpapers-16.04=20.04.0-2                  then dpkg -x the package there

OUT_DIR gets the pictures, `groups.json` (which of them belong together) and `LICENSES.md` (whose they are). Nothing is
random: the same Pillow (13.0.0) and pillow-heif (1.8.1) write the same bytes again.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image, ImageEnhance, ImageOps
from pillow_heif import register_heif_opener

SKIMAGE, SKLEARN, LOMIRI = "skimage/data", "sklearn/datasets/images", "usr/share/backgrounds"
PACKAGES = {
    SKIMAGE: "scikit-image 0.26.0",
    SKLEARN: "scikit-learn 1.9.1",
    LOMIRI: "lomiri-wallpapers-16.04 20.04.0-2",
}
CC0 = "[CC0 1.0](https://creativecommons.org/publicdomain/zero/1.0/)"
CC_BY_2 = "[CC BY 2.0](https://creativecommons.org/licenses/by/2.0/)"
CC_BY_4 = "[CC BY 4.0](https://creativecommons.org/licenses/by/4.0/)"
PUBLIC_DOMAIN = "public domain"
AITZOL = "Aitzol Berasategi"

QUALITY = 85  # of the originals
ORIENTATION = 0x0112  # the EXIF tag


@dataclass(frozen=True)
class Original:
    """A picture of a package, scaled so that its long side has at most `side` pixels."""

    path: str
    folder: str
    source: str
    author: str
    licence: str
    side: int = 480


@dataclass(frozen=True)
class Version:
    """A file made from the stored original `of`; without `make` it is a copy of the bytes."""

    path: str
    of: str
    kind: str
    make: Callable[[Image.Image], Image.Image] | None = None
    save: dict[str, Any] = field(default_factory=dict)


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit("Usage: python examples/make_photos.py SOURCES_DIR OUT_DIR")
    make_photos(Path(sys.argv[1]), Path(sys.argv[2]))


def make_photos(sources: Path, out: Path) -> None:
    """Writes every picture, groups.json and LICENSES.md below `out`."""
    register_heif_opener()
    for path in kinds():
        (out / path).parent.mkdir(parents=True, exist_ok=True)
    for original in ORIGINALS:
        write_original(original, sources, out)
    for version in VERSIONS:
        write_version(version, out)
    Image.new("RGB", (320, 240), FLAT_COLOUR).save(out / FLAT)
    whole = (out / TRUNCATED_OF).read_bytes()
    (out / TRUNCATED).write_bytes(whole[: len(whole) * 3 // 5])
    (out / TEXT).write_text(
        "Not a picture: a page of notes that somebody saved under the wrong name.\n",
        encoding="utf-8",
        newline="\n",
    )
    (out / "groups.json").write_text(json.dumps(manifest(), indent=1) + "\n", encoding="utf-8", newline="\n")
    (out / "LICENSES.md").write_text(licences(), encoding="utf-8", newline="\n")


def write_original(original: Original, sources: Path, out: Path) -> None:
    with Image.open(sources / original.folder / original.source) as image:
        small = image.convert("L" if image.mode in ("L", "1") else "RGB")
    small.thumbnail((original.side, original.side), Image.Resampling.LANCZOS)
    options: dict[str, Any] = {"quality": QUALITY} if original.path.endswith(".jpg") else {}
    small.save(out / original.path, **options)


def write_version(version: Version, out: Path) -> None:
    original = out / version.of
    if version.make is None:
        (out / version.path).write_bytes(original.read_bytes())
        return
    with Image.open(original) as image:
        version.make(image).save(out / version.path, **version.save)


def same(image: Image.Image) -> Image.Image:
    return image


def scaled(factor: float) -> Callable[[Image.Image], Image.Image]:
    return lambda image: ImageOps.scale(image, factor, Image.Resampling.LANCZOS)


def cropped(percent: float) -> Callable[[Image.Image], Image.Image]:
    """Cuts `percent` of the width and height away, half of it on each side."""

    def crop(image: Image.Image) -> Image.Image:
        x, y = (round(side * percent / 200) for side in image.size)
        return image.crop((x, y, image.width - x, image.height - y))

    return crop


def brighter(factor: float) -> Callable[[Image.Image], Image.Image]:
    return lambda image: ImageEnhance.Brightness(image).enhance(factor)


def turned(operation: Image.Transpose) -> Callable[[Image.Image], Image.Image]:
    return lambda image: image.transpose(operation)


def few_colours(image: Image.Image) -> Image.Image:
    return scaled(0.6)(image).quantize(128)


def oriented(value: int) -> dict[str, Any]:
    """How to save a JPEG whose pixels a viewer has to turn."""
    exif = Image.Exif()
    exif[ORIENTATION] = value
    return {"quality": QUALITY, "exif": exif}


def kinds() -> dict[str, str]:
    """How each picture was made, by its path."""
    made = {original.path: "original" for original in ORIGINALS}
    made |= {version.path: f"{version.kind} of {version.of}" for version in VERSIONS}
    made |= {
        FLAT: "one flat colour",
        TEXT: "text named .jpg",
        TRUNCATED: f"first 60 % of the bytes of {TRUNCATED_OF}",
    }
    return dict(sorted(made.items()))


def versions_of(original: str) -> list[str]:
    return [version.path for version in VERSIONS if version.of == original]


def manifest() -> dict[str, Any]:
    """The groups (each begins with its original), what cannot be read and why, and pictures that only look alike."""
    groups = [[original.path, *versions_of(original.path)] for original in ORIGINALS]
    return {
        "groups": [group for group in groups if len(group) > 1],
        "look_alikes": LOOK_ALIKES,
        "unreadable": {TRUNCATED: "truncated", TEXT: "not an image"},
        "kinds": kinds(),
    }


def licences() -> str:
    rows = [
        f"| {', '.join(f'`{path}`' for path in files_of(original))} | {original.author} | {original.licence} "
        f"| {PACKAGES[original.folder]}: `{original.source}` |"
        for original in ORIGINALS
    ]
    return LICENCES_HEAD + "\n".join(rows) + "\n" + LICENCES_FOOT


def files_of(original: Original) -> list[str]:
    cut = [TRUNCATED] if original.path == TRUNCATED_OF else []
    return [original.path, *versions_of(original.path), *cut]


ORIGINALS = [
    Original("holiday/pagoda.jpg", SKLEARN, "china.jpg", "danielbuechele", CC_BY_2),
    Original("holiday/mountain_trail.jpg", LOMIRI, "picosdeeuropa_by_Aitzol_Berasategi.jpg", AITZOL, CC_BY_4),
    Original("holiday/mountain_meadow.jpg", LOMIRI, "aitzgorri_by_Aitzol_Berasategi.jpg", AITZOL, CC_BY_4),
    Original("holiday/sunset.jpg", LOMIRI, "sunset_by_Aitzol_Berasategi.jpg", AITZOL, CC_BY_4),
    Original("holiday/stream.jpg", LOMIRI, "life_by_Aitzol_Berasategi.jpg", AITZOL, CC_BY_4),
    Original("holiday/rocket_at_dusk.jpg", SKIMAGE, "rocket.jpg", "SpaceX", PUBLIC_DOMAIN),
    Original("garden/dahlia.jpg", SKLEARN, "flower.jpg", "vultilion", CC_BY_2),
    Original("garden/dandelions.jpg", LOMIRI, "seeding_by_Clements_Engelhardt.jpg", "Clemens Engelhardt", CC0),
    Original("garden/brick_wall.jpg", SKIMAGE, "brick.png", "CC0Textures", CC0, 360),
    Original("garden/grass.jpg", SKIMAGE, "grass.png", "linolafett", CC0, 320),
    Original("garden/gravel.jpg", SKIMAGE, "gravel.png", "CC0Textures", CC0, 320),
    Original("home/coffee.jpg", SKIMAGE, "coffee.png", "Rachel Michetti", CC0),
    Original("home/fig.jpg", LOMIRI, "Picture_0B_by_freespace.jpg", 'Trevor "Freespace"', CC_BY_4),
    Original("home/paint_brushes.jpg", LOMIRI, "Picture_1A_by_freespace.jpg", 'Trevor "Freespace"', CC_BY_4),
    Original("home/drum_and_wine.jpg", LOMIRI, "Wine_by_Jakkub_Mede.jpg", "Jakub Mede", CC_BY_4),
    Original("phone/dogs.jpg", LOMIRI, "friends_by_Aitzol_Berasategi.jpg", AITZOL, CC_BY_4),
    Original("phone/cat.jpg", SKIMAGE, "chelsea.png", "Stefan van der Walt", CC0),
    Original("phone/photographer.jpg", SKIMAGE, "camera.png", "Lav Varshney", CC0),
    Original("phone/handwriting.jpg", SKIMAGE, "text.png", "unnamed, from Wikipedia", PUBLIC_DOMAIN),
    Original("downloads/astronaut.jpg", SKIMAGE, "astronaut.png", "NASA", PUBLIC_DOMAIN),
    Original("downloads/galaxies.jpg", SKIMAGE, "hubble_deep_field.jpg", "NASA", PUBLIC_DOMAIN),
    Original("downloads/retina.jpg", SKIMAGE, "retina.jpg", "Mikael Häggström", CC0, 400),
    Original("downloads/cell.jpg", SKIMAGE, "cell.png", "Paul Müller and others", CC0),
    Original("downloads/colours.jpg", LOMIRI, "umang_by_Abhishek_Mudgal.jpg", "Abhishek Mudgal", CC_BY_4),
    Original("downloads/horse.png", SKIMAGE, "horse.png", "Andreas Preuss (marauder)", CC0),
]

VERSIONS = [
    Version("backup/2014/DSC_0042.jpg", "holiday/pagoda.jpg", "exact copy"),
    Version("downloads/pagoda.jpg", "holiday/pagoda.jpg", "JPEG of quality 40", same, {"quality": 40}),
    Version("phone/chat/pagoda.jpg", "holiday/pagoda.jpg", "50 % of the size", scaled(0.5), {"quality": 80}),
    Version("holiday/pagoda_cut.jpg", "holiday/pagoda.jpg", "crop by 6 %", cropped(6), {"quality": QUALITY}),
    Version("downloads/pagoda.webp", "holiday/pagoda.jpg", "WebP", same, {"quality": 75}),
    Version("holiday/trail_cut.jpg", "holiday/mountain_trail.jpg", "crop by 5 %", cropped(5), {"quality": QUALITY}),
    Version("phone/chat/trail.jpg", "holiday/mountain_trail.jpg", "JPEG of quality 40", same, {"quality": 40}),
    Version("phone/chat/sunset.jpg", "holiday/sunset.jpg", "50 % of the size", scaled(0.5), {"quality": 80}),
    Version("holiday/sunset_darker.jpg", "holiday/sunset.jpg", "brightness 0.8", brighter(0.8), {"quality": QUALITY}),
    Version("backup/stream.tif", "holiday/stream.jpg", "small TIFF", scaled(0.4), {"compression": "tiff_lzw"}),
    Version("backup/2014/DSC_0044.jpg", "holiday/rocket_at_dusk.jpg", "exact copy"),
    Version("backup/2014/DSC_0043.jpg", "garden/dahlia.jpg", "exact copy"),
    Version("downloads/dahlia.png", "garden/dahlia.jpg", "small PNG", scaled(0.5), {"optimize": True}),
    Version("home/coffee_brighter.jpg", "home/coffee.jpg", "brightness 1.25", brighter(1.25), {"quality": QUALITY}),
    Version("phone/coffee.avif", "home/coffee.jpg", "AVIF", same, {"quality": 60, "max_threads": 1}),
    Version("backup/fig.bmp", "home/fig.jpg", "small BMP", scaled(0.35)),
    Version(
        "phone/brushes.jpg", "home/paint_brushes.jpg", "pixels upside down, EXIF orientation 3",
        turned(Image.Transpose.ROTATE_180), oriented(3),
    ),
    Version(
        "phone/dogs_turned.jpg", "phone/dogs.jpg", "pixels lying on their side, EXIF orientation 6",
        turned(Image.Transpose.ROTATE_90), oriented(6),
    ),
    Version("phone/chat/dogs.jpg", "phone/dogs.jpg", "JPEG of quality 40", same, {"quality": 40}),
    Version("phone/cat.heic", "phone/cat.jpg", "HEIC", same, {"quality": 60}),
    Version("downloads/cat_gray.jpg", "phone/cat.jpg", "gray version", ImageOps.grayscale, {"quality": QUALITY}),
    Version("downloads/photographer.gif", "phone/photographer.jpg", "small GIF", few_colours),
    Version("downloads/astronaut (1).jpg", "downloads/astronaut.jpg", "exact copy"),
    Version("phone/astronaut_cut.jpg", "downloads/astronaut.jpg", "crop by 8 %", cropped(8), {"quality": QUALITY}),
]  # fmt: skip

FLAT, FLAT_COLOUR = "phone/pocket.png", (38, 30, 28)
TRUNCATED, TRUNCATED_OF = "downloads/truncated.jpg", "holiday/stream.jpg"
TEXT = "downloads/notes.jpg"
LOOK_ALIKES = [
    ["holiday/mountain_meadow.jpg", "holiday/mountain_trail.jpg"],
    ["garden/grass.jpg", "garden/gravel.jpg"],
]

LICENCES_HEAD = """# Whose pictures these are

Every original was scaled down and saved again. The other files of a row were made from it (resized, cropped, turned,
made gray, brighter or darker, cut short, or saved in another format); `groups.json` tells what was done to each file.
All of them stay under the licence of the original. Author and licence are as the package named in the row states them.

| Files | Author | Licence | Package and file |
|---|---|---|---|
"""

LICENCES_FOOT = f"""
The two CC BY 2.0 photos come from <https://www.flickr.com/photos/danielbuechele/6061409035> (pagoda) and
<https://www.flickr.com/photos/vultilion/6056698931> (dahlia; the package's text gives this page but repeats the name of
the pagoda's author, so the author above is the page's owner). `{FLAT}` (one flat colour) and `{TEXT}`
(a line of text under a picture's name) were made for this folder: {CC0}.
"""


if __name__ == "__main__":
    main()
