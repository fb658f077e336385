"""The words of `dsh review`; its one line of data is the page's address."""

import sys
from collections.abc import Callable

from dshcli.commands.review import Review
from dshcli.library.decisions import Verdict
from dshcli.show.dupes import dupes_words
from dshcli.show.screen import Screen
from dshcli.show.text import count


def show_found(screen: Screen, review: Review) -> None:
    """Says what there is to review."""
    screen.say(review.found.warning)
    for line in dupes_words(review.found, verbose=screen.verbose):
        screen.say(line)
    if not review.groups:
        screen.say("There is nothing to review.")


def show_address(screen: Screen, url: str, open_browser: Callable[[str], None] | None) -> None:
    """Prints where the page is and, if there is a browser to open, opens it there."""
    screen.line(url)
    sys.stdout.flush()
    screen.say("Each mark is saved at once. Only this computer has the page. When you are done: Ctrl-C")
    if open_browser is not None:
        open_browser(url)


def show_decided(screen: Screen, review: Review) -> None:
    """Says what was decided while the page was there, and how to go on."""
    verdicts, keepers = review.decided.verdicts, len(review.decided.keepers)
    parts = [f"{verdicts[verdict]:,} {words}" for verdict, words in _WORDS.items() if verdicts[verdict]]
    if keepers:
        parts.append(f"{count(keepers, 'keeper')} chosen")
    screen.say(
        f"Decided this time: {', '.join(parts) or 'nothing'}. It is all in the index; dsh review goes on from there."
    )
    screen.say(
        "To remove what you marked: dsh dupes --marked --plan plan.jsonl, with the other options of this review, then "
        "dsh apply plan.jsonl. Without --marked the plan is of all copies but those that you keep."
    )


_WORDS = {Verdict.SAME: "to remove", Verdict.BOTH: "to keep both", Verdict.DIFFERENT: "different"}
