"""How weekly sessions and calendar days become times: plain values in, plain values out.

A day is asked first what weekday it works as (none: it is off), then which weekly sessions fall on that weekday, then
each session is cut into whole slots. Moments are aware, in UTC; days and clock times are the facility's own.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from types import MappingProxyType

from booking.availability.errors import SessionRefused
from booking.availability.kinds import DayKind, NothingFree

CALENDAR = "calendar"
"""Closure source: the day is off."""
TIMETABLE = "timetable"
"""Closure source: the weekly sessions no longer have this time."""
CAPACITY = "capacity"
"""Closure source: more people hold a place than the time is to have places."""

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class DayRule:
    """What a row of the calendar says. `works_as` (0 for Monday) is set for a make-up working day only."""

    kind: DayKind
    works_as: int | None = None


@dataclass(frozen=True, slots=True)
class Calendar:
    """Days that are not what their weekday says.

    Attributes:
        days: by (facility id, day); a facility id of None stands for all facilities.
    """

    days: Mapping[tuple[int | None, date], DayRule] = field(default_factory=dict)

    def works_as(self, facility_id: int, day: date) -> int | None:
        """The weekday (0 for Monday) a facility works as on a day; None when it is off."""
        rule = self._rule(facility_id, day)
        if rule is None or rule.kind is DayKind.OPEN_ALL_THE_SAME:
            return day.weekday()
        return rule.works_as if rule.kind is DayKind.MAKE_UP_WORKING_DAY else None

    def off(self, facility_id: int, day: date) -> DayRule | None:
        """The row that gives a facility the day off; None when it works."""
        return self._rule(facility_id, day) if self.works_as(facility_id, day) is None else None

    def _rule(self, facility_id: int, day: date) -> DayRule | None:
        # The facility's own row wins over the row for all.
        return self.days.get((facility_id, day)) or self.days.get((None, day))


@dataclass(frozen=True, slots=True)
class Terms:
    """What a session is like: its hours on the facility's clock, the length of a slot in minutes, places of each."""

    starts: time
    ends: time
    slot_minutes: int
    capacity: int
    reserved: int


Changes = Mapping[tuple[int, date], Terms | None]
"""Weekly sessions (by id) that are otherwise on one day: with other terms, or None where they do not take place."""


@dataclass(frozen=True, slots=True)
class Weekly:
    """The times of a weekly session. `weekday` is 0 for Monday; `valid_to` is its last day, None for no end."""

    id: int
    facility_id: int
    weekday: int
    starts: time
    ends: time
    slot_minutes: int
    valid_from: date
    valid_to: date | None = None
    capacity: int = 1
    reserved: int = 0

    @property
    def terms(self) -> "Terms":
        """What it is like in every week."""
        return Terms(self.starts, self.ends, self.slot_minutes, self.capacity, self.reserved)

    def runs(self, day: date, weekday: int | None) -> bool:
        """Whether it takes place on a day that works as `weekday`."""
        return weekday == self.weekday and self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, slots=True)
class DaySession:
    """One session on one day."""

    weekly_id: int
    day: date
    starts_at: datetime
    ends_at: datetime
    slot_minutes: int
    capacity: int = 1
    reserved: int = 0

    @property
    def hours(self) -> Span:
        """From when to when."""
        return self.starts_at, self.ends_at


def sessions_on(
    day: date, weekly: Iterable[Weekly], calendar: Calendar, zone: tzinfo, changes: Changes = MappingProxyType({})
) -> list[DaySession]:
    """The sessions that take place on a day, in the order of `weekly`. A day off is off whatever `changes` say."""
    found = []
    for each in weekly:
        terms = changes.get((each.id, day), each.terms)
        if terms is not None and each.runs(day, calendar.works_as(each.facility_id, day)):
            found.append(
                DaySession(
                    weekly_id=each.id,
                    day=day,
                    starts_at=_moment(day, terms.starts, zone),
                    ends_at=_moment(day, terms.ends, zone),
                    slot_minutes=terms.slot_minutes,
                    capacity=terms.capacity,
                    reserved=terms.reserved,
                )
            )
    return found


def check_terms(terms: Terms) -> None:
    """Whether a session can be so: time for one slot at least, and no more places kept for walk-ins than there are.

    Raises:
        SessionRefused: it cannot; `field` names the place at fault.
    """
    minutes = (terms.ends.hour - terms.starts.hour) * 60 + terms.ends.minute - terms.starts.minute
    if minutes < terms.slot_minutes:
        raise SessionRefused(field="ends", reason="hours")
    if terms.reserved > terms.capacity:
        raise SessionRefused(field="reserved", reason="reserved")


