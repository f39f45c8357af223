"""Clerks and patients at the same places at once: each place once, nobody twice on one day, no deadlock."""

import asyncio
from collections import Counter
from datetime import datetime

import pytest
from sqlmodel import col, select

from booking import clock, ids
from booking.actor import Actor, ActorKind
from booking.appointments import for_others, places
from booking.appointments.commands import BookForOther
from booking.appointments.errors import AlreadyBooked, SlotFull
from booking.db import Database
from booking.errors import BookingError
from booking.patients import registering
from booking.patients.models import Patient
from booking.patients.registering import RegisterPatient
from booking.trail.keys import keyed
from tests import people, seeds

pytestmark = [pytest.mark.anyio, pytest.mark.postgres15]

CLERK = Actor(ActorKind.STAFF, id="7f1c3a52-0000-4000-8000-000000000001")
PLACES, CLERKS = 3, 12


async def _patient(db: Database, number: int) -> int:
    async with db.transaction() as session:
        command = RegisterPatient(name=people.name(number), birth_year=1960, phone=people.phone(number))
        made = await registering.register(session, command, by=CLERK, now=clock.utc_now())
        assert made.id is not None
        return made.id


async def _book(db: Database, world: seeds.World, patient: int, slot: int, now: datetime) -> str:
    async def go() -> str:
        async with db.transaction() as session:
            row = (await session.execute(select(Patient).where(col(Patient.id) == patient))).scalar_one()
            command = BookForOther(patient=row.public_id, slot=slot)
            await for_others.book(
                session, row, slot, facility_id=world.facility_id, language="vi",
                key=keyed("desk", ids.opaque_key(), command), by=CLERK, now=now,
            )  # fmt: skip
            return "booked"

    try:
        return await db.until_known(go)
    except BookingError as refused:
        return refused.code


async def test_twelve_clerks_at_three_places_book_three(db: Database) -> None:
    world = await seeds.seed(db, capacities=[PLACES])
    patients = [await _patient(db, number) for number in range(CLERKS)]
    now = clock.utc_now()
    found = Counter(await asyncio.gather(*(_book(db, world, one, world.slots[0], now) for one in patients)))
    assert found == {"booked": PLACES, SlotFull.code: CLERKS - PLACES}


async def test_one_patient_at_many_desks_gets_one_visit_a_day(db: Database) -> None:
    world = await seeds.seed(db, capacities=[PLACES] * 4)
    patient, now = await _patient(db, 1), clock.utc_now()
    found = Counter(await asyncio.gather(*(_book(db, world, patient, slot, now) for slot in world.slots * 2)))
    assert found == {"booked": 1, AlreadyBooked.code: 7}


async def test_control_without_the_guard_a_place_is_promised_twice(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The constraint stands behind: what the guard would have refused breaks there."""
    world = await seeds.seed(db, capacities=[1])
    one, other = await _patient(db, 1), await _patient(db, 2)

    async def always_the_first(*_: object, **__: object) -> int:
        return 1

    monkeypatch.setattr(places, "take", always_the_first)
    now = clock.utc_now()
    assert await _book(db, world, one, world.slots[0], now) == "booked"
    with pytest.raises(Exception, match="appointment_place_key"):
        await _book(db, world, other, world.slots[0], now)
    await seeds.run(db, "UPDATE slot SET taken = 1, free_places = '{}' WHERE id = :id", id=world.slots[0])
