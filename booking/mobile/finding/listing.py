"""The days and times of a service as the database lists them, and why a day has nothing free."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import orjson

from booking.availability.earliest import DAY_FACTS
from booking.availability.kinds import NothingFree
from booking.availability.queries import days_off, planned_days
from booking.availability.rules import DayFacts, Release, WhyNot, days_between, why_not
from booking.availability.spans import bounds
from booking.availability.statements import DAYS
from booking.clock import ZONE, local_day
from booking.directory.queries import FacilityView, ServiceView
from booking.hot import Statement
from booking.web.dependencies import Asked
from booking.web.pages import named


@dataclass(frozen=True, slots=True)
class Offered:
    """A service at a facility."""

    facility: FacilityView
    service: ServiceView

    @property
    def path(self) -> str:
        """The address of its days."""
        return f"/f/{self.facility.code}/{self.service.code}"

    @property
    def taking(self) -> bool:
        """Whether it takes bookings at all."""
        return self.facility.bookable and self.service.bookable


@dataclass(frozen=True, slots=True)
class Listed:
    """The days of a span: those with free places and how many, why the others have none, and the names of days off."""

    free: Mapping[date, int]
    why: Mapping[date, WhyNot]
    holidays: Mapping[date, str]


async def listed(asked: Asked, statement: Statement, what: Offered, first: date, last: date) -> list[dict[str, Any]]:
    """What a statement lists of a service from `first` to `last`, both included."""
    start, end = bounds(first, last)
    values = {"facility": what.facility.code, "service": what.service.code, "start": start, "end": end}
    return await items(asked, statement, **values)


async def items(asked: Asked, statement: Statement, **values: object) -> list[dict[str, Any]]:
    """What a statement lists, at the moment of the request."""
    async with asked.db.hot() as hot:
        body: str = await hot.fetchval(statement.sql, *statement.arguments(values | {"now": asked.now}))
    found: list[dict[str, Any]] = orjson.loads(body)["items"]
    return found


async def days_of(asked: Asked, what: Offered, first: date, last: date) -> Listed:
    """The days from `first` to `last`; at most two months.

    The second statement is run only where the first leaves open why: today, and days that are closed or not released.
    """
    today = local_day(asked.now)
    rows = {date.fromisoformat(row["day"]): row for row in await listed(asked, DAYS, what, first, last)}
    free = {day: row["free"] for day, row in rows.items() if row["free"] > 0}
    facts: dict[date, DayFacts] = {}
    if (first <= today <= last and today not in rows) or any(not row["open"] for row in rows.values()):
        facts = {day: each for day, each in (await _facts(asked, what, first, last)).items() if day not in free}
    release = release_of(asked, what)
    async with asked.db.transaction() as session:
        where = what.facility.code
        off = {day.day: named(day, asked.language) for day in await days_off(session, where, first, last)}
        planned: frozenset[date] = frozenset()
        if release.since(last) is not None:
            planned = await planned_days(session, where, what.service.code, first, last)

    def why(day: date) -> WhyNot:
        if not what.taking:
            return WhyNot(NothingFree.PAUSED)
        if day in rows and rows[day]["open"]:
            return WhyNot(NothingFree.FULL)
        return why_not(day, facts.get(day), release, off=day in off, planned=day in planned)

    return Listed(free, {day: why(day) for day in days_between(first, last) if day not in free}, off)


def release_of(asked: Asked, what: Offered) -> Release:
    """When days of this service are opened."""
    return Release(
        today=local_day(asked.now),
        published_days=asked.settings.horizon_days,
        horizon_days=what.service.horizon_days,
        zone=ZONE,
    )


async def _facts(asked: Asked, what: Offered, first: date, last: date) -> dict[date, DayFacts]:
    return {
        date.fromisoformat(row["day"]): DayFacts(
            open=row["open"],
            over=row["over"],
            released=row["released"],
            since=datetime.fromisoformat(row["since"]) if row["since"] else None,
        )
        for row in await listed(asked, DAY_FACTS, what, first, last)
    }


@dataclass(frozen=True, slots=True)
class Opening:
    """The next day of a service that is not released yet, and from when it can be booked."""

    day: date
    since: datetime


async def next_opening(asked: Asked, what: Offered, *, after: date) -> Opening | None:
    """The first day after `after`, within a month, on which the service has a session and which opens later."""
    release = release_of(asked, what)
    first, last = after + timedelta(days=1), after + timedelta(days=31)
    async with asked.db.transaction() as session:
        planned = await planned_days(session, what.facility.code, what.service.code, first, last)
        off = {day.day for day in await days_off(session, what.facility.code, first, last)}
    for day in sorted(planned - off):
        since = release.since(day)
        if since is not None:
            return Opening(day, since)
    return None
