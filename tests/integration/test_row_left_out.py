"""What one row holds stops no other: it is left out, counted and named, and seen to once it can be read."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking import sealed
from booking.appointments import reminding
from booking.appointments.models import Appointment
from booking.appointments.waitlist import sweeping
from booking.clock import utc_now
from booking.db import Database
from booking.invitations import matching
from booking.invitations import service as invitations
from booking.messages import reconciling
from booking.messages.models import Message
from booking.messages.reconciling import unlisted
from booking.sealed import UnsealError
from scheduler import row_by_row
from scheduler.jobs import lapse_invitations, make_offers, plan_reminders, try_again
from tests import seeds
from tests.asking import booked
from tests.outbox import write
from tests.unreadable import BOTH, left_out, mis_keyed

pytestmark = pytest.mark.anyio


async def _visits(db: Database, client: httpx.AsyncClient, many: int) -> list[Appointment]:
    world = await seeds.seed(db, capacities=[1] * many)
    for person, slot in enumerate(world.slots, start=1):
        await booked(client, world, slot, person)
    async with db.transaction() as session:
        return list(await session.scalars(select(Appointment).order_by(col(Appointment.starts_at))))


async def test_one_number_that_cannot_be_read_stops_nobody_elses_reminders(
    db: Database, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    visits = await _visits(db, client, 3)
    await mis_keyed(db, "patient", visits[0].patient_id)
    with caplog.at_level(logging.ERROR):
        assert await plan_reminders.run(db, most=2) == 2
    assert await left_out(db, "plan_reminders") == 1
    facts: list[dict[str, Any]] = [record.__dict__.get("facts", {}) for record in caplog.records]
    assert {"job": "plan_reminders", "count": 1, "rows": [visits[0].id]} in facts
    assert await plan_reminders.run(db, most=1) == 0, "it is first in the line for ever, and tried each time"
    sealed.install(BOTH)  # the key was found again
    assert await plan_reminders.run(db) == 1
    assert await left_out(db, "plan_reminders") == 0


async def test_control_as_one_batch_nobody_was_reminded(db: Database, client: httpx.AsyncClient) -> None:
    visits = await _visits(db, client, 2)
    await mis_keyed(db, "patient", visits[0].patient_id)
    with pytest.raises(UnsealError):
        async with db.transaction() as session:
            await reminding.remind(session, now=utc_now())


async def test_nor_what_goes_once_more(db: Database) -> None:
    bad, good = await write(db), await write(db)
    lost = "UPDATE message SET state = 'undelivered', subject_kind = 'read_out', again_at = now() - interval '1 minute'"
    await seeds.run(db, lost)
    await mis_keyed(db, "message", bad.id)
    assert await try_again.run(db) == 1
    assert await left_out(db, "try_again") == 1
    async with db.transaction() as session:
        query = select(col(Message.subject_id)).where(col(Message.again_at).is_(None), col(Message.copy_number) > 0)
        assert list(await session.scalars(query)) == [good.subject_id]


async def test_nor_the_nights_comparison(db: Database) -> None:
    bad, good = await write(db), await write(db)
    taken = "UPDATE message SET state = 'sent', posted_at = now(), provider = 'fake', provider_sid = 'S' || id"
    await seeds.run(db, taken)
    await mis_keyed(db, "message", bad.id)
    span = (utc_now() - timedelta(hours=1), utc_now() + timedelta(hours=1))
    async with db.transaction() as session:
        found = await unlisted(session, "fake", *span, ())
    assert [one.sid for one in found] == [f"S{good.id}"]
    assert len(found) < reconciling.UNLISTED_MOST


async def test_a_slot_that_fails_keeps_no_other_from_being_offered(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    async def offer(_: AsyncSession, slot: int, **__: Any) -> int:
        asked.append(slot)
        if slot == 1:
            raise UnsealError("k9")
        return 1

    async def some(*_: Any, **__: Any) -> Any:
        return [1, 2]

    for name, fake in {"anybody_waits": some, "slots_to_offer": some, "offer": offer}.items():
        monkeypatch.setattr(sweeping, name, fake)
    assert await make_offers.run(db) == 1
    assert asked == [1, 2]
    assert await left_out(db, "make_offers") == 1


async def test_slips_that_are_over_close_though_others_cannot_be_looked_through(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: Any, **__: Any) -> None:
        raise UnsealError("k9")

    lapsed = []

    async def lapse(*_: Any, **__: Any) -> int:
        lapsed.append(1)
        return 1

    monkeypatch.setattr(matching, "claimed", fails)
    monkeypatch.setattr(invitations, "lapse", lapse)
    with pytest.raises(ExceptionGroup):  # and the job has failed, for monitoring
        await lapse_invitations.run(db)
    assert lapsed == [1]


async def test_a_database_that_is_away_is_no_rows_fault(db: Database) -> None:
    async def waiting(_: AsyncSession, without: Any) -> Sequence[int]:
        return [one for one in (1, 2) if one not in without]

    async def work(*_: Any) -> int:
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await row_by_row.through(db, waiting, work)
