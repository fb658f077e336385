"""`dsh decide`: verdicts on image files by their contents, in a real index; lists, and files of decisions."""

import csv
import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from conftest import draw, records
from typer.testing import Result

from dshcli.dedupe.sayings import load_sayings
from dshcli.errors import DshError
from dshcli.hasher.models import Model
from dshcli.library.decisions import Choice, Said, Verdict

Dsh = Callable[..., Result]
A, B, C = ("0a" * 32, "0b" * 32, "0c" * 32)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """a, b and c differ; copy has a's bytes; notes is no image."""
    folder = tmp_path / "p"
    for seed, name in enumerate("abc"):
        draw(folder / f"{name}.png", seed)
    shutil.copy2(folder / "a.png", folder / "copy.png")
    (folder / "notes.txt").write_text("no image")
    return folder


def rows(home: Path) -> list[tuple[str, str, str, int]]:
    """All decisions by the names of a, b, c, sorted."""
    with closing(sqlite3.connect(home / "index.db")) as db:
        found = db.execute("SELECT digest_a, digest_b, verdict, files FROM decisions").fetchall()
    return [(one.hex(), other.hex(), verdict, files) for one, other, verdict, files in found]


def decided(home: Path, folder: Path) -> list[str]:
    """All decisions as `ab same`, sorted."""
    names = {hashlib.sha256((folder / f"{name}.png").read_bytes()).hexdigest(): name for name in "abc"}
    found = (("".join(sorted(names[one] + names[other])), verdict, files) for one, other, verdict, files in rows(home))
    return sorted(f"{pair} {verdict}" + (f" {files}" if files else "") for pair, verdict, files in found)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (["a b --same"], ["ab same"]),
        (["b a --keep-both"], ["ab keep both"]),
        (["a b c --same"], ["ab same", "ac same"]),
        (["a b c --different"], ["ab different", "ac different", "bc different"]),
        (["a b c --same", "b a --different"], ["ab different", "ac same"]),
        (["a b c --different", "a b c --forget"], ["bc different"]),
        (["a copy --keep-both"], ["aa keep both 2"]),
        (["a copy b --keep-both"], ["aa keep both 2", "ab keep both"]),
        (["b a copy --keep-both"], ["aa keep both 2", "ab keep both"]),
        (["b a copy --same"], ["aa same 2", "ab same"]),
        (["a copy --keep-both", "a copy --forget"], []),
    ],
)
def test_verdicts_become_rows(pictures: Path, dsh: Dsh, home: Path, steps: list[str], expected: list[str]) -> None:
    for step in steps:
        *names, option = step.split()
        result = dsh("decide", *(pictures / f"{name}.png" for name in names), option)
        assert result.stdout == "" and ("Decided on " in result.stderr or "Forgot " in result.stderr)
    assert decided(home, pictures) == expected


def test_files_in_the_index_and_named_ones_are_counted_once(
    pictures: Path, dsh: Dsh, home: Path, toy_model: Model, tmp_path: Path
) -> None:
    dsh("index", pictures, "-m", toy_model.folder)
    third = shutil.copy2(pictures / "a.png", tmp_path / "third.png")
    dsh("decide", pictures / "a.png", third, "--keep-both")
    assert decided(home, pictures) == ["aa keep both 3"]


def test_equal_bytes_are_never_different(pictures: Path, dsh: Dsh, home: Path) -> None:
    images = [pictures / name for name in ("b.png", "a.png", "copy.png")]
    result = dsh("decide", *images, "--different", exit_code=2)
    assert "hold the same bytes" in result.stderr and "--keep-both" in result.stderr
    assert not (home / "index.db").exists()