def cut_slots(session: DaySession) -> list[Span]:
    """The whole slots of a session, one after the other; a remainder shorter than a slot is nobody's."""
    length = timedelta(minutes=session.slot_minutes)
    count = (session.ends_at - session.starts_at) // length
    return [(session.starts_at + length * n, session.starts_at + length * (n + 1)) for n in range(count)]


def days_between(first: date, last: date) -> Iterator[date]:
    """Each day from `first` to `last`, both included."""
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def last_published(today: date, horizon_days: int) -> date:
    """The last day to publish: the day that becomes bookable today where a service's horizon is as long as ours."""
    return today + timedelta(days=horizon_days)


@dataclass(frozen=True, slots=True)
class Limits:
    """From when and until when a slot can be booked, and when its places for walk-ins are given free."""

    bookable_from: datetime
    bookable_until: datetime
    release_at: datetime


def limits(
    span: Span, day: date, *, horizon_days: int, lead_minutes: int, release_minutes: int, zone: tzinfo
) -> Limits:
    """Booking opens at the local midnight `horizon_days` before the day, and ends `lead_minutes` before the start."""
    start, _ = span
    return Limits(
        bookable_from=_moment(day - timedelta(days=horizon_days), time.min, zone),
        bookable_until=start - timedelta(minutes=lead_minutes),
        release_at=start - timedelta(minutes=release_minutes),
    )


@dataclass(frozen=True, slots=True)
class Closing:
    """Why publishing closes a slot: the source of the closure, and the reason as a code."""

    source: str
    reason: str


NOT_PLANNED = Closing(TIMETABLE, "not_in_timetable")
CROWDED = Closing(TIMETABLE, "overlaps_promised_time")
TOO_MANY = Closing(CAPACITY, "more_booked_than_places")


def reason_to_close(off: DayRule | None, *, planned: bool, crowded: bool) -> Closing | None:
    """Publishing's reason to close a slot, if there is one.

    Args:
        off: the calendar's word for the day when the facility does not work; None when it does.
        planned: the weekly sessions have this time.
        crowded: someone was promised a time that is no longer planned so and overlaps this one, with the same
            practitioner or in the same room. Selling this one too would send two people to one chair.
    """
    if off is not None:
        return Closing(CALENDAR, off.kind.value)
    if not planned:
        return NOT_PLANNED
    return CROWDED if crowded else None


@dataclass(frozen=True, slots=True)
class DayFacts:
    """The slots of a service on one day, free or not, taken together.

    Attributes:
        open: one of them at least is not closed.
        over: it is too late to book any of them.
        released: one of them at least takes bookings now, places aside.
        since: when the first of those that will be released can be booked.
    """

    open: bool
    over: bool
    released: bool
    since: datetime | None


@dataclass(frozen=True, slots=True)
class WhyNot:
    """Why nothing is free on a day, and for what is not released yet from when it can be booked."""

    reason: NothingFree
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """When days are made and opened, as seen from today.

    Attributes:
        today: the local day.
        published_days: how many days ahead slots are made.
        horizon_days: how many days ahead the service can be booked.
        zone: the facility's.
    """

    today: date
    published_days: int
    horizon_days: int
    zone: tzinfo

    def since(self, day: date) -> datetime | None:
        """When a day that has no slots yet can be booked; None where its slots would be there by now."""
        if day <= self.today + timedelta(days=self.published_days):
            return None
        return _moment(day - timedelta(days=min(self.published_days, self.horizon_days)), time.min, self.zone)


def why_not(day: date, facts: DayFacts | None, release: Release, *, off: bool, planned: bool) -> WhyNot:
    """Why a day of a service that takes bookings has no free place.

    Args:
        day: the service day.
        facts: its slots; None when it has none.
        release: when days are opened.
        off: the calendar gives the facility this day off.
        planned: a weekly session falls on such a day.
    """
    if day < release.today:
        return WhyNot(NothingFree.PAST)
    if off:
        return WhyNot(NothingFree.OFF)
    if facts is not None:
        return _why_not_these(facts)
    since = release.since(day) if planned else None
    return WhyNot(NothingFree.LATER, since) if since else WhyNot(NothingFree.NO_SESSION)


def _why_not_these(facts: DayFacts) -> WhyNot:
    if facts.released:
        return WhyNot(NothingFree.FULL)
    if facts.since is not None:
        return WhyNot(NothingFree.LATER, facts.since)
    return WhyNot(NothingFree.OVER if facts.over else NothingFree.CLOSED)


def _moment(day: date, clock: time, zone: tzinfo) -> datetime:
    return datetime.combine(day, clock, zone).astimezone(UTC)
