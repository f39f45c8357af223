"""Pure ASGI middleware round everything: request id, size limit, headers, one log line a request.

Pure ASGI, because each BaseHTTPMiddleware costs a quarter of a millisecond.
"""

import asyncio
import logging
import re
import time

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from booking import ids
from booking.logs import request_id
from booking.web import metrics, problems

log = logging.getLogger("henkham.access")

LARGEST_BODY = 64 * 1024
"""Bytes; the largest form or body we take is a tenth of it."""

LARGEST_FILE = 33 * 1024 * 1024
"""Bytes of the one form that brings a file: an export that staff show (`desk/feeds/shown.py`)."""

_BRINGS_A_FILE = re.compile(r"/desk/[^/]{1,40}/show-file")

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

DRAINED = 32 * 1024 * 1024
"""Bytes of a body that is too large which we still read and throw away, so that its sender hears why."""

_DRAIN_SECONDS = 5.0
_BAD_REQUEST = 400
_TOO_LARGE = 413


def headers_for(*, secure: bool) -> dict[str, str]:
    """What every answer says to the browser; `secure` adds HSTS, because the public address is https."""
    return HEADERS | ({"strict-transport-security": "max-age=31536000"} if secure else {})


class Shell:
    """The outermost layer."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        """Wrap `app`; `secure`: see `headers_for`."""
        self._app = app
        self._headers = [(name.encode(), value.encode()) for name, value in headers_for(secure=secure).items()]

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
                given = {name for name, _ in message["headers"]}
                ours = [header for header in self._headers if header[0] not in given]
                message["headers"] = [*message["headers"], *ours, (b"x-request-id", current.encode())]
            await send(message)

        try:
            await self._answered(scope, receive, send_with_headers)
        finally:
            route = getattr(scope.get("route"), "path", None) or "-"
            seconds = time.perf_counter() - started
            metrics.answered(scope["method"], route, status, seconds)
            spent = round(seconds * 1000, 1)
            facts = {"method": scope["method"], "route": route, "status": status, "ms": spent}
            log.info("request", extra={"facts": facts})
            request_id.reset(token)

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Whatever happens inside, the reader gets an answer in our one shape, with our headers and its request id."""
        started = False

        async def send_noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            refused = _refusal(scope)
            if refused is not None:
                if refused.status_code == _TOO_LARGE:
                    await _drain(receive)
                raise refused
            await self._app(scope, _limited(receive, _most(scope)), send_noting)
        except Exception as error:
            if started:
                raise
            request = Request(scope)
            await problems.chosen(request, error)(scope, receive, send)


def _refusal(scope: Scope) -> HTTPException | None:
    """What is wrong with a request before anybody looks at it."""
    declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if not declared.isdigit():
        return HTTPException(_BAD_REQUEST)
    if int(declared) > _most(scope):
        return HTTPException(_TOO_LARGE, headers={"connection": "close"})
    # U+0000 stands in no name and no code, and PostgreSQL refuses it in any text.
    if "\0" in scope["path"] or b"%00" in scope["query_string"]:
        return HTTPException(_BAD_REQUEST)
    return None


def _most(scope: Scope) -> int:
    """How large the body may be."""
    with_file = scope["method"] == "POST" and _BRINGS_A_FILE.fullmatch(scope["path"])
    return LARGEST_FILE if with_file else LARGEST_BODY


def _limited(receive: Receive, most: int) -> Receive:
    """Reads as `receive` does, up to the limit; for a body that came without its length."""
    read = 0

    async def receive_limited() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > most:
            await _drain(receive)
            raise HTTPException(_TOO_LARGE, headers={"connection": "close"})
        return message

    return receive_limited


async def _drain(receive: Receive) -> None:
    """Throw the rest of a body away: a connection closed on a sender who is still sending loses our answer."""
    read = 0
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            while read < DRAINED:
                message = await receive()
                read += len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
    except TimeoutError:
        return
