"""The command that shows groups in a browser: its signature and help."""

from typing import Annotated

import typer

from dshcli import paths
from dshcli.app.options import (
    CleanFolders,
    Db,
    Decided,
    Folders,
    Jobs,
    Keep,
    Kinds,
    Link,
    LinkRule,
    MaxPixels,
    ModelName,
    Protect,
    Quiet,
    Radius,
    Verbose,
    Verify,
    words_of,
)

commands = typer.Typer()


@commands.command(epilog="Example: dsh review ./photos; on a computer without a browser: dsh review --no-browser")
def review(
    folders: Folders = [],  # noqa: B006
    radius: Radius = None,
    link: LinkRule = Link.STAR,
    db: Db = None,
    model: ModelName = None,
    verify: Verify = None,
    kinds: Kinds = None,
    keep: Keep = None,
    protect: Protect = [],  # noqa: B006
    against: CleanFolders = [],  # noqa: B006
    max_pixels: MaxPixels = None,
    jobs: Jobs = 0,
    decided: Decided = False,
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65535, help="Where the page is served; 0: any free port.")
    ] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the page's address only.")] = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Look at the groups in a browser, side by side, and decide about each. Changes no picture.

    Each mark is saved in the index at once; dsh dupes goes by it from then on. The page is on this computer's loopback
    address only, below a secret path. Ctrl-C ends it.
    """
    from dshcli.commands.dupes import DupesOptions
    from dshcli.commands.review import open_browser, reviewing
    from dshcli.images.opening import MAX_PIXELS
    from dshcli.progress import Silent, Terminal
    from dshcli.show.review import show_address, show_decided, show_found
    from dshcli.show.screen import Screen

    screen, limit = Screen.of(quiet=quiet, verbose=verbose), max_pixels or MAX_PIXELS
    options = DupesOptions(
        model, radius, link.value, tuple(folders), verify, words_of(kinds), jobs, limit, keep, tuple(protect),
        tuple(against), decided,
    )  # fmt: skip
    with reviewing(db or paths.default_index(), options, port, Silent() if quiet else Terminal()) as found:
        show_found(screen, found)
        if not found.groups:
            return
        browser = None if no_browser else open_browser
        found.serve(lambda: show_address(screen, found.url, browser))
        show_decided(screen, found)
