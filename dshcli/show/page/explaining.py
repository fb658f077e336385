"""The page of `dsh explain`: both pictures side by side, and the facts. One file that needs nothing else."""

from pathlib import Path

from dshcli.commands.explain import Explanation, Side
from dshcli.errors import BadImage, DshError
from dshcli.images.opening import MAX_PIXELS
from dshcli.progress import Reporter
from dshcli.show.explain import Fact, pair_facts, side_facts
from dshcli.show.page.document import document, write
from dshcli.show.page.pictures import picture_of
from dshcli.show.page.text import table, words

SIDE = 480  # pixels along the longer side of a picture


def write_explanation(path: Path, found: Explanation, reporter: Reporter, max_pixels: int = MAX_PIXELS) -> None:
    """Writes the page. Raises DshError."""
    named = (("the first", found.one), ("the second", found.other))
    pictures = "".join(_figure(name, side, max_pixels) for name, side in named)
    facts = pair_facts(found)
    title = f"{Path(found.one.path).name} and {Path(found.other.path).name}"
    body = (
        f'<h1>{words(title)}</h1>\n<p>{words(facts[-1][1])}</p>\n<div class="pair">{pictures}</div>\n'
        f"<h2>Both</h2>{_table('both', facts)}"
    )
    write(path, document(title, body))
    reporter.say(f"Wrote {path}")


def _figure(name: str, side: Side, max_pixels: int) -> str:
    image = f'<img class="shown" src="{_picture(side, max_pixels)}" alt="{words(side.path)}">'
    return f"<figure>{image}{_table(name, side_facts(side))}</figure>"


def _table(name: str, facts: list[Fact]) -> str:
    return table([name, ""], [[words(name), f"<code>{words(value)}</code>"] for name, value in facts])


def _picture(side: Side, max_pixels: int) -> str:
    """The picture as it is shown, upright, if the file is still the same."""
    try:
        return picture_of(side.path, SIDE, max_pixels, side.digest)
    except BadImage as error:
        raise DshError(f"{side.path}: {error}", hint="Run the same command again.") from error
