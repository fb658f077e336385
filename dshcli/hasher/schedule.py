"""The learning rate as a function of the step: one cycle, so that a run can be taken up again at any step."""

import math

WARM_UP = 0.25  # of all steps; a smaller share made 3e-3 unstable in the first epoch
START, END = 0.04, 1e-4  # of the peak rate


def one_cycle(step: int, steps: int) -> float:
    """The share of the peak learning rate at `step` of 0..steps-1: a cosine up, then a cosine down (Smith, 2018)."""
    at = step / max(steps - 1, 1)
    if at < WARM_UP:
        return _cosine(START, 1.0, at / WARM_UP)
    return _cosine(1.0, END, (at - WARM_UP) / (1 - WARM_UP))


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
