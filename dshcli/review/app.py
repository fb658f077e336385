"""The server's answers: the page, the groups with today's verdicts, pictures, and decisions that are on disk before
the answer is sent."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from dshcli.commands.dupes import Group
from dshcli.dedupe.plan import plan_text
from dshcli.errors import DshError
from dshcli.review.guard import App, Guard
from dshcli.review.marks import BadRequest, digest_of, parsed_keeper, parsed_marks
from dshcli.review.pictures import PICTURE, THUMB, Form, NoPicture
from dshcli.review.standing import Ground
from dshcli.review.state import State
from dshcli.show.page.review.page import served_page, served_policy
from dshcli.show.page.review.records import group_record

MOST_GROUPS = 500  # in one answer
MAX_BODY = 4_000_000  # bytes: some 20,000 marks

Answer = Callable[[Request], Awaitable[Response]]


class _Refused(Exception):
    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


def review_app(state: State, port: int, token: str) -> App:
    """The ASGI application, below the token, for requests to that port."""
    answers = _Answers(state)
    routes = [
        Route("/", answers.page, methods=["GET"]),
        Route("/api/groups", answers.groups, methods=["GET"]),
        Route("/api/thumb/{digest}", answers.thumb, methods=["GET"]),
        Route("/api/picture/{digest}", answers.picture, methods=["GET"]),
        Route("/api/decisions", answers.decisions, methods=["POST"]),
        Route("/api/keeper", answers.keeper, methods=["POST"]),
        Route("/api/plan", answers.plan, methods=["GET"]),
    ]
    errors = {
        _Refused: _told(400), BadRequest: _told(400), NoPicture: _told(404), DshError: _told(503), 404: _told(404),
        405: _told(405), 500: _told(500, "an error of the server; its terminal has more"),
        ClientDisconnect: _told(400, "the request ended too early"),
    }  # fmt: skip
    app = Starlette(routes=routes, exception_handlers=errors)
    app.router.redirect_slashes = False
    return Guard(app, port, token)


class _Answers:
    def __init__(self, state: State) -> None:
        self._state = state
        self._page = served_page("Duplicates", json.loads(next(plan_text(state.header, ()))))

    async def page(self, request: Request) -> Response:
        headers = {"content-security-policy": served_policy()}
        return Response(self._page, media_type="text/html", headers=headers)

    async def groups(self, request: Request) -> Response:
        start, count = _number(request, "start", 0), _number(request, "count", 100)
        total = len(self._state.table)

        def written(ground: Ground, groups: list[Group]) -> bytes:  # by the thread that reads them: the loop goes on
            return _json_bytes({"total": total, "groups": [group_record(group, ground.chosen) for group in groups]})

        records = await self._state.standings(start, min(count, MOST_GROUPS), written)
        return Response(records, media_type="application/json")

    async def thumb(self, request: Request) -> Response:
        return await self._shown(request, THUMB)

    async def picture(self, request: Request) -> Response:
        return await self._shown(request, PICTURE)

    async def decisions(self, request: Request) -> Response:
        marks = parsed_marks(await _body(request), self._state.table)
        await self._state.save_marks(marks)
        return _json({"saved": len(marks)})

    async def keeper(self, request: Request) -> Response:
        await self._state.save_keeper(parsed_keeper(await _body(request), self._state.table))
        return _json({"saved": 1})

    async def plan(self, request: Request) -> Response:
        headers = {"content-disposition": 'attachment; filename="plan.jsonl"'}
        return Response(await self._state.plan(), media_type="application/jsonl", headers=headers)

    async def _shown(self, request: Request, form: Form) -> Response:
        digest = digest_of(request.path_params["digest"])
        if digest is None or not self._state.table.having(digest):
            raise _Refused(404, "no picture of that digest is shown here")
        tag = f'"{digest.hex()}-{form.side}"'
        # A browser may keep it for this page, and asks each time whether the file is still what was indexed.
        headers = {"etag": tag, "cache-control": "private, no-cache"}
        if request.headers.get("if-none-match") == tag:
            await self._state.pictures.ensure_there(digest)
            return Response(status_code=304, headers=headers)
        return Response(await self._state.pictures.get(digest, form), media_type=form.media_type, headers=headers)


def _told(status: int, words: str = "") -> Any:
    """Answers an exception with that status (a refusal has its own), and its own words or those."""

    async def answer(request: Request, error: Exception) -> Response:
        hint = f". {error.hint}" if isinstance(error, DshError) and error.hint else ""
        text = words or getattr(error, "detail", None) or f"{error}{hint}"
        answered = _json({"error": text}, error.status if isinstance(error, _Refused) else status)
        if answered.status_code == 413:
            answered.headers["connection"] = "close"  # else the rest would be read, and thrown away
        return answered

    return answer


def _json(record: dict[str, Any], status: int = 200) -> Response:
    return Response(_json_bytes(record), status, media_type="application/json")


def _json_bytes(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode("ascii")  # a byte of a path that is no UTF-8 is the escape of its surrogate


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise _Refused(400, f"{name!r} is no number that makes sense")
    return int(text)


async def _body(request: Request) -> bytes:
    """The JSON of a request, which is of a bounded size however long it says to be."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise _Refused(415, "Content-Type must be application/json")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY:
            raise _Refused(413, f"more than {MAX_BODY} bytes; send less at a time")
    return bytes(body)
