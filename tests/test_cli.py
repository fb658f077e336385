"""The commands through the outer door: index, query, dupes, models, with a model whose codes a reader can compute."""

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
from PIL import Image
from typer.testing import Result

from dshcli.hasher.models import Model

Dsh = Callable[..., Result]


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    """Flat pictures: the distance of two codes is their colours' distance in steps of 16.

    red (240,0,0)   big.png 80x80, small.png 40x40: the same code;  near.png (208,0,0): 2 bits away
    blue (0,0,240)  blue.png, and a byte-for-byte copy in sub/
    """
    folder = tmp_path / "colours"
    (folder / "sub").mkdir(parents=True)
    for name, colour, side in (
        ("big", (240, 0, 0), 80), ("small", (240, 0, 0), 40), ("near", (208, 0, 0), 40), ("blue", (0, 0, 240), 50)
    ):  # fmt: skip
        Image.new("RGB", (side, side), colour).save(folder / f"{name}.png")
        os.utime(folder / f"{name}.png", ns=(0, 10**18))
    shutil.copy2(folder / "blue.png", folder / "sub" / "copy.png")
    return folder


@pytest.fixture
def indexed(colours: Path, dsh: Dsh, toy_model: Model) -> Path:
    dsh("index", colours, "--model", toy_model.folder)
    dsh("models", "use", toy_model.folder)
    return colours


def names(paths: list[str]) -> list[str]:
    return [os.path.basename(path) for path in paths]


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


# --- query ---------------------------------------------------------------------------------------------------------


def test_query_lists_by_distance_then_path(indexed: Path, dsh: Dsh) -> None:
    result = dsh("query", indexed / "big.png", "-r", 2)
    assert result.stdout.splitlines() == [
        f"0\t40x40\t{(indexed / 'small.png').stat().st_size}\t{indexed / 'small.png'}",
        f"2\t40x40\t{(indexed / 'near.png').stat().st_size}\t{indexed / 'near.png'}",
    ]
    assert "2 neighbours within 2 of 48 bits among 5 images" in result.stderr
    assert dsh("query", indexed / "big.png", "-r", 1).stdout.count("\n") == 1


def test_query_of_an_image_outside_the_index(indexed: Path, dsh: Dsh, tmp_path: Path) -> None:
    Image.new("RGB", (9, 9), (224, 0, 0)).save(tmp_path / "new.webp", lossless=True)
    (record,) = records(dsh("query", tmp_path / "new.webp", "-r", 1, "--json"))
    assert [(n["distance"], os.path.basename(n["path"])) for n in record["neighbours"]] == [
        (1, "big.png"), (1, "near.png"), (1, "small.png")
    ]  # fmt: skip
    assert record["neighbours"][0]["width"] == 80


def test_query_of_an_indexed_image_that_changed_uses_the_new_pixels(indexed: Path, dsh: Dsh) -> None:
    Image.new("RGB", (9, 9), (0, 0, 240)).save(indexed / "big.png")
    result = dsh("query", indexed / "big.png", "-r", 0)
    assert names(result.stdout.split("\t")[3::3])[0].startswith("blue.png")


def test_query_without_radius_uses_the_calibrated_one(indexed: Path, dsh: Dsh) -> None:
    result = dsh("query", indexed / "big.png")
    assert "within 2 of 48 bits" in result.stderr and result.stdout.count("\n") == 2


def test_query_k_nearest(indexed: Path, dsh: Dsh) -> None:
    result = dsh("query", indexed / "near.png", "-k", 3)
    assert [line.split("\t")[0] for line in result.stdout.splitlines()] == ["2", "2", "28"]
    assert dsh("query", indexed / "near.png", "-k", 3, "-r", 2).stdout.count("\n") == 2
    assert dsh("query", indexed / "near.png", "-k", 0, exit_code=2).stderr.startswith("Error: -k must be at least 1")


