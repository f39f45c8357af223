"""Filling the place to practise: a timetable for a week, bookings of today around now, a line with people in it."""

from datetime import date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col

from booking import ids
from booking.actor import Actor
from booking.appointments import for_others
from booking.appointments.models import Appointment
from booking.availability import publishing
from booking.availability.commands import PublishSlots
from booking.availability.kinds import DayKind
from booking.availability.models import CalendarDay, Slot, WeeklySession
from booking.clock import at_local, local_day
from booking.directory.models import Practitioner, Room, Service
from booking.patients import registering
from booking.patients.kinds import Relation
from booking.patients.models import Patient
from booking.patients.registering import RegisterPatient
from booking.queue import commands
from booking.queue import service as queue
from booking.text import plain_sort_key
from booking.training import sample
from booking.training.sample import Invented

_EARLIEST, _LATEST = time(7, 30), time(17, 30)
"""Between these a day has times before it and after it; who practises at night gets the day as it is then."""

_LASTS: Final = 9
"""Minutes of a visit that is over."""


async def fill(session: AsyncSession, place: int, *, by: Actor, now: datetime) -> None:
    """Everything that makes a day, in the caller's transaction; the place is empty."""
    today = local_day(now)
    services = await _directory(session, place)
    await _timetable(session, place, services, today)
    midnight = at_local(today, time.min)  # so that today has its times before now too
    await publishing.run(session, PublishSlots(facility=sample.CODE, horizon_days=sample.DAYS), now=midnight)
    await _booked(session, place, services, by=by, now=now)
    await _line(session, by=by, now=now)


async def _directory(session: AsyncSession, place: int) -> dict[str, int]:
    """Services, rooms and practitioners as they are at first; the ids of the services."""
    for one in sample.SERVICES:
        values = one | {
            "facility_id": place, "department_id": None, "sms_label": "Tap duot", "duration_minutes": sample.MINUTES,
            "prepare": "", "prepare_en": "", "fee_vnd": None, "lead_minutes": 0, "cancel_minutes": 0,
            "horizon_days": 30, "bookable": True, "confirmed": False, "sort_key": plain_sort_key(one["name"]),
        }  # fmt: skip
        await _put(session, Service, values, "service_code_key")
    for code, name in sample.ROOMS:
        values = {"facility_id": place, "code": code, "name": name, "day_limit": None, "active": True}
        await _put(session, Room, values, "room_code_key")
    for code, name in sample.PRACTITIONERS:
        values = {"facility_id": place, "code": code, "name": name, "sample": True, "active": True}
        await _put(session, Practitioner, values, "practitioner_code_key")
    rows = await session.execute(select(col(Service.code), col(Service.id)).where(col(Service.facility_id) == place))
    return {code: number for code, number in rows if number is not None}


async def _put(session: AsyncSession, table: type[SQLModel], values: dict[str, Any], key: str) -> None:
    made = upsert(table).values(**values)
    await session.execute(made.on_conflict_do_update(constraint=key, set_=values))


async def _timetable(session: AsyncSession, place: int, services: dict[str, int], today: date) -> None:
    """The same hours on each day of the week, holidays too: whoever has a quiet hour practises then."""
    rooms = dict((await session.execute(_coded(Room, place))).all())
    people = dict((await session.execute(_coded(Practitioner, place))).all())
    last = today + timedelta(days=sample.DAYS)
    for service, practitioner, room in sample.SESSIONS:
        for weekday in range(7):
            session.add(
                WeeklySession(
                    facility_id=place, service_id=services[service], room_id=rooms[room],
                    practitioner_id=people[practitioner] if practitioner else None, weekday=weekday,
                    starts=sample.STARTS, ends=sample.ENDS, slot_minutes=sample.MINUTES, capacity=sample.PLACES,
                    reserved=0, release_minutes=0, valid_from=today, valid_to=last,
                )
            )  # fmt: skip
    off = select(CalendarDay).where(
        col(CalendarDay.facility_id).is_(None), col(CalendarDay.day) >= today, col(CalendarDay.day) <= last
    )
    for day in (await session.scalars(off)).all():
        session.add(
            CalendarDay(
                facility_id=place, day=day.day, kind=DayKind.OPEN_ALL_THE_SAME, works_as=None, name=sample.NAME,
                name_en=sample.NAME_EN,
            )
        )  # fmt: skip
    await session.flush()


