"""Pure ASGI middleware round everything: request id, size limit, headers, one log line a request.

Pure ASGI, because each BaseHTTPMiddleware costs a quarter of a millisecond.
"""

import logging
import time

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from booking import ids
from booking.i18n import translate
from booking.logs import request_id
from booking.web import problems
from booking.web.dependencies import language_of
from booking.web.problem_texts import HTTP_TEXTS

log = logging.getLogger("henkham.access")

LARGEST_BODY = 64 * 1024
"""Bytes; the largest form or body we take is a tenth of it."""

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)

HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",  # a ticket's address opens the ticket: it must never travel on
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(self)",
}

_TOO_LARGE = 413


class BodyTooLargeError(Exception):
    """The body passed the limit while it was read."""


class Shell:
    """The outermost layer."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        """Wrap `app`; `secure` adds HSTS, because the public address is https."""
        self._app = app
        self._headers = HEADERS | ({"strict-transport-security": "max-age=31536000"} if secure else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        current = ids.opaque_key(9)
        token = request_id.set(current)
        started = time.perf_counter()
        status = 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                headers["x-request-id"] = current
            await send(message)

        try:
            await self._limited(scope, receive, send_with_headers)
        finally:
            route = getattr(scope.get("route"), "path", None) or "-"
            spent = round((time.perf_counter() - started) * 1000, 1)
            facts = {"method": scope["method"], "route": route, "status": status, "ms": spent}
            log.info("request", extra={"facts": facts})
            request_id.reset(token)

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if not declared.isdigit() or int(declared) > LARGEST_BODY:
            await self._refuse(scope, receive, send)
            return
        read = 0
        started = False

        async def receive_limited() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > LARGEST_BODY:
                raise BodyTooLargeError
            return message

        async def send_noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive_limited, send_noting)
        except BodyTooLargeError:
            if not started:
                await self._refuse(scope, receive, send)

    @staticmethod
    async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
        code, title, advice = HTTP_TEXTS[_TOO_LARGE]
        request = Request(scope, receive)
        language = language_of(request)
        answer = problems.problem(request, _TOO_LARGE, code, translate(language, title), translate(language, advice))
        answer.headers["connection"] = "close"
        await answer(scope, receive, send)
