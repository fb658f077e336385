"""`dsh train` through the outer door: real IDX files and folders, real processes killed, and what cannot be learned."""

import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import INTERRUPTIBLE, records
from PIL import Image
from typer.testing import Result

Dsh = Callable[..., Result]


def digits(folder: Path, images: int, seed: int = 0) -> Path:
    """A class folder of three kinds of gray drawings of 28 pixels: a bar standing, a bar lying, a block."""
    rng = np.random.default_rng(seed)
    for number in range(images):
        kind = ("standing", "lying", "block")[number % 3]
        pixels = rng.integers(0, 60, (28, 28), dtype=np.uint8)
        at = int(rng.integers(6, 16))
        box = {
            "standing": np.s_[3:25, at : at + 4],
            "lying": np.s_[at : at + 4, 3:25],
            "block": np.s_[at : at + 9, at : at + 9],
        }
        pixels[box[kind]] = 220
        (folder / kind).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / kind / f"{number:03}.png")
    return folder


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return digits(tmp_path_factory.mktemp("labelled"), 180)


QUICK = ("--bits", 8, "--epochs", 3, "--batch", 24)


def test_train_a_folder_then_use_it(labelled: Path, dsh: Dsh, home: Path) -> None:
    result = dsh("train", labelled, *QUICK, "--epochs", 8, "--json")
    (record,) = records(result)
    evaluation = record["evaluation"]
    assert evaluation["map"] > 0.9 and evaluation["min_class_distance"] >= 3
    assert [row["class"] for row in evaluation["classes"]] == ["block", "lying", "standing"]
    assert sum(record["images"].values()) == 180 and min(record["images"].values()) >= 3
    assert record["centres"]["distance"] == record["centres"]["bound"] == 5
    assert "it is the current model now" in result.stderr and "epoch" in result.stderr

    shown = json.loads(dsh("models", "show", "--json").stdout)
    assert shown["model_id"] == record["model"] and shown["config"]["classes"] == ["block", "lying", "standing"]
    dsh("index", labelled)
    query = labelled / "lying" / "001.png"
    (answer,) = records(dsh("query", query, "-k", 10, "--json"))
    assert sum(Path(n["path"]).parent.name == "lying" for n in answer["neighbours"]) >= 9


def test_the_report_prints_the_table_of_codes(labelled: Path, dsh: Dsh) -> None:
    lines = [line.split("\t") for line in dsh("train", labelled, *QUICK, "--quiet").stdout.splitlines()]
    names = [line[0] for line in lines]
    assert {"mAP", "minimum class distance", "exact class code", "block", "lying", "standing"} <= set(names)
    code = lines[names.index("block")]
    assert len(code[2]) == 8 and int(code[1], 16) == int(code[2], 2)


@pytest.mark.parametrize("loss", ["dsh", "dsh+center", "cosine"])
def test_every_loss_trains(loss: str, labelled: Path, dsh: Dsh) -> None:
    (record,) = records(dsh("train", labelled, *QUICK, "--epochs", 6, "--loss", loss, "--json"))
    assert record["evaluation"]["map"] > 0.6


