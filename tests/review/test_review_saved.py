"""What the page of `dsh review` says is saved, comes back, and makes the plan."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from served import STRANGE, Server, decisions, digest, index, row, serving
from typer.testing import Result

from dshcli.dedupe.plan import load_plan
from dshcli.hasher.models import Model

Dsh = Callable[..., Result]


def test_marks_are_rows_and_come_back(server: Server, db: Path, folder: Path) -> None:
    big, small, blue = (digest(folder / name) for name in ("big.png", "small.png", "blue.png"))
    strange = digest(folder / STRANGE)
    marks = [
        {"one": big, "other": small, "verdict": "different"},
        {"one": small, "other": big, "verdict": "same"},  # the last word holds
        {"one": big, "other": strange, "verdict": "different"},
        {"one": blue, "other": blue, "verdict": "keep both"},
    ]
    assert server.post("api/decisions", {"marks": marks}).json() == {"saved": 3}
    expected = {row(big, small, "same"), row(big, strange, "different"), row(blue, blue, "keep both")}
    assert decisions(db) == expected
    found = {i["digest"]: i["verdict"] for group in server.groups() for i in group["images"][1:]}
    assert found == {small: "same", strange: "different", blue: "keep both"}
    assert server.mark(small, big, None).json() == {"saved": 1}
    assert decisions(db) == expected - {row(big, small, "same")}
    words = server.interrupt()
    assert "1 to keep both, 1 different." in words


def test_what_others_decide_shows_at_the_next_look(server: Server, dsh: Dsh, db: Path, folder: Path) -> None:
    big, small = digest(folder / "big.png"), digest(folder / "small.png")
    with serving("--db", db) as other:
        other.mark(big, small, "same")
        assert [i["verdict"] for g in server.groups() for i in g["images"] if i["digest"] == small] == ["same"]


def test_keep_both_holds_for_as_many_files_as_there_were(
    server: Server, db: Path, folder: Path, toy_model: Model
) -> None:
    blue = digest(folder / "blue.png")
    server.mark(blue, blue, "keep both")
    shutil.copy2(folder / "blue.png", folder / "third.png")
    index(folder, toy_model)
    with serving("--db", db) as again:
        (verdicts,) = [[i["verdict"] for i in g["images"]] for g in again.groups() if g["images"][0]["digest"] == blue]
    assert verdicts == ["", "", ""]


def test_a_chosen_keeper_comes_first(server: Server, db: Path, folder: Path) -> None:
    big, small, strange = (digest(folder / name) for name in ("big.png", "small.png", STRANGE))
    assert server.post("api/keeper", {"digest": small, "among": [big, small, strange]}).json() == {"saved": 1}
    server.mark(small, big, "same")
    (red,) = [group for group in server.groups() if len(group["images"]) == 3]
    assert [(i["digest"], i["verdict"], i["chosen"]) for i in red["images"]] == [
        (small, "", True), (big, "same", False), (strange, "", False),
    ]  # fmt: skip
    sizes = {name: (folder / name).stat().st_size for name in ("big.png", STRANGE)}
    assert red["frees"] == sum(sizes.values()) and red["images"][1]["distance"] == 0
    server.post("api/keeper", {"digest": strange, "among": [big, small, strange]})
    assert [group["images"][0]["digest"] for group in server.groups() if len(group["images"]) == 3] == [strange]
    server.post("api/keeper", {"digest": strange, "chosen": False})
    assert [group["images"][0]["digest"] for group in server.groups() if len(group["images"]) == 3] == [big]
    with closing(sqlite3.connect(db)) as connection:
        assert connection.execute("SELECT count(*) FROM chosen_keepers").fetchone() == (0,)


def test_the_plan_has_what_is_marked_to_go(server: Server, db: Path, dsh: Dsh, folder: Path, tmp_path: Path) -> None:
    names = ("big.png", "small.png", STRANGE, "blue.png")
    big, small, strange, blue = (digest(folder / name) for name in names)
    assert server.get("api/plan").text.count("\n") == 1
    server.mark(big, small, "same")
    server.mark(big, strange, "keep both")
    server.mark(blue, blue, "same")
    answer = server.get("api/plan")
    assert answer.headers["content-disposition"] == 'attachment; filename="plan.jsonl"'
    (tmp_path / "plan.jsonl").write_bytes(answer.content)
    plan = load_plan(tmp_path / "plan.jsonl")
    pairs = {(os.path.basename(line.keep.path), os.path.basename(line.remove.path)) for line in plan.lines}
    assert pairs == {("big.png", "small.png"), ("blue.png", "copy.png")}
    assert (plan.header.groups, plan.header.files) == (2, 2)
    assert plan.header.bytes == sum(line.remove.size for line in plan.lines)
    dsh("dupes", "--db", db, "--marked", "--plan", tmp_path / "marked.jsonl")
    marked = load_plan(tmp_path / "marked.jsonl")
    assert marked.header == plan.header
    assert {(line.keep, line.remove) for line in marked.lines} == {(line.keep, line.remove) for line in plan.lines}
    dsh("apply", tmp_path / "plan.jsonl", "--yes", "--strict")
    assert sorted(os.listdir(folder)) == sorted([STRANGE, "big.png", "blue.png", "green.png"])


def test_what_lies_in_a_protected_folder_stays(
    db: Path, folder: Path, tmp_path: Path, dsh: Dsh, toy_model: Model
) -> None:
    """Neither a mark nor another keeper removes it."""
    (folder / "safe").mkdir()
    shutil.move(folder / "big.png", folder / "safe" / "big.png")
    dsh("index", folder, "--db", db, "--model", toy_model.folder, "--prune")
    big, small, strange = (digest(folder / name) for name in ("safe/big.png", "small.png", STRANGE))
    with serving("--db", db, "--protect", folder / "safe") as server:
        (red,) = [group for group in server.groups() if len(group["images"]) == 3]
        assert red["images"][0]["digest"] == big and "protected" in red["images"][0]["stays"]
        assert [image["stays"] for image in red["images"][1:]] == ["", ""]
        server.post("api/keeper", {"digest": small, "among": [big, small, strange]})
        server.mark(small, big, "same")
        server.mark(small, strange, "same")
        (red,) = [group for group in server.groups() if len(group["images"]) == 3]
        assert [image["digest"] for image in red["images"]] == [small, big, strange]
        assert "protected" in red["images"][1]["stays"] and red["images"][2]["stays"] == ""
        (tmp_path / "plan.jsonl").write_bytes(server.get("api/plan").content)
    (line,) = load_plan(tmp_path / "plan.jsonl").lines
    assert os.path.basename(line.remove.path) == STRANGE
    assert load_plan(tmp_path / "plan.jsonl").header.protected == (str(folder / "safe"),)


def test_what_is_settled_is_asked_no_more(server: Server, db: Path, folder: Path) -> None:
    """All of the blue group stays; a green one that is no red one has left its group."""
    big, small, blue = (digest(folder / name) for name in ("big.png", "small.png", "blue.png"))
    server.mark(blue, blue, "keep both")
    server.mark(big, small, "different")
    assert len(server.groups()) == 2, "they are there until the next start"
    with serving("--db", db) as again:
        (red,) = again.groups()
        assert small not in [image["digest"] for image in red["images"]] and len(red["images"]) == 2
    with serving("--db", db, "--decided") as again:
        found = {image["digest"]: image["verdict"] for group in again.groups() for image in group["images"][1:]}
        assert found[blue] == "keep both" and len(again.groups()) == 2


ONE, OTHER = "1" * 64, "2" * 64


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "no JSON object"),
        (b'{"marks": {}}', "no list"),
        (b'{"marks": ["x"]}', "no JSON object"),
        (b'{"marks": [{"one": 1, "other": 2, "verdict": "same"}]}', "no SHA-256"),
        (f'{{"marks": [{{"one": "{ONE}", "other": "{OTHER}", "verdict": "same"}}]}}'.encode(), "no group"),
        (b'{"marks": [{"one": "BIG", "other": "BLUE", "verdict": "same"}]}', "no group"),
        (b'{"marks": [{"one": "BIG", "other": "GREEN", "verdict": "same"}]}', "no group"),
        (b'{"marks": [{"one": "BIG", "other": "SMALL", "verdict": "Same"}]}', "none of"),
        (b'{"marks": [{"one": "BIG", "other": "SMALL", "verdict": ["same"]}]}', "none of"),
        (b'{"marks": [{"one": "BIG", "other": "SMALL"}]}', "missing"),
        (b'{"marks": [{"one": "BLUE", "other": "BLUE", "verdict": "different"}]}', "from itself"),
        (b'{"marks": [{"one": "BIG", "other": "SMALL", "verdict": "same"}, {}]}', "no SHA-256"),
    ],
)
def test_marks_that_are_off_save_nothing(server: Server, db: Path, folder: Path, body: bytes, words: str) -> None:
    for name in ("big", "small", "blue", "green"):
        body = body.replace(name.upper().encode(), digest(folder / f"{name}.png").encode())
    headers = {"origin": server.origin, "content-type": "application/json"}
    answer = server.client.post(server.url + "api/decisions", content=body, headers=headers)
    assert answer.status_code == 400 and words in answer.json()["error"] and decisions(db) == set()


def test_forms_and_huge_bodies_are_refused(server: Server, db: Path) -> None:
    headers = {"origin": server.origin, "content-type": "text/plain"}
    assert server.client.post(server.url + "api/decisions", content=b"{}", headers=headers).status_code == 415
    form = server.client.post(server.url + "api/keeper", data={"digest": ONE}, headers={"origin": server.origin})
    assert form.status_code == 415
    headers["content-type"] = "application/json"
    sent = []

    def endless() -> Iterator[bytes]:
        while len(sent) < 1000:
            sent.append(1)
            yield b" " * 100_000

    for content in (b" " * 5_000_000, endless()):
        try:
            answer = server.client.post(server.url + "api/decisions", content=content, headers=headers)
            assert answer.status_code == 413 and "send less" in answer.json()["error"]
        except httpx.TransportError:
            pass  # it did not wait for the rest
    assert len(sent) < 1000 and server.get("").status_code == 200 and decisions(db) == set()
