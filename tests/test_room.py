"""Memory shared by threads: never more at once than there is, except for one that needs more than all of it."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import pytest
from PIL import Image

from dshcli.images.opening import open_image
from dshcli.images.room import BIG_FILE, Room, decoded_bytes, unlimited
from dshcli.images.spec import InputSpec


def test_never_more_than_there_is_unless_alone() -> None:
    room, lock, held, seen = Room(100), threading.Lock(), [0], []

    def work(wanted: int) -> None:
        with room.take(wanted):
            with lock:
                held[0] += wanted
                seen.append((held[0], wanted))
            threading.Event().wait(0.001)
            with lock:
                held[0] -= wanted

    sizes = np.random.default_rng(0).integers(1, 150, 200).tolist()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, sizes))
    assert len(seen) == 200 and max(sizes) > 100
    assert all(total <= 100 or total == wanted for total, wanted in seen)
    assert any(total > wanted for total, wanted in seen)  # small ones do share


def test_room_is_given_back_after_an_error() -> None:
    room = Room(10)
    with pytest.raises(ValueError, match="broken"), room.take(10):
        raise ValueError("broken")
    with room.take(10):
        pass


def test_a_big_file_has_all_the_room_from_the_start() -> None:
    room = Room(100)
    held, take = room.for_file(BIG_FILE + 1)
    entered = threading.Event()
    with held, take(10**9):  # its own decoding asks no more

        def other() -> None:
            with room.take(1):
                entered.set()

        thread = threading.Thread(target=other)
        thread.start()
        assert not entered.wait(0.05)
    thread.join(5)
    assert entered.is_set()
    assert room.for_file(BIG_FILE)[1] == room.take


def opened(image: Image.Image, format: str, **save: object) -> Image.Image:
    file = io.BytesIO()
    image.save(file, format, **save)
    return Image.open(file)


@pytest.mark.parametrize(
    ("mode", "format", "save", "each"),
    [
        ("RGB", "PNG", {}, 4),
        ("RGBA", "PNG", {}, 4),
        ("L", "PNG", {}, 1),
        ("I;16", "PNG", {}, 2),
        ("P", "PNG", {}, 5),
        ("RGB", "JPEG", {}, 4),
        ("RGB", "JPEG", {"progressive": True}, 10),
    ],
)
def test_bytes_of_a_decoded_pixel(mode: str, format: str, save: dict[str, object], each: int) -> None:
    image = opened(Image.new(mode, (30, 20)), format, **save)
    assert decoded_bytes(image, image.size) == each * 600


def test_a_jpeg_that_is_decoded_smaller_takes_less() -> None:
    asked: list[int] = []

    def take(wanted: int) -> AbstractContextManager[None]:
        asked.append(wanted)
        return nullcontext()

    file = io.BytesIO()
    Image.new("RGB", (800, 800)).save(file, "JPEG")
    open_image(file.getvalue(), InputSpec(100, 3), take=take)
    open_image(file.getvalue(), InputSpec(100, 3), take=unlimited)
    assert asked == [4 * 200 * 200]
