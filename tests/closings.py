"""Closings for tests: people booked in a world of several days, some of them out of reach, and a closing made.

world = await crowd(db, 200, unreachable=15)     # one full morning, free mornings after it
closing = await close(db, world)                 # as the desk does; the job has not run
await apply_closures.run(db)
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import text

from booking import clock, ids
from booking.actor import Actor, ActorKind
from booking.appointments.closing import queries, service
from booking.appointments.closing.commands import CloseTimes, Span
from booking.appointments.closing.kinds import ClosingAnswer, ClosingScope
from booking.appointments.closing.models import Closing
from booking.availability.models import Session, Slot
from booking.db import Database
from booking.patients.models import Patient
from booking.sealed import keys
from booking.text import fold, sort_key
from tests import people as sample_people
from tests import seeds
from tests.seeds import LENGTH, World

STAFF = Actor(ActorKind.STAFF, id="0b0e6a0e-0000-4000-8000-000000000000")


@dataclass
class Crowd:
    """A world, the free days after its first, and the codes of those who are booked."""

    world: World
    codes: list[str] = field(default_factory=list)
    later: dict[date, list[int]] = field(default_factory=dict)

    @property
    def span(self) -> tuple[datetime, datetime]:
        """The whole of the first day."""
        return clock.day_bounds(self.world.day)


_WEEKLY = """
    INSERT INTO weekly_session (facility_id, service_id, weekday, starts, ends, slot_minutes, capacity, reserved,
        release_minutes, valid_from)
    SELECT w.facility_id, w.service_id, :weekday, w.starts, w.ends, w.slot_minutes, :capacity, 0, 0, w.valid_from
    FROM weekly_session w JOIN session s ON s.weekly_session_id = w.id WHERE s.id = :id RETURNING id
"""
"""A real scheduler publishes: what is in no timetable it closes."""


async def another_day(db: Database, world: World, days: int, *, slots: int, capacity: int) -> list[int]:
    """A free morning of the world's service, so many days after the first; the ids of its slots."""
    day = world.day + timedelta(days=days)
    starts = clock.at_local(day, time(7, 30))
    weekly = await seeds.value(db, _WEEKLY, id=world.session_id, weekday=day.weekday(), capacity=capacity)
    made = []
    async with db.transaction() as session:
        held = Session(
            weekly_session_id=weekly, facility_id=world.facility_id, service_id=world.service_id, day=day,
            starts_at=starts, ends_at=starts + timedelta(hours=9),
        )  # fmt: skip
        session.add(held)
        await session.flush()
        assert held.id is not None
        for number in range(slots):
            at = starts + LENGTH * number
            slot = Slot(
                session_id=held.id, facility_id=world.facility_id, service_id=world.service_id, starts_at=at,
                ends_at=at + LENGTH, bookable_from=at - timedelta(days=60), bookable_until=at - timedelta(minutes=30),
                capacity=capacity, free_places=list(range(1, capacity + 1)), release_at=at,
            )  # fmt: skip
            session.add(slot)
            await session.flush()
            assert slot.id is not None
            made.append(slot.id)
    return made


