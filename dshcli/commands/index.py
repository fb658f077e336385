"""`dsh index`: hash the images of folders into the index."""

from collections.abc import Sequence
from pathlib import Path

from dshcli.hasher.encoder import Encoder
from dshcli.hasher.models import find_model
from dshcli.images.walk import absolute_root
from dshcli.library.indexing import IndexOptions, Ledger, index_folder
from dshcli.progress import Reporter


def index_images(
    path: Path, folders: Sequence[str], model: str | None, options: IndexOptions, reporter: Reporter
) -> Ledger:
    """Hashes with the model of that name (None: the current one). Raises NoModel, BadModel, DshError."""
    roots = [absolute_root(folder) for folder in folders]  # first: a misspelt path should answer at once
    return index_folder(path, roots, Encoder(find_model(model)), options, reporter)
