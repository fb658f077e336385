"""The commands through the outer door: index, dupes, models, help, with a model whose codes a reader can compute."""

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import draw, records, shapes
from flats import draw_flat, flat_pictures, names
from PIL import Image
from typer.testing import Result

from dshcli.hasher.models import Model

Dsh = Callable[..., Result]


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    return flat_pictures(tmp_path / "colours")


@pytest.fixture
def indexed(colours: Path, dsh: Dsh, toy_model: Model) -> Path:
    dsh("index", colours, "--model", toy_model.folder)
    dsh("models", "use", toy_model.folder)
    return colours


# --- index ---------------------------------------------------------------------------------------------------------


def test_index_tells_what_it_did(colours: Path, dsh: Dsh, toy_model: Model) -> None:
    (colours / "bad.jpg").write_text("not a picture")
    result = dsh("index", colours, "--model", toy_model.folder)
    assert result.stdout == ""
    assert "6 images: 5 hashed, 0 unchanged, 0 moved, 0 removed, 1 skipped" in result.stderr
    assert "skipped 1: not an image" in result.stderr and toy_model.model_id in result.stderr
    again = dsh("index", colours, "--model", toy_model.folder, "--verbose")
    assert "0 hashed, 5 unchanged" in again.stderr
    assert f"skipped {colours / 'bad.jpg'}: not an image" in again.stderr
    (record,) = records(dsh("index", colours, "--model", toy_model.folder, "--json", "--quiet"))
    assert record["skipped"] == [{"path": str(colours / "bad.jpg"), "reason": "not an image"}]
    assert (record["seen"], record["unchanged"]) == (6, 5)
    table = dsh("index", colours, "--model", toy_model.folder, "--csv", "--quiet")
    assert list(csv.reader(table.stdout.splitlines()))[1:] == [[str(colours / "bad.jpg"), "not an image"]]
    assert table.stderr == ""


def test_strict_exits_3_when_a_file_was_skipped(colours: Path, dsh: Dsh, toy_model: Model) -> None:
    dsh("index", colours, "--model", toy_model.folder, "--strict")
    (colours / "bad.jpg").write_text("not a picture")
    dsh("index", colours, "--model", toy_model.folder, "--strict", exit_code=3)
    dsh("index", colours, "--model", toy_model.folder, "--strict", exit_code=3)


def test_index_of_a_missing_path(tmp_path: Path, dsh: Dsh, home: Path) -> None:
    result = dsh("index", tmp_path / "nowhere", exit_code=1)
    assert result.stderr == (
        f"Error: {tmp_path / 'nowhere'}: no such file or directory\nHint: Check the spelling of the path.\n"
    )
    assert not (home / "index.db").exists()


def test_index_of_a_folder_without_images(tmp_path: Path, dsh: Dsh, toy_model: Model) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("nothing here")
    result = dsh("index", tmp_path / "empty", "--model", toy_model.folder)
    assert "No images there" in result.stderr
    assert "holds nothing yet" in dsh("query", tmp_path / "x.png", exit_code=1).stderr


# --- query and dupes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("radius", "words"), [(-1, "cannot be negative"), (49, "beyond the 48 bits of toy"), (4096, "beyond the 48 bits")]
)
def test_a_radius_that_cannot_be(indexed: Path, dsh: Dsh, radius: int, words: str) -> None:
    for command in (("query", indexed / "big.png"), ("dupes",)):
        result = dsh(*command, "--radius", radius, exit_code=2)
        assert words in result.stderr and "Hint:" in result.stderr


def test_query_and_dupes_without_an_index(tmp_path: Path, dsh: Dsh, home: Path) -> None:
    for command in (("query", tmp_path / "x.png"), ("dupes",)):
        result = dsh(*command, exit_code=1)
        assert result.stderr == (
            f"Error: {home / 'index.db'}: there is no index yet\nHint: Make one: dsh index FOLDER\n"
        )
    assert not (home / "index.db").exists()


# --- dupes ---------------------------------------------------------------------------------------------------------


def test_dupes_groups_keepers_and_totals(indexed: Path, dsh: Dsh) -> None:
    result = dsh("dupes", "--radius", 1, "--json")
    groups = records(result)
    assert [(names([g["keeper"]["path"]])[0], g["keeper"]["why"]) for g in groups] == [
        ("big.png", "most pixels"),
        ("blue.png", "first path"),
    ] or [g["frees"] for g in groups] == sorted((g["frees"] for g in groups), reverse=True)
    by_keeper = {names([g["keeper"]["path"]])[0]: g for g in groups}
    assert [(m["distance"], m["exact"]) for m in by_keeper["big.png"]["members"]] == [(0, False)]
    assert [(m["distance"], m["exact"]) for m in by_keeper["blue.png"]["members"]] == [(0, True)]
    frees = (indexed / "small.png").stat().st_size + (indexed / "sub" / "copy.png").stat().st_size
    assert sum(g["frees"] for g in groups) == frees
    assert "2 groups among 5 images (radius 1 of 48 bits" in result.stderr
    assert f"2 images could go, {frees} B" in result.stderr


