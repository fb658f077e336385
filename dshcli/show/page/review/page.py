"""The page's frame: one HTML file with its style and script, which a strict policy names by their digests.

Whatever comes from outside reaches the page as JSON only, in which no `<` stands, and the script shows it as text only.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from dshcli.show.page.text import words

SCRIPTS = ("text.js", "state.js", "sources.js", "cards.js", "filters.js", "listing.js", "viewer.js", "review.js")
MARK = '<!doctype html>\n<html lang="en" data-dsh="report">'  # a report of ours begins with it


def served_page(title: str, header: Mapping[str, Any]) -> str:
    """The page as a server gives it, which asks for its data below its own address; header: of the plan it may make."""
    return _start('<!doctype html>\n<html lang="en">', "", title, {"served": True, "header": header}) + END


def served_policy() -> str:
    """The Content-Security-Policy to send with served_page."""
    return _policy("'self' data:") + "; connect-src 'self'; frame-ancestors 'none'"


def report_start(title: str, head: Mapping[str, Any]) -> str:
    """A report up to its data. head: id (text that no other report has), header (of its plans), groups (a number)."""
    policy = f'<meta http-equiv="Content-Security-Policy" content="{words(_policy(DATA))}">'
    return _start(MARK, policy, title, {"served": False, **head})


def data_block(name: str, value: object) -> str:
    """A piece of data in the page, as ASCII; `name` is its id."""
    return f'<script type="application/json" id="{name}">{_json(value)}</script>\n'


DATA = "data:"
END = '<script type="application/json" id="end">{}</script>\n</body></html>\n'


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")  # `<` stands in texts only


def _policy(images: str) -> str:
    """Only this very script and this very style; nothing from anywhere else."""
    return (
        f"default-src 'none'; script-src '{_digest(_script())}'; style-src '{_digest(_style())}'; img-src {images}; "
        "base-uri 'none'; form-action 'none'"
    )


def _start(opening: str, policy: str, title: str, head: Mapping[str, Any]) -> str:
    return (
        f'{opening}<head><meta charset="utf-8">{policy}'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f'<link rel="icon" href="data:,"><title>{words(title)}</title>\n<style>{_style()}</style></head>\n<body>\n'
        f"{_part('frame.html').replace('{title}', words(title))}\n"
        f"{data_block('head', head)}<script>{_script()}</script>\n"
    )


@cache
def _script() -> str:
    return '"use strict";\n(() => {\n' + "\n".join(_part(name) for name in SCRIPTS) + "})();\n"


@cache
def _style() -> str:
    return _part("review.css")


def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8").replace("\r\n", "\n")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
