"""`dsh train`: fit a hasher, save it, and make it the current model."""

from dshcli.hasher.models import use_model
from dshcli.hasher.recipe import TrainOptions
from dshcli.hasher.training import TrainingResult, train_hasher
from dshcli.progress import Reporter


def train_and_use(source: str, options: TrainOptions, reporter: Reporter) -> TrainingResult:
    """Trains on a data set or folder. Raises UsageError, NoData, DshError; see train_hasher."""
    result = train_hasher(source, options, reporter)
    use_model(result.model.folder.name if options.out is None else str(result.model.folder.absolute()))
    return result