def test_dupes_plain_and_csv(indexed: Path, dsh: Dsh) -> None:
    lines = [line.split("\t") for line in dsh("dupes", "-r", 2).stdout.splitlines()]
    assert {tuple(line[7:]) for line in lines} == {("", ""), ("exact", ""), ("similar", "")}
    assert sorted((line[1], line[2], line[3], os.path.basename(line[6])) for line in lines) == [
        ("copy", "0", "exact", "copy.png"),
        ("copy", "0", "similar", "small.png"),
        ("copy", "2", "similar", "near.png"),
        ("keep", "0", "exact", "big.png"),
        ("keep", "0", "exact", "blue.png"),
    ]
    rows = list(csv.DictReader(dsh("dupes", "-r", 2, "--csv").stdout.splitlines()))
    assert len(rows) == 5 and rows[0]["role"] == "keep" and rows[0]["why"]


def test_star_does_not_chain_and_single_does(tmp_path: Path, dsh: Dsh, toy_model: Model) -> None:
    for step in range(5):
        side = 100 - step
        draw_flat(tmp_path / "chain" / f"{step}.png", (16 * step, 0, 0), side)
    dsh("index", tmp_path / "chain", "-m", toy_model.folder)
    star = records(dsh("dupes", "-r", 1, "--json"))
    assert [len(group["members"]) for group in star] == [1, 1]
    assert all(m["distance"] <= 1 for group in star for m in group["members"])
    (single,) = records(dsh("dupes", "-r", 1, "--link", "single", "--json"))
    assert sorted(m["distance"] for m in single["members"]) == [1, 2, 3, 4]


def test_dupes_limited_to_folders(indexed: Path, dsh: Dsh) -> None:
    assert dsh("dupes", indexed / "sub", "-r", 2).stdout == ""
    assert "among 1 images" in dsh("dupes", indexed / "sub", "-r", 2).stderr
    assert len(records(dsh("dupes", indexed, "-r", 2, "--json"))) == 2
    assert "no such file" in dsh("dupes", indexed / "nowhere", exit_code=1).stderr


def test_fail_on_found(indexed: Path, dsh: Dsh) -> None:
    dsh("dupes", "-r", 0, "--fail-on-found", exit_code=4)
    dsh("dupes", indexed / "sub", "--fail-on-found")


def test_images_whose_file_is_gone_are_in_no_group(indexed: Path, dsh: Dsh) -> None:
    (indexed / "big.png").unlink()
    result = dsh("dupes", "-r", 2, "--json")
    keepers = {names([g["keeper"]["path"]])[0] for g in records(result)}
    assert keepers == {"blue.png", "small.png"} or keepers == {"blue.png", "near.png"}
    assert "Left out: 1 image whose file is gone" in result.stderr


def test_hard_links_free_nothing(indexed: Path, dsh: Dsh, toy_model: Model) -> None:
    os.link(indexed / "big.png", indexed / "sub" / "link.png")
    dsh("index", indexed, "-m", toy_model.folder)
    groups = records(dsh("dupes", "-r", 0, "--json"))
    (red,) = [g for g in groups if any(m["path"].endswith("small.png") for m in g["members"])]
    assert len(red["members"]) == 2 and red["frees"] == (indexed / "small.png").stat().st_size


def test_chance_warning_with_its_number(tmp_path: Path, dsh: Dsh) -> None:
    from dshcli.codes import chance_pairs
    from dshcli.commands.choosing import chance_warning

    # 8 bits at radius 1: 9 of 256 codes, 3.5 % of all pairs
    assert chance_pairs(1000, 8, 1) == pytest.approx(499_500 * 9 / 256)
    assert "join at least 17,561 pairs" in chance_warning(1000, 8, 1)
    assert "more bits" in chance_warning(1000, 8, 1)
    assert chance_warning(1000, 128, 20) == ""
    assert "use --radius 5 or less" in chance_warning(10**6, 64, 7)


def test_dupes_warns_of_chance_pairs(tmp_path: Path, dsh: Dsh, toy_model: Model) -> None:
    for number in range(30):
        draw_flat(tmp_path / "many" / f"{number}.png", (number * 8, 0, 0), 10)
    dsh("index", tmp_path / "many", "-m", toy_model.folder)
    assert "Warning: among 30 images, 48 bits at radius 20 join at least" in dsh("dupes", "-r", 20).stderr
    assert "Warning" not in dsh("dupes", "-r", 1).stderr


# --- which model ---------------------------------------------------------------------------------------------------


def test_the_only_model_of_the_index_is_used(colours: Path, dsh: Dsh, toy_model: Model) -> None:
    dsh("index", colours, "--model", toy_model.folder)  # the current model is still `photo`
    assert toy_model.model_id in dsh("dupes").stderr
    result = dsh("dupes", "--model", "photo", exit_code=1)
    assert "no codes of the model 'photo'" in result.stderr and "toy" in result.stderr


