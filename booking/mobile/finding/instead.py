"""What is said and offered where nothing is free: why, the nearest free places, other facilities, the waiting list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from booking.availability.earliest import EARLIEST_ANYWHERE
from booking.availability.kinds import NothingFree
from booking.availability.rules import WhyNot
from booking.clock import day_bounds, local_day
from booking.directory import queries
from booking.directory.queries import FacilityView
from booking.mobile.finding.calendar import Day, Month, Summary, summary
from booking.mobile.finding.listing import Listed, Offered, Opening, days_of, items, next_opening
from booking.mobile.finding.wards import in_order
from booking.mobile.reading import Days
from booking.web.dependencies import Asked

NEAREST = 3
"""Days here, and other facilities, that are offered."""

FARTHEST = 400
"""Days ahead one may ask about."""

_AROUND = 28

_NO_WAITING = (NothingFree.PAUSED, NothingFree.PAST, NothingFree.NO_SESSION)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The soonest free place of a service at a facility; `start` is that of its slot."""

    facility: FacilityView
    service: str
    start: datetime
    free: int

    @property
    def path(self) -> str:
        """The address of its times."""
        return f"/f/{self.facility.code}/{self.service}/{local_day(self.start)}"


@dataclass(frozen=True, slots=True)
class Instead:
    """What to say and offer for a day with nothing free.

    `name` is that of a holiday. `days` are the nearest free days here, in their order. `wait` is the address of the
    waiting list; None where waiting is of no use.
    """

    why: WhyNot
    name: str | None
    days: list[Day]
    elsewhere: list[Elsewhere]
    wait: str | None


@dataclass(frozen=True, slots=True)
class SpanInstead:
    """Likewise for a span of days; `opening` is the next day that will be released."""

    why: Summary
    opening: Opening | None
    elsewhere: list[Elsewhere]
    wait: str


async def anywhere(asked: Asked, service: str, views: Sequence[FacilityView], *, start: datetime) -> list[Elsewhere]:
    """The soonest free place from `start` at each of these facilities that has one, the soonest first."""
    by_code = {view.code: view for view in views}
    rows: list[dict[str, Any]] = await items(asked, EARLIEST_ANYWHERE, service=service, start=max(start, asked.now))
    found = [
        Elsewhere(by_code[row["facility"]], service, datetime.fromisoformat(row["start"]), row["free"])
        for row in rows
        if row["facility"] in by_code
    ]
    return sorted(found, key=lambda each: (each.start, in_order(each.facility)))


async def _elsewhere(asked: Asked, what: Offered, *, start: datetime) -> list[Elsewhere]:
    async with asked.db.transaction() as session:
        views = [view for view in await queries.facilities(session) if view.code != what.facility.code]
    return (await anywhere(asked, what.service.code, views, start=start))[:NEAREST]


async def of_day(asked: Asked, what: Offered, day: date) -> Instead:
    """For a day with nothing free."""
    today = local_day(asked.now)
    if not what.taking or day > today + timedelta(days=FARTHEST):
        why = WhyNot(NothingFree.NO_SESSION if what.taking else NothingFree.PAUSED)
        return Instead(why, None, [], await _elsewhere(asked, what, start=asked.now), None)
    near = max(day, today)
    around = await days_of(asked, what, max(today, near - timedelta(days=_AROUND)), near + timedelta(days=_AROUND))
    # It may have become free since the page was asked for: then the day itself is the nearest.
    why = WhyNot(NothingFree.PAST) if day < today else around.why.get(day, WhyNot(NothingFree.FULL))
    start = day_bounds(near)[0]
    elsewhere = await _elsewhere(asked, what, start=start) or await _elsewhere(asked, what, start=asked.now)
    wait = None if why.reason in _NO_WAITING else f"/wait{what.path.removeprefix('/f')}?from={day}"
    return Instead(why, around.holidays.get(day), _nearest(around, near), elsewhere, wait)


def _nearest(around: Listed, day: date) -> list[Day]:
    close = sorted(around.free, key=lambda each: (abs(each - day), each))[:NEAREST]
    return [Day(each, "free", around.free[each]) for each in sorted(close)]


async def of_span(asked: Asked, what: Offered, days: Days) -> SpanInstead:
    """For weeks with nothing free."""
    opening = _opening(days.months)
    if opening is None and days.later is None:
        opening = await next_opening(asked, what, after=days.months[-1].days[-1].day)
    first = days.months[0].days[0].day
    elsewhere = await _elsewhere(asked, what, start=day_bounds(first)[0])
    return SpanInstead(summary(days.months), opening, elsewhere, f"/wait{what.path.removeprefix('/f')}?from={first}")


def _opening(shown: Sequence[Month]) -> Opening | None:
    days = (day for month in shown for day in month.days)
    return next((Opening(day.day, day.since) for day in days if day.since is not None), None)
