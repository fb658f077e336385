"""`dsh dupes` with verification: flat images and files that cannot be verified, which are told and not grouped."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from conftest import picture, records
from PIL import Image
from toy_groups import ALL, groups_of, toy_photos
from toys import ToyProver, photo
from typer.testing import Result

from dshcli.commands import dupes
from dshcli.commands.dupes import DupesOptions, find_dupes
from dshcli.hasher.models import Model
from dshcli.library.store import Index

Dsh = Callable[..., Result]


@pytest.fixture
def prover(monkeypatch: pytest.MonkeyPatch) -> ToyProver:
    """Takes the place of the real prover in `dsh`."""
    toy = ToyProver()
    monkeypatch.setattr(dupes, "PixelProver", lambda: toy)
    return toy


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return toy_photos(tmp_path / "photos")


@pytest.fixture
def indexed(folder: Path, dsh: Dsh, copies_model: Model) -> Path:
    dsh("models", "use", copies_model.folder)
    dsh("index", folder)
    return folder


# --- flat images ---------------------------------------------------------------------------------------------------


@pytest.fixture
def with_flat(indexed: Path, dsh: Dsh) -> Path:
    """Three flat pictures of one gray, two of them equal files, beside the photos of about the same mean."""
    for name, side in (("flat", 60), ("flat2", 50)):
        Image.new("RGB", (side, side), (128, 128, 128)).save(indexed / f"{name}.png")
    shutil.copy2(indexed / "flat.png", indexed / "sub" / "flat_copy.png")
    dsh("index", indexed)
    return indexed


def test_flat_images_are_grouped_only_where_their_bytes_are_equal(with_flat: Path, dsh: Dsh, prover: ToyProver) -> None:
    result = dsh("dupes", "--json")
    assert groups_of(result) == [ALL[0], ("flat", [("flat_copy", "exact")]), ALL[1]]
    assert "3 blank or flat images are left out; only equal files among them are grouped" in result.stderr
    assert "flat2.png" not in result.stderr and len(prover.gathered) == 6
    listed = dsh("dupes", "--json", "--verbose").stderr
    assert all(f"  flat {with_flat / name}" in listed for name in ("flat.png", "flat2.png", "sub/flat_copy.png"))
    assert "blank" not in dsh("dupes", "--quiet").stderr


def test_flat_images_without_verification(with_flat: Path, dsh: Dsh) -> None:
    result = dsh("dupes", "--json", "--no-verify")
    (big, flat) = groups_of(result)
    assert big[0] == "big" and len(big[1]) == 6 and flat == ("flat", [("flat_copy", "exact")])
    assert "3 blank or flat images are left out" in result.stderr
    frees = sum(record["frees"] for record in records(result))  # type: ignore[misc]
    assert f"{frees:,} B" in result.stderr or "kB" in result.stderr


def test_models_of_classes_know_no_flat_images(tmp_path: Path, dsh: Dsh, toy_model: Model) -> None:
    """Digits on black, at 8 pixels: some hold next to nothing, and all are grouped as ever."""
    for number, gray in enumerate((0, 0, 2, 4)):
        Image.new("RGB", (28 + number, 28), (gray, gray, gray)).save(tmp_path / f"{number}.png")
    dsh("index", tmp_path, "-m", toy_model.folder)
    result = dsh("dupes", "--json", "-r", 0)
    assert len(groups_of(result)[0][1]) == 3 and "flat" not in result.stderr


def test_images_of_unknown_information_are_not_flat(with_flat: Path, dsh: Dsh, prover: ToyProver, home: Path) -> None:
    with closing(sqlite3.connect(home / "index.db", isolation_level=None)) as connection:
        connection.execute("UPDATE images SET information = NULL")
    result = dsh("dupes", "--json")
    assert "flat images" not in result.stderr and len(prover.gathered) == 8


def test_drawings_are_not_flat() -> None:
    from dshcli.proof.information import FLAT, information

    assert min(information(np.asarray(picture(seed).resize((160, 160)))) for seed in range(30)) > FLAT


# --- files that cannot be verified ---------------------------------------------------------------------------------


def test_files_that_changed_or_cannot_be_read_are_told_and_not_grouped(
    indexed: Path, dsh: Dsh, prover: ToyProver
) -> None:
    photo(indexed / "unlucky.png", 13)
    dsh("index", indexed)
    photo(indexed / "small.png", 1, side=65)
    os.utime(indexed / "other.png", ns=(0, 10**18))
    result = dsh("dupes", "--json")
    assert groups_of(result) == [("big", [("copy", "edited"), ("edited", "edited")])]
    assert "Not verified, so not grouped: 3 images (3 pairs of candidates)" in result.stderr
    assert f"  {indexed / 'small.png'}: changed since it was indexed" in result.stderr
    assert f"  {indexed / 'other.png'}: changed since it was indexed" in result.stderr
    assert f"  {indexed / 'unlucky.png'}: damaged: unlucky" in result.stderr
    dsh("index", indexed)
    assert len(groups_of(dsh("dupes", "--json"))[0][1]) == 3


def test_images_that_leave_the_index_meanwhile_are_left_out(
    indexed: Path, prover: ToyProver, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process prunes them after they were loaded."""
    from dshcli.dedupe import collection

    def pruned(*arguments: object) -> object:
        with closing(sqlite3.connect(home / "index.db", isolation_level=None)) as connection:
            connection.execute("DELETE FROM images WHERE path LIKE '%small.png' OR path LIKE '%big.png'")
        return preference(*arguments)  # type: ignore[arg-type]

    preference = collection.preference
    monkeypatch.setattr(collection, "preference", pruned)
    for verify, groups in ((True, 2), (False, 1)):
        with Index.open(home / "index.db") as index:
            result = find_dupes(index, DupesOptions(verify=verify), prover=prover)
            assert len(list(result.groups)) == groups and result.missing == (2 if verify else 0)
            assert result.images == 5


def test_symlinks_are_what_they_lead_to(folder: Path, dsh: Dsh, copies_model: Model, prover: ToyProver) -> None:
    (folder / "linked").mkdir()
    (folder / "linked" / "link.png").symlink_to(folder / "small.png")
    dsh("models", "use", copies_model.folder)
    dsh("index", folder, "--follow-symlinks")
    assert ("link", "resized") in groups_of(dsh("dupes", "--json"))[0][1]
    (folder / "small.png").unlink()
    result = dsh("dupes", "--json")
    assert "link.png: no such file or directory" in result.stderr
    assert "Left out: 1 image whose file is gone" in result.stderr
    assert groups_of(result)[0] == ("big", [("copy", "edited"), ("edited", "edited")])


def test_many_problems_are_listed_with_verbose(indexed: Path, dsh: Dsh, prover: ToyProver) -> None:
    for number in range(14):
        photo(indexed / "bad" / f"{number:02}.png", 13, edit=number)
    dsh("index", indexed)
    short, whole = dsh("dupes", "-r", 1).stderr, dsh("dupes", "-r", 1, "--verbose").stderr
    assert "Not verified, so not grouped: 14 images" in short
    assert short.count("unlucky") == 10 and "(4 more images; --verbose lists them all)" in short
    assert whole.count("unlucky") == 14


def test_pictures_above_the_limit_are_not_verified(indexed: Path, dsh: Dsh, prover: ToyProver) -> None:
    result = dsh("dupes", "--json", "--max-pixels", 10_000)
    assert f"{indexed / 'big.png'}: more pixels than the limit" in result.stderr
    assert groups_of(result)[0][0] == "edited"
