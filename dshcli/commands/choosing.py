"""Which model a command means, and the radius that it means with it."""

from dshcli.codes import chance_pairs
from dshcli.errors import BadModel, NoIndex, NoModel, UsageError
from dshcli.hasher.devices import CPU, encoder_for
from dshcli.hasher.encoder import AnyEncoder
from dshcli.hasher.models import Model, ModelConfig, current_name, find_model, list_models
from dshcli.hasher.radii import radius_of
from dshcli.library.store import Index, IndexedModel
from dshcli.proof.kinds import COPIES, Kind

FALSE_CANDIDATES = 3.0  # pairs of strangers for each image that verification may have to reject


def choose_indexed(index: Index, wanted: str | None) -> IndexedModel:
    """The model whose codes to compare: the wanted one, else the current one, else the only one in the index.

    Raises NoIndex if the index holds no code at all, NoModel if the choice is not clear or has no codes here.
    """
    models = index.models()
    if not models:
        raise NoIndex(f"{index.path} holds nothing yet", hint="Fill it: dsh index FOLDER")
    named = _matching(models, wanted or current_name())
    if named is not None:
        return named
    choices = ", ".join(model.name for model in models)
    if wanted is not None:
        raise NoModel(
            f"{index.path} has no codes of the model {wanted!r}",
            hint=f"It has codes of: {choices}. To add some: dsh index FOLDER --model {wanted}",
        )
    if len(models) > 1:
        raise NoModel(
            f"{index.path} has codes of several models, and none of the current one ({current_name()})",
            hint=f"Choose with --model: {choices}",
        )
    return models[0]


def _matching(models: list[IndexedModel], name: str) -> IndexedModel | None:
    """The indexed model of that id; or that the name stands for now; or, if it is no longer here, the last so named."""
    by_id = {model.model_id: model for model in models}
    if name in by_id:
        return by_id[name]
    try:
        return by_id.get(find_model(name).model_id)
    except NoModel:
        return next((model for model in reversed(models) if model.name == name), None)


def encoder_of(indexed: IndexedModel, device: str = CPU, wanted: str | None = None) -> AnyEncoder:
    """The network that made the codes of an indexed model, which may be in a folder that was asked for by its path.
    Raises NoModel if its folder is gone."""
    try:
        model = _maybe_model(indexed, wanted)
    except NoModel:
        model = None
    if model is None:
        raise NoModel(
            f"the model {indexed.model_id} that made these codes is no longer here",
            hint="Hash the images again: dsh index FOLDER --model NAME (dsh models list shows the models).",
        )
    return encoder_for(model, device=device)


def maybe_config(indexed: IndexedModel, wanted: str | None) -> ModelConfig | None:
    """All that is known about the model that made the codes, if it is here and in order."""
    try:
        model = _maybe_model(indexed, wanted)
    except (NoModel, BadModel):
        return None
    return None if model is None else model.config


def _maybe_model(indexed: IndexedModel, wanted: str | None) -> Model | None:
    """The model here that made the codes. Raises NoModel, BadModel of the wanted (None: the current) one."""
    for model in list_models():
        if isinstance(model, Model) and model.model_id == indexed.model_id:
            return model
    model = find_model(wanted)  # may be a folder outside the usual place
    return model if model.model_id == indexed.model_id else None


def candidate_radius(rates: tuple[float, ...], images: int, least: int) -> int:
    """The widest radius at which so many images have `FALSE_CANDIDATES` each at most, to be expected from the rates of
    a model: at least its own radius, and at most what its rates reach to."""
    fitting = [radius for radius, rate in enumerate(rates) if rate * images / 2 <= FALSE_CANDIDATES]
    return max([least, *fitting])


def choose_kinds(words: tuple[str, ...], *, verify: bool) -> frozenset[Kind]:
    """The kinds of those names (none: all that can be grouped), whatever their hyphens, spaces and case.

    Raises UsageError for other names, and for kinds that only verification tells where there is none.
    """
    known = {_letters(kind): kind for kind in Kind if kind in COPIES}
    for word in words:
        if _letters(word) not in known:
            names = ", ".join(kind.replace(" ", "-") for kind in known.values())
            raise UsageError(f"there is no kind {word.strip()!r}", hint=f"Kinds: {names}")
    chosen = frozenset(known[_letters(word)] for word in words) or COPIES
    if words and not verify and chosen != {Kind.EXACT}:
        raise UsageError(
            "without verification, nothing but `exact` can be told of an image",
            hint="Use --kinds exact, or add --verify.",
        )
    return chosen


def _letters(word: str) -> str:
    return "".join(letter for letter in word.lower() if letter.isalpha())


def choose_radius(radius: int | None, model: IndexedModel) -> int:
    """The radius to use: the given one, else one stored here, else the model's. Raises UsageError if it cannot be."""
    if radius is None:
        return radius_of(model.model_id, model.radius)
    if radius < 0:
        raise UsageError(f"a radius cannot be negative, as {radius} is", hint="0 finds equal codes only.")
    if radius > model.bits:
        raise UsageError(
            f"a radius of {radius} is beyond the {model.bits} bits of {model.name}: it would match everything",
            hint=f"Without --radius it is {radius_of(model.model_id, model.radius)}.",
        )
    return radius


def chance_warning(images: int, bits: int, radius: int, clean: int = 0) -> str:
    """A warning, with its number, if one or more pairs of unrelated images are expected within the radius; else ''.

    clean: so many of the images are compared with the others alone, and these with them.
    """

    def pairs(within: int) -> float:
        apart = sum(chance_pairs(part, bits, within) for part in (clean, images - clean)) if clean else 0.0
        return chance_pairs(images, bits, within) - apart

    expected = pairs(radius)
    if expected < 1:
        return ""
    fitting = [r for r in range(radius) if pairs(r) < 1]
    advice = f"use --radius {fitting[-1]} or less" if fitting else "use a model with more bits (such as photo)"
    return (
        f"Warning: among {images:,} images, {bits} bits at radius {radius} join at least {expected:,.0f} pairs of "
        f"unrelated images by chance alone; {advice}."
    )