def test_several_queries_and_a_bad_one(indexed: Path, dsh: Dsh, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_text("no picture")
    result = dsh("query", indexed / "big.png", bad, indexed / "blue.png", "-r", 0)
    assert result.stdout.splitlines() == [
        f"{indexed / 'big.png'}\t0\t40x40\t{(indexed / 'small.png').stat().st_size}\t{indexed / 'small.png'}",
        f"{indexed / 'blue.png'}\t0\t50x50\t{(indexed / 'blue.png').stat().st_size}\t{indexed / 'sub' / 'copy.png'}",
    ]
    assert f"{bad}: not an image" in result.stderr
    assert f"{bad}: not an image" in dsh("query", bad, exit_code=1).stderr
    assert "no such file" in dsh("query", tmp_path / "nowhere.jpg", exit_code=1).stderr


def test_query_paths_from_stdin(indexed: Path, dsh: Dsh) -> None:
    paths = f"{indexed / 'big.png'}\n{indexed / 'blue.png'}\n"
    found = records(dsh("query", "-", "-r", 0, "--json", input=paths))
    assert [names([record["query"]])[0] for record in found] == ["big.png", "blue.png"]
    assert [len(record["neighbours"]) for record in found] == [1, 1]
    table = dsh("query", "-", "-r", 0, "--csv", "-q", input=paths).stdout
    assert list(csv.DictReader(table.splitlines()))[0]["distance"] == "0"


def test_query_of_a_list(indexed: Path, dsh: Dsh, tmp_path: Path) -> None:
    """Each answer in its place, also of images that cannot be read or come twice."""
    new = tmp_path / os.fsdecode(b"caf\xe9.png")
    Image.new("RGB", (9, 9), (224, 0, 0)).save(new)
    listed = tmp_path / "list.txt"
    lines = [indexed / "big.png", tmp_path / "nowhere.png", new, indexed / "blue.png", new, indexed / "big.png"]
    listed.write_bytes(b"\r\n".join(map(os.fsencode, lines)) + b"\n\n")
    found = records(dsh("query", "--list", listed, "-r", 1, "--json"))
    assert [record["query"] for record in found] == [
        os.fsencode(path).decode("utf-8", "surrogateescape") for path in lines
    ]
    assert [len(record["neighbours"]) for record in found] == [1, 0, 3, 1, 3, 1]  # type: ignore[arg-type]
    assert [record.get("error", "") for record in found].count("") == 5
    by_stdin = dsh("query", "--list", "-", "-r", 1, "--json", input=f"{indexed / 'big.png'}\n")
    assert records(by_stdin) == found[:1]
    first = dsh("query", indexed / "blue.png", "--list", listed, "-r", 1, "--json")
    assert records(first) == [found[3], *found]


def test_a_query_needs_an_image(indexed: Path, dsh: Dsh, tmp_path: Path) -> None:
    assert "there is no image to look for" in dsh("query", exit_code=2).stderr
    missing = dsh("query", "--list", tmp_path / "missing.txt", exit_code=2).stderr
    assert "missing.txt: no such file or directory" in missing and "Hint: --list takes" in missing


@pytest.mark.parametrize(("count", "radius"), [(None, 2), (None, 48), (3, None), (2, 4)])
def test_many_queries_as_one_by_one(tmp_path: Path, dsh: Dsh, toy_model: Model, count: int, radius: int) -> None:
    """Batches of queries of several sizes are answered as each of them alone; most are in the index, some are not."""
    for number in range(40):
        level = 6 * number
        place = "new" if number % 7 == 3 else "in"
        (tmp_path / place).mkdir(exist_ok=True)
        Image.new("RGB", (9, 9), (level, 255 - level, 90)).save(tmp_path / place / f"{number:02}.png")
    dsh("index", tmp_path / "in", "--model", toy_model.folder)
    dsh("models", "use", toy_model.folder)
    limits = [*(["-k", count] if count else []), *(["-r", radius] if radius is not None else [])]
    queries = sorted(tmp_path.glob("*/*.png"))
    found = records(dsh("query", *queries, *limits, "--json"))
    assert len(found) == 40
    for query in queries[::3]:
        (alone,) = records(dsh("query", query, *limits, "--json"))
        assert alone == found[queries.index(query)] and alone["neighbours"]


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


def draw_flat(path: Path, colour: tuple[int, int, int], side: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (side, side), colour).save(path)


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
