"""The day of the visit on the patient's telephone: the place in the line, live. Only what this ticket may see.

The page is whole without scripts and reloads itself; with them a stream sends the part that changes, as HTML in the
reader's language, so that what is said stands in one template.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from booking import clock
from booking.appointments.changing import holder
from booking.appointments.errors import AppointmentUnknown
from booking.clock import local_day
from booking.db import is_lost
from booking.errors import BookingError, Busy
from booking.i18n import Language, plural, show_time, translate
from booking.i18n import marked as _
from booking.mobile import reading
from booking.mobile.addresses import Code, Token
from booking.queue import queries, wishing
from booking.queue.kinds import WhyNext
from booking.queue.lines import topic
from booking.queue.service import POLICY
from booking.queue.standing import Sight, Stage, Standing
from booking.queue.texting import NEAR
from booking.queue.views import Board, Visit
from booking.trail.live import Event, Position, position_of
from booking.web.dependencies import Ask, Asked, language_of
from booking.web.form_values import text_of
from booking.web.live import Listener
from booking.web.origin import check_origin
from booking.web.pages import page, see_other
from booking.web.streaming import BEAT, HEARTBEAT, EventStream, event, fragment, opening

router = APIRouter(include_in_schema=False)

STALE: Final = timedelta(seconds=30)
"""So old a board may be when nothing was told of: bookings of the day change it too, and tell nothing."""

SAME: Final = timedelta(seconds=1)
"""What is expected is said in steps of five minutes: who asks within a second is told the same."""

MOVING: Final = frozenset({Stage.BEFORE, Stage.EXPECTED, Stage.OVERDUE, Stage.WAITING, Stage.CALLED, Stage.SKIPPED,
                           Stage.AT_TESTS,
                           Stage.IN_ROOM})  # fmt: skip
"""Stages that may still change by themselves; of the others nothing is awaited."""

TOLD_LATE: Final = frozenset({Stage.BEFORE, Stage.EXPECTED, Stage.OVERDUE, Stage.WAITING})
"""Who still waits or comes is told that the session runs late."""

WHY: Final = {
    WhyNext.PRIORITY: _("You are called earlier because your priority by law has been confirmed."),
    WhyNext.IN_BETWEEN: _("You are called between people with priority by law."),
    WhyNext.WAITED_LONG: _("You have waited long, so people with priority by law no longer go before you."),
    WhyNext.BOOKED: _("You came in time: you are called by the time you booked."),
    WhyNext.ARRIVED: _("You came after the booked time, so you are called in the order of arrival."),
    WhyNext.FROM_TESTS: _("You are back from tests: you are called by when you were first called."),
    WhyNext.PUT_BACK: _("You were put back into the line, so you are called in the order since then."),
    WhyNext.EARLY: _("You came early: you are called from your booked time on."),
}


@dataclass(slots=True)
class Boards:
    """The boards of this process: a hundred telephones that hear one event read the day once, and order it once."""

    found: dict[tuple[int, date], tuple[Position, datetime, Board]] = field(default_factory=dict)
    seen: dict[tuple[int, date], Sight] = field(default_factory=dict)
    reading: dict[tuple[int, date], asyncio.Lock] = field(default_factory=dict)
    begun: dict[tuple[int, date], float] = field(default_factory=dict)

    def sight(self, visit: Visit, board: Board, now: datetime) -> Sight:
        """The board as of this second."""
        key = (visit.service_id, visit.day)
        there = self.seen.get(key)
        if there is None or there.board is not board or not timedelta() <= now - there.now < SAME:
            there = Sight(board, now=now, policy=POLICY)
            self.seen = {one: kept for one, kept in self.seen.items() if now - kept.now < STALE} | {key: there}
        return there

    async def board(self, asked: Asked, visit: Visit, *, heard: Position, now: datetime, fresh: bool) -> Board:
        """The day's board, not older than what was heard; `fresh`: read since the asking, for a page just opened.

        What is kept is never replaced by a reading that began before it: two may be under way at once.
        """
        key, wished = (visit.service_id, visit.day), asyncio.get_running_loop().time()
        async with self.reading.setdefault(key, asyncio.Lock()):  # all hear, or return, at once: one reads for all
            known = self.found.get(key)
            new_enough = self.begun.get(key, 0.0) >= wished if fresh else True
            if known is not None and known[0] >= heard and now - known[1] < STALE and new_enough:
                return known[2]
            self.begun[key] = asyncio.get_running_loop().time()
            return await self._read(asked, key, heard, now)

    async def _read(self, asked: Asked, key: tuple[int, date], heard: Position, now: datetime) -> Board:
        async with asked.db.transaction() as session:
            made = await queries.board(session, *key)
        self.found = {one: kept for one, kept in self.found.items() if now - kept[1] < STALE}
        if key not in self.found or heard >= self.found[key][0]:
            self.found[key] = (heard, now, made)
        return made


@router.get("/t/{code}/{token}/today")
async def today_page(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """Where the visit stands."""
    opened = await reading.visit(asked, code, token)
    if opened.state in ("held", "lapsed"):
        return see_other(request, f"/h/{code}/{token}")
    async with asked.db.transaction() as session:
        found = await _visit(session, code)
        board = await queries.board(session, found.service_id, found.day)
        near = await wishing.wishes(session, code, now=asked.now)
    what = await reading.offered(asked, opened.view["facility"]["code"], opened.view["service"]["code"])
    return page(
        request, "on_the_day.html", personal=True, visit=opened, view=opened.view, what=what, near=near, few=NEAR,
        **_told(found, Sight(board, now=asked.now, policy=POLICY), asked.language),
    )  # fmt: skip


@router.post("/t/{code}/{token}/near", dependencies=[Depends(check_origin)])
async def wish_near(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """She wants to be told when her turn is near, or no more."""
    await reading.visit(asked, code, token)
    wanted = text_of(await request.form(), "wanted") == "yes"

    async def work() -> None:
        async with asked.db.transaction() as session:
            await wishing.wish(session, code, wanted=wanted, by=holder(asked.by), now=asked.now)

    await asked.db.until_known(work)
    return see_other(request, f"/t/{code}/{token}/today")


@router.get("/t/{code}/{token}/live")
async def today_live(
    request: Request,
    asked: Ask,
    code: Code,
    token: Token,
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:
    """The part of the page that changes, each time it does."""
    opened = await reading.visit(asked, code, token)
    if opened.state in ("held", "lapsed"):
        raise AppointmentUnknown
    async with asked.db.transaction() as session:
        found = await _visit(session, code)
    if request.method == "HEAD":
        return Response(media_type="text/event-stream")
    about = topic(found.facility_id, found.day, found.service_id)
    says = partial(_says, asked, opened, found)
    relay = request.app.state.relay
    return EventStream(relay, about, asked.address, says, since=position_of(last_event_id))


async def _visit(session: AsyncSession, code: str) -> Visit:
    found = await queries.visit_of(session, code)
    if found is None:
        raise AppointmentUnknown
    return found


async def _says(asked: Asked, opened: reading.Visit, found: Visit, listener: Listener) -> AsyncIterator[bytes]:
    """What the stream sends: the part as it is now, then whenever it is another; a heartbeat else.

    A link that opens no more, and a visit that is on another day by now, end it; the browser asks anew and is told.
    """
    yield opening()
    boards: Boards = asked.request.app.state.boards
    loop = asyncio.get_running_loop()
    shown, first, checked = "", True, loop.time()
    heard: list[Event] | None = []
    while heard is not None:
        try:
            if loop.time() - checked >= BEAT:  # however much is told meanwhile
                opened = await reading.visit(asked, opened.code, opened.token)
                async with asked.db.transaction() as session:
                    again = await _visit(session, opened.code)
                if (again.service_id, again.day) != (found.service_id, found.day):
                    return
                found, checked = again, loop.time()
            now = clock.utc_now()
            board = await boards.board(asked, found, heard=listener.heard, now=now, fresh=first)
            part = _part(asked.request, opened, found, boards.sight(found, board, now))
        except Exception as problem:
            if isinstance(problem, BookingError) and not isinstance(problem, Busy):
                return
            if not isinstance(problem, Busy) and not is_lost(problem):
                raise
            part = shown  # the database is away: the page tells its own age
        yield event({"html": part}, position=listener.heard) if part != shown else HEARTBEAT
        shown, first = part, False
        heard = await listener.next(BEAT)


def _part(request: Request, opened: reading.Visit, found: Visit, sight: Sight) -> str:
    told = _told(found, sight, language_of(request))
    return fragment(request, "on_the_day.html", "today", visit=opened, view=opened.view, **told)


def _told(found: Visit, sight: Sight, language: Language) -> dict[str, Any]:
    """What the template shows."""
    now = sight.now
    stands = sight.of(found, today=local_day(now) == found.day)
    soon = stands.band is not None and stands.band.start <= now
    return {
        "stands": stands,
        "said": _said(stands, soon=soon, language=language),
        "opens": found.opens,
        "why": translate(language, WHY[stands.turn.why]) if stands.turn is not None else "",
        "soon": soon,
        "moving": stands.stage in MOVING,
        "late": stands.late if stands.stage in TOLD_LATE else 0,
    }


def _said(stands: Standing, *, soon: bool, language: Language) -> str:
    """What a screen reader is told when it changes, in one short sentence; empty where nothing is awaited."""
    if stands.stage is Stage.WAITING and stands.band is not None:
        if not stands.ahead:
            return translate(language, "You are next.")
        people = plural(language, "%(num)s person before you", "%(num)s people before you", stands.ahead)
        about = translate(language, "until about %(end)s") if soon else translate(language, "about %(start)s–%(end)s")
        hours = {"start": show_time(stands.band.start), "end": show_time(stands.band.end)}
        return f"{people % {'num': stands.ahead}}, {about % hours}"
    if stands.stage is Stage.CALLED and stands.room:
        return translate(language, "It is your turn: %(room)s") % {"room": stands.room}
    return translate(language, _SAID[stands.stage]) if stands.stage in _SAID else ""


_SAID: Final = {
    Stage.CALLED: _("It is your turn."),
    Stage.IN_ROOM: _("You are being seen."),
    Stage.AT_TESTS: _("Come back here when the tests are done."),
    Stage.SKIPPED: _("Your number was called and passed over."),
    Stage.DONE: _("This visit is over."),
}
