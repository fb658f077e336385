"""What is compared: a method turns a file into a code. Those of `dsh` stand here, the others in `peers`."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import dshcli.images.opening
from dshcli.errors import BadImage
from dshcli.hasher.encoder import Encoder
from dshcli.hasher.models import find_model
from dshcli.hasher.waves import Turns
from dshcli.images.opening import open_image


@dataclass(frozen=True)
class Method:
    """`code` gives the packed code of a file, None if it cannot read it; two codes are compared by Hamming distance;
    with turns, by waves, too: see waves.Turns.

    key: names the cache of its codes, so that it must change with the method; usual: the distance within which its
    authors take two pictures for the same, None if they name none; model: the name or folder of a model of `dsh`.
    """

    name: str
    key: str
    bits: int
    usual: int | None
    code: Callable[[Path], bytes | None]
    model: str | None = None
    turns: Turns | None = None


def dsh(model_name: str) -> Method:
    """A model of `dsh`, by its name or folder; its usual distance is the calibrated radius. Raises DshError."""
    model = find_model(model_name)
    encoder = Encoder(model)

    def code(path: Path) -> bytes | None:
        try:
            pixels = open_image(path, encoder.spec).pixels
        except BadImage:
            return None
        packed: bytes = encoder.encode(pixels[None])[0].tobytes()
        return packed

    reader = hashlib.sha256(Path(dshcli.images.opening.__file__).read_bytes()).hexdigest()[:8]
    return Method(
        f"dsh {Path(model_name).name}",
        f"dsh-{model.model_id}-{reader}",
        encoder.bits,
        encoder.radius,
        code,
        model_name,
        model.config.turns,
    )


def plain(method: Method) -> Method:
    """The same, comparing whole codes only: what looking at their waves is worth."""
    return replace(method, name=f"{method.name}, whole codes", turns=None)
