"""Who sits at a desk: read anew from the database for each request, so that a changed account or scope holds at once.

desk: AtDesk                      somebody who is signed in; others are sent to sign in and come back
desk: Annotated[Desk, needs(Right.STAFF)]   … and whose role includes this
where: Where                      the facility of the address, if it lies in the scope; else there is none (404).
                                  A place to practise lies in everybody's, and marks every page that is made for it
"""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Path, Request
from starlette.responses import Response

from booking import clock
from booking.access import queries, sessions
from booking.access.kinds import Right
from booking.access.queries import Desk
from booking.access.rules import LONGEST
from booking.actor import Actor, ActorKind
from booking.directory.errors import FacilityUnknown
from booking.web import device
from booking.web.dependencies import Ask, Asked
from booking.web.signed_in import SignInNeeded

COOKIE = "desk"
BY_ITSELF = "Henkham-By-Itself"
"""A script that asks with nobody in front of it says so; a browser's stream says it by what it accepts."""
_LONGEST_TOKEN = 100


class DeskSignInNeeded(SignInNeeded):
    """For those who work here. A page leads to signing in, and back to where one was."""

    code = "desk_sign_in_needed"
    step = "/desk/sign-in"


class NewPasswordNeeded(SignInNeeded):
    """Signed in with a first password: one's own is to be chosen before anything else."""

    code = "new_password_needed"
    step = "/desk/account/password"


async def desk_of(request: Request, asked: Asked) -> Desk | None:
    """Who sits there; None where nobody is signed in (any more). Noting the use is the one thing a GET writes."""
    token = request.cookies.get(device.cookie_name(request, COOKIE), "")
    if not 0 < len(token) <= _LONGEST_TOKEN:
        return None
    async with asked.db.transaction() as session:
        found = await queries.at_desk(session, token, now=asked.now)
        if found is not None and not _by_itself(request):
            await sessions.keep_alive(session, found, now=asked.now)
    request.state.desk = found
    return found


def _by_itself(request: Request) -> bool:
    """Whether the page asks and nobody uses it: an open page keeps nobody signed in."""
    return BY_ITSELF in request.headers or request.headers.get("accept") == "text/event-stream"


async def _at_desk(request: Request, asked: Ask) -> Desk:
    found = await desk_of(request, asked)
    if found is None:
        raise DeskSignInNeeded
    if found.staff.must_change and not request.url.path.startswith(("/desk/account/password", "/desk/sign-out")):
        raise NewPasswordNeeded
    return found


AtDesk = Annotated[Desk, Depends(_at_desk)]
"""Who works here; nobody else gets in."""


def needs(right: Right) -> Any:
    """A dependency: the desk, if the role of whoever sits there includes this right; RightMissing (403) otherwise."""

    async def check(desk: AtDesk) -> Desk:
        desk.staff.check(right)
        return desk

    return Depends(check)


@dataclass(frozen=True, slots=True)
class Place:
    """A facility within the scope of whoever asks. `training`: one to practise at, where nothing is real."""

    code: str
    facility_id: int
    training: bool = False


async def _where(request: Request, desk: AtDesk, facility: Annotated[str, Path()]) -> Place:
    found = desk.staff.facilities.get(facility)
    if found is not None:
        return Place(facility, found)
    practice = desk.staff.practice.get(facility)
    if practice is None:
        raise FacilityUnknown(facility=facility[:64])
    request.state.training = True  # read by pages.page_in: the mark is no page's own business to remember
    return Place(facility, practice, training=True)


Where = Annotated[Place, Depends(_where)]
"""The facility of the address; one outside the scope is as unknown as one there is none of."""


def over_city(desk: Desk, place: Place) -> bool:
    """Whether somebody may change here what holds for the whole city: never from a place to practise."""
    return desk.staff.everywhere and not place.training


async def still_there(request: Request, asked: Asked, place: Place, right: Right) -> bool:
    """Whether whoever listens may go on: signed in, the facility in the scope, the right in the role.

    Asking is no use of the desk: an open page keeps nobody signed in.
    """
    token = request.cookies.get(device.cookie_name(request, COOKIE), "")
    async with asked.db.transaction() as session:
        found = await queries.at_desk(session, token[:_LONGEST_TOKEN], now=clock.utc_now())
    return (
        found is not None
        and found.staff.may(right)
        and (place.code in found.staff.facilities or place.code in found.staff.practice)
    )


def actor(asked: Asked, desk: Desk) -> Actor:
    """On whose behalf a request is."""
    by = asked.by
    return Actor(ActorKind.STAFF, id=str(desk.staff.id), address=by.address, request_id=by.request_id)


def remember(request: Request, answer: Response, token: str) -> None:
    """Give the browser its session's token. It goes with the browser's window, and with the working day at last."""
    device.set_cookie(request, answer, COOKIE, token, max_age=int(LONGEST.total_seconds()))


def forget(request: Request, answer: Response) -> None:
    """Take the token away again."""
    device.set_cookie(request, answer, COOKIE, "", max_age=0)
