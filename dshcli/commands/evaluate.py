"""`dsh eval`: judge a model, its recipe over several seeds, or its recipe on classes that it was not trained on."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dshcli.errors import UsageError
from dshcli.hasher.data import Source
from dshcli.hasher.evaluation import Evaluation
from dshcli.hasher.judging import Judged, JudgeOptions, References, judge, training_seed
from dshcli.hasher.models import Model, find_model
from dshcli.hasher.sources import open_source
from dshcli.progress import Reporter


@dataclass(frozen=True)
class EvalOptions:
    """seeds: how many models of the recipe; unseen: trained on three quarters of the classes, judged on the others."""

    judge: JudgeOptions = field(default_factory=JudgeOptions)
    data_dir: Path | None = None
    seeds: int = 1
    unseen: bool = False
    references: bool = False


@dataclass(frozen=True)
class Trial:
    """One model's figures. references are None unless asked for, or the classes are unseen."""

    model: Model
    seed: int
    evaluation: Evaluation
    references: References | None


@dataclass(frozen=True)
class EvalResult:
    """The trials, one a seed; `first` has the codes of the first one, for the report."""

    source: str
    unseen: bool
    trials: tuple[Trial, ...]
    first: Judged


def evaluate_model(name: str, data: str | None, options: EvalOptions, reporter: Reporter) -> EvalResult:
    """Judges the model of that name or folder on a data set or folder; by default on what it was trained on.

    With seeds > 1 or unseen, models that are missing are trained first. Raises UsageError, NoModel, BadModel,
    NoData, DshError.
    """
    if options.seeds < 1:
        raise UsageError(f"{options.seeds} seeds", hint="Give 1 or more; 3 tell mean and spread.")
    model = find_model(name)
    data = data or _own_data(model)
    source = open_source(data, options.data_dir, reporter)
    trials: list[Trial] = []
    first = None
    for candidate, judged_on in _candidates(model, source, data, options, reporter):
        judged = judge(candidate, judged_on, options.judge, reporter)
        first = first or judged
        trials.append(_trial(judged, options, reporter))
    assert first is not None
    return EvalResult(data, options.unseen, tuple(trials), first)


def _own_data(model: Model) -> str:
    source = model.config.training.get("source")
    if not isinstance(source, str):
        raise UsageError(
            f"{model.config.name} was trained on no labelled data, so say what to judge it on",
            hint=f"dsh eval {model.config.name} ./labelled",
        )
    return source


def _candidates(
    model: Model, source: Source, data: str, options: EvalOptions, reporter: Reporter
) -> Iterator[tuple[Model, Source]]:
    """The models to judge, and what each is judged on."""
    first = training_seed(model)
    if not options.unseen:
        yield model, source
        if options.seeds > 1:
            from dshcli.hasher.siblings import sibling

            for seed in range(first + 1, first + options.seeds):
                yield sibling(model, f"seed{seed}", source, data, seed, reporter), source
        return
    from dshcli.hasher.siblings import sibling
    from dshcli.hasher.some_classes import SomeClasses, split_classes

    for seed in range(first, first + options.seeds):
        seen, unseen = split_classes(len(source.survey.classes), seed)
        taught = SomeClasses(source, seen)
        yield sibling(model, f"unseen{seed}", taught, data, seed, reporter), SomeClasses(source, unseen)


def _trial(judged: Judged, options: EvalOptions, reporter: Reporter) -> Trial:
    compared = None
    if options.unseen or options.references:
        from dshcli.hasher.references import references

        compared = references(judged, reporter)
    return Trial(judged.model, training_seed(judged.model), judged.evaluation, compared)
