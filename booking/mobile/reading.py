"""What the pages show, read once per page."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from booking.appointments import refusals
from booking.appointments.errors import AppointmentUnknown
from booking.availability.statements import SLOTS
from booking.clock import local_day
from booking.directory import queries
from booking.directory.listing import told
from booking.directory.models import Notice
from booking.exchange import hearing
from booking.mobile.finding.calendar import Half, Month, halves, months
from booking.mobile.finding.listing import Offered as Offered  # noqa: PLC0414  the pages read it from here
from booking.mobile.finding.listing import days_of, listed
from booking.web.dependencies import Asked

WINDOW = 42
"""Days a page of days shows at once: six weeks."""


@dataclass(frozen=True, slots=True)
class Days:
    """A span of days by month; `earlier` and `later` are the first days of the spans beside it."""

    months: list[Month]
    earlier: date | None
    later: date | None


@dataclass(frozen=True, slots=True)
class Visit:
    """An appointment that its token opened.

    Attributes:
        code, token: its link.
        slot_id: of its time.
        view: what its holder sees, as the API has it.
        public_id: stays the same whatever happens to the visit.
        confirmed_at: when she said that she will come at this time.
        cancelled_by: "patient" or "facility", where it is cancelled.
        offered: the place was kept for somebody on the waiting list.
    """

    code: str
    token: str
    slot_id: int
    view: Mapping[str, Any]
    public_id: UUID
    confirmed_at: datetime | None = None
    cancelled_by: str | None = None
    offered: bool = False

    @property
    def starts_at(self) -> datetime:
        """When it begins."""
        return datetime.fromisoformat(self.view["slot"]["start"])

    @property
    def ends_at(self) -> datetime:
        """When it ends."""
        return datetime.fromisoformat(self.view["slot"]["end"])

    @property
    def path(self) -> str:
        """The address of its ticket."""
        return f"/t/{self.code}/{self.token}"

    @property
    def state(self) -> str:
        """Held, booked, cancelled, ..."""
        state: str = self.view["state"]
        return state


async def offered(asked: Asked, facility: str, service: str) -> Offered:
    """The service of a facility; FacilityUnknown or ServiceUnknown."""
    async with asked.db.transaction() as session:
        return Offered(await queries.facility(session, facility), await queries.service(session, facility, service))


async def notices(asked: Asked, what: Offered) -> list[Notice]:
    """What the facility tells those who come for this service."""
    async with asked.db.transaction() as session:
        return await told(session, what.facility.code, what.service.code, today=local_day(asked.now))


async def old_since(asked: Asked, what: Offered) -> datetime | None:
    """Since when the hospital's software has said nothing, where that is so long that its times may have changed."""
    async with asked.db.transaction() as session:
        return await hearing.old_since(session, what.facility.code, now=asked.now)


async def days(asked: Asked, what: Offered, *, start: date | None) -> Days:
    """Six weeks of days from `start`, today where it is None, as far as times are published."""
    today = local_day(asked.now)
    until = today + timedelta(days=max(what.service.horizon_days, asked.settings.horizon_days))
    first = min(max(start or today, today), until)
    last = min(first + timedelta(days=WINDOW - 1), until)
    found = await days_of(asked, what, first, last)
    return Days(
        months(found.free, found.why, first=first, last=last, holidays=found.holidays),
        earlier=max(today, first - timedelta(days=WINDOW)) if first > today else None,
        later=last + timedelta(days=1) if last < until else None,
    )


async def times(asked: Asked, what: Offered, day: date) -> list[Half]:
    """The times of one day by half-day; none for a day that is not to be asked for."""
    today = local_day(asked.now)
    if not today <= day <= today + timedelta(days=400):
        return []
    return halves(await listed(asked, SLOTS, what, day, day))


async def visit(asked: Asked, code: str, token: str) -> Visit:
    """The appointment of a link.

    Raises:
        AppointmentUnknown: no such code, or the token does not fit; nobody can tell which.
    """
    async with asked.db.hot() as hot:
        row = await refusals.opened(hot, code, token)
    if row is None:
        raise AppointmentUnknown
    return Visit(
        code, token, row["slot_id"], orjson.loads(row["view"]), row["public_id"], row["confirmed_at"],
        row["cancelled_by"], row["offered"],
    )  # fmt: skip
