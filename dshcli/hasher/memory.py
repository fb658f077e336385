"""Too little memory, told as an error that says what needs less of it."""

from collections.abc import Iterator
from contextlib import contextmanager

from dshcli.errors import DshError
from dshcli.hasher.recipe import MIN_BATCH, Recipe

# What torch's allocators and oneDNN say, as a RuntimeError; numpy and Python raise MemoryError.
_WORDS = ("out of memory", "not enough memory", "allocate memory", "bad_alloc", "could not create a primitive")


@contextmanager
def memory_told(hint: str) -> Iterator[None]:
    """Turns an error for lack of memory into a DshError with that hint; any other passes through."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        reason = str(error).strip().splitlines()[0] if str(error).strip() else "no more can be had"
        raise DshError(f"not enough memory: {reason}", hint=hint) from error


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error of Python, numpy or torch is about memory that could not be had."""
    return isinstance(error, MemoryError) or any(word in str(error).lower() for word in _WORDS)


def to_read_less(recipe: Recipe) -> str:
    """What to do if the images do not fit."""
    return (
        f"All images are held at {recipe.size}x{recipe.size} pixels: choose a --backbone that takes smaller ones, "
        "such as small or resnet, or train on fewer images."
    )


def to_train_on_less(recipe: Recipe) -> str:
    """What to do if a batch does not fit."""
    smaller = f"Train with a smaller batch than {recipe.batch}: --batch {max(recipe.batch // 2, MIN_BATCH)}"
    return f"{smaller}, or choose a smaller --backbone, such as resnet."
