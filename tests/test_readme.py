"""The README keeps its word: its main line works on the example photos, and the commands and options it names exist."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import records
from typer.testing import Result

ROOT = Path(__file__).parents[1]
PHOTOS = ROOT / "examples" / "photos"
README = (ROOT / "README.md").read_text(encoding="utf-8")
Dsh = Callable[..., Result]


@pytest.fixture
def indexed(dsh: Dsh) -> Result:
    return dsh("index", PHOTOS)


def test_the_main_line_finds_the_known_groups(indexed: Result, dsh: Dsh) -> None:
    """Each group is found whole, and none joins what does not belong together."""
    known = [set(group) for group in json.loads((PHOTOS / "groups.json").read_text())["groups"]]
    found = []
    for group in records(dsh("dupes", "--json")):
        paths = [group["keeper"]["path"], *(member["path"] for member in group["members"])]
        found.append({os.path.relpath(path, PHOTOS) for path in paths})
    assert sorted(map(sorted, found)) == sorted(map(sorted, known))


def test_the_output_that_it_shows_is_real(indexed: Result, dsh: Dsh) -> None:
    ledger = re.sub(r"\(.* s, .* images/s; ", "(", indexed.stderr.splitlines()[0])
    assert ledger in re.sub(r"\(.* s, .* images/s; ", "(", README)
    assert indexed.stderr.splitlines()[1:] == re.findall(r"^  (?:skipped \d|\(--verbose).*$", README, re.M)[:3]
    assert dsh("dupes").stderr.splitlines()[-1] in README


def test_the_commands_that_it_names_exist(dsh: Dsh) -> None:
    """And it names all that there are."""
    commands = re.findall(r"^  (\w+)  ", dsh("--help").stdout.split("Commands:")[1], re.M)
    named = re.findall(rf"\bdsh ({'|'.join(commands)})\b([^\n`#]*)", README)
    assert {name for name, _ in named} == set(commands)
    for name, rest in named:
        inner = re.findall(r"^ (list|show|use|radius|rm)\b", rest) if name == "models" else []
        text = dsh(name, *inner, "--help").stdout
        for option in re.findall(r"(?<!\S)(--?[a-z][a-z-]*)", rest):
            assert option in text, f"dsh {name} {option}"


def test_the_examples_run(dsh: Dsh, tmp_path: Path) -> None:
    import subprocess
    import sys

    pagoda, dahlia = PHOTOS / "holiday" / "pagoda.jpg", PHOTOS / "garden" / "dahlia.jpg"
    for script, arguments, words in (
        ("compare.py", (pagoda, PHOTOS / "downloads" / "pagoda.jpg"), "the same picture"),
        ("compare.py", (pagoda, dahlia), "different pictures"),
        ("largest_savings.py", (PHOTOS,), "bytes: keep"),
    ):
        command = [sys.executable, ROOT / "examples" / script, *arguments]
        result = subprocess.run(
            [str(part) for part in command],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        assert words in result.stdout


def test_public_names_exist() -> None:
    import dshcli

    for name in dshcli.__all__:
        assert getattr(dshcli, name) is not None
    with pytest.raises(AttributeError):
        _ = dshcli.nothing
