"""What the tests of training share: quick options, a listener to every step, and a folder of colours."""

from collections.abc import Callable
from pathlib import Path

import conftest
import numpy as np
from PIL import Image

from dshcli.hasher.recipe import TrainOptions
from dshcli.progress import Task

QUICK = TrainOptions(bits=8, epochs=3, batch=32, device="cpu")


class Listener(conftest.Listener):
    """Keeps what is said, and calls `on_step` with the facts of every training step."""

    def __init__(self, on_step: Callable[[dict[str, object]], None] | None = None) -> None:
        super().__init__()
        self.steps: list[dict[str, object]] = []
        self.on_step = on_step

    def task(self, name: str, *, total: int | None, unit: str) -> Task:
        listener = self

        class Noting(Task):
            def note(self, **facts: object) -> None:
                listener.steps.append(facts)
                if listener.on_step:
                    listener.on_step(facts)

        return Noting()


def at(epoch: int, step: int, act: Callable[[], None]) -> Callable[[dict[str, object]], None]:
    """Acts once, at that step (from 1) of that epoch."""
    count = 0

    def on_step(facts: dict[str, object]) -> None:
        nonlocal count
        count += str(facts["epoch"]).startswith(f"{epoch}/")
        if count == step:
            count += 1_000_000
            act()

    return on_step


def interrupt() -> None:
    raise KeyboardInterrupt


def colour_folder(root: Path, counts: dict[str, int], size: int = 32) -> Path:
    """Classes of noise around a colour each."""
    random = np.random.default_rng(0)
    for number, (name, count) in enumerate(counts.items()):
        (root / name).mkdir(parents=True)
        colour = np.roll([200, 40, 90], number)
        for i in range(count):
            noise = random.integers(-40, 40, (size, size, 3))
            Image.fromarray((colour + noise).clip(0, 255).astype(np.uint8)).save(root / name / f"{i}.png")
    return root
