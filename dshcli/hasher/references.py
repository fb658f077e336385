"""What codes are measured by: the features that the network makes before its head, as floats, and codes made of those.

Seen classes flatter a supervised hash, since its training drew each class to one code. On classes that it never saw,
what counts is whether it keeps more of its features than codes that need no labels at all (PCA, and ITQ: Gong &
Lazebnik, CVPR 2011), and how far it stays behind the features themselves.
"""

from collections.abc import Callable

import numpy as np
import torch

from dshcli.codes import codes_from_outputs
from dshcli.errors import BadModel, reason_of
from dshcli.hasher import networks
from dshcli.hasher.feeds import PixelFeed
from dshcli.hasher.fitting import outputs_of
from dshcli.hasher.itq import Projection, fit_itq, pca_whitening
from dshcli.hasher.judging import Judged, References, Side
from dshcli.hasher.models import WEIGHTS, Model
from dshcli.hasher.ranking import Floats, similarity_map, tie_aware_map
from dshcli.progress import Reporter, Task

MOST_QUERIES = 2_000  # of the float rankings, which sort the whole database for each query
FITTED = 20_000  # database images that PCA and ITQ learn from at most


def references(judged: Judged, reporter: Reporter) -> References:
    """Computes all of them; float rankings over an even choice of at most MOST_QUERIES queries.

    Raises BadModel if the weights do not fit the network that the config tells of.
    """
    alone = judged.against_self
    queries, database = judged.queries, judged.database
    body = _body(judged.model)
    with reporter.task(
        "features", total=len(queries.labels) + (0 if alone else len(database.labels)), unit="image"
    ) as task:
        query_features = _features(body, judged.model, queries, task)
        item_features = query_features if alone else _features(body, judged.model, database, task)
    bits = judged.evaluation.bits

    def of_floats(asked: Floats, found: Floats) -> float:
        if alone:
            return similarity_map(asked, queries.labels, found, database.labels, exclude_self=True)
        some = np.linspace(0, len(asked) - 1, min(len(asked), MOST_QUERIES)).astype(np.int64)
        return similarity_map(asked[some], queries.labels[some], found, database.labels)

    def of_codes(fit: Callable[[Floats], Projection]) -> float:
        try:
            encode = fit(_some(item_features))
        except ValueError:  # fewer directions than bits
            return float("nan")
        codes = [
            codes_from_outputs(encode(features).astype(np.float32)) for features in (query_features, item_features)
        ]
        return tie_aware_map(codes[0], queries.labels, codes[1], database.labels, exclude_self=alone)

    return References(
        outputs=of_floats(queries.outputs.astype(np.float64), database.outputs.astype(np.float64)),
        features=of_floats(query_features, item_features),
        pca=of_codes(lambda features: pca_whitening(features, bits)),
        itq=of_codes(lambda features: fit_itq(features, bits)),
        chance=_chance(judged),
    )


def _body(model: Model) -> torch.nn.Module:
    """The part of a model's network that makes features."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        network = networks.build(model.config.network)
        tensors = {name: tensor.float() for name, tensor in load_file(model.folder / WEIGHTS).items()}
        network.load_state_dict(tensors)
    except (OSError, SafetensorError, RuntimeError, KeyError) as error:
        raise BadModel(f"{model.folder / WEIGHTS}: {reason_of(error)}", hint="Train the model again.") from error
    body: torch.nn.Module = network.body.eval()
    return body


def _features(body: torch.nn.Module, model: Model, side: Side, task: Task) -> Floats:
    feed = PixelFeed(side.pixels, model.config.mean, model.config.std)
    return outputs_of(body, feed, task=task).astype(np.float64)


def _some(features: Floats) -> Floats:
    return features[:: -(-len(features) // FITTED)]


def _chance(judged: Judged) -> float:
    """The share of relevant items, which is what an order by chance comes to in a large database."""
    found = judged.evaluation.retrieval
    pairs = float(found.same.sum() + found.other.sum())
    return float(found.same.sum()) / pairs if pairs else float("nan")
