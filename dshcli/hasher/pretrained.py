"""Weights that were learned on other pictures before: lite0's come with the package, torchvision's from its servers."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from dshcli import paths
from dshcli.errors import NoData
from dshcli.hasher.augment import Augment
from dshcli.hasher.download import fetch, write_atomically
from dshcli.hasher.feature_cache import image_digest
from dshcli.hasher.feeds import PixelFeed
from dshcli.hasher.lite0 import MEAN, STD, pretrained_features
from dshcli.hasher.models import WEIGHTS, builtin_folder, open_model
from dshcli.hasher.networks import HashNetwork
from dshcli.progress import Reporter

LARGEST_WEIGHTS = 4 << 30  # bytes
VIEWS = 4  # of each training image, whose features are computed once: itself and three changed copies


class FrozenViews:
    """Features of pixels by layers that do not learn: for training, of changed copies of each image as well.

    They depend on the image alone: its pixels are the seed of its changes, and its copies go through the layers
    together, without other images (whose number would change the last digits).
    """

    def __init__(self, body: nn.Module, augment: Augment, *, device: str) -> None:
        self._body, self._augment, self._device = body.eval(), augment, device

    @property
    def key(self) -> str:
        """A digest of all that the features depend on beside the pixels."""
        digest = hashlib.sha256(repr((VIEWS, MEAN, STD, self._augment, self._device, torch.__version__)).encode())
        for name, tensor in self._body.state_dict().items():
            digest.update(name.encode() + tensor.cpu().numpy().tobytes())
        return digest.hexdigest()[:16]

    def __call__(self, images: npt.NDArray[np.uint8], *, views: bool) -> npt.NDArray[np.float32]:
        """Features (n, VIEWS or 1, f) of pixels (n, size, size, 3); the first view is the image as it is.

        Without augmentation copies would be equal, so that there is one view.
        """
        feed = PixelFeed(images, MEAN, STD, device=self._device, augment=self._augment)
        copies = VIEWS - 1 if views and self._augment != Augment() else 0
        features = []
        with torch.inference_mode():
            for i, image in enumerate(images):
                inputs = feed.plain(np.array([i]))
                if copies:
                    generator = torch.Generator().manual_seed(int.from_bytes(image_digest(image)[:4], "big"))
                    inputs = torch.cat([inputs, feed.varied(np.full(copies, i), generator)])
                features.append(self._body(inputs).float().cpu().numpy())
        return np.stack(features)


def load_lite0(network: HashNetwork) -> None:
    """Gives the body of a lite0 network the ImageNet weights. Raises BadModel if they are missing or damaged."""
    features, *_ = network.body.children()
    features.load_state_dict(pretrained_features().state_dict())


def maybe_load_photo(network: HashNetwork, description: dict[str, Any]) -> bool:
    """Gives a network the whole of the built-in model, if that is a network of this description. Raises BadModel."""
    from safetensors.torch import load_file

    model = open_model(builtin_folder())
    if model.config.network != description:
        return False
    network.load_state_dict(load_file(model.folder / WEIGHTS))
    return True


def maybe_load_torchvision(network: HashNetwork, name: str, reporter: Reporter) -> bool:
    """Gives a torchvision network its ImageNet weights, from the cache or the network; says so if they cannot be had.

    The file's name holds the first digits of its SHA-256, which is checked. The last layer's tensors are left out.
    """
    from torchvision import models

    url = models.get_model_weights(name).DEFAULT.url
    path = paths.cache_folder() / "torchvision" / Path(url).name
    try:
        if not path.is_file():
            content = fetch([url], reporter, LARGEST_WEIGHTS)
            if not hashlib.sha256(content).hexdigest().startswith(path.stem.rpartition("-")[2]):
                raise NoData(f"{url}: its content has another SHA-256 than its name says")
            write_atomically(path, content)
    except NoData as error:
        reporter.say(f"{name} starts without pretrained weights: {error}")
        return False
    tensors = torch.load(path, map_location="cpu", weights_only=True)
    wanted = network.body.state_dict()
    network.body.load_state_dict({name: tensors[name] for name in wanted})
    return True
