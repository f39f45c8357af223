"""More requests than a process can answer in time: some are told at once to come again, and the others are quick.

A server that takes everything answers everything late, and in the end nobody. So only so many requests are inside at
once; to the next one this layer gives an answer that is made already: a page that opens again by itself, or a problem
for a program, each with Retry-After. It is the outermost layer, and it does nothing for a request that was turned away
but write those bytes. The waits differ, so that those turned away together do not come back together.
"""

import asyncio
from itertools import cycle
from typing import Final

import orjson
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from booking.errors import Busy
from booking.i18n import Language
from booking.web import metrics
from booking.web.dependencies import language_of
from booking.web.pages import environment
from booking.web.problems import MEDIA_TYPE, sentence
from booking.web.security import headers_for

_ALWAYS: Final = ("/healthz", "/readyz", "/metrics")
"""Who watches us must not be turned away: a process that is busy is not one to be stopped."""

_READS: Final = ("GET", "HEAD")
_STREAM: Final = b"text/event-stream"
_WAITS: Final = (3, 7, 4, 9, 5, 8, 6)
"""Seconds until another try, one after another."""


class Crowd:
    """Lets so many requests in at once. A live page counts until it stands: after that it costs next to nothing."""

    def __init__(self, app: ASGIApp, *, most: int, base_url: str) -> None:
        """Wrap `app`; `base_url` is what the types of problems begin with."""
        self._app = app
        self._most = most
        self._base = base_url
        self._headers = headers_for(secure=base_url.startswith("https://"))
        self._inside = 0
        self._hardly_room = max(1, most - most // 8)
        self._full_since = 0.0
        self._waits = cycle(_WAITS)
        self._answers: dict[tuple[str, bool, Language, int], tuple[Message, Message]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["path"] in _ALWAYS:
            await self._app(scope, receive, send)
        elif self._inside >= self._most:
            await self._turn_away(scope, send)
        else:
            await self._let_in(scope, receive, send)

    def _count(self, change: int) -> None:
        """One more inside, or one less; how long there was hardly room is counted with each, as long as it lasts."""
        if self._inside >= self._hardly_room:
            now = asyncio.get_running_loop().time()
            metrics.full(now - self._full_since)
            self._full_since = now
        elif self._inside + change >= self._hardly_room:
            self._full_since = asyncio.get_running_loop().time()
        self._inside += change

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._count(1)
        counted = True

        async def send_noting(message: Message) -> None:
            nonlocal counted
            if counted and message["type"] == "http.response.start" and _is_stream(message):
                counted = False
                self._count(-1)
            await send(message)

        try:
            await self._app(scope, receive, send_noting)
        finally:
            if counted:
                self._count(-1)

    async def _turn_away(self, scope: Scope, send: Send) -> None:
        method, to_api = scope["method"], scope["path"].startswith("/api/")
        which = (method if method in _READS else "POST", to_api, language_of(Request(scope)), next(self._waits))
        if (answer := self._answers.get(which)) is None:
            answer = self._answers[which] = self._answer(*which)
        metrics.turned_away(method)
        for message in answer:
            await send(message)

    def _answer(self, method: str, to_api: bool, language: Language, wait: int) -> tuple[Message, Message]:  # noqa: FBT001  as the key has it
        reads = method in _READS
        kind, body = (
            (MEDIA_TYPE, _problem(language, self._base, wait))
            if to_api
            else ("text/html; charset=utf-8", _page(language, reads=reads))
        )
        headers = {
            **self._headers, "content-type": kind, "content-length": str(len(body)), "retry-after": str(wait),
            "cache-control": "no-store",
        }  # fmt: skip
        if reads and not to_api:
            headers["refresh"] = str(wait)
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        return (
            {"type": "http.response.start", "status": 503, "headers": pairs},
            {"type": "http.response.body", "body": b"" if method == "HEAD" else body},
        )


def _is_stream(message: Message) -> bool:
    return any(name == b"content-type" and value.startswith(_STREAM) for name, value in message["headers"])


def _problem(language: Language, base: str, wait: int) -> bytes:
    title, advice = sentence(Busy(), language)
    return orjson.dumps({
        "type": f"{base}/errors/{Busy.code}", "title": title, "status": 503, "detail": advice, "code": Busy.code,
        "retry_after": wait,
    })  # fmt: skip


def _page(language: Language, *, reads: bool) -> bytes:
    title, advice = sentence(Busy(reason="reads" if reads else "sends"), language)
    frame = {"here": "/", "large_type": False, "training": False, "account": None, "back": "/", "key": ""}
    frame |= {"posted": None}
    shown = {"title": title, "advice": advice, "phone": None, "offers": (), "reference": None}
    return environment(language).get_template("error.html").render(**frame, **shown).encode()