async def crowd(db: Database, people: int, *, per_slot: int = 10, unreachable: int = 0, free_days: int = 2) -> Crowd:
    """So many people booked on one day; the first `unreachable` have a fixed line, no number, or want no SMS."""
    slots = -(-people // per_slot)
    world = await seeds.seed(db, capacities=[per_slot] * slots)
    made = Crowd(world)
    await seeds.run(db, "UPDATE weekly_session SET capacity = :per_slot", per_slot=per_slot)
    for days in range(1, free_days + 1):
        made.later[world.day + timedelta(days=days)] = await another_day(
            db, world, days, slots=slots, capacity=per_slot
        )
    await _patients(db, people, unreachable)
    rows = await seeds.rows(db, "SELECT id FROM patient ORDER BY match_key")
    visits = [(world.slots[n // per_slot], n % per_slot + 1, row["id"]) for n, row in enumerate(rows)]
    made.codes = await book(db, visits)
    return made


async def _patients(db: Database, number: int, unreachable: int) -> None:
    """A mobile for each; of the first so many a third has none, a third a fixed line, a third wants no SMS."""
    async with db.transaction() as session:
        for each in range(number):
            name, phone = sample_people.name(each), sample_people.phone(each).replace("0", "+84", 1)
            if each < unreachable:
                phone = ("", f"+8425430{each:05d}", phone)[each % 3]
            session.add(
                Patient(
                    public_id=ids.public_id(), match_key=f"crowd-{each:05d}".encode(), name=name,
                    name_folded=fold(name), name_sort=sort_key(name), birth_year=1960, phone=phone or None,
                    phone_index=keys().index("phone", phone) if phone else None, created_at=clock.utc_now(),
                    no_sms=each < unreachable and each % 3 == 2,
                )
            )  # fmt: skip


_VISIT = text(
    """
    INSERT INTO appointment (public_id, code, state, slot_id, place, uses_reserved, facility_id, service_id,
        patient_id, relation, starts_at, ends_at, version, token_version, language, channel, created_at, booked_at)
    SELECT :public_id, :code, 'booked', s.id, :place, false, s.facility_id, s.service_id, :patient, 'self',
        s.starts_at, s.ends_at, 1, 1, 'vi', 'mobile', now(), now() FROM slot s WHERE s.id = :slot
    """
)
_TOLD = text(
    """
    INSERT INTO message (public_id, subject_kind, subject_id, kind, version, copy, lane, language, facts, state,
        reason, due_at, useful_until, attempts, sends, created_at, changed_at)
    VALUES (gen_random_uuid(), 'appointment', :public_id, 'booked', 1, 0, 'visit', 'vi', '{}', 'suppressed',
        'no_phone', now(), now(), 0, 0, now(), now())
    """
)
_SEEN = text(
    """
    INSERT INTO audit_event (at, actor_kind, action, object_kind, object_id, result, facts)
    VALUES (now(), 'system', 'appointment.book', 'appointment', :public_id, 'done', '{}')
    """
)
_COUNTED = text(
    """
    UPDATE slot SET taken = n, free_places = (SELECT coalesce(array_agg(p), '{}') FROM generate_series(1, capacity) p
        WHERE p <> ALL (places))
    FROM (SELECT slot_id, count(*)::int AS n, array_agg(place::int) AS places FROM appointment WHERE state = 'booked'
        GROUP BY slot_id) found
    WHERE slot.id = found.slot_id
    """
)


async def book(db: Database, visits: Sequence[tuple[int, int, int]]) -> list[str]:
    """Book (slot, place, patient's row) behind the product's back; their codes."""
    codes = []
    async with db.transaction() as session:
        for slot, place, patient in visits:
            public_id, code = ids.public_id(), ids.booking_code()
            values = {"public_id": public_id, "code": code, "slot": slot, "place": place, "patient": patient}
            await session.execute(_VISIT, values)
            await session.execute(_TOLD, {"public_id": public_id})
            await session.execute(_SEEN, {"public_id": str(public_id)})
            codes.append(code)
        await session.execute(_COUNTED)
    return codes


async def close(db: Database, made: Crowd, answer: ClosingAnswer = ClosingAnswer.MOVE, **more: Any) -> Closing:
    """Close the whole facility on the first day. `more` replaces members of the command."""
    now = more.pop("now", None) or clock.utc_now()
    starts, ends = made.span
    span = Span(scope=ClosingScope.FACILITY, starts_at=starts, ends_at=ends)
    usual: dict[str, Any] = {
        "key": ids.public_id(), "span": span, "answer": answer, "reason": "Bác sĩ nghỉ ốm", "reason_en": "Doctor ill",
    }  # fmt: skip
    command = CloseTimes(**(usual | more))
    async with db.transaction() as session:
        return await service.close(session, made.world.facility_id, command, by=STAFF, now=now)


async def undo(db: Database, closing: Closing, *, now: datetime | None = None) -> None:
    """As the desk does."""
    async with db.transaction() as session:
        held = await queries.held(session, closing.public_id, closing.facility_id)
        await service.undo(session, held, by=STAFF, now=now or clock.utc_now())


async def fates(db: Database) -> dict[str, int]:
    """How many visits met which fate."""
    rows = await seeds.rows(db, "SELECT fate::text, count(*) AS n FROM closing_visit GROUP BY fate")
    return {row["fate"]: row["n"] for row in rows}


async def places_of(db: Database) -> list[dict[str, Any]]:
    """Who is where, in the order of appointments: state, slot, place."""
    return await seeds.rows(db, "SELECT id, state::text, slot_id, place, starts_at, day FROM appointment ORDER BY id")


CLOSING_STATE = "SELECT state::text FROM closing ORDER BY id DESC LIMIT 1"


async def closed_at(db: Database, facility: str) -> dict[str, str]:
    """A closing of a facility that was applied, with nobody in it; what stands for it in addresses."""
    public_id = ids.public_id()
    await seeds.run(
        db,
        """
        INSERT INTO closing (public_id, scope, facility_id, starts_at, ends_at, reason, reason_en, answer, send_now,
            state, expected, made_by, created_at, sms_due_at, changed_at)
        SELECT :id, 'facility', id, now() + interval '1 day', now() + interval '2 days', 'Mẫu', 'Sample', 'ask', true,
            'applied', 0, '', now(), now(), now() FROM facility WHERE code = :facility
        """,
        id=public_id, facility=facility,
    )  # fmt: skip
    return {"closing": str(public_id), "visit": str(ids.public_id())}