def test_a_keeper_is_chosen_and_left_to_the_rules_again(pictures: Path, dsh: Dsh) -> None:
    a, b = pictures / "a.png", pictures / "b.png"
    assert "Chose 1 keeper" in dsh("decide", "--keeper", b).stderr
    dsh("decide", "--keeper", a, b)
    assert [record["keeper"] for record in records(dsh("decide", "--list", "--json"))] == [digest(a)]
    assert "Left 1 keeper to the rules" in dsh("decide", "--forget", a).stderr
    assert "Nothing was decided" in dsh("decide", "--list").stderr


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (["a.png", "b.png"], "nothing is said of these images", 2),
        (["a.png", "--same"], "about two images", 2),
        (["--forget"], "about two images", 2),
        (["a.png", "b.png", "--same", "--different"], "exclude each other", 2),
        (["a.png", "--keeper", "b.png", "--list"], "exclude each other", 2),
        (["a.png", "--list"], "take no images", 2),
        (["a.png", "notes.txt", "--same"], "not an image", 1),
        (["a.png", "gone.png", "--same"], "no such file", 1),
        (["a.png", "b.png", "--forget"], "there is no index yet", 1),
        (["--list"], "there is no index yet", 1),
        (["--from", "gone.jsonl"], "no such file", 1),
    ],
)
def test_what_cannot_be(
    pictures: Path, dsh: Dsh, home: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str, code: int
) -> None:
    monkeypatch.chdir(pictures)
    result = dsh("decide", *arguments, exit_code=code)
    assert words in result.stderr and "Hint: " in result.stderr
    assert not (home / "index.db").exists()


def test_the_list_names_the_files(pictures: Path, dsh: Dsh, toy_model: Model, tmp_path: Path) -> None:
    strange = os.fsdecode(os.fsencode(pictures) + b"/caf\xe9.png")
    shutil.copy2(pictures / "b.png", strange)
    dsh("index", pictures, "-m", toy_model.folder)
    outside = draw(tmp_path / "outside.png", 9)
    dsh("decide", pictures / "a.png", pictures / "b.png", "--different")
    dsh("decide", pictures / "a.png", outside, "--same")
    dsh("decide", "--keeper", pictures / "c.png")
    listed = records(dsh("decide", "--list", "--json"))
    by_verdict = {record.get("verdict", "keeper"): record for record in listed}
    paths = {*map(tuple, (by_verdict["different"]["one_paths"], by_verdict["different"]["other_paths"]))}  # type: ignore[arg-type]
    assert paths == {(str(pictures / "a.png"), str(pictures / "copy.png")), (str(pictures / "b.png"), strange)}
    assert [] in (by_verdict["same"]["one_paths"], by_verdict["same"]["other_paths"])
    assert by_verdict["keeper"]["paths"] == [str(pictures / "c.png")]
    table = list(csv.DictReader(dsh("decide", "--list", "--csv").stdout.splitlines()))
    assert [row["verdict"] for row in table[-1:]] == ["keeper"] and len(table) == 3
    plain = dsh("decide", "--list").stdout
    assert f"sha256:{digest(outside)[:12]}" in plain and plain.count("\n") == 3
    assert "2 decisions, 1 chosen keeper." in dsh("decide", "--list").stderr


def test_a_list_can_be_carried_to_another_index(pictures: Path, dsh: Dsh, tmp_path: Path) -> None:
    a, b, c = (pictures / f"{name}.png" for name in "abc")
    dsh("decide", a, b, "--different")
    dsh("decide", a, c, "--keep-both")
    dsh("decide", "--keeper", c)
    file, other = tmp_path / "decisions.jsonl", tmp_path / "other.db"
    file.write_text(dsh("decide", "--list", "--json").stdout)
    assert "Decided on 2 pairs: different and keep both." in dsh("decide", "--from", file, "--db", other).stderr
    drop = ("decided", "one_paths", "other_paths")
    there = [[{k: v for k, v in r.items() if k not in drop} for r in records(dsh("decide", "--list", "--json", *db))]
             for db in ((), ("--db", other))]  # fmt: skip
    assert there[0] == there[1]


def test_what_was_written_is_printed_as_it_can_be_read_again(pictures: Path, dsh: Dsh, tmp_path: Path) -> None:
    a, b = pictures / "a.png", pictures / "b.png"
    file = tmp_path / "again.jsonl"
    file.write_text(dsh("decide", a, b, "--same", "--json").stdout + dsh("decide", "--keeper", a, b, "--json").stdout)
    one, other = sorted((digest(a), digest(b)))
    said, choice = load_sayings(file)
    assert isinstance(said, Said) and sorted((said.one.hex(), said.other.hex())) == [one, other]
    assert choice == Choice(bytes.fromhex(digest(a)), (bytes.fromhex(digest(b)),))


