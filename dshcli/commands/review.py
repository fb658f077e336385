"""`dsh review`: finds the groups, then serves a page of them that writes decisions into the index."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dshcli.commands.dupes import Dupes, DupesOptions, find_dupes
from dshcli.commands.planning import header_of
from dshcli.library.store import Index
from dshcli.progress import Reporter

if TYPE_CHECKING:
    import socket

    from dshcli.review.state import Decided, State


@dataclass(frozen=True)
class Review:
    """A page that is ready. found: what dsh dupes would find, its groups taken; decided: since the page is served."""

    found: Dupes
    url: str
    decided: "Decided"
    _state: "State"
    _listener: "socket.socket"
    _token: str

    @property
    def groups(self) -> int:
        return len(self._state.table)

    def serve(self, ready: Callable[[], None]) -> None:
        """Answers until Ctrl-C, the way in which this ends. `ready` is called when the page can be asked for."""
        from dshcli.review.app import review_app
        from dshcli.review.serving import serve

        port = self._listener.getsockname()[1]
        app = review_app(self._state, port, self._token)
        with suppress(KeyboardInterrupt):
            serve(app, self._listener, ready)


@contextmanager
def reviewing(db: Path, options: DupesOptions, port: int, reporter: Reporter) -> Iterator[Review]:
    """Groups the images of an index and makes their page ready. Raises NoIndex, NoModel, UsageError, DshError."""
    from dshcli.review.connections import Saving, reading
    from dshcli.review.guard import new_token
    from dshcli.review.pictures import Pictures
    from dshcli.review.serving import LOOPBACK, listening
    from dshcli.review.standing import Basis, Grounds
    from dshcli.review.state import State
    from dshcli.review.table import GroupTable

    with ExitStack() as stack:
        listener = stack.enter_context(listening(port))  # what cannot be served is told before the long search
        with Index.open(db) as index:
            saving = Saving(db)
            stack.callback(saving.close)
            found = find_dupes(index, options, reporter)
            table = GroupTable(found.groups)
            header = header_of(found, index)
            grounds = Grounds(Basis(found.model.key, header.verified))
        reader = reading(db)
        stack.callback(reader.close)
        pictures = Pictures(reader, options.max_pixels)
        stack.callback(pictures.close)
        state = State(table, header, grounds, reader, saving, pictures)
        token = new_token()
        url = f"http://{LOOPBACK}:{listener.getsockname()[1]}/{token}/"
        yield Review(found, url, state.decided, state, listener, token)


def open_browser(url: str) -> None:
    """Opens it beside this program: a browser in the terminal would keep it from serving."""
    import webbrowser
    from threading import Thread

    Thread(target=webbrowser.open, args=[url], daemon=True).start()
