"""Who is signed in: read from the session's cookie, once per request.

who: Who      a page for everybody that knows its reader; None where nobody is signed in
who: Known    a page for signed-in people; others are sent to sign in and come back
"""

from typing import Annotated, ClassVar
from urllib.parse import quote

from fastapi import Depends, Request
from starlette.responses import Response

from booking.actor import Actor, ActorKind
from booking.errors import NotAllowed
from booking.patients import sessions
from booking.patients.sessions import Current, SignedIn
from booking.patients.signing_rules import span
from booking.web import device
from booking.web.dependencies import Ask, Asked

COOKIE = "session"
_LONGEST_TOKEN = 100


class SignInNeeded(NotAllowed):
    """For signed-in people. A page leads to signing in, and back to where one was."""

    code = "sign_in_needed"
    step: ClassVar[str] = "/sign-in"
    """Where to."""


class BirthNeeded(SignInNeeded):
    """Signed in by code, but the number was silent for long: a birth date of the family is asked for first."""

    code = "birth_needed"
    step = "/sign-in/birth"


def token_of(request: Request) -> str | None:
    """The session's token as the browser sent it; None without one."""
    sent = request.cookies.get(device.cookie_name(request, COOKIE), "")
    return sent if 0 < len(sent) <= _LONGEST_TOKEN else None


async def current(request: Request, asked: Asked) -> Current | None:
    """What the cookie opens. Noting that a session is in use is the one thing that a GET writes, once a day at most.

    On a shared telephone it is noted every two minutes: half an hour of silence ends it.
    """
    token = token_of(request)
    if token is None:
        return None
    async with asked.db.hot() as hot:
        found = await sessions.current_hot(hot, token, now=asked.now)
    if found is not None and found.renew:
        async with asked.db.transaction() as session:
            renewed = await sessions.renew(session, found.who, now=asked.now)
        if renewed and not found.who.shared:
            device.put_off(request, COOKIE, token, max_age=_life())
    return found


async def _who(request: Request, asked: Ask) -> SignedIn | None:
    found = await current(request, asked)
    who = found.who if found is not None and not found.needs_birth else None
    request.state.signed_in = who
    return who


async def known(request: Request, asked: Ask) -> SignedIn:
    """Who is signed in.

    Raises:
        SignInNeeded: nobody is; the page leads to signing in and back.
    """
    found = await current(request, asked)
    if found is None:
        raise SignInNeeded
    if found.needs_birth:
        raise BirthNeeded
    request.state.signed_in = found.who
    return found.who


Who = Annotated[SignedIn | None, Depends(_who)]
"""Who is signed in; None where nobody is."""

Known = Annotated[SignedIn, Depends(known)]
"""Who is signed in; nobody else gets in."""


def actor(asked: Asked, who: SignedIn | None) -> Actor:
    """On whose behalf a request is: the account's where somebody is signed in."""
    if who is None:
        return asked.by
    return Actor(ActorKind.ACCOUNT, id=str(who.account), address=asked.by.address, request_id=asked.by.request_id)


def way_in(request: Request, error: SignInNeeded) -> str:
    """Where to sign in and come back from: after a form that was not taken, to the page of that address."""
    query = f"?{request.url.query}" if request.method in ("GET", "HEAD") and request.url.query else ""
    return f"{error.step}?next={quote(request.url.path + query, safe='')}"


def remember(request: Request, answer: Response, token: str, *, shared: bool) -> None:
    """Give the browser its session's token; on a shared telephone it goes when the browser is closed."""
    device.set_cookie(request, answer, COOKIE, token, max_age=None if shared else _life())


def _life() -> int:
    """Seconds a cookie lives on one's own telephone."""
    return int(span(shared=False).life.total_seconds())


def forget(request: Request, answer: Response) -> None:
    """Take the token away again."""
    device.set_cookie(request, answer, COOKIE, "", max_age=0)