GOOD = json.dumps({"one": A, "other": B, "verdict": "keep both"})


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nonsense", "no JSON"),
        ("[1]", "no JSON object"),
        ("{}", "'one' is missing"),
        (json.dumps({"one": A, "verdict": "same"}), "'other' is missing"),
        (json.dumps({"one": A, "other": B}), "'verdict' is missing"),
        (json.dumps({"one": A, "other": B, "verdict": "maybe"}), "'verdict' is none of"),
        (json.dumps({"one": A, "other": B, "verdict": ["same"]}), "'verdict' is none of"),
        (json.dumps({"one": A, "other": A, "verdict": "different"}), "different from itself"),
        (json.dumps({"one": A[:-2], "other": B, "verdict": "same"}), "has not 64 digits"),
        (json.dumps({"one": "x" + A[1:], "other": B, "verdict": "same"}), "'one'"),
        (json.dumps({"one": 7, "other": B, "verdict": "same"}), "is no text"),
        (json.dumps({"keeper": A, "among": B}), "'among' is no list"),
        (json.dumps({"keeper": A, "among": [B, 3]}), "is no text"),
        (json.dumps({"keeper": None}), "'keeper' is missing"),
        (json.dumps({"keeper": A, "chosen": 1}), "'chosen' is not true or false"),
        ("\ud800", "no JSON"),
    ],
)
def test_nothing_is_written_of_a_damaged_file(dsh: Dsh, home: Path, tmp_path: Path, line: str, words: str) -> None:
    file = tmp_path / "d.jsonl"
    file.write_bytes(f"# marks\n\n{GOOD}\n{line}\n{GOOD}\n".encode("utf-8", "surrogatepass"))
    result = dsh("decide", "--from", file, exit_code=1)
    assert f"{file}, line 4: " in result.stderr and words in result.stderr and "Nothing was written" in result.stderr
    assert not (home / "index.db").exists()


def test_the_last_word_of_a_file_holds(dsh: Dsh, home: Path, tmp_path: Path) -> None:
    lines = [
        {"one": A, "other": B, "verdict": "same"},
        {"one": B, "other": A, "verdict": "different"},
        {"one": A, "other": C, "verdict": "same", "decided": "some day"},
        {"one": A, "other": C, "verdict": None},
        {"keeper": A, "among": [A, B]},
        {"keeper": B, "among": [A, B]},
    ]
    file = tmp_path / "d.jsonl"
    file.write_text("".join(json.dumps(line) + "\r\n" for line in lines))
    dsh("decide", "--from", file)
    assert rows(home) == [(A, B, str(Verdict.DIFFERENT), 0)]
    assert [r["keeper"] for r in records(dsh("decide", "--list", "--json")) if "keeper" in r] == [B]


def test_a_file_without_decisions(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("# nothing\n")
    with pytest.raises(DshError, match="holds no decision"):
        load_sayings(tmp_path / "empty.jsonl")


def test_dupes_goes_by_what_was_decided(pictures: Path, dsh: Dsh, toy_model: Model) -> None:
    dsh("index", pictures, "-m", toy_model.folder)
    everything = ("dupes", "-r", 48, "-m", toy_model.folder, "--json")
    (group,) = records(dsh(*everything))
    assert len(group["members"]) == 3  # type: ignore[arg-type]
    dsh("decide", *(pictures / f"{name}.png" for name in "abc"), "--different")
    (group,) = records(dsh(*everything))
    assert [(m["exact"], m["verdict"]) for m in group["members"]] == [(True, "")]  # type: ignore[attr-defined]
    dsh("decide", pictures / "a.png", pictures / "copy.png", "--keep-both")
    result = dsh(*everything)
    assert result.stdout == "" and "1 group left out that you decided to keep" in result.stderr
