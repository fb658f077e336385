"""dsh: find duplicate and similar images by learned binary codes.

The names below are the public ones. They load on first use, so that `import dshcli` costs next to nothing.

    from pathlib import Path
    import dshcli

    encoder = dshcli.Encoder(dshcli.find_model("photo"))
    dshcli.index_folder(Path("index.db"), ["photos"], encoder, dshcli.IndexOptions(), dshcli.Silent())
    with dshcli.Index.open(Path("index.db")) as index:
        for group in dshcli.find_dupes(index, dshcli.DupesOptions()).groups:
            print(group.keeper.path, [member.image.path for member in group.members])
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "DshError": "errors",
    "Silent": "progress",
    "Terminal": "progress",
    "hamming": "codes",
    "open_image": "images.opening",
    "Encoder": "hasher.encoder",
    "find_model": "hasher.models",
    "Index": "library.store",
    "IndexOptions": "library.indexing",
    "index_folder": "library.indexing",
    "QueryOptions": "commands.query",
    "find_neighbours": "commands.query",
    "DupesOptions": "commands.dupes",
    "find_dupes": "commands.dupes",
}

__all__ = ["__version__", *_HOMES]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'dshcli' has no attribute {name!r}")
    return getattr(import_module(f"dshcli.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
