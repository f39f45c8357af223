"""A small world for tests: one open facility with two services, a session, and slots with the capacities asked for.

    world = await seed(db, capacities=[5, 1])     # slots[0] has five places, slots[1] one
    slot = await add_slot(db, world, capacity=3)  # one more, after the others
    await age_holds(db)                           # every live hold is now expired, by the database's clock

Rows are inserted as the tables are, past the code under test. Slots lie on the day after tomorrow from 07:30 on the
facility's clock, so that no rule about lead time or late changes stands in the way unless a test wants it to.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from booking import clock
from booking.availability.models import Session, Slot, SlotClosure, WeeklySession
from booking.db import Database
from booking.directory.kinds import FacilityKind, FacilityState, Payment
from booking.directory.models import Facility, Service
from booking.text import fold, plain_sort_key

FACILITY = "MAU-01"
SERVICE = "kham-mau"
OTHER_SERVICE = "tiem-mau"
LENGTH = timedelta(minutes=15)


@dataclass
class World:
    """What was seeded; `slots` are ids of the first service in order of time, `other_slot` belongs to the second."""

    facility_id: int
    service_id: int
    other_service_id: int
    session_id: int
    day: date
    slots: list[int] = field(default_factory=list)
    other_slot: int = 0

    def hold(self, slot: int, **more: Any) -> dict[str, Any]:
        """The body of POST /holds for a slot."""
        return {"facility": FACILITY, "service": SERVICE, "slot": slot} | more

    def booking(self, slot: int, patient: dict[str, Any], **more: Any) -> dict[str, Any]:
        """The body of POST /appointments for a slot and a sample patient."""
        return self.hold(slot, patient=patient) | more


async def seed(db: Database, *, capacities: Sequence[int] = (3, 3, 3), **of_slots: Any) -> World:
    """Make the world. `of_slots` are columns of every slot of the first service, such as `open=False`."""
    day = clock.local_day(clock.utc_now()) + timedelta(days=2)
    async with db.transaction() as session:
        facility = await _added(session, _facility())
        service = await _added(session, _service(facility, SERVICE, "Khám mẫu", "Sample examination"))
        other = await _added(session, _service(facility, OTHER_SERVICE, "Tiêm mẫu", "Sample vaccination"))
        sessions = [await _added(session, await _session(session, facility, each, day)) for each in (service, other)]
    world = World(facility, service, other, sessions[0], day)
    for capacity in capacities:
        await add_slot(db, world, capacity=capacity, **of_slots)
    lent = World(facility, other, other, sessions[1], day)
    world.other_slot = await add_slot(db, lent, capacity=3)
    return world


async def add_slot(db: Database, world: World, *, capacity: int, **columns: Any) -> int:
    """One more slot of the world's service, 15 minutes after the last; its id. `columns` replace what is usual."""
    starts = columns.pop("starts_at", None) or clock.at_local(world.day, time(7, 30)) + LENGTH * len(world.slots)
    usual: dict[str, Any] = {
        "bookable_from": starts - timedelta(days=30),
        "bookable_until": starts - timedelta(minutes=30),
        "free_places": list(range(1, capacity + 1)),
        "release_at": starts,
    }
    slot = Slot(
        session_id=world.session_id,
        facility_id=world.facility_id,
        service_id=world.service_id,
        starts_at=starts,
        ends_at=starts + LENGTH,
        capacity=capacity,
        **(usual | columns),
    )
    async with db.transaction() as session:
        made = await _added(session, slot)
        if not slot.open:
            session.add(SlotClosure(slot_id=made, source="test", reason="closed", created_at=clock.utc_now()))
    world.slots.append(made)
    return made


async def age_holds(db: Database, *, seconds: float = 1) -> None:
    """Set every live hold's expiry back, so that the database's clock is past it."""
    await run(
        db, f"UPDATE appointment SET expires_at = clock_timestamp() - interval '{seconds} s' WHERE state = 'held'"
    )


async def run(db: Database, sql: str, **values: Any) -> None:
    """One statement of a test's own, committed."""
    async with db.transaction() as session:
        await session.execute(text(sql), values)


async def forget(db: Database, tables: str) -> None:
    """Empty tables for another round; the audit's too, which refuses that from everybody who asks politely."""
    await run(db, "ALTER TABLE audit_event DISABLE TRIGGER USER")
    await run(db, f"TRUNCATE {tables} CASCADE")
    await run(db, "ALTER TABLE audit_event ENABLE TRIGGER USER")


async def rows(db: Database, sql: str, **values: Any) -> list[dict[str, Any]]:
    """What a query of a test's own finds."""
    async with db.transaction() as session:
        return [dict(row) for row in (await session.execute(text(sql), values)).mappings()]


async def value(db: Database, sql: str, **values: Any) -> Any:
    """The first value of the first row."""
    found = await rows(db, sql, **values)
    return next(iter(found[0].values())) if found else None


COUNTED = ("appointment", "patient", "message", "audit_event", "idempotency_record", "slot_closure")


async def everything(db: Database) -> dict[str, list[str]]:
    """Every row that a refusal must leave alone, as text: two of these are equal when nothing was changed."""
    found = {}
    for table in (*COUNTED, "slot"):
        found[table] = [row["row"] for row in await rows(db, f"SELECT t::text AS row FROM {table} t ORDER BY 1")]
    return found


async def _added(session: AsyncSession, row: Any) -> int:
    session.add(row)
    await session.flush()
    made: int = row.id
    return made


def _facility() -> Facility:
    name = "Trạm Y tế Mẫu"
    return Facility(
        code=FACILITY,
        kind=FacilityKind.HEALTH_STATION,
        state=FacilityState.OPEN,
        name=name,
        name_en="Sample health station",
        sms_name="TYT Mau",
        phone="0254 3000 000",
        ward_2023="Phường Mẫu",
        ward_2025="Phường Mẫu Mới",
        confirmed=False,
        search_key=fold(f"{name} Phường Mẫu Phường Mẫu Mới"),
        sort_key=plain_sort_key(name),
    )


def _service(facility: int, code: str, name: str, name_en: str) -> Service:
    return Service(
        facility_id=facility,
        code=code,
        name=name,
        name_en=name_en,
        sms_label="Kham",
        duration_minutes=15,
        bring="",
        bring_en="",
        payment=Payment.INSURANCE,
        lead_minutes=30,
        horizon_days=30,
        cancel_minutes=120,
        bookable=True,
        confirmed=False,
        sort_key=plain_sort_key(name),
    )


async def _session(session: AsyncSession, facility: int, service: int, day: date) -> Session:
    weekly = WeeklySession(
        facility_id=facility,
        service_id=service,
        weekday=day.weekday(),
        starts=time(7, 30),
        ends=time(16, 30),
        slot_minutes=15,
        capacity=3,
        valid_from=day - timedelta(days=30),
    )
    starts: datetime = clock.at_local(day, time(7, 30))
    return Session(
        weekly_session_id=await _added(session, weekly),
        facility_id=facility,
        service_id=service,
        day=day,
        starts_at=starts,
        ends_at=starts + timedelta(hours=9),
    )


async def shut(db: Database, slot: int) -> None:
    """A slot that a closing has shut, before its job came to those inside."""
    statements = (
        "INSERT INTO slot_closure (slot_id, source, reason, created_at) VALUES (:slot, 'closing:1', 'x', now())",
        "UPDATE slot SET open = false WHERE id = :slot",
    )
    for statement in statements:
        await run(db, statement, slot=slot)
