"""Features on disk: what is computed again and what is not, damage, room; and that they depend on the image alone."""

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn

from dshcli.hasher import feature_cache
from dshcli.hasher.augment import Augment
from dshcli.hasher.feature_cache import FeatureCache
from dshcli.hasher.pretrained import VIEWS, FrozenViews
from dshcli.progress import Silent

Pixels = npt.NDArray[np.uint8]


def pictures(count: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (count, 6, 6, 3), dtype=np.uint8)


class Means:
    """Features that a reader can compute: the mean of each channel, and for every further view one more."""

    def __init__(self) -> None:
        self.computed = 0

    def __call__(self, images: Pixels, *, views: bool) -> npt.NDArray[np.float32]:
        self.computed += len(images)
        means = images.mean(axis=(1, 2)).astype(np.float32)
        return np.stack([means + view for view in range(3 if views else 1)], axis=1)


class Said(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, message: str) -> None:
        self.lines.append(message)


def asked(folder: Path, images: Pixels, *, views: bool = True, key: str = "key") -> tuple[int, list[str]]:
    """How many features one training computes, which must be right; and what it says."""
    means, said = Means(), Said()
    with FeatureCache(means, key, folder, said) as features:
        given = np.concatenate([features(images[at : at + 3], views=views) for at in range(0, len(images), 3)])
    assert given.dtype == np.float32 and np.array_equal(given, Means()(images, views=views))
    return means.computed, said.lines


def test_features_are_computed_once(tmp_path: Path) -> None:
    assert asked(tmp_path, pictures(10)) == (10, [])
    assert asked(tmp_path, pictures(10)) == (0, ["features of 10 images from the cache"])
    assert asked(tmp_path, pictures(10)[::-1][:4]) == (0, ["features of 4 images from the cache"])
    more = np.concatenate([pictures(3, seed=1), pictures(10)])
    assert asked(tmp_path, more) == (3, ["features of 10 images from the cache, 3 computed"])
    assert asked(tmp_path, more) == (0, ["features of 13 images from the cache"])


def test_equal_images_are_computed_once(tmp_path: Path) -> None:
    assert asked(tmp_path, np.concatenate([pictures(2), pictures(2)]))[0] == 2


def test_other_views_and_other_keys_are_other_features(tmp_path: Path) -> None:
    assert asked(tmp_path, pictures(4))[0] == 4
    assert asked(tmp_path, pictures(4), views=False)[0] == 4
    assert asked(tmp_path, pictures(4), key="other")[0] == 4
    assert [asked(tmp_path, pictures(4), views=views)[0] for views in (True, False)] == [0, 0]


def test_a_stopped_training_keeps_its_features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_cache, "BLOCK", 4)
    with pytest.raises(KeyboardInterrupt), FeatureCache(Means(), "key", tmp_path, Silent()) as features:
        features(pictures(10)[:6], views=True)
        assert len(list(tmp_path.iterdir())) == 1  # a block of four is there already, should the process be killed
        raise KeyboardInterrupt
    assert asked(tmp_path, pictures(10))[0] == 4


def test_truncated_and_foreign_files_count_as_absent(tmp_path: Path) -> None:
    asked(tmp_path, pictures(6))
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for content in (
        whole[:-1],
        whole[: len(whole) // 2],
        whole[:70],
        b"",
        b"no table" * 40,
        whole.replace(b"image", b"imbge"),
    ):
        path.write_bytes(content)
        assert asked(tmp_path, pictures(6))[0] == 6
        assert path.read_bytes() == whole
    np.save(path, np.zeros((6, 3)))
    assert asked(tmp_path, pictures(6))[0] == 6


def test_a_changed_byte_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever byte of the file: of the header, of a digest, of a checksum, of a feature."""
    monkeypatch.setattr(os, "fsync", lambda _: None)  # a hundred waits for the disk would tell nothing
    asked(tmp_path, pictures(2))
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for at in range(0, len(whole), 3):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        asked(tmp_path, pictures(2))  # compares the features with those computed anew
        for file in tmp_path.iterdir():
            file.unlink()


def test_files_that_were_not_used_for_the_longest_time_make_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(3):
        asked(tmp_path, pictures(5, seed))
        (newest,) = (path for path in tmp_path.iterdir() if path.stat().st_mtime > 1e9)
        os.utime(newest, (seed, seed))
    size = newest.stat().st_size
    assert asked(tmp_path, pictures(5, seed=0))[0] == 0  # used: now the second is the oldest
    monkeypatch.setattr(feature_cache, "LIMIT", 3 * size)
    assert asked(tmp_path, pictures(5, seed=3))[0] == 5
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == 3 * size
    assert [asked(tmp_path, pictures(5, seed))[0] for seed in (0, 2, 3, 1)] == [0, 0, 0, 5]


def test_a_folder_that_cannot_be_written_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_cache, "BLOCK", 4)
    (tmp_path / "features").write_text("a file in the way")
    computed, lines = asked(tmp_path / "features", pictures(10))
    assert computed == 10
    assert len(lines) == 1 and "not kept" in lines[0] and "features" in lines[0]


# --- the features themselves ----------------------------------------------------------------------------------------


def frozen(seed: int = 0, augment: Augment | None = None) -> FrozenViews:
    torch.manual_seed(seed)
    body = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return FrozenViews(body, Augment(turn=20, mirror=True) if augment is None else augment, device="cpu")


def test_features_depend_on_the_image_alone() -> None:
    images = np.random.default_rng(0).integers(0, 256, (7, 16, 16, 3), dtype=np.uint8)
    together = frozen()(images, views=True)
    assert together.shape == (7, VIEWS, 5)
    alone = np.concatenate([frozen()(image[None], views=True) for image in images[::-1]])[::-1]
    assert np.array_equal(together, alone)
    assert np.allclose(frozen()(images, views=False)[:, 0], together[:, 0], atol=1e-6)


def test_changed_copies_differ_from_the_image_and_from_those_of_others() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), dtype=np.uint8)
    images[1] = images[0]
    images[1, 0, 0] ^= 1  # another image that looks the same: only the drawn changes make a difference
    features = frozen()(images, views=True)
    assert np.abs(features[0, 0] - features[1, 0]).max() < 1e-4
    apart = np.abs(features.reshape(8, 1, 5) - features.reshape(1, 8, 5)).max(axis=2)
    unchanged = [0, VIEWS]
    changed = [i for i in range(2 * VIEWS) if i not in unchanged]
    assert apart[np.ix_(changed, changed)][~np.eye(len(changed), dtype=bool)].min() > 1e-4


def test_without_augmentation_there_is_one_view() -> None:
    images = pictures(3)
    assert frozen(augment=Augment())(images, views=True).shape == (3, 1, 5)


def test_the_key_tells_layers_and_changes_apart() -> None:
    keys = [frozen().key, frozen(seed=1).key, frozen(augment=Augment(turn=5)).key]
    assert len(set(keys)) == 3 and frozen().key == keys[0]
