"""Class folders as a data source: what is found, read, skipped and refused."""

from pathlib import Path

import numpy as np
import pytest
from conftest import Listener
from PIL import Image

from dshcli.errors import DshError, UsageError
from dshcli.hasher.data import Survey
from dshcli.hasher.sources import open_source
from dshcli.images.spec import InputSpec
from dshcli.progress import Silent


def draw(path: Path, value: int = 90, *, size: tuple[int, int] = (40, 30), mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(value)
    shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    Image.fromarray(random.integers(0, 256, shape, dtype=np.uint8)).save(path)


def class_folder(root: Path, counts: dict[str, int], **options: object) -> Path:
    for name, count in counts.items():
        for i in range(count):
            draw(root / name / f"{i}.png", i, **options)  # type: ignore[arg-type]
    return root


def test_class_folder(tmp_path: Path) -> None:
    root = class_folder(tmp_path / "pets", {"dog": 3, "cat": 4})
    draw(root / "cat" / "deeper" / "one.jpg", 7, size=(300, 200))
    (root / "cat" / "notes.txt").write_text("not counted")
    (root / "cat" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    (root / "dog" / "empty.png").touch()
    (root / ".thumbnails").mkdir()
    listener = Listener()
    source = open_source(str(root), None, listener)
    assert source.survey == Survey("pets", ("cat", "dog"), 10, 30, 3, balanced=True, mirrors=True)
    dataset = source.load(InputSpec(16, 3), listener)
    assert dataset.train.inputs.shape == (8, 16, 16, 3)
    assert np.bincount(dataset.train.labels).tolist() == [5, 3]
    assert dataset.validation is None and dataset.test is None
    assert {Path(path).name: reason for path, reason in dataset.skipped} == {
        "broken.jpg": "truncated",
        "empty.png": "empty file",
    }
    assert any("2 of 10 images skipped" in line for line in listener.said)


def test_pixels_and_labels_stay_together_when_images_are_skipped(tmp_path: Path) -> None:
    for i in range(6):
        path = tmp_path / ("dark" if i % 2 else "light") / f"{i}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("L", (8, 8), 20 if i % 2 else 220).save(path)
    (tmp_path / "dark" / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    source = open_source(str(tmp_path), None, Silent())
    assert source.survey.channels == 1
    dataset = source.load(InputSpec(8, 1), Silent())
    means = dataset.train.inputs.mean(axis=(1, 2, 3))
    assert [dataset.classes[label] for label in dataset.train.labels] == [
        "dark" if mean < 100 else "light" for mean in means
    ]


def test_splits_above_the_classes(tmp_path: Path) -> None:
    for split, count in (("train", 4), ("Val", 2), ("test", 3)):
        class_folder(tmp_path / "set" / split, {"a": count, "b": count})
    class_folder(tmp_path / "set" / "test", {"stranger": 2})
    listener = Listener()
    dataset = open_source(str(tmp_path / "set"), None, listener).load(InputSpec(8, 3), Silent())
    assert dataset.validation is not None and dataset.test is not None
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (8, 4, 6)
    assert any("stranger" in line for line in listener.said)


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    class_folder(tmp_path, {"train": 3, "bus": 3})
    assert open_source(str(tmp_path), None, Silent()).survey.classes == ("bus", "train")


def test_folders_that_teach_nothing(tmp_path: Path) -> None:
    def refuses(folder: Path, message: str) -> None:
        with pytest.raises(DshError, match=message) as caught:
            open_source(str(folder), None, Silent())
        assert caught.value.hint

    refuses(tmp_path / "absent", "neither a folder, a CSV file nor a known data set")
    (tmp_path / "file").touch()
    refuses(tmp_path / "file", "is a file")
    (tmp_path / "empty").mkdir()
    refuses(tmp_path / "empty", "no images in its sub-folders")
    (tmp_path / "hollow" / "a").mkdir(parents=True)
    (tmp_path / "hollow" / "b").mkdir()
    refuses(tmp_path / "hollow", "no images in its sub-folders")
    draw(tmp_path / "flat" / "one.png")
    refuses(tmp_path / "flat", "no sub-folders that tell their classes")
    refuses(class_folder(tmp_path / "single", {"only": 4}), "one class only, 'only'")
    refuses(class_folder(tmp_path / "ones", {"a": 1, "b": 1, "c": 1}), "one training image only")


def test_a_folder_whose_images_are_all_damaged(tmp_path: Path) -> None:
    class_folder(tmp_path, {"a": 2, "b": 2})
    for path in (tmp_path / "b").iterdir():
        path.write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(DshError, match="fewer than two classes"):
        open_source(str(tmp_path), None, Silent()).load(InputSpec(8, 3), Silent())


def test_data_dir_is_not_for_folders(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--data-dir"):
        open_source(str(tmp_path), tmp_path, Silent())
