"""`dsh index`: hash the images of folders into the index."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from dshcli.hasher.devices import encoder_for, ensure_device
from dshcli.hasher.encoder import Deferred
from dshcli.hasher.models import find_model
from dshcli.images.walk import absolute_root
from dshcli.library.indexing import IndexOptions, Ledger, index_folder
from dshcli.progress import Reporter


def index_images(
    path: Path, folders: Sequence[str], model: str | None, device: str, options: IndexOptions, reporter: Reporter
) -> Ledger:
    """Hashes with the model of that name (None: the current one) on `device`. Raises NoModel, BadModel, DshError."""
    ensure_device(device)
    roots = [absolute_root(folder) for folder in folders]  # first: a misspelt path should answer at once
    hasher = Deferred(find_model(model), partial(encoder_for, device=device))
    return index_folder(path, roots, hasher, options, reporter)
