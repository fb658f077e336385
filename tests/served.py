"""`dsh review` as a real process, a client that asks it, an album to show, and what the index then has."""

import hashlib
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from conftest import INTERRUPTIBLE
from PIL import Image
from typer.testing import CliRunner

from dshcli.app import app
from dshcli.hasher.models import Model

STRANGE = "caf\udce9 <b>\n.png"  # a byte that is no UTF-8, a tag, a newline


@dataclass
class Server:
    """A server under way; its address ends with a slash."""

    process: subprocess.Popen[str]
    url: str
    client: httpx.Client

    @property
    def origin(self) -> str:
        return "http://" + urlsplit(self.url).netloc

    @property
    def port(self) -> int:
        return int(urlsplit(self.url).port or 0)

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.client.get(self.url + path, **more)

    def post(self, path: str, record: object, **headers: str) -> httpx.Response:
        usual = {"origin": self.origin, "sec-fetch-site": "same-origin"}
        return self.client.post(self.url + path, json=record, headers=usual | headers)

    def groups(self) -> list[dict[str, Any]]:
        answer = self.get("api/groups")
        assert answer.status_code == 200, answer.text
        return answer.json()["groups"]  # type: ignore[no-any-return]

    def mark(self, one: str, other: str, verdict: str | None) -> httpx.Response:
        return self.post("api/decisions", {"marks": [{"one": one, "other": other, "verdict": verdict}]})

    def interrupt(self) -> str:
        """Ctrl-C; what the server said on stderr."""
        self.process.send_signal(signal.SIGINT)
        _, words = self.process.communicate(timeout=30)
        assert self.process.returncode == 0, words
        return words


@contextmanager
def serving(*arguments: object, browser: bool = False, **environment: str) -> Iterator[Server]:
    """`dsh review` with those arguments; killed at the end unless it ended before."""
    command = [sys.executable, "-c", INTERRUPTIBLE, "review", *map(str, arguments)]
    command += [] if browser else ["--no-browser"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
        cwd=Path(__file__).parents[1],
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url, process.communicate()[1]
        with httpx.Client(timeout=60, trust_env=False) as client:
            yield Server(process, url, client)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def flat(path: Path, colour: tuple[int, int, int], side: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (side, side // 2), colour).save(path)
    os.utime(path, ns=(10**18, 10**18))
    return path


def album(folder: Path) -> Path:
    """Flat pictures, whose codes tell their colours. Red: big, small and a strange name; blue: two equal files; green:
    a picture of which there is one. So two groups."""
    flat(folder / "big.png", (240, 0, 0), 800)
    flat(folder / "small.png", (240, 0, 0), 40)
    flat(folder / STRANGE, (240, 0, 1), 60)
    flat(folder / "blue.png", (0, 0, 240), 50)
    shutil.copy2(folder / "blue.png", folder / "copy.png")
    flat(folder / "green.png", (0, 240, 0), 50)
    return folder


def index(folder: Path, model: Model) -> Path:
    db = folder.parent / "index.db"
    result = CliRunner().invoke(app, ["index", str(folder), "--db", str(db), "--model", str(model.folder)])
    assert result.exit_code == 0, result.output
    return db


@contextmanager
def shown_album(parent: Path, model: Model) -> Iterator[Server]:
    """A server of an album of its own."""
    with serving("--db", index(album(parent / "album"), model)) as found:
        yield found


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def decisions(db: Path) -> set[tuple[str, str, str]]:
    with closing(sqlite3.connect(db)) as connection:
        rows = connection.execute("SELECT hex(digest_a), hex(digest_b), verdict FROM decisions")
        return {(one.lower(), other.lower(), verdict) for one, other, verdict in rows}


def row(one: str, other: str, verdict: str) -> tuple[str, str, str]:
    return min(one, other), max(one, other), verdict


def raw(server: Server, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))