def test_the_model_of_an_index_may_be_gone(colours: Path, dsh: Dsh, toy_model: Model, home: Path) -> None:
    shutil.copytree(toy_model.folder, home / "models" / "toy")
    dsh("index", colours, "--model", "toy")
    dsh("models", "rm", "toy")
    assert len(records(dsh("dupes", "-m", "toy", "--json", "-r", 0))) == 2
    Image.new("RGB", (8, 8)).save(colours.parent / "new.png")
    result = dsh("query", colours.parent / "new.png", exit_code=1)
    assert "no longer here" in result.stderr and "dsh index" in result.stderr


def test_models_list_show_use_rm(dsh: Dsh, toy_model: Model, home: Path) -> None:
    shutil.copytree(toy_model.folder, home / "models" / "toy")
    listed = {record["name"]: record for record in records(dsh("models", "list", "--json"))}
    assert listed["photo"]["current"] and not listed["toy"]["current"]
    assert listed["toy"]["bits"] == 48 and listed["toy"]["model_id"] == toy_model.model_id
    dsh("models", "use", "toy")
    assert [line.split("\t")[:3] for line in dsh("models").stdout.splitlines()][1] == ["True", "toy", "48"]
    assert json.loads(dsh("models", "show").stdout)["config"]["backbone"] == "toy"
    assert "no model named 'tyo'" in dsh("models", "use", "tyo", exit_code=1).stderr
    dsh("models", "rm", "toy")
    assert json.loads(dsh("models", "show").stdout)["name"] == "photo"
    assert "built in" in dsh("models", "rm", "photo", exit_code=1).stderr


# --- help, streams, start ------------------------------------------------------------------------------------------


def test_every_command_has_an_example(dsh: Dsh) -> None:
    commands = [
        ["index"],
        ["query"],
        ["dupes"],
        ["apply"],
        ["undo"],
        ["decide"],
        ["explain"],
        ["train"],
        *(["models", c] for c in ("list", "show", "use", "radius", "rm")),
    ]
    for command in commands:
        text = dsh(*command, "--help").stdout
        assert "Example: dsh" in " ".join(text.split()), command


def test_unknown_words_are_usage_errors(dsh: Dsh) -> None:
    assert "No such command" in dsh("indx", exit_code=2).stderr
    assert "exclude each other" in dsh("dupes", "--json", "--csv", exit_code=2).stderr
    dsh("dupes", "--link", "complete", exit_code=2)


def test_file_names_cannot_drive_the_terminal(tmp_path: Path, dsh: Dsh, toy_model: Model) -> None:
    folder = tmp_path / "odd"
    data = draw(folder / "plain.png", 1).read_bytes()
    odd = [b"\x1b[31mred\x07.png", b"new\nline.png", b"caf\xe9.png", "\u202eright.png".encode()]
    for name in odd:
        with open(os.fsencode(folder) + b"/" + name, "wb") as file:
            file.write(data)
    dsh("index", folder, "-m", toy_model.folder)
    lines = dsh("dupes", "-r", 0).stdout.splitlines()
    assert len(lines) == 5 and all(line.isprintable() for line in (line.replace("\t", "") for line in lines))
    (group,) = records(dsh("dupes", "-r", 0, "--json"))
    paths = [group["keeper"]["path"], *(m["path"] for m in group["members"])]
    assert sorted(os.path.basename(os.fsencode(path)) for path in paths) == sorted([b"plain.png", *odd])


def test_version(dsh: Dsh) -> None:
    from dshcli import __version__

    assert dsh("--version").stdout == f"dsh {__version__}\n"


def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True, **options)  # type: ignore[call-overload,no-any-return]


def test_no_command_but_train_imports_torch(indexed: Path, tmp_path: Path) -> None:
    """Importing torch costs two seconds; a fresh interpreter shows what each command really loads."""
    new = draw(tmp_path / "new.png", 5)
    script = (
        "import sys\nfrom dshcli.app import app\n"
        "try: app(sys.argv[1:], prog_name='dsh')\nexcept SystemExit as e: assert not e.code, e.code\n"
        "print(sorted(m for m in ('torch', 'torchvision', 'onnx', 'faiss', 'pandas') if m in sys.modules))"
    )
    plan = str(tmp_path / "plan.jsonl")
    commands = (
        ["--help"], ["index", str(indexed)], ["index", str(new.parent), "-m", "photo"],
        ["query", str(new), "-r", "2"], ["dupes"], ["dupes", "--verify", "--plan", plan],
        ["decide", str(new), str(indexed / "big.png"), "--different"], ["decide", "--list"],
        ["explain", str(new), str(indexed / "big.png"), "--report", str(tmp_path / "why.html")],
        ["apply", plan, "--yes"], ["undo"], ["models"], ["train", "--help"],
        ["eval", "photo", str(shapes(tmp_path / "shapes", 4))],
    )  # fmt: skip
    for command in commands:
        result = run("-c", script, *command)
        assert result.returncode == 0, result.stderr
        assert result.stdout.splitlines()[-1] == "[]", command


def test_a_reader_that_closes_early_is_no_error(indexed: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "dshcli", "dupes", "-r", "48", "-q"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait()
