"""The television of a waiting room: nobody signs in on it, its address is the key. Numbers, rooms, masked names.

The stream sends what is shown now, and every call since the last position it sent: a call is rung and said once, also
when the line was down for a while.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response

from booking import clock
from booking.clock import local_day
from booking.db import is_lost
from booking.errors import BookingError, Busy
from booking.i18n import Language
from booking.queue import displays
from booking.queue.displays import DisplayView, Shown
from booking.queue.service import POLICY
from booking.trail.live import Event, Position, position_of
from booking.web.dependencies import Ask, Asked
from booking.web.live import Listener
from booking.web.pages import page_in
from booking.web.streaming import HEARTBEAT, EventStream, event, fragment_in, opening

router = APIRouter(prefix="/display/{facility}/{token}", include_in_schema=False)

CHECK: Final = 4.0
"""Seconds after which an open stream asks whether its display is still open, and tells the page that it lives."""

FRESH: Final = timedelta(seconds=10)
_RUNG: Final = frozenset({"call", "recall"})
Chosen = Annotated[str, Query(max_length=8)]
Since = Annotated[str, Query(max_length=40)]


@dataclass(slots=True)
class Screens:
    """What the displays of this process show: several of one kind read the day once."""

    found: dict[tuple[UUID, date], tuple[Position, datetime, Shown]] = field(default_factory=dict)
    reading: dict[tuple[UUID, date], asyncio.Lock] = field(default_factory=dict)

    async def shown(self, asked: Asked, display: DisplayView, day: date, heard: Position, now: datetime) -> Shown:
        """Not older than what was heard."""
        key = (display.id, day)
        async with self.reading.setdefault(key, asyncio.Lock()):  # all hear at once: one reads for all
            known = self.found.get(key)
            if known is not None and known[0] >= heard and now - known[1] < FRESH:
                return known[2]
            async with asked.db.transaction() as session:
                made = await displays.shown(session, display, day, now=now, policy=POLICY)
        self.found = {one: kept for one, kept in self.found.items() if now - kept[1] < FRESH}
        if key not in self.found or heard >= self.found[key][0]:
            self.found[key] = (heard, now, made)
        return made


def _language(lang: str) -> Language:
    """A waiting room reads Vietnamese, whatever the television's own language is; English where the address asks."""
    return "en" if lang == "en" else "vi"


@router.get("")
async def display_page(
    request: Request, asked: Ask, facility: str, token: str, lang: Chosen = "vi", theme: Chosen = ""
) -> Response:
    """The whole screen."""
    async with asked.db.transaction() as session:
        display = await displays.display_of(session, facility, token)
        shown = await displays.shown(session, display, local_day(asked.now), now=asked.now, policy=POLICY)
    language = _language(lang)
    request.state.training = display.training
    return page_in(
        request, language, "display.html", personal=True, display=display, shown=shown, at=asked.now,
        theme=theme if theme in ("light", "dark") else "", live=f"/display/{facility}/{token}/live?lang={language}",
    )  # fmt: skip


@router.get("/live")
async def display_live(
    request: Request, asked: Ask, facility: str, token: str, lang: Chosen = "vi", since: Since = "",
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:  # fmt: skip
    """What is shown, each time it changes, with the calls since."""
    async with asked.db.transaction() as session:
        display = await displays.display_of(session, facility, token)
    if request.method == "HEAD":
        return Response(media_type="text/event-stream")
    about = f"queue/{display.facility_id}/{local_day(asked.now).isoformat()}"

    def says(listener: Listener) -> AsyncIterator[bytes]:
        return _says(asked, display, token, _language(lang), listener)

    return EventStream(request.app.state.relay, about, asked.address, says, since=position_of(last_event_id or since))


async def _says(
    asked: Asked, display: DisplayView, token: str, language: Language, listener: Listener
) -> AsyncIterator[bytes]:
    """What the stream sends. A position is sent with all that was heard up to it, so that none is missed or doubled."""
    yield opening()
    screens: Screens = asked.request.app.state.screens
    loop = asyncio.get_running_loop()
    checked, day, before = loop.time(), local_day(asked.now), ""
    heard = await listener.next(0)  # what was missed while the line was down
    rung: list[dict[str, Any]] = []
    while heard is not None:
        at, now = listener.heard, clock.utc_now()  # nothing is awaited between hearing and taking the position
        rung += _rung(display, heard)
        try:
            if loop.time() - checked >= CHECK:
                async with asked.db.transaction() as session:
                    display = await displays.display_of(session, display.facility, token)
                checked = loop.time()
            if local_day(now) != day:
                return  # the page asks anew, for the new day
            part = _part(language, display, await screens.shown(asked, display, day, at, now))
        except Exception as problem:
            if isinstance(problem, BookingError) and not isinstance(problem, Busy):
                yield event({"over": True}, position=at)
                return
            if not isinstance(problem, Busy) and not is_lost(problem):
                raise
            yield HEARTBEAT  # the database is away; what was heard is sent when it is back
        else:
            told = {"at": now.isoformat(), "calls": rung} | ({"html": part} if part != before else {})
            yield event(told, position=at)
            before, rung = part, []
        heard = await listener.next(CHECK)


def _part(language: Language, display: DisplayView, shown: Shown) -> str:
    return fragment_in(language, "display.html", "screen", display=display, shown=shown)


def _rung(display: DisplayView, heard: Iterable[Event]) -> list[dict[str, Any]]:
    """The calls among what was heard, of the services this display shows."""
    return [
        {"number": found.facts.get("number"), "room": found.facts.get("room"), "id": str(found.position)}
        for found in heard
        if found.facts.get("what") in _RUNG and _of(display, found) and not str(found.facts["number"]).startswith("CC")
    ]


def _of(display: DisplayView, found: Event) -> bool:
    service = found.topic.rpartition("/")[2]
    return not display.services or (service.isdigit() and int(service) in display.services)
