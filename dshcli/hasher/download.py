"""Fetches a file of a public data set: short timeouts, checked content, and a name that exists only when complete."""

import hashlib
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterable
from http.client import HTTPException
from pathlib import Path

from dshcli.errors import DshError, NoData
from dshcli.progress import Reporter

TIMEOUT = 10.0  # seconds without an answer or a byte: whoever is offline should be told soon
CHUNK = 1 << 16


def fetch(urls: Iterable[str], reporter: Reporter, limit: int) -> bytes:
    """The content of the first address that answers, at most `limit` bytes. Raises NoData if none does, saying why."""
    reasons = []
    for url in urls:
        try:
            return _read(url, reporter, limit)
        except (OSError, HTTPException, ValueError) as error:
            reasons.append(f"{url}: {_reason(error)}")
    raise NoData("; ".join(reasons) or "there is no address to fetch it from")


def _read(url: str, reporter: Reporter, limit: int) -> bytes:
    request = urllib.request.Request(url, headers={"User-Agent": "dsh"})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
        length = response.headers.get("Content-Length")
        total = int(length) if length else None
        content = bytearray()
        with reporter.task(f"downloading {url}", total=total, unit="byte") as task:
            while chunk := response.read(CHUNK):
                content += chunk
                if len(content) > limit:
                    raise ValueError(f"more than {limit} bytes")
                task.advance(len(chunk))
    if total is not None and len(content) != total:
        raise ValueError(f"{len(content)} of {total} bytes came")
    return bytes(content)


def _reason(error: Exception) -> str:
    """A URLError wraps the operating system's own words; an HTTPError, its child, says more itself."""
    if isinstance(error, urllib.error.URLError) and not isinstance(error, urllib.error.HTTPError):
        return str(error.reason)
    return str(error) or type(error).__name__


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a file under a temporary name and renames it, so that no reader sees half of it. Raises DshError."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise DshError(f"{path}: {error.strerror or error}", hint="Free some space, or set DSH_HOME.") from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
