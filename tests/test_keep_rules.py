"""`dsh dupes --keep`: which image of a group is kept, why, and what a plan then removes."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from conftest import picture, records
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from toys import ToyProver, photo
from typer.testing import Result

from dshcli.commands import dupes
from dshcli.dedupe import measuring
from dshcli.dedupe.ranking import near_another
from dshcli.hasher.models import Model

Dsh = Callable[..., Result]
PAGODA = Path(__file__).parents[1] / "examples" / "photos" / "holiday" / "pagoda.jpg"


@pytest.fixture
def prover(monkeypatch: pytest.MonkeyPatch) -> ToyProver:
    toy = ToyProver()
    monkeypatch.setattr(dupes, "PixelProver", lambda: toy)
    return toy


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One toy photo as four files. By pixels a/big, by bytes c/fat, by time b/old and then, of all, a/new."""
    folder = tmp_path / "p"
    for at, (name, side, stamp) in enumerate((("a/big", 192, ""), ("b/old", 96, ""), ("c/fat", 96, "x" * 9000))):
        path = photo(folder / f"{name}.png", 1, side=side, stamp=stamp)
        os.utime(path, (10**9 + [5, 1, 7][at], 10**9 + [5, 1, 7][at]))
    os.utime(photo(folder / "a" / "new.png", 1, side=64), (2 * 10**9, 2 * 10**9))
    return folder


@pytest.fixture
def indexed(folder: Path, dsh: Dsh, copies_model: Model) -> Path:
    dsh("models", "use", copies_model.folder)
    dsh("index", folder)
    return folder


def keeper(result: Result) -> tuple[str, str]:
    (group,) = records(result)
    return Path(group["keeper"]["path"]).stem, group["keeper"]["why"]


WAYS = [(), ("-r", 6), ("--no-verify", "-r", 6), ("--link", "single"), ("--no-verify", "-r", 6, "--link", "single")]


@pytest.mark.parametrize("options", WAYS)
@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (None, ("big", "most pixels")),
        ("pixels", ("big", "most pixels")),
        ("bytes", ("fat", "largest file")),
        ("oldest", ("old", "oldest")),
        ("newest > pixels", ("new", "newest")),
        ("path", ("big", "first path")),
        ("path > newest", ("big", "first path")),
        ("folder:{}/c", ("fat", "in {}/c")),
        ("folder:{}/a > newest", ("new", "newest")),
        ("folder:{}/b, folder:{}/c", ("old", "in {}/b")),
        ("format:jpg > folder:{}/c>bytes", ("fat", "in {}/c")),
        ("format:PNG,oldest", ("old", "oldest")),
        ("exif > oldest", ("old", "oldest")),
    ],
)
def test_the_first_rule_that_tells_them_apart_decides(
    indexed: Path,
    dsh: Dsh,
    prover: ToyProver,
    rules: str | None,
    expected: tuple[str, str],
    options: tuple[object, ...],
) -> None:
    keep = () if rules is None else ("--keep", rules.replace("{}", str(indexed)))
    name, why = keeper(dsh("dupes", "--json", *keep, *options))
    assert (name, why) == (expected[0], expected[1].replace("{}", str(indexed)))


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ("sharpest", "no rule 'sharpest'"), ("", "no rule ''"), ("pixels,", "no rule ''"),
        ("folder:", "no rule 'folder:'"), ("pixels > path > nonsense", "no rule 'nonsense'"),
        ("folder:/no/such", "'folder:/no/such': /no/such: no such file"), ("format:raw", "no format 'raw'"),
    ],
)  # fmt: skip
def test_a_wrong_rule_is_told_with_all_that_there_are(indexed: Path, dsh: Dsh, rules: str, words: str) -> None:
    result = dsh("dupes", "--keep", rules, exit_code=2)
    assert words in result.stderr and (
        "folder:PATH, format:NAME, exif" in result.stderr or "JPEG, PNG" in result.stderr
    )


def test_folders_are_known_by_whatever_path(indexed: Path, dsh: Dsh, prover: ToyProver, tmp_path: Path) -> None:
    (tmp_path / "way").symlink_to(indexed / "c")
    name, why = keeper(dsh("dupes", "--json", "--keep", f"folder:{tmp_path / 'way'}"))
    assert name == "fat" and why == f"in {tmp_path / 'way'}"


@pytest.mark.parametrize("options", WAYS)
def test_a_copy_that_lost_its_exif_goes(
    tmp_path: Path, dsh: Dsh, copies_model: Model, options: tuple[object, ...]
) -> None:
    """Exact set of surviving files: the original alone, though it has less pixels."""
    exif, none = Image.Exif(), Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2014:05:01 12:30:00"
    folder = tmp_path / "p"
    for name, size, tags in (("original", (96, 64), exif), ("saved_again", (192, 128), none), ("sent", (48, 32), none)):
        folder.mkdir(exist_ok=True)
        picture(1, (96, 64)).resize(size).save(folder / f"{name}.jpg", quality=95, exif=tags)
    shutil.copy2(folder / "original.jpg", folder / "z_copy.jpg")
    dsh("models", "use", copies_model.folder)
    dsh("index", folder)
    plan = tmp_path / "plan.jsonl"
    assert keeper(dsh("dupes", "--json", *options))[0] == "saved_again"
    result = dsh("dupes", "--json", "--keep", "exif > pixels", "--plan", plan, *options)
    assert keeper(result) == ("original", "first path")  # its copy has the same tags
    dsh("apply", plan, "--yes")
    assert {path.name for path in folder.iterdir()} == {"original.jpg"}


