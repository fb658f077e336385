"""What can go wrong, as the user is told it. Imports nothing of ours.

DshError              an error of ours: exit code 1
  UsageError          the command's words are off: exit code 2
  NoIndex             there is no index file yet
  NoModel             no model of that name or in that folder
  BadModel            the model's folder is incomplete, damaged or inconsistent
  NoData              a data set is not here and cannot be fetched
BadImage              one file is not a readable image: it lands in the ledger, the run goes on
  TryAgain            ... for a reason outside its content: the next run opens it again
"""


class DshError(Exception):
    """An error that the user can act on: what happened, to which file, and the next step.

    `str(error)` is the message (it names the file and the cause); `hint` is the next step.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(DshError):
    """A value on the command line that cannot work, whatever the files hold."""


class NoIndex(DshError):
    """There is no index at that path, and reading never creates one."""


class NoModel(DshError):
    """No model has that name, or no folder of that path is a model."""


class BadModel(DshError):
    """A model folder with a missing or damaged file, or whose parts do not belong together."""


class NoData(DshError):
    """A data set's files are neither here nor to be had."""


class BadImage(Exception):
    """One file that could not be read as an image; `str()` is the reason, short enough for a ledger."""


class TryAgain(BadImage):
    """A file that could not be read this time: no permission, gone, growing, or above a limit that can be raised."""


def system_reason(error: OSError) -> str:
    """What the system says, as it stands after the colon of a message: `no such file or directory`."""
    return (error.strerror or str(error)).lower()


def reason_of(error: Exception) -> str:
    """The first line of what a library says, or else the kind of its error."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
