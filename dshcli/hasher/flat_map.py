"""Outputs of many bits laid out on a plane, so that people can look at them."""

import numpy as np
import numpy.typing as npt

from dshcli.hasher.ranking import Floats

PERPLEXITY = 30.0  # t-SNE's: about how many neighbours count as near
UMAP_NEIGHBOURS = 15
FEWEST = 5  # points that a method can lay out


def flat_map(outputs: npt.NDArray[np.float32], seed: int = 0) -> tuple[Floats, str]:
    """Places (n, 2) of outputs (n, bits), and the method's name: UMAP where umap-learn is installed, else t-SNE.

    Near outputs come to lie near each other; larger distances mean little. The same for the same seed.
    """
    points = np.ascontiguousarray(outputs, dtype=np.float32)
    if len(points) < FEWEST or (points == points[0]).all():
        # Nothing to lay out: the first two outputs as they are.
        wide = np.pad(points.astype(np.float64), ((0, 0), (0, max(2 - points.shape[1], 0))))
        return wide[:, :2], "the first two outputs"
    try:
        import umap
    except ImportError:
        return _tsne(points, seed), "t-SNE"
    neighbours = min(UMAP_NEIGHBOURS, len(points) - 1)
    layout = umap.UMAP(n_neighbors=neighbours, random_state=seed, n_jobs=1, init="pca").fit_transform(points)
    return np.asarray(layout, dtype=np.float64), "UMAP"


def _tsne(points: npt.NDArray[np.float32], seed: int) -> Floats:
    from sklearn.manifold import TSNE

    perplexity = min(PERPLEXITY, (len(points) - 1) / 3)
    layout = TSNE(perplexity=perplexity, init="pca", random_state=seed, n_jobs=1).fit_transform(points)
    return np.asarray(layout, dtype=np.float64)
