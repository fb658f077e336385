"""How the colours of two aligned pictures differ."""

import numpy as np
import numpy.typing as npt

from dshcli.proof.vision import cv

_BLUR = 2.0  # pixels: edges that lie a little off are no change of colour
_SAME = 6.0  # levels that compression changes on average, at most
_COLOURED = 12.0  # levels between a pixel's strongest and weakest channel, on average
_GRAY = 4.0  # ... of a gray picture, at most
_ONE_WAY = 0.7  # of the mean change that a change of brightness has in one direction

Colours = npt.NDArray[np.uint8]  # (rows, columns, 3)


def tone(a: Colours, b: Colours, matrix: npt.NDArray[np.float64]) -> str:
    """What b's colours are beside a's: "", "gray", "brighter", "darker" or "colours". `matrix`: b's pixels to a's."""
    size, how = (b.shape[1], b.shape[0]), cv().WARP_INVERSE_MAP
    drawn = cv().warpPerspective(a, matrix, size, flags=cv().INTER_LINEAR | how, borderMode=cv().BORDER_REPLICATE)
    inside = cv().warpPerspective(np.ones(a.shape[:2], np.uint8), matrix, size, flags=cv().INTER_NEAREST | how) > 0
    if not inside.any():
        return ""
    before, after = (cv().GaussianBlur(each, (0, 0), _BLUR)[inside].astype(np.float64) for each in (drawn, b))
    spread = [float(np.mean(np.ptp(each, axis=1))) for each in (before, after)]
    if max(spread) > _COLOURED and min(spread) < _GRAY:
        return "gray"
    change = after - before
    amount = float(np.mean(np.abs(change)))
    if amount < _SAME:
        return ""
    typical = np.median(change, axis=0)  # of each channel
    mean = float(np.mean(typical))
    if abs(mean) > _ONE_WAY * amount and float(np.ptp(typical)) < abs(mean):
        return "brighter" if mean > 0 else "darker"
    return "colours"
