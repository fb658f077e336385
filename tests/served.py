"""`dsh review` as a real process, and a client that asks it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from conftest import INTERRUPTIBLE


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
