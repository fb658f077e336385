"""A model judged on labelled images: their codes, by the encoder that index and query run, and the figures.

    model, source  ->  Judged: outputs and codes of queries and database, and the Evaluation of them

No torch here: a model from elsewhere is judged by its encoder.onnx alone.
"""

from dataclasses import dataclass

import numpy as np

from dshcli.hasher.data import Source, Split, divide
from dshcli.hasher.encoder import Encoder, Outputs, Pixels
from dshcli.hasher.evaluation import PLACES, Evaluation, Protocol, evaluate, protocol_words
from dshcli.hasher.models import Model
from dshcli.hasher.ranking import Coded, Labels
from dshcli.machine import cores
from dshcli.progress import Reporter

AT_ONCE = 512  # images between two movements of the progress bar


@dataclass(frozen=True)
class JudgeOptions:
    """against_self: the test images search each other, each without itself (the protocol of the DSH paper), instead of
    the training images. places are the K of mAP@K and the N of P@N."""

    against_self: bool = False
    places: tuple[int, ...] = PLACES


@dataclass(frozen=True)
class Side:
    """Queries or database: pixels uint8 (n, size, size, channels), labels, outputs float32 (n, bits), packed codes."""

    pixels: Pixels
    outputs: Outputs
    coded: Coded

    @property
    def labels(self) -> Labels:
        return self.coded.labels


@dataclass(frozen=True)
class Judged:
    """Against itself, queries and database are the same images."""

    model: Model
    against_self: bool
    evaluation: Evaluation
    queries: Side
    database: Side


@dataclass(frozen=True)
class References:
    """mAP of the same queries and database by other means, which references.py computes. NaN: not to be had.

    outputs and features: floats ranked by cosine; pca and itq: codes of as many bits as ours, made of the features and
    fitted to the database without its labels; chance: an order by chance.
    """

    outputs: float
    features: float
    pca: float
    itq: float
    chance: float


def judge(model: Model, source: Source, options: JudgeOptions, reporter: Reporter) -> Judged:
    """Judges a model on the test images of a source, or on a tenth of each class where it brings none.

    Which tenth is decided by the seed of the model's own training: on the data that it was trained on, the queries
    are images that it never saw. Raises BadModel if the encoder fails, DshError if too few images can be read.
    """
    encoder = Encoder(model, threads=cores())
    _say_strangeness(model, source, reporter)
    dataset = source.load(model.config.spec, reporter)
    parts = divide(dataset, training_seed(model))
    wanted = [parts.test] if options.against_self else [parts.test, parts.train, parts.validation]
    with reporter.task("encoding", total=sum(map(len, wanted)), unit="image") as task:

        def encoded(split: Split) -> Side:
            outputs = np.empty((len(split), encoder.bits), np.float32)
            for at in range(0, len(split), AT_ONCE):
                outputs[at : at + AT_ONCE] = encoder.outputs(split.inputs[at : at + AT_ONCE])
                task.advance(min(AT_ONCE, len(split) - at))
            return Side(split.inputs, outputs, Coded(encoder.codes(outputs), split.labels))

        queries = encoded(parts.test)
        database = queries if options.against_self else encoded(joined(parts.train, parts.validation))
    words = protocol_words(parts.own_test, against_self=options.against_self)
    protocol = Protocol(words, options.against_self, options.places)
    evaluation = evaluate(queries.coded, database.coded, encoder.bits, dataset.classes, protocol)
    return Judged(model, options.against_self, evaluation, queries, database)


def training_seed(model: Model) -> int:
    """The seed that divided the images when the model was trained; 0 if it does not say."""
    recipe = model.config.training.get("recipe") or {}
    return int(recipe.get("seed", 0))


def joined(first: Split, second: Split) -> Split:
    """Both splits as one."""
    return Split(np.concatenate([first.inputs, second.inputs]), np.concatenate([first.labels, second.labels]))


def _say_strangeness(model: Model, source: Source, reporter: Reporter) -> None:
    """Says in which way the data are not what the model was trained on."""
    survey, config = source.survey, model.config
    strangers = [name for name in survey.classes if name not in config.classes]
    if not config.classes:
        reporter.say(
            f"{config.name} was trained without classes: how alike pictures of one class are to it is all luck"
        )
    elif len(strangers) == len(survey.classes):
        reporter.say(f"{config.name} was trained on other classes: all figures are of classes that it never saw")
    elif strangers:
        some = ", ".join(strangers[:5]) + (", ..." if len(strangers) > 5 else "")
        reporter.say(f"{len(strangers)} of the {len(survey.classes)} classes are new to {config.name}: {some}")
    if survey.channels == 3 and config.channels == 1:
        reporter.say(f"{config.name} sees gray only: the colours of these images are lost on it")
