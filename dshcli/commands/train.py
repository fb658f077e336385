"""`dsh train`: fit a hasher, save it, and make it the current model."""

from dshcli.errors import UsageError
from dshcli.hasher.copies.training import CopiesResult, train_copies
from dshcli.hasher.models import Model, use_model
from dshcli.hasher.recipe import TrainOptions
from dshcli.hasher.training import TrainingResult, train_hasher
from dshcli.progress import Reporter


def train_and_use(source: str, options: TrainOptions, reporter: Reporter) -> TrainingResult:
    """Trains on a labelled data set or folder. Raises UsageError, NoData, DshError; see train_hasher."""
    result = train_hasher(source, options, reporter)
    _use(result.model, options)
    return result


def train_copies_and_use(folder: str, options: TrainOptions, reporter: Reporter) -> CopiesResult:
    """Trains on copies of a folder's photos. Raises UsageError, DshError; see train_copies."""
    for name in ("margin", "data_dir", "tensorboard"):
        if getattr(options, name) is not None:
            raise UsageError(f"--{name.replace('_', '-')} does not go with --copies", hint="Leave one of them out.")
    if not options.augment:
        raise UsageError("--no-augment does not go with --copies, which learns from edits", hint="Leave it out.")
    result = train_copies(folder, options, reporter)
    _use(result.model, options)
    return result


def _use(model: Model, options: TrainOptions) -> None:
    use_model(model.folder.name if options.out is None else str(model.folder.absolute()))
