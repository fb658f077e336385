"""`dsh review` as a real process: begun, ended, killed, beside others that write."""

import shutil
import signal
import socket
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from conftest import as_nobody
from served import STRANGE, Server, album, decisions, digest, flat, index, row, serving
from typer.testing import Result

from dshcli.hasher.models import Model

Dsh = Callable[..., Result]


def test_marks_from_many_at_once_are_all_there(db: Path, folder: Path, toy_model: Model) -> None:
    """Two servers on one index, each asked by several, while dsh index goes over the folder again and again."""
    for number in range(40):
        flat(folder / f"{number:02}.png", (112, 112, 112), 30 + number)
    index(folder, toy_model)
    ended = threading.Event()

    def go_on_indexing() -> int:
        runs = 0
        while not ended.is_set():
            flat(folder / "growing.png", (0, 240, 240), 20 + runs % 90)
            index(folder, toy_model)
            runs += 1
        return runs

    with serving("--db", db) as one, serving("--db", db) as other, ThreadPoolExecutor(9) as pool:
        indexing = pool.submit(go_on_indexing)
        (gray,) = [group for group in one.groups() if len(group["images"]) == 40]
        keeper, *members = [image["digest"] for image in gray["images"]]
        jobs = [
            pool.submit((one, other)[number % 2].mark, keeper, member, ("same", "keep both", "different")[number % 3])
            for number, member in enumerate(members)
        ]
        answers = [job.result() for job in jobs]
        ended.set()
        assert indexing.result() > 0
        assert [answer.json() for answer in answers] == [{"saved": 1}] * 39
        shown = [image["verdict"] for image in other.get("api/groups").json()["groups"][0]["images"][1:]]
    assert {(a, b) for a, b, _ in decisions(db)} == {row(keeper, member, "")[:2] for member in members}
    assert len(shown) == 39 or len(shown) == 2
    with closing(sqlite3.connect(db)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_an_index_that_another_process_holds(server: Server, db: Path, folder: Path) -> None:
    big, small = digest(folder / "big.png"), digest(folder / "small.png")
    with closing(sqlite3.connect(db, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        answer = server.mark(big, small, "same")
        assert answer.status_code == 503 and "not saved" in answer.json()["error"]
        assert server.get("api/groups").status_code == 200, "readers do not wait"
        holder.execute("ROLLBACK")
    assert decisions(db) == set()
    assert server.mark(big, small, "same").status_code == 200 and decisions(db) == {row(big, small, "same")}


def test_an_index_that_was_replaced_takes_nothing(server: Server, db: Path, folder: Path) -> None:
    big, small = digest(folder / "big.png"), digest(folder / "small.png")
    shutil.copy(db, db.with_name("other.db"))
    db.with_name("other.db").replace(db)
    answer = server.mark(big, small, "same")
    assert answer.status_code == 503 and "replaced" in answer.json()["error"]
    db.unlink()
    assert server.mark(big, small, "same").status_code == 503


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_stopped_right_after_an_answer(db: Path, folder: Path, how: signal.Signals) -> None:
    big, others = digest(folder / "big.png"), [digest(folder / "small.png"), digest(folder / STRANGE)]
    expected = set()
    for other, verdict in zip(others, ("same", "keep both"), strict=True):
        with serving("--db", db) as server:
            assert server.mark(big, other, verdict).json() == {"saved": 1}
            server.process.send_signal(how)
            server.process.wait()
        expected.add(row(big, other, verdict))
        assert decisions(db) == expected
    with serving("--db", db) as server:
        found = {i["digest"]: i["verdict"] for group in server.groups() for i in group["images"] if i["verdict"]}
    assert found.items() >= {others[0]: "same"}.items()


def test_ctrl_c_tells_how_to_go_on(server: Server) -> None:
    words = server.interrupt()
    assert "Decided this time: nothing" in words and "Traceback" not in words
    assert "dsh dupes --marked --plan plan.jsonl" in words
    with pytest.raises(httpx.TransportError):
        httpx.get(server.url, trust_env=False)


def test_a_port_that_is_taken(db: Path, dsh: Dsh, server: Server) -> None:
    result = dsh("review", "--db", db, "--port", server.port, "--no-browser", exit_code=2)
    assert f"port {server.port}: address already in use" in result.stderr and "--port" in result.stderr


def test_a_port_of_ones_own(db: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with serving("--db", db, "--port", port) as server:
        assert server.port == port and server.get("").status_code == 200


def test_nothing_to_review(tmp_path: Path, dsh: Dsh, toy_model: Model) -> None:
    flat(tmp_path / "album" / "one.png", (0, 0, 0), 40)
    result = dsh("review", "--db", index(tmp_path / "album", toy_model), "--no-browser")
    assert result.stdout == "" and "nothing to review" in result.stderr
    assert "no index yet" in dsh("review", "--db", tmp_path / "none.db", exit_code=1).stderr
    assert not (tmp_path / "none.db").exists()


def test_an_index_that_cannot_be_written_is_told_at_once(public: Path, dsh: Dsh, toy_model: Model) -> None:
    db = index(album(public / "album"), toy_model)
    public.chmod(0o555)
    db.chmod(0o444)
    with as_nobody():
        result = dsh("review", "--db", db, "--no-browser", exit_code=1)
    assert "cannot be" in result.stderr and result.stdout == ""


def test_the_browser_is_opened_unless_told_not_to(db: Path, tmp_path: Path) -> None:
    opener = tmp_path / "browser"
    opener.write_text(
        f'#!/bin/sh\nprintf %s "$1" > {tmp_path}/opened-part && mv {tmp_path}/opened-part {tmp_path}/opened\n'
    )
    opener.chmod(0o755)
    with serving("--db", db, BROWSER=str(opener)) as server:
        server.get("")
        server.interrupt()
    assert not (tmp_path / "opened").exists()
    with serving("--db", db, browser=True, BROWSER=str(opener)) as server:
        while not (tmp_path / "opened").exists():
            assert server.get("").status_code == 200
        assert (tmp_path / "opened").read_text() == server.url
