"""Learning rate and variation as functions of the step, so that a run can be taken up again at any step."""

import math

WARM_UP = 0.25  # of all steps; a smaller share made 3e-3 unstable in the first epoch
START, END = 0.04, 1e-4  # of the peak rate
FADE = 0.25, 0.65  # of all steps: images are varied less and less from the first on, and not at all from the second


def one_cycle(step: int, steps: int) -> float:
    """The share of the peak learning rate at `step` of 0..steps-1: a cosine up, then a cosine down (Smith, 2018)."""
    at = step / max(steps - 1, 1)
    if at < WARM_UP:
        return _cosine(START, 1.0, at / WARM_UP)
    return _cosine(1.0, END, (at - WARM_UP) / (1 - WARM_UP))


def variation(step: int, steps: int) -> float:
    """How strongly images are varied at `step` of 0..steps-1, as a share of the full strength: 1, then falling to 0.

    Variation teaches what does not matter. But a database is made of the training images as they are, each of which
    should get its class's code in the end.
    """
    begin, end = FADE
    return min(max((end - step / max(steps - 1, 1)) / (end - begin), 0.0), 1.0)


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
