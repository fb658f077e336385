"""All edits by name, and drawing them: which, how strong, how many on top of each other."""

from collections.abc import Callable
from dataclasses import dataclass

from PIL.Image import Image as Picture

from dshcli.edits import overlay, shape, tone
from dshcli.edits.overlay import Other
from dshcli.edits.tone import Rng

STACKED = (0.45, 0.35, 0.20)  # how often one, two and three edits are laid on top of each other
STORED = 0.5  # how often a picture is stored as a JPEG once more afterwards
LEAST_SIDE = 24  # pixels of the shorter side that any edit leaves


@dataclass(frozen=True)
class Edit:
    """An edit by name. family: what is not stacked twice. weight: how often it is drawn, among all."""

    name: str
    family: str
    apply: Callable[[Picture, Rng, float, Other], Picture]
    weight: float = 1.0


def _alone(function: Callable[[Picture, Rng, float], Picture]) -> Callable[[Picture, Rng, float, Other], Picture]:
    return lambda image, rng, amount, _: function(image, rng, amount)


EDITS = (
    Edit("JPEG", "stored", _alone(tone.jpeg), 1.5),
    Edit("WebP", "stored", _alone(tone.webp), 0.7),
    Edit("palette", "stored", _alone(tone.palette), 0.4),
    Edit("resized", "size", _alone(tone.resize), 1.5),
    Edit("thumbnail", "size", _alone(tone.thumbnail), 1.0),
    Edit("gray", "colour", _alone(tone.gray), 1.5),
    Edit("saturation", "colour", _alone(tone.saturation), 0.5),
    Edit("colour cast", "colour", _alone(tone.cast), 1.0),
    Edit("filter", "colour", _alone(tone.filtered), 2.0),
    Edit("brightness", "light", _alone(tone.brightness), 1.0),
    Edit("contrast", "light", _alone(tone.contrast), 1.0),
    Edit("gamma", "light", _alone(tone.gamma), 0.7),
    Edit("vignette", "light", _alone(tone.vignette), 0.4),
    Edit("blur", "sharpness", _alone(tone.blur), 1.2),
    Edit("sharpened", "sharpness", _alone(tone.sharpen), 0.7),
    Edit("noise", "noise", _alone(tone.noise), 1.0),
    Edit("crop", "part", _alone(shape.crop), 5.0),
    Edit("crop to a shape", "part", _alone(shape.crop_to_shape), 2.0),
    Edit("stretched", "shape", _alone(shape.stretch), 0.5),
    Edit("turned or flipped", "turn", _alone(shape.turn), 1.5),
    Edit("rotated", "slant", _alone(shape.rotate), 3.0),
    Edit("perspective", "slant", _alone(shape.perspective), 2.5),
    Edit("padded", "around", _alone(shape.pad), 2.0),
    Edit("framed", "around", _alone(shape.frame), 2.0),
    Edit("caption", "around", _alone(overlay.caption), 1.5),
    Edit("words", "over", _alone(overlay.words), 1.0),
    Edit("banner", "over", _alone(overlay.banner), 1.2),
    Edit("logo", "over", _alone(overlay.logo), 0.8),
    Edit("stickers", "over", _alone(overlay.sticker), 1.2),
    Edit("pasted over", "over", overlay.pasted, 1.6),
    Edit("screenshot", "inside", _alone(overlay.screenshot), 5.0),
    Edit("collage", "inside", overlay.collage, 5.0),
)


def any_edits(image: Picture, rng: Rng, other: Other, strength: float = 1.0) -> Picture:
    """A copy of an RGB picture with one to three edits, each by an amount drawn evenly from 0 to `strength`.

    `other` gives another picture, for collages. Equal generators give equal copies.
    """
    families: set[str] = set()
    for _ in range(1 + int(rng.choice(len(STACKED), p=STACKED))):
        edit = _any(rng, families)
        families.add(edit.family)
        image = applied(edit, image, rng, strength * float(rng.random()), other)
    return tone.jpeg(image, rng, strength * float(rng.random())) if rng.random() < STORED else image


def applied(edit: Edit, image: Picture, rng: Rng, amount: float, other: Other) -> Picture:
    """One edit of an RGB picture; a result too small to show anything is scaled up to LEAST_SIDE."""
    changed = edit.apply(image, rng, amount, other)
    shorter = min(changed.size)
    return changed if shorter >= LEAST_SIDE else tone.scaled(changed, LEAST_SIDE / shorter)


def _any(rng: Rng, families: set[str]) -> Edit:
    possible = [edit for edit in EDITS if edit.family not in families]
    weights = [edit.weight for edit in possible]
    return possible[int(rng.choice(len(possible), p=[w / sum(weights) for w in weights]))]
