"""A source whose images are one array in memory: the small public data sets."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from dshcli.hasher.data import Dataset, Features, Split, Survey, gathered
from dshcli.images.spec import InputSpec
from dshcli.progress import Reporter, Task

Kept = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]


@dataclass(frozen=True)
class ArraySource:
    """Pixels that are here already; `load` scales them only if a network wants another size or more channels."""

    survey: Survey
    dataset: Dataset

    def load(self, spec: InputSpec, reporter: Reporter, features: Features | None = None) -> Dataset:
        """The data set in the shape of `spec`: scaled as open_image does, gray copied to RGB or RGB made gray."""

        def fitted(name: str, split: Split) -> Split:
            kept = partial(features, views=name == "training") if features else None
            return Split(_fitted(split.inputs, spec, kept, name, reporter), split.labels)

        train, test = self.dataset.train, self.dataset.test
        return replace(self.dataset, train=fitted("training", train), test=test and fitted("test", test))


def _fitted(
    images: npt.NDArray[np.uint8], spec: InputSpec, features: Kept | None, name: str, reporter: Reporter
) -> npt.NDArray[Any]:
    shape = (spec.size, spec.size, spec.channels)
    if images.shape[1:] == shape and features is None:
        return images
    with reporter.task(f"scaling {name} images", total=len(images), unit="image") as task:
        return gathered((_scaled(pixels, spec, task) for pixels in images), len(images), shape, features)


def _scaled(pixels: npt.NDArray[np.uint8], spec: InputSpec, task: Task) -> npt.NDArray[np.uint8]:
    from PIL import Image

    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    small = image.resize((spec.size, spec.size), Image.Resampling.BILINEAR, reducing_gap=2.0)
    task.advance()
    array = np.asarray(small.convert("L" if spec.channels == 1 else "RGB"))
    return array.reshape(spec.size, spec.size, spec.channels)
