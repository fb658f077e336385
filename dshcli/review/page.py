"""The page that is served, and what a browser may do for it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """HTML in UTF-8, and its Content-Security-Policy."""

    html: bytes
    policy: str


def review_page(state: object) -> Page:
    return Page(b"<!doctype html><title>t</title>", "default-src 'none'; frame-ancestors 'none'")
