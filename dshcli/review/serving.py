"""The socket, on this computer's loopback address alone, and the server behind it."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dshcli.errors import UsageError, system_reason
from dshcli.review.guard import App

LOOPBACK = "127.0.0.1"
GRACE_SECONDS = 3  # for answers under way when the server is to end


@contextmanager
def listening(port: int) -> Iterator[socket.socket]:
    """A socket on that port of the loopback address (0: any free one). Raises UsageError if it cannot be had."""
    # Only where the protocol is named does asyncio send small packets at once, and not 40 ms later.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
            listener.listen(128)
        except OSError as error:
            raise UsageError(
                f"port {port}: {system_reason(error)}",
                hint="Choose another one, or leave out --port: then it is a free one.",
            ) from error
        yield listener


def serve(app: App, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Answers until SIGINT, at which KeyboardInterrupt passes, or SIGTERM. `ready` is called before the first answer,
    when requests can be made already."""
    import uvicorn

    config = uvicorn.Config(
        app,
        http="h11",
        loop="asyncio",
        log_config=None,
        log_level="warning",
        access_log=False,  # the URLs hold the token
        lifespan="off",
        ws="none",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = uvicorn.Server(config)
    ready()
    server.run(sockets=[listener])
