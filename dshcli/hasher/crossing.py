"""Cross-validation: what models say about images that they were not trained on, for every image of a data set.

A model that was trained on wrong labels has learned them, and finds nothing wrong with them. So K models are trained by
one recipe, each without one K-th of the training images, and each image is judged by the model that never saw it. The
images of the other splits are judged by all of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from torch import nn

from dshcli.hasher.checkpoints import Checkpoint, CheckpointStore
from dshcli.hasher.data import Dataset, Indices, Parts, Source, Split, divide
from dshcli.hasher.fitting import Lesson, Outputs, encode, fit, outputs_of
from dshcli.hasher.labels import Labels
from dshcli.hasher.ranking import tie_aware_map
from dshcli.hasher.recipe import Recipe
from dshcli.hasher.setup import Setup, prepare
from dshcli.progress import Reporter


@dataclass(frozen=True)
class Judgement:
    """One fold: the outputs (n, bits) of the images that the model was trained on, with their labels; and those of the
    images that it judges: of the training images of the data set those at `places`, of the others all."""

    known: Outputs
    labels: Labels
    places: Indices
    judged: Outputs
    others: Outputs


@dataclass(frozen=True)
class Crossed:
    """What was read, and the judgements, each made when its turn comes."""

    dataset: Dataset
    judgements: Iterator[Judgement]


def cross(source: Source, recipe: Recipe, folds: int, reporter: Reporter) -> Crossed:
    """Reads the source and trains a model for each fold. Raises DshError if the data cannot be learned from."""
    setup = prepare(source, recipe, reporter)
    return Crossed(setup.inputs.dataset, _judgements(setup, recipe, folds, reporter))


def _judgements(setup: Setup, recipe: Recipe, folds: int, reporter: Reporter) -> Iterator[Judgement]:
    dataset = setup.inputs.dataset
    begun = {name: tensor.detach().clone() for name, tensor in setup.inputs.trained.state_dict().items()}
    others = [split for split in (dataset.validation, dataset.test) if split is not None]
    for number, places in enumerate(folds_of(dataset.train.labels, folds, recipe.seed), start=1):
        reporter.say(f"fold {number} of {folds}: training without {len(places)} images")
        rest = np.setdiff1d(np.arange(len(dataset.train)), places)
        fold = dataset.train.take(places)
        parts = divide(Dataset(dataset.classes, dataset.train.take(rest), dataset.validation, fold), recipe.seed)
        setup.inputs.trained.load_state_dict(begun)
        network = _trained(setup, parts, recipe, reporter)
        yield Judgement(
            _outputs(setup, network, parts.train),
            parts.train.labels,
            places,
            _outputs(setup, network, fold),
            np.concatenate([np.empty((0, recipe.bits), np.float32), *(_outputs(setup, network, o) for o in others)]),
        )


def _trained(setup: Setup, parts: Parts, recipe: Recipe, reporter: Reporter) -> nn.Module:
    feeds = setup.inputs.feed(parts.train), setup.inputs.feed(parts.validation)

    def score(network: nn.Module) -> float:
        queries, database = (encode(network, feed) for feed in reversed(feeds))
        return tie_aware_map(queries, parts.validation.labels, database, parts.train.labels)

    lesson = Lesson(feeds[0], parts.train.labels, setup.loss, score, len(parts.validation))
    fit(setup.inputs.trained, lesson, recipe, _Nowhere(Path(), {}), reporter)
    return setup.inputs.trained


class _Nowhere(CheckpointStore):
    """Keeps nothing: a fold is over in a moment, and is of no use alone."""

    def maybe_read(self) -> None:
        return None

    def write(self, checkpoint: Checkpoint) -> None:
        pass


def _outputs(setup: Setup, network: nn.Module, split: Split) -> Outputs:
    return outputs_of(network, setup.inputs.feed(split))


def folds_of(labels: npt.NDArray[np.int64], folds: int, seed: int) -> list[Indices]:
    """So many disjoint sets of indices that cover `labels`, each with its share of every class."""
    random = np.random.default_rng(seed)
    number = np.empty(len(labels), np.int64)
    for start, label in enumerate(np.unique(labels)):
        members = random.permutation(np.flatnonzero(labels == label))
        number[members] = (np.arange(len(members)) + start) % folds
    return [np.flatnonzero(number == fold) for fold in range(folds)]
