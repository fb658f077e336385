"""Traps: different pictures in one layout. Whoever takes two of one kind for copies of each other errs.

A few of them are saved once more at other sizes and qualities: true copies, which a cautious method should still find.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tests.benchmarks.copies.edits.canvas import Made, Picture, Rng, chance, jpeg, png, scaled
from tests.benchmarks.copies.traps import boards, flat, pages, products, screens

PAGES = (pages.book_page, pages.dense_page, pages.paper, pages.letter, pages.slide, pages.code)
CHATS = (screens.blue_chat, screens.green_chat, screens.dark_chat)
LISTS = (screens.settings, screens.mail_list, screens.contacts)
SCREENS = (screens.news_page, screens.player)
BOARDS = (boards.chess, boards.ticket, boards.month, boards.chart)
FORMS = (pages.table, pages.form)
PRODUCTS = tuple(partial(products.product, outline) for outline in products.OUTLINES.values())

KINDS: dict[str, tuple[tuple[Callable[[Rng], Picture], ...], int]] = {  # name -> layouts, pictures of each
    "pages": (PAGES, 8),
    "chats": (CHATS, 10),
    "lists": (LISTS, 14),
    "tables and forms": (FORMS, 20),
    "one screen, other content": (SCREENS, 14),
    "boards, tickets, charts": (BOARDS, 13),
    "products": (PRODUCTS, 8),
    "blank": ((flat.blank,), 18),
    "solid": ((flat.solid,), 14),
    "gradients": ((flat.gradient,), 14),
}
RE_SAVED = 6  # every so manyth trap that shows something is saved again
FLAT = ("blank", "solid", "gradients")


@dataclass(frozen=True)
class Trap:
    """One picture of a trap kind; `re_saved` stands for the same picture saved again, smaller and as JPEG."""

    kind: str
    layout: int
    number: int
    re_saved: bool = False

    @property
    def name(self) -> str:
        """A file name without ending; of a re-saved one it ends in -again."""
        return f"{self.kind}-{self.layout}-{self.number:02d}{'-again' * self.re_saved}".replace(" ", "_")

    @property
    def truth(self) -> str:
        """What it shows: equal for a trap and the same one saved again, different for all others."""
        return f"trap {self.kind} {self.layout} {self.number}"

    def make(self) -> Made:
        rng = chance(self.truth)
        picture = KINDS[self.kind][0][self.layout](rng)
        if self.re_saved:
            return jpeg(scaled(picture, 0.75), 55)
        return png(picture) if rng.random() < 0.5 else jpeg(picture)


def all_traps() -> tuple[Trap, ...]:
    """All traps, then the re-saved ones."""
    traps = [
        Trap(kind, layout, number)
        for kind, (layouts, count) in KINDS.items()
        for layout in range(len(layouts))
        for number in range(count)
    ]
    shown = [trap for trap in traps if trap.kind not in FLAT]
    return (*traps, *(Trap(trap.kind, trap.layout, trap.number, True) for trap in shown[::RE_SAVED]))
