"""Models made like another: by the same recipe, with another seed or on fewer classes. They are kept.

One model is one draw of a lottery: mean and spread over seeds tell what the recipe is worth. And only a model that
never saw a class can tell how its codes do on classes that nobody thought of.
"""

from dataclasses import asdict, fields, replace

from dshcli import paths
from dshcli.errors import BadModel, DshError, NoModel
from dshcli.hasher.data import Source
from dshcli.hasher.models import Model, open_model
from dshcli.hasher.place import NothingToResume
from dshcli.hasher.recipe import Recipe, TrainOptions
from dshcli.hasher.training import train_source
from dshcli.progress import Reporter


def recipe_of(model: Model) -> Recipe:
    """The recipe that a model was trained by. Raises DshError if it was not trained by one."""
    known = {field.name for field in fields(Recipe)}
    stored = model.config.training.get("recipe")
    if not stored or not known <= stored.keys():
        raise DshError(
            f"{model.config.name} does not tell the recipe that it was trained by, so there is none to train again",
            hint="Train a model with dsh train, and name that one.",
        )
    return Recipe(**{name: stored[name] for name in known})


def sibling(model: Model, suffix: str, source: Source, source_name: str, seed: int, reporter: Reporter) -> Model:
    """The model NAME-SUFFIX: trained on `source` by the recipe of `model` with that seed, now or before.

    A training of it that was stopped goes on. Raises DshError as train_source does.
    """
    name, recipe = f"{model.config.name}-{suffix}", replace(recipe_of(model), seed=seed)
    found = _maybe_here(name, recipe, source, source_name)
    if found is not None:
        reporter.say(f"{found.model_id} is here already")
        return found
    options_known = {field.name for field in fields(TrainOptions)}
    chosen = {key: value for key, value in asdict(recipe).items() if key in options_known}
    options = TrainOptions(**chosen, name=name, resume=True)
    reporter.say(f"training {name}, as {model.config.name} was, with seed {seed}")
    try:
        return train_source(source, source_name, options, reporter).model
    except NothingToResume:
        return train_source(source, source_name, replace(options, resume=False), reporter).model


def _maybe_here(name: str, recipe: Recipe, source: Source, source_name: str) -> Model | None:
    try:
        model = open_model(paths.models_folder() / name)
    except (NoModel, BadModel):
        return None
    training = model.config.training
    trained_by = (training.get("recipe"), training.get("source"), model.config.classes)
    return model if trained_by == (asdict(recipe), source_name, source.survey.classes) else None
