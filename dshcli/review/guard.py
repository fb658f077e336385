"""Who may ask the server: the page that has the token, from this computer, by the address that we gave.

Any web page can send requests to 127.0.0.1, and by a name of its own that leads there (DNS rebinding) even read the
answers. So a request must name us as its host, carry the token and, to change anything, come from our own page.
"""

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

TOKEN_BYTES = 32
HTTP_PORT = 80
NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
HEADERS = {
    b"content-security-policy": NOTHING.encode(),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cache-control": b"no-store",
}


def new_token() -> str:
    """Cannot be guessed, and may stand in a URL."""
    return secrets.token_urlsafe(TOKEN_BYTES)


class Guard:
    """Lets the requests through to `app` that may pass, without the token in their path; adds headers to each answer
    that has none of these names."""

    def __init__(self, app: App, port: int, token: str) -> None:
        self._app, self._token = app, token.encode()
        end = "" if port == HTTP_PORT else f":{port}"  # browsers leave out the usual one
        self._hosts = {f"{name}{end}".encode() for name in ("127.0.0.1", "localhost")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        async def send_guarded(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                named = {name.lower() for name, _ in message.get("headers", [])}
                added = [item for item in HEADERS.items() if item[0] not in named]
                message = {**message, "headers": [*message.get("headers", []), *added]}
            await send(message)

        headers = [(name.lower(), value) for name, value in scope["headers"]]
        hosts = [value.lower() for name, value in headers if name == b"host"]
        token, slash, rest = scope["path"].removeprefix("/").partition("/")
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            await _refuse(send_guarded, 421, "Misdirected Request")
        elif not secrets.compare_digest(token.encode("utf-8", "surrogatepass"), self._token) or not slash:
            await _refuse(send_guarded, 404, "Not Found")
        elif not _from_us(scope["method"], dict(headers), hosts[0]):
            await _refuse(send_guarded, 403, "Forbidden")
        else:
            path = f"/{rest}"
            await self._app(
                {**scope, "path": path, "raw_path": path.encode("utf-8", "surrogatepass")}, receive, send_guarded
            )


def _from_us(method: str, headers: dict[bytes, bytes], host: bytes) -> bool:
    """Whether a request that may change something comes from our page, and one that reads is not of another site."""
    site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
    if method in ("GET", "HEAD"):
        return site in (None, b"same-origin", b"none")
    if site is not None and site != b"same-origin":
        return False
    if origin == b"null":  # what no-referrer makes of it in some browsers; but a sandboxed frame sends it, too
        return site == b"same-origin"
    return site is not None if origin is None else origin.lower() == b"http://" + host


async def _refuse(send: Send, status: int, words: str) -> None:
    body = words.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
