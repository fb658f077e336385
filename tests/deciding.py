"""Decisions on toy photos, by their names, and groups as words."""

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import records
from toys import ToyProver, photo
from typer.testing import Result

from dshcli.commands import dupes
from dshcli.hasher.models import Model
from dshcli.library.decisions import Choice, Decisions, Said, Verdict
from dshcli.library.store import Index

Dsh = Callable[..., Result]


def patched_prover(monkeypatch: pytest.MonkeyPatch) -> ToyProver:
    """What dsh dupes proves with from now on."""
    toy = ToyProver()
    monkeypatch.setattr(dupes, "PixelProver", lambda: toy)
    return toy


def toy_photos(folder: Path, dsh: Dsh, model: Model) -> Path:
    """In the index: big 192, mid 96, small 64 and edited of name 1; other, other2 of name 2; far of another code."""
    photo(folder / "big.png", 1, side=192)
    photo(folder / "mid.png", 1, side=160)
    photo(folder / "small.png", 1, side=64)
    photo(folder / "edited.png", 1, edit=3)
    photo(folder / "other.png", 2)
    photo(folder / "other2.png", 2, stamp="again")
    photo(folder / "far.png", 7, level=60, side=50)
    dsh("models", "use", model.folder)
    dsh("index", folder)
    return folder


def decide(home: Path, folder: Path, *lines: str) -> None:
    """`decide(home, folder, "big small different")`, as rows of the index."""
    with Index.open_or_create(home / "index.db") as index:
        for line in lines:
            one, other, words = line.split(" ", 2)
            digests = [index.image(str(folder / f"{name}.png")).digest for name in (one, other)]  # type: ignore[union-attr]
            Decisions(index).save([Said(*digests, Verdict(words))])


def choose(home: Path, path: Path) -> None:
    with Index.open_or_create(home / "index.db") as index:
        Decisions(index).save([Choice(index.image(str(path)).digest)])  # type: ignore[union-attr]


def told(result: Result) -> list[str]:
    """Each group as `keeper: member/kind/verdict ...`, sorted."""
    groups = []
    for group in map(dict, records(result)):
        members = sorted(
            f"{Path(m['path']).stem}/{m['kind']}" + (f"/{m['verdict']}" if m["verdict"] else "")
            for m in group["members"]
        )
        groups.append(f"{Path(group['keeper']['path']).stem}: {' '.join(members)}")
    return sorted(groups)
