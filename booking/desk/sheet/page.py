"""The sheet of a day: everybody who is booked and everybody who came, by service, room and hour."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from booking.access.kinds import Right
from booking.access.queries import Desk
from booking.clock import local_day
from booking.desk.queue import words
from booking.directory import queries as directory
from booking.directory.queries import FacilityView
from booking.i18n import Language
from booking.queue.paper.queries import Part, parts_of
from booking.queue.paper.rules import AHEAD, BACK
from booking.trail.service import record
from booking.web import at_desk
from booking.web.at_desk import AtDesk, Place, Where
from booking.web.dependencies import Ask, Asked
from booking.web.origin import check_origin
from booking.web.pages import page

router = APIRouter(prefix="/desk/{facility}/sheet", include_in_schema=False, dependencies=[Depends(check_origin)])

FREE_LINES = 8
"""Empty lines on paper under each service, for those who come without booking."""


def allowed(desk: Desk) -> Desk:
    """The desk, if whoever sits there may see names and telephones of the day.

    Raises:
        RightMissing: the role includes one of both at most.
    """
    desk.staff.check(Right.QUEUE)
    desk.staff.check(Right.PATIENT)
    return desk


async def _with_sheet(desk: AtDesk) -> Desk:
    return allowed(desk)


WithSheet = Annotated[Desk, Depends(_with_sheet)]

Text = Annotated[str, Query(max_length=64)]


@dataclass(frozen=True, slots=True)
class Seen:
    """A day as somebody sees it."""

    facility: FacilityView
    day: date
    parts: list[Part]

    @property
    def booked(self) -> int:
        """How many are booked."""
        return sum(one.code is not None for part in self.parts for one in part.entries)

    @property
    def unsettled(self) -> int:
        """Of how many it is not known what became of them."""
        return sum(not one.settled for part in self.parts for one in part.entries)


def day_of(raw: str, today: date) -> date:
    """The day of an address: today for anything else than a day that can be looked at."""
    try:
        day = date.fromisoformat(raw) if len(raw) == len("2026-11-30") else today
    except ValueError:
        return today
    return day if today - BACK <= day <= today + AHEAD else today


async def look(session: AsyncSession, asked: Asked, desk: Desk, where: Place, day: date, *, reason: str) -> Seen:
    """The day of a facility; that it was read is written down."""
    found = Seen(
        await directory.facility(session, where.code, at_desk=True),
        day,
        await parts_of(session, where.facility_id, day),
    )
    record(
        session, "sheet.read", "facility", where.code, by=at_desk.actor(asked, desk), now=asked.now, day=str(day),
        reason=reason, people=sum(len(part.entries) for part in found.parts),
    )  # fmt: skip
    return found


def shown(seen: Seen, asked: Asked, language: Language) -> dict[str, Any]:
    """What every page with the table is told."""
    return {
        "seen": seen, "place": seen.facility, "at": asked.now, "today": local_day(asked.now),
        "priorities": words.priorities(language), "free_lines": FREE_LINES,
    }  # fmt: skip


@router.get("")
async def sheet_page(request: Request, asked: Ask, desk: WithSheet, where: Where, day: Text = "") -> Response:
    """The sheet of today, or of a day near it."""
    today = local_day(asked.now)
    async with asked.db.transaction() as session:
        seen = await look(session, asked, desk, where, day_of(day, today), reason="sheet")
    one = timedelta(days=1)
    return page(
        request, "desk_sheet.html", personal=True, desk=desk, before=day_of(str(seen.day - one), today),
        after=day_of(str(seen.day + one), today), may_enter=today - BACK <= seen.day <= today,
        **shown(seen, asked, asked.language),
    )  # fmt: skip