@pytest.fixture
def photos(tmp_path: Path, dsh: Dsh) -> Path:
    """A photo, an enlarged copy with more pixels and bytes, and a blurred one; by the built-in model."""
    folder = tmp_path / "p"
    folder.mkdir()
    with Image.open(PAGODA) as file:
        image = file.convert("RGB").resize((360, 240), Image.Resampling.LANCZOS)
    image.save(folder / "photo.jpg", quality=90)
    image.resize((720, 480), Image.Resampling.BICUBIC).save(folder / "enlarged.jpg", quality=95)
    image.resize((120, 80)).resize((400, 266)).save(folder / "soft.jpg", quality=95)
    dsh("index", folder)
    return folder


@pytest.mark.parametrize("options", WAYS[:3])
def test_the_sharpest_is_kept_whatever_its_pixels(
    photos: Path, dsh: Dsh, tmp_path: Path, options: tuple[object, ...]
) -> None:
    options = tuple(165 if option == 6 else option for option in options)
    assert keeper(dsh("dupes", "--json", *options)) == ("enlarged", "most pixels")
    result = dsh("dupes", "--json", "--keep", "exif > sharp > pixels", "--plan", tmp_path / "plan.jsonl", *options)
    assert keeper(result) == ("photo", "sharpest")
    dsh("apply", tmp_path / "plan.jsonl", "--yes")
    assert [path.name for path in photos.iterdir()] == ["photo.jpg"]


def test_what_was_measured_is_kept_for_the_next_run(
    photos: Path, dsh: Dsh, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = dsh("dupes", "--json", "--keep", "sharp,exif").stdout
    read = []
    monkeypatch.setattr(measuring, "read_image_file", lambda path: read.append(path))
    assert dsh("dupes", "--json", "--keep", "sharp,exif").stdout == first and read == []
    assert traits(home) == 6
    (photos / "soft.jpg").unlink()
    dsh("index", photos, "--prune")
    assert traits(home) == 4


def traits(home: Path) -> int:
    with closing(sqlite3.connect(home / "index.db")) as connection:
        (count,) = connection.execute("SELECT count(*) FROM traits").fetchone()
        return int(count)


def test_only_groups_are_measured(indexed: Path, dsh: Dsh, prover: ToyProver, home: Path) -> None:
    """A lone photo is a candidate of the others, since its code is equal, but proven to be another one."""
    photo(indexed / "lone.png", 2)
    dsh("index", indexed)
    dsh("dupes", "--keep", "sharp")
    assert traits(home) == 4
    dsh("dupes", "--keep", "sharp", "-r", 6)
    assert traits(home) == 5
    dsh("dupes")
    dsh("dupes", "--keep", "pixels")
    assert traits(home) == 5


def test_what_cannot_be_read_is_kept_last_and_the_run_goes_on(indexed: Path, dsh: Dsh, prover: ToyProver) -> None:
    """big has more pixels than may be decoded, so that it has no sharpness; the file of old is gone."""
    (indexed / "b" / "old.png").unlink()
    with closing(sqlite3.connect(os.environ["DSH_HOME"] + "/index.db")) as connection:
        assert connection.execute("SELECT count(*) FROM images").fetchone() == (4,)
    result = dsh("dupes", "--json", "--no-verify", "-r", 6, "--keep", "sharp > pixels", "--max-pixels", 96 * 96)
    name, why = keeper(result)
    assert name != "big" and why == "sharpest"
    assert "Pictures that could not be read, so that they are kept last: 2" in result.stderr
    assert len(records(result)[0]["members"]) == 2


def test_a_file_that_changed_has_no_trait(indexed: Path, dsh: Dsh, prover: ToyProver, home: Path) -> None:
    photo(indexed / "a" / "new.png", 1, side=65)
    dsh("dupes", "--keep", "exif", "-r", 6, "--no-verify")
    assert traits(home) == 3


def test_an_index_that_cannot_be_written(indexed: Path, dsh: Dsh, prover: ToyProver, home: Path) -> None:
    with closing(sqlite3.connect(home / "index.db", isolation_level=None)) as connection:
        connection.execute("CREATE TRIGGER full BEFORE INSERT ON traits BEGIN SELECT raise(ABORT, 'no room'); END")
    result = dsh("dupes", "--json", "--keep", "exif > oldest")
    assert keeper(result) == ("old", "oldest") and "no room" in result.stderr


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 30), radius=st.integers(0, 6))
def test_codes_with_another_one_near(seed: int, count: int, radius: int) -> None:
    codes = np.random.default_rng(seed).integers(0, 256, (count, 2), dtype=np.uint8)
    bits = np.unpackbits(codes, axis=1).astype(int)
    expected = [any((bits[i] != bits[j]).sum() <= radius for j in range(count) if j != i) for i in range(count)]
    assert near_another(codes, 16, radius).tolist() == expected
