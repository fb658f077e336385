"""`dsh models radius`: the radius that commands use with a model here; choosing it, and the way back."""

from dataclasses import dataclass
from datetime import date

from dshcli.errors import UsageError
from dshcli.hasher.models import Model, find_model
from dshcli.hasher.radii import StoredRadius, forget_radius, maybe_stored, store_radius


@dataclass(frozen=True)
class RadiusHere:
    """A model, and the radius stored here for it; None: its own is used."""

    model: Model
    stored: StoredRadius | None


def radius_here(name: str, radius: int | None = None, *, reset: bool = False) -> RadiusHere:
    """Stores a radius, or forgets the stored one, if told to. Raises NoModel, BadModel, UsageError, DshError."""
    if radius is not None and reset:
        raise UsageError(f"{radius} and --reset exclude each other", hint="Give one of them.")
    model = find_model(name)
    if radius is not None and not 0 <= radius <= model.config.bits:
        raise UsageError(
            f"a radius of {radius} cannot be: {model.config.name} has {model.config.bits} bits",
            hint=f"Its own radius is {model.config.radius}.",
        )
    if radius is not None:
        store_radius(model.model_id, StoredRadius(radius, "set by hand", date.today().isoformat()))
    if reset:
        forget_radius(model.model_id)
    return RadiusHere(model, maybe_stored(model.model_id))
