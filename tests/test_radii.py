"""Radii that are stored for a model on this computer: set by hand, shown, forgotten, damaged, written by many."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import records
from typer.testing import Result

from dshcli import paths
from dshcli.errors import DshError
from dshcli.hasher.models import Model
from dshcli.hasher.radii import StoredRadius, forget_radius, maybe_stored, radius_of, store_radius
from dshcli.show.screen import Format, Screen

Dsh = Callable[..., Result]


def test_a_radius_set_by_hand(toy_model: Model, home: Path, dsh: Dsh) -> None:
    photo = {record["name"]: record for record in records(dsh("models", "list", "--json"))}["photo"]
    dsh("models", "radius", "photo", 7)
    (listed,) = records(dsh("models", "list", "--json"))
    assert (listed["radius"], listed["own_radius"]) == (7, photo["radius"]) and "set by hand" in listed["radius_from"]
    assert "cannot be" in dsh("models", "radius", "photo", 99999, exit_code=2).stderr
    assert "exclude each other" in dsh("models", "radius", "photo", 7, "--reset", exit_code=2).stderr
    assert "no model named" in dsh("models", "radius", "nobody", 7, exit_code=1).stderr


def test_the_table_says_that_a_radius_is_of_here(capsys: pytest.CaptureFixture[str], toy_model: Model) -> None:
    from dshcli.show.models import show_models

    store_radius(toy_model.model_id, StoredRadius(4, "measured on 60 photos of /here", "2026-01-31"))
    show_models(Screen(Format.TABLE), [toy_model], "toy")
    assert "4 (measured here)" in capsys.readouterr().out


def test_removing_a_model_forgets_its_radius(toy_model: Model, home: Path, dsh: Dsh) -> None:
    shutil.copytree(toy_model.folder, home / "models" / "toy")
    dsh("models", "radius", "toy", 9)
    assert radius_of(toy_model.model_id, 2) == 9
    dsh("models", "rm", "toy")
    assert radius_of(toy_model.model_id, 2) == 2


def test_a_damaged_file_names_itself(toy_model: Model) -> None:
    store_radius(toy_model.model_id, StoredRadius(4, "set by hand", "2026-01-31"))
    (file,) = paths.radii_folder().iterdir()
    for text in (
        "{",
        "[]",
        '{"radius": 4}',
        '{"radius": "4", "origin": "", "date": ""}',
        '{"radius": -1, "origin": "", "date": ""}',
    ):  # noqa: E501
        file.write_text(text)
        with pytest.raises(DshError, match=file.name):
            maybe_stored(toy_model.model_id)
    assert forget_radius(toy_model.model_id) and not forget_radius(toy_model.model_id)


def test_many_writers_and_readers_see_whole_files(home: Path) -> None:
    """Processes write, since a file's temporary name holds its writer's number; this one reads meanwhile."""
    code = (
        "from dshcli.hasher.radii import StoredRadius, store_radius\n"
        "for i in range(200): store_radius('a/../b-1', StoredRadius(i, 'set by hand' * 200, '2026-01-31'))"
    )
    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(subprocess.run, [sys.executable, "-c", code], check=True) for _ in range(3)]
        seen = set()
        while not all(writer.done() for writer in writers):
            seen.add(radius_of("a/../b-1", -1))
        for writer in writers:
            writer.result()
    assert radius_of("a/../b-1", -1) == 199 and seen <= {-1, *range(200)}
    assert [path.name for path in paths.radii_folder().iterdir()] == ["a%2F..%2Fb-1.json"]


def test_a_folder_that_cannot_be_written(toy_model: Model, home: Path) -> None:
    paths.radii_folder().parent.mkdir(parents=True, exist_ok=True)
    paths.radii_folder().write_text("a file is in the way")
    with pytest.raises(DshError, match="radii"):
        store_radius(toy_model.model_id, StoredRadius(4, "set by hand", "2026-01-31"))
