"""Use cases of whoever keeps the timetable: weekly sessions, single days of them, days off.

They change what is planned and no slot: slots follow when they are published, in the same transaction, by whoever calls
(exchange.timetable). Whoever calls also keeps publishing out first, so that rows are locked in one order.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.actor import Actor
from booking.availability.commands import ChangeSession, ClearDay, EndWeekly, KeepWeekly, MarkDay, RestoreSession
from booking.availability.errors import DayRefused, SessionRefused
from booking.availability.kinds import DayKind
from booking.availability.models import CalendarDay, Session, SessionChange, WeeklySession
from booking.availability.rules import Terms, check_terms
from booking.clock import local_day
from booking.directory import marks
from booking.directory.errors import EntryUnknown, ServiceUnknown
from booking.directory.models import Practitioner, Room, Service
from booking.directory.upkeep import facility_id_of
from booking.trail.service import record

_ONE_DAY = timedelta(days=1)


async def keep_weekly(session: AsyncSession, command: KeepWeekly, *, by: Actor, now: datetime) -> None:
    """Make a weekly session, or change it from a day on; days before stay as they were.

    Other hours and places are the same session, so people in it stay where they are as far as their time is still
    there. Another weekday, service, practitioner or room is another session: the old one ends.

    Raises:
        SessionRefused, EntryUnknown, ServiceUnknown, ChangedMeanwhile: nothing was changed.
    """
    facility_id = await facility_id_of(session, command.facility)
    check_terms(Terms(command.starts, command.ends, command.slot_minutes, command.capacity, command.reserved))
    if command.since < local_day(now):
        raise SessionRefused(field="since", reason="past")
    if command.until is not None and command.until < command.since:
        raise SessionRefused(field="until", reason="days")
    who = await _who(session, facility_id, command)
    terms = command.model_dump(include={"starts", "ends", "slot_minutes", "capacity", "reserved", "release_minutes"})
    terms |= {"valid_from": command.since, "valid_to": command.until}
    old = None
    if command.weekly is not None:
        old = await _weekly(session, facility_id, command.weekly)
        marks.check(old, command.seen)
    kept = await _succeed(session, old, WeeklySession(facility_id=facility_id, **who, **terms))
    facts = command.model_dump(mode="json", exclude={"seen"})
    record(session, "timetable.weekly", "weekly_session", kept.id, by=by, now=now, **facts)


async def end_weekly(session: AsyncSession, command: EndWeekly, *, by: Actor, now: datetime) -> None:
    """Let a weekly session take place no more from a day on. People inside stay booked until somebody moves them.

    Raises:
        SessionRefused, EntryUnknown, ChangedMeanwhile: nothing was changed.
    """
    if command.since < local_day(now):
        raise SessionRefused(field="since", reason="past")
    facility_id = await facility_id_of(session, command.facility)
    row = await _weekly(session, facility_id, command.weekly)
    marks.check(row, command.seen)
    _end(row, command.since)
    await session.flush()
    facts = command.model_dump(mode="json", exclude={"seen", "weekly"})
    record(session, "timetable.end", "weekly_session", row.id, by=by, now=now, **facts)


async def change_session(session: AsyncSession, command: ChangeSession, *, by: Actor, now: datetime) -> None:
    """Let a session be otherwise on one day, or not take place.

    Raises:
        SessionRefused, EntryUnknown, ChangedMeanwhile: nothing was changed.
    """
    check_terms(Terms(command.starts, command.ends, command.slot_minutes, command.capacity, command.reserved))
    weekly, row = await _on_day(session, command, now=now)
    marks.check(row, command.seen)
    terms = command.model_dump(include={"held", "starts", "ends", "slot_minutes", "capacity", "reserved", "note"})
    if row is None:
        session.add(SessionChange(weekly_session_id=weekly, day=command.day, **terms))
    else:
        _set(row, terms.items())
    await session.flush()
    facts = command.model_dump(mode="json", exclude={"seen", "weekly"})
    record(session, "timetable.one_day", "weekly_session", weekly, by=by, now=now, **facts)


async def restore_session(session: AsyncSession, command: RestoreSession, *, by: Actor, now: datetime) -> None:
    """Let a session be on this day as in all other weeks.

    Raises:
        SessionRefused, EntryUnknown, ChangedMeanwhile: nothing was changed.
    """
    weekly, row = await _on_day(session, command, now=now)
    if row is None:
        raise EntryUnknown
    marks.check(row, command.seen)
    await session.delete(row)
    await session.flush()
    facts = command.model_dump(mode="json", exclude={"seen", "weekly"})
    record(session, "timetable.restore", "weekly_session", weekly, by=by, now=now, **facts)


async def mark_day(session: AsyncSession, command: MarkDay, *, by: Actor, now: datetime) -> None:
    """Say what a day is: off, a make-up day, or one on which a facility works all the same.

    Raises:
        DayRefused, ChangedMeanwhile: nothing was changed.
    """
    row = await _day(session, command, now=now)
    make_up = command.kind is DayKind.MAKE_UP_WORKING_DAY
    if make_up and command.works_as is None:
        raise DayRefused(field="works_as", reason="weekday")
    marks.check(row, command.seen)
    values: dict[str, Any] = {
        "kind": command.kind, "works_as": command.works_as if make_up else None, "name": command.name,
        "name_en": command.name_en or command.name,
    }  # fmt: skip
    if row is None:
        place = None if command.facility is None else await facility_id_of(session, command.facility)
        session.add(CalendarDay(facility_id=place, day=command.day, **values))
    else:
        _set(row, values.items())
    await session.flush()
    facts = command.model_dump(mode="json", exclude={"seen"})
    record(session, "timetable.day", "calendar_day", command.day.isoformat(), by=by, now=now, **facts)


async def clear_day(session: AsyncSession, command: ClearDay, *, by: Actor, now: datetime) -> None:
    """Let a day be an ordinary one again.

    Raises:
        DayRefused, EntryUnknown, ChangedMeanwhile: nothing was changed.
    """
    row = await _day(session, command, now=now)
    if row is None:
        raise EntryUnknown
    marks.check(row, command.seen)
    await session.delete(row)
    await session.flush()
    facts = command.model_dump(mode="json", exclude={"seen"})
    record(session, "timetable.day_clear", "calendar_day", command.day.isoformat(), by=by, now=now, **facts)


_IDENTITY = ("service_id", "practitioner_id", "room_id", "weekday")


async def _succeed(session: AsyncSession, old: WeeklySession | None, new: WeeklySession) -> WeeklySession:
    """Put a weekly session in the place of an old one from its first day on."""
    same = old is not None and all(getattr(old, name) == getattr(new, name) for name in _IDENTITY)
    never = await _check_alone(session, old, new)
    if old is not None and same and old.valid_from >= new.valid_from:
        kept = old  # nothing of it lies before: it is simply otherwise
    else:
        kept = never or new
        if old is not None:
            _end(old, new.valid_from)
    if kept is new:
        session.add(new)
    else:
        _set(kept, new.model_dump(exclude={"id"}).items())
    await session.flush()
    if old is not None and same and kept is not old:
        await _hand_over(session, old, kept)
    return kept


async def _hand_over(session: AsyncSession, old: WeeklySession, new: WeeklySession) -> None:
    """The days from `new` on are its days now: sessions that are published stay, with everybody in them."""
    for table in (Session, SessionChange):
        moved = update(table).where(col(table.weekly_session_id) == old.id, col(table.day) >= new.valid_from)
        await session.execute(moved.values(weekly_session_id=new.id).execution_options(synchronize_session=False))


def _end(row: WeeklySession, since: date) -> None:
    last = max(since - _ONE_DAY, row.valid_from - _ONE_DAY)
    row.valid_to = last if row.valid_to is None else min(row.valid_to, last)


async def _check_alone(session: AsyncSession, old: WeeklySession | None, new: WeeklySession) -> WeeklySession | None:
    """Refuse the same twice. The answer: a row of the very same first day that was taken out, to be used again."""
    alike = [col(getattr(WeeklySession, name)).is_not_distinct_from(getattr(new, name)) for name in _IDENTITY]
    never = None
    for other in await session.scalars(select(WeeklySession).where(*alike, col(WeeklySession.starts) == new.starts)):
        meets = (other.valid_to is None or other.valid_to >= new.valid_from) and (
            new.valid_to is None or new.valid_to >= other.valid_from
        )
        gone = other.valid_to is not None and other.valid_to < other.valid_from
        if other is old:
            continue
        if other.valid_from == new.valid_from and gone:
            never = other
        elif meets or other.valid_from == new.valid_from:
            raise SessionRefused(field="starts", reason="same")
    return never


async def _who(session: AsyncSession, facility_id: int, command: KeepWeekly) -> dict[str, Any]:
    service = await _id_of(session, Service, facility_id, command.service)
    if service is None:
        raise ServiceUnknown(facility=command.facility, service=command.service)
    found: dict[str, Any] = {"service_id": service, "weekday": command.weekday}
    for name, table, code in (("practitioner", Practitioner, command.practitioner), ("room", Room, command.room)):
        found[f"{name}_id"] = await _id_of(session, table, facility_id, code) if code else None
        if code and found[f"{name}_id"] is None:
            raise EntryUnknown(field=name)
    return found


async def _id_of(
    session: AsyncSession, table: type[Service | Practitioner | Room], facility_id: int, code: str
) -> int | None:
    return await session.scalar(
        select(col(table.id)).where(col(table.facility_id) == facility_id, col(table.code) == code)
    )


async def _weekly(session: AsyncSession, facility_id: int, weekly: int) -> WeeklySession:
    which = (col(WeeklySession.id) == weekly, col(WeeklySession.facility_id) == facility_id)
    row = (await session.scalars(_lock(WeeklySession, *which))).one_or_none()
    if row is None:
        raise EntryUnknown
    return row  # type: ignore[no-any-return]


async def _on_day(
    session: AsyncSession, command: ChangeSession | RestoreSession, *, now: datetime
) -> tuple[int, SessionChange | None]:
    if command.day < local_day(now):
        raise SessionRefused(field="day", reason="past")
    row = await _weekly(session, await facility_id_of(session, command.facility), command.weekly)
    assert row.id is not None, "read from the database"
    which = (col(SessionChange.weekly_session_id) == row.id, col(SessionChange.day) == command.day)
    return row.id, (await session.scalars(_lock(SessionChange, *which))).one_or_none()


async def _day(session: AsyncSession, command: MarkDay | ClearDay, *, now: datetime) -> CalendarDay | None:
    if command.day < local_day(now):
        raise DayRefused(field="day", reason="past")
    place = None if command.facility is None else await facility_id_of(session, command.facility)
    which = (col(CalendarDay.facility_id).is_not_distinct_from(place), col(CalendarDay.day) == command.day)
    found: CalendarDay | None = (await session.scalars(_lock(CalendarDay, *which))).one_or_none()
    return found


def _lock(table: type[Any], *which: ColumnElement[bool]) -> Any:
    # FOR NO KEY UPDATE: a row that is only referred to need not wait. Read anew, whatever the session knew before.
    return select(table).where(*which).with_for_update(key_share=True).execution_options(populate_existing=True)


def _set(row: object, values: Iterable[tuple[str, Any]]) -> None:
    for name, value in values:
        setattr(row, name, value)
