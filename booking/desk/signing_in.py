"""Signing in with user name, password and, for whoever has an authenticator, its code; and signing out."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from booking.access import passwords, sessions
from booking.access.errors import SignInDelayed, SignInRefused
from booking.desk.forms import raw_of
from booking.errors import BookingError
from booking.web import at_desk
from booking.web.dependencies import Ask, Asked
from booking.web.limits import check_address
from booking.web.origin import check_origin
from booking.web.pages import local_path, page, see_other
from booking.web.problems import sentence, status_of

router = APIRouter(prefix="/desk", include_in_schema=False, dependencies=[Depends(check_origin)])

After = Annotated[str, Query(alias="next")]


def _way(after: str) -> str:
    """Where to go when signed in: a page of the desk."""
    path = local_path(after)
    return path if path == "/desk" or path.startswith("/desk/") else "/desk"


@router.get("/sign-in")
async def form_page(request: Request, asked: Ask, after: After = "") -> Response:
    """User name and password. Whoever is signed in already goes on."""
    if await at_desk.desk_of(request, asked) is not None:
        return see_other(request, _way(after))
    return _show(request, _way(after))


def _show(
    request: Request, after: str, *, username: str = "", error: BookingError | None = None, asked: Asked | None = None
) -> Response:
    said = sentence(error, asked.language) if error is not None and asked is not None else None
    answer = page(
        request, "desk_sign_in.html", status=status_of(error) if error else 200, personal=True, after=after,
        username=username, error=said,
    )  # fmt: skip
    if error is not None and "retry_after" in error.facts:
        answer.headers["Retry-After"] = str(error.facts["retry_after"])
    return answer


@router.post("/sign-in")
async def sign_in(request: Request, asked: Ask, after: After = "") -> Response:
    """Open a session, with a token of its own; an earlier one of this browser is not taken over."""
    form = await request.form()
    username = raw_of(form, "username")
    try:
        token = await _opened(request, asked, username, raw_of(form, "password"), raw_of(form, "code"))
    except (SignInDelayed, SignInRefused) as error:
        return _show(request, _way(after), username=username, error=error, asked=asked)
    answer = see_other(request, _way(after))
    at_desk.remember(request, answer, token)
    return answer


async def _opened(request: Request, asked: Asked, username: str, password: str, code: str) -> str:
    async with asked.db.hot() as hot:
        await check_address(hot, asked)
    async with asked.db.transaction() as session:
        attempt = await sessions.begin(session, username, now=asked.now)
    fits = await asyncio.to_thread(passwords.fits, attempt.password, password)
    async with asked.db.transaction() as session:
        token = await sessions.complete(
            session, attempt, fits=fits, code=code, browser=request.headers.get("user-agent", ""), by=asked.by,
            now=asked.now,
        )  # fmt: skip
    if token is None:
        raise SignInRefused
    return token


@router.post("/sign-out")
async def sign_out(request: Request, asked: Ask) -> Response:
    """End the session of this browser."""
    desk = await at_desk.desk_of(request, asked)
    if desk is not None:
        async with asked.db.transaction() as session:
            await sessions.end(session, desk, desk.session, by=at_desk.actor(asked, desk), now=asked.now)
    answer = see_other(request, "/desk/sign-in")
    answer.headers["Clear-Site-Data"] = '"cache"'
    at_desk.forget(request, answer)
    return answer
