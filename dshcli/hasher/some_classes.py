"""A source cut down to some of its classes: what a hasher does on classes that it was not trained on."""

from dataclasses import dataclass, replace

import numpy as np

from dshcli.errors import DshError
from dshcli.hasher.data import Dataset, Features, Source, Split, Survey
from dshcli.hasher.labels import has_several
from dshcli.images.spec import InputSpec
from dshcli.progress import Reporter

SEEN = 0.75  # of the classes are trained on


def split_classes(classes: int, seed: int, share: float = SEEN) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Class numbers to train on and those held back, both sorted; at least two of each.

    Raises DshError for fewer than four classes.
    """
    if classes < 4:
        raise DshError(
            f"{classes} classes are too few to train on some and judge on others",
            hint="Two of each are needed at the least: add classes, or judge without --unseen.",
        )
    count = min(max(int(share * classes), 2), classes - 2)
    order = np.random.default_rng(seed).permutation(classes).tolist()
    return tuple(sorted(order[:count])), tuple(sorted(order[count:]))


@dataclass(frozen=True)
class SomeClasses:
    """The images of classes `kept`, numbered anew from 0 in that order."""

    source: Source
    kept: tuple[int, ...]

    @property
    def survey(self) -> Survey:
        """The source's, with the share of its images that these classes have if all are equally large."""
        whole = self.source.survey
        return replace(
            whole,
            classes=tuple(whole.classes[number] for number in self.kept),
            images=round(whole.images * len(self.kept) / len(whole.classes)),
        )

    def load(self, spec: InputSpec, reporter: Reporter, features: Features | None = None) -> Dataset:
        """Loads the whole source, then leaves out what is of other classes.

        Raises DshError where an image has several labels, some of which may be kept and others not.
        """
        whole = self.source.load(spec, reporter, features)
        if has_several(whole.train.labels):
            raise DshError(
                f"the images of {self.source.survey.name} have several labels each, which cannot be divided by class",
                hint="Judge without --unseen.",
            )
        return Dataset(
            self.survey.classes,
            self._part(whole.train),
            whole.validation and self._part(whole.validation),
            whole.test and self._part(whole.test),
            whole.skipped,
        )

    def _part(self, split: Split) -> Split:
        chosen = np.flatnonzero(np.isin(split.labels, self.kept))
        numbers = np.searchsorted(self.kept, split.labels[chosen])
        return Split(split.inputs[chosen], numbers.astype(np.int64))
