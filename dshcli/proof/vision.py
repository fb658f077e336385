"""OpenCV, made ready once: imported late since it takes a while, and on one thread, since callers bring their own."""

from functools import cache
from typing import Any


@cache
def cv() -> Any:
    import cv2

    cv2.setNumThreads(1)
    return cv2
