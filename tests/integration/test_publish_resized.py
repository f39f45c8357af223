"""The length of slots changes while people hold some of them: what they were told stays true."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import SQLModel, col

from booking.appointments import invariants
from booking.appointments import service as appointments
from booking.appointments.commands import CancelAppointment
from booking.availability import bulk, publishing
from booking.availability.models import WeeklySession
from booking.db import Database
from tests.feeds import BY, NOW, book, hospital_database, publish, slot_id, two_days
from tests.postgres import Cluster
from tests.seeds import rows, run, value

pytestmark = [pytest.mark.anyio, pytest.mark.postgres15]
VISIT = "SELECT ends_at, state FROM appointment"
END = "SELECT ends_at = starts_at + :minutes * interval '1 minute' FROM slot WHERE id = :id"
OPEN = "SELECT open FROM slot WHERE id = :id"


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    with hospital_database(cluster, two_days) as url:
        yield url


async def cut_shorter(db: Database) -> None:
    """All sessions of doctors are cut into slots of 20 minutes from now on."""
    async with db.transaction() as session:
        await session.execute(
            update(WeeklySession).where(col(WeeklySession.slot_minutes) == 30).values(slot_minutes=20)
        )
    await publish(db, days=1)


async def test_a_slot_that_holds_a_patient_keeps_its_end_and_what_overlaps_it_is_born_closed(db: Database) -> None:
    ticket = await book(db, "07:30")
    kept, before = await slot_id(db, "07:30"), await rows(db, VISIT)
    await cut_shorter(db)
    assert await rows(db, VISIT) == before
    assert await value(db, END, id=kept, minutes=30)
    assert await value(db, OPEN, id=kept)  # of itself it is no neighbour
    assert await value(db, END, id=await slot_id(db, "08:30"), minutes=20)
    assert not await value(db, OPEN, id=await slot_id(db, "07:50"))
    assert await value(db, OPEN, id=await slot_id(db, "08:10"))
    await publish(db, days=1)
    assert await value(db, "SELECT count(*) FROM audit_event WHERE action = 'slots.publish'") == 2

    async with db.transaction() as session:
        await appointments.cancel(session, ticket.code, ticket.token, CancelAppointment(), by=BY, now=NOW)
    await publish(db, days=1)
    assert await value(db, END, id=kept, minutes=20)
    assert await value(db, OPEN, id=await slot_id(db, "07:50"))


async def test_without_the_guard_her_visit_ends_at_another_time_than_her_slot(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control."""
    await book(db, "07:30")
    slot = SQLModel.metadata.tables["slot"]
    statement: Any = bulk._PUT_ENDS
    *others, empty = statement.whereclause.clauses
    assert "taken" in str(empty)
    monkeypatch.setattr(bulk, "_PUT_ENDS", update(slot).where(*others).values(statement._values).returning(slot.c.id))
    monkeypatch.setattr(publishing.Coming, "kept", lambda self, taken: self.planned is None and taken[self.slot.id] > 0)
    await cut_shorter(db)
    async with db.transaction() as session:
        assert "the_appointment_repeats_its_slot" in await invariants.broken(session)
    await run(db, "UPDATE slot SET ends_at = appointment.ends_at FROM appointment WHERE slot.id = slot_id")