def test_idx_files_of_a_folder(tmp_path: Path, dsh: Dsh) -> None:
    """The four files of MNIST's format, gray 28 x 28, of which the test files are the test set."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 120), ("t10k", 30)):
        labels = (np.arange(count) % 2).astype(np.uint8)
        images = rng.integers(0, 50, (count, 28, 28), dtype=np.uint8)
        images[labels == 1, 5:20, 10:16] = 230
        (tmp_path / f"{split}-images-idx3-ubyte").write_bytes(
            struct.pack(">IIII", 2051, count, 28, 28) + images.tobytes()
        )
        (tmp_path / f"{split}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 2049, count) + labels.tobytes())
    (record,) = records(dsh("train", tmp_path, "--bits", 12, "--epochs", 4, "--json"))
    assert record["evaluation"]["queries"] == 30 and record["evaluation"]["database"] == 120
    assert record["evaluation"]["map"] > 0.95


# --- the same again, after kills --------------------------------------------------------------------------------


def start(labelled: Path, home: Path, *options: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", INTERRUPTIBLE, "train", labelled, "--bits", 8, "--epochs", 10]
    command += ["--batch", 24, *options]
    environment = os.environ | {"DSH_HOME": str(home), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [str(part) for part in command], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def finish(process: subprocess.Popen[bytes], code: int = 0) -> str:
    _, errors = process.communicate(timeout=120)
    assert process.returncode == code, errors.decode()
    return errors.decode()


def weights(home: Path) -> bytes:
    (file,) = (home / "models").glob("*/weights.safetensors")
    return file.read_bytes()


def checkpoints(home: Path) -> list[Path]:
    return list((home / "models").glob(".*/**/checkpoint.pt"))


def after_a_checkpoint(process: subprocess.Popen[bytes], home: Path) -> None:
    deadline = time.monotonic() + 60
    while not checkpoints(home) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)


def test_killed_and_resumed_is_undisturbed_to_the_last_bit(labelled: Path, tmp_path: Path) -> None:
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    finish(start(labelled, undisturbed))
    process = start(labelled, killed)
    after_a_checkpoint(process, killed)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "the training had ended before it was killed"
    assert not list((killed / "models").glob("[!.]*/config.json")), "half a model can be seen"
    finish(start(labelled, killed, "--resume"))
    assert weights(killed) == weights(undisturbed)
    assert not checkpoints(killed)


def test_ctrl_c_leaves_a_checkpoint_and_exits_130(labelled: Path, tmp_path: Path) -> None:
    process = start(labelled, tmp_path)
    after_a_checkpoint(process, tmp_path)
    process.send_signal(signal.SIGINT)
    errors = finish(process, 130)
    assert "--resume" in errors and "Traceback" not in errors
    assert checkpoints(tmp_path)


def test_resume_without_anything_to_resume(labelled: Path, dsh: Dsh) -> None:
    result = dsh("train", labelled, *QUICK, "--resume", exit_code=1)
    assert "Error: " in result.stderr and "Hint: " in result.stderr


# --- what cannot be learned ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [0, 3, 513, 4096, -8])
def test_bits_out_of_range(bits: int, labelled: Path, dsh: Dsh) -> None:
    result = dsh("train", labelled, "--bits", bits, exit_code=2)
    assert f"{bits} bits cannot be trained" in result.stderr and "between 4 and 512" in result.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--loss", "triplet"), "center, dsh"),
        (("--device", "tpu"), "auto"),
        (("--epochs", 0), "epochs"),
        (("--margin", 3), "margin"),
        (("--name", "a/b"), "a/b"),
        (("--name", "photo"), "photo"),
    ],
)
def test_options_that_cannot_work(options: tuple[object, ...], words: str, labelled: Path, dsh: Dsh) -> None:
    result = dsh("train", labelled, *options, exit_code=2)
    assert words in result.stderr and "Hint: " in result.stderr


def test_folders_that_cannot_be_learned_from(tmp_path: Path, dsh: Dsh) -> None:
    digits(tmp_path / "three", 9)
    one_class = tmp_path / "one"
    one_class.mkdir()
    (tmp_path / "three" / "block").rename(one_class / "block")
    single = digits(tmp_path / "single", 3)
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "nowhere", tmp_path / "empty", one_class, single):
        result = dsh("train", folder, *QUICK, exit_code=1)
        assert str(folder) in result.stderr and "Hint: " in result.stderr and "Traceback" not in result.stderr


def test_a_bad_image_does_not_end_a_training(tmp_path: Path, dsh: Dsh) -> None:
    folder = digits(tmp_path / "labelled", 60)
    (folder / "block" / "bad.jpg").write_text("no picture")
    result = dsh("train", folder, *QUICK, "--json")
    (record,) = records(result)
    assert record["skipped"] == [{"path": str(folder / "block" / "bad.jpg"), "reason": "not an image"}]
    assert "bad.jpg: not an image" in result.stderr


def test_a_full_disk_keeps_the_old_model(tmp_path: Path, labelled: Path, dsh: Dsh) -> None:
    import shutil

    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", disk], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("mounting a small file system is not allowed here")
    try:
        result = dsh("train", labelled, *QUICK, "--out", disk / "model", exit_code=1)
        assert "disk is full" in result.stderr and str(disk) in result.stderr and "Hint: " in result.stderr
        assert not (disk / "model" / "config.json").exists()
    finally:
        subprocess.run(["umount", disk], check=True)
