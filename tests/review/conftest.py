"""Fixtures of the tests of `dsh review`: an album in an index, and a server of it that runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from served import Server, album, index, serving, shown_album

from dshcli.hasher.models import Model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return album(tmp_path / "album")


@pytest.fixture
def db(folder: Path, toy_model: Model) -> Path:
    return index(folder, toy_model)


@pytest.fixture
def server(db: Path) -> Iterator[Server]:
    with serving("--db", db) as found:
        yield found


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory, toy_model: Model) -> Iterator[Server]:
    """A server for tests that change nothing."""
    with shown_album(tmp_path_factory.mktemp("shown"), toy_model) as found:
        yield found
