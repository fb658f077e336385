"""What was measured before the built-in model was made as it is: choices.json beside this, by a benchmark script."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = Path(__file__).with_name("choices.json")


@dataclass(frozen=True)
class LossRow:
    """A loss after a short training from ImageNet features. recall: the mean over all edits at the radius for one false
    pair per million, and for ten; of the learned bits alone."""

    loss: str
    recall: float
    recall_at_ten: float


@dataclass(frozen=True)
class SizeRow:
    """The finished network with another input size: radius and mean recall at one false pair per million, and CPU
    milliseconds an image."""

    size: int
    radius: int
    recall: float
    milliseconds: float


@dataclass(frozen=True)
class Choices:
    """steps: of the trainings of `losses`; edited: photos whose copies were judged; sized: the model_id of `sizes`."""

    steps: int
    edited: int
    sized: str
    losses: tuple[LossRow, ...]
    sizes: tuple[SizeRow, ...]


def read_choices() -> Choices:
    raw = json.loads(FILE.read_text(encoding="utf-8"))
    losses = tuple(LossRow(**row) for row in raw.pop("losses"))
    sizes = tuple(SizeRow(**row) for row in raw.pop("sizes"))
    return Choices(**raw, losses=losses, sizes=sizes)


def write_choices(choices: Choices) -> None:
    FILE.write_text(json.dumps(asdict(choices), indent=1) + "\n", encoding="utf-8")