def _coded(table: Any, place: int) -> Any:
    return select(table.code, table.id).where(table.facility_id == place)


async def _booked(session: AsyncSession, place: int, services: dict[str, int], *, by: Actor, now: datetime) -> None:
    """Everybody who booked, and of those who came already their numbers."""
    today = local_day(now)
    middle = min(max(now, at_local(today, _EARLIEST)), at_local(today, _LATEST))
    before = at_local(today - timedelta(days=1), time(15))
    came: list[tuple[int, Invented, Appointment]] = []
    for number, one in enumerate(sample.BOOKED, start=1):
        slot = await _slot(session, services[one.visit or sample.EXAMINATION], middle + timedelta(minutes=one.at))
        if slot is None:
            continue
        patient = await _person(session, number, one, by=by, now=before)
        (locked,) = await for_others.locked_slots(session, [slot], place)
        visit = await for_others.seat(session, patient, locked, language="vi", by=by, now=before)
        if one.came is not None:
            came.append((one.came, one, visit))
    for ago, one, visit in sorted(came, key=lambda each: -each[0]):
        command = commands.CheckIn(facility=sample.CODE, code=visit.code)
        ticket = await queue.check_in(session, command, by=by, now=_ago(now, ago))
        if one.step:
            await _seen(session, one, ticket.public_id, by=by, now=now)


async def _slot(session: AsyncSession, service_id: int, moment: datetime) -> int | None:
    """The time that a moment falls into, the emptiest of several."""
    query = (
        select(col(Slot.id))
        .where(
            col(Slot.service_id) == service_id, col(Slot.starts_at) <= moment, col(Slot.ends_at) > moment,
            col(Slot.taken) < col(Slot.capacity),
        )
        .order_by(col(Slot.taken), col(Slot.id))
        .limit(1)
    )  # fmt: skip
    return await session.scalar(query)


async def _person(session: AsyncSession, number: int, one: Invented, *, by: Actor, now: datetime) -> Patient:
    born: dict[str, Any] = {"birth_year": one.birth} if isinstance(one.birth, int) else {"birth_date": one.birth}
    command = RegisterPatient(
        name=one.name, relation=Relation.SELF, sex=one.sex, priority=one.priority, phone=sample.phone_of(number),
        citizen_id=sample.card_of(number, one), guardian_name=_guardian(one, now), **born,
    )  # fmt: skip
    return await registering.register(session, command, by=by, now=now, training=True)


def _guardian(one: Invented, now: datetime) -> str | None:
    year = one.birth if isinstance(one.birth, int) else one.birth.year
    return "Phụ huynh Mẫu" if now.year - year < 18 else None  # noqa: PLR2004  of age


async def _line(session: AsyncSession, *, by: Actor, now: datetime) -> None:
    """Those who came without booking."""
    for number, one in enumerate(sample.WALK_INS, start=len(sample.BOOKED) + 1):
        command = commands.WalkIn(
            facility=sample.CODE, service=one.visit or sample.EXAMINATION, ticket=ids.public_id(),
            priority_claimed=one.priority, name=one.name, phone=sample.phone_of(number),
            birth_year=one.birth if isinstance(one.birth, int) else one.birth.year,
        )  # fmt: skip
        await queue.walk_in(session, command, by=by, now=_ago(now, one.came or 0))


async def _seen(session: AsyncSession, one: Invented, ticket: Any, *, by: Actor, now: datetime) -> None:
    """Called to room 1, and where it is over, in it and out again."""
    came = one.came or 0
    call = commands.CallNext(facility=sample.CODE, service=one.visit or sample.EXAMINATION, room="p1")
    await queue.call_next(session, call, by=by, now=_ago(now, came - 2))
    if one.step == "done":
        known = {"facility": sample.CODE, "ticket": ticket}
        await queue.enter(session, commands.Enter(**known), by=by, now=_ago(now, came - 3))
        await queue.finish(session, commands.Finish(**known), by=by, now=_ago(now, came - 3 - _LASTS))


def _ago(now: datetime, minutes: int) -> datetime:
    """So long ago, but today."""
    return max(now - timedelta(minutes=minutes), at_local(local_day(now), time(0, 0, 1)))
