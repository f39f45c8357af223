"""The device's mark: a random cookie that ties a form to the browser it was shown in. It names nobody."""

import re

from fastapi import Request
from starlette.responses import Response

from booking import ids
from booking.sealed import keys

_MARK = re.compile(r"[A-Za-z0-9_-]{16,64}")
A_YEAR = 31_536_000
"""Seconds."""


def secure(request: Request) -> bool:
    """Whether patients reach us over https, so that cookies may be bound to it."""
    base: str = request.app.state.settings.public_base_url
    return base.startswith("https://")


def cookie_name(request: Request, name: str) -> str:
    """`__Host-name` over https: no subdomain and no plain connection can set such a cookie."""
    return f"__Host-{name}" if secure(request) else name


def preference(request: Request, name: str) -> str:
    """What somebody switched on her pages, under whichever name it was kept: it opens nothing, so it is believed."""
    return request.cookies.get(f"__Host-{name}") or request.cookies.get(name, "")


def mark(request: Request) -> str | None:
    """The mark the browser sent; None when it sent none, or something that is none of ours."""
    sent = request.cookies.get(cookie_name(request, "device"), "")
    return sent if _MARK.fullmatch(sent) else None


def index(request: Request) -> bytes:
    """What holds are counted by: the mark, or the network address of a browser that keeps no cookies."""
    address = request.client.host if request.client else "unknown"
    return keys().index("device", mark(request) or address)


def scope(request: Request) -> str:
    """Whom a form's idempotency key belongs to."""
    return f"page:{index(request).hex()[:32]}"


def keep(request: Request, response: Response) -> None:
    """Give the browser a mark, unless it has one, and the cookie that was put off until there is an answer."""
    if mark(request) is None:
        set_cookie(request, response, "device", ids.opaque_key(), max_age=A_YEAR)
    put_off: tuple[str, str, int] | None = getattr(request.state, "put_off", None)
    if put_off is not None:
        name, value, max_age = put_off
        set_cookie(request, response, name, value, max_age=max_age)


def put_off(request: Request, name: str, value: str, *, max_age: int) -> None:
    """Set this cookie with the answer, whichever it is: who reads a request has none yet."""
    request.state.put_off = (name, value, max_age)


def set_cookie(request: Request, response: Response, name: str, value: str, *, max_age: int | None) -> None:
    """A cookie no script reads and no other site's form sends along.

    `max_age` is in seconds; 0 takes the cookie away, None lets it go with the browser.
    """
    response.set_cookie(
        cookie_name(request, name), value, max_age=max_age, path="/", secure=secure(request), httponly=True,
        samesite="lax",
    )  # fmt: skip
