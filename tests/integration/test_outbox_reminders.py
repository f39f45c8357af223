"""Which reminders a booked visit gets, and what happens to them when it changes meanwhile."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import false, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.selectable import GenerativeSelect
from sqlmodel import col, select

from booking.actor import Actor, ActorKind
from booking.appointments import reminding, visiting
from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.appointments.reminding import REMINDERS
from booking.clock import utc_now
from booking.db import Database
from booking.ids import opaque_key
from booking.messages import service as messages
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message
from booking.messages.preparing import body_of
from booking.messages.service import Notice, Recipient
from scheduler.jobs import plan_reminders
from tests import people, seeds
from tests.outbox import until_somebody_waits

pytestmark = [pytest.mark.anyio]

_LOCK = text("SELECT FROM appointment WHERE code = :code FOR UPDATE")


async def _booked(client: httpx.AsyncClient, world: seeds.World, slot: int, **more: Any) -> dict[str, Any]:
    body = world.booking(slot, people.patient(slot, **more))
    answer = await client.post("/api/v1/appointments", json=body, headers={"Idempotency-Key": opaque_key()})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def _change(client: httpx.AsyncClient, visit: dict[str, Any], verb: str, **body: Any) -> None:
    headers = {"Authorization": f"Bearer {visit['token']}", "Idempotency-Key": opaque_key()}
    answer = await client.post(f"/api/v1/appointments/{visit['code']}/{verb}", json=body, headers=headers)
    assert answer.status_code == 200, answer.text


async def _rows(db: Database, *kinds: MessageKind) -> list[Message]:
    query = select(Message).where(col(Message.kind).in_(kinds or REMINDERS)).order_by(col(Message.id))
    async with db.transaction() as session:
        return list((await session.execute(query)).scalars())


def _told(rows: Sequence[Message]) -> list[tuple[str, int, str]]:
    return [(row.kind.value, row.version, row.state.value) for row in rows]


async def test_a_booked_visit_gets_both_reminders_once(db: Database, client: httpx.AsyncClient) -> None:
    world = await seeds.seed(db)
    visit = await _booked(client, world, world.slots[0])
    assert await plan_reminders.run(db) == 1
    assert await plan_reminders.run(db) == 0
    rows = await _rows(db)
    assert _told(rows) == [("reminder_day", 1, "due"), ("reminder_hours", 1, "due")]
    (confirmation,) = await _rows(db, MessageKind.BOOKED)
    for row in rows:
        assert utc_now() < row.due_at < row.useful_until
        assert row.facts == confirmation.facts
        assert (row.phone, row.language) == (confirmation.phone, "vi")
        assert visit["link"] in body_of(row, base_url="http://127.0.0.1:8000")


async def test_many_visits_are_planned_in_several_transactions(db: Database, client: httpx.AsyncClient) -> None:
    world = await seeds.seed(db, capacities=[1] * 5)
    for slot in world.slots:
        await _booked(client, world, slot)
    assert await plan_reminders.run(db, most=2) == 5
    assert len(await _rows(db)) == 10


async def test_only_booked_visits_of_the_coming_days(db: Database, client: httpx.AsyncClient) -> None:
    world = await seeds.seed(db, capacities=[2])
    far = utc_now() + timedelta(days=4)
    away = await seeds.add_slot(db, world, capacity=1, starts_at=far)
    await _booked(client, world, away)
    held = await client.post(
        "/api/v1/holds", json=world.hold(world.slots[0]), headers={"Idempotency-Key": opaque_key()}
    )
    assert held.status_code == 201
    cancelled = await _booked(client, world, world.slots[0])
    await _change(client, cancelled, "cancel")
    assert await plan_reminders.run(db) == 0
    assert await _rows(db) == []


async def test_a_visit_too_near_gets_rows_that_say_why_nothing_comes(db: Database, client: httpx.AsyncClient) -> None:
    world = await seeds.seed(db)
    soon = utc_now() + timedelta(minutes=20)
    slot = await seeds.add_slot(db, world, capacity=1, starts_at=soon, bookable_until=soon)
    await _booked(client, world, slot)
    assert await plan_reminders.run(db) == 1
    rows = await _rows(db)
    assert [row.state for row in rows] == [MessageState.SUPPRESSED] * 2
    assert {row.reason for row in rows} <= {"time_passed", "beside_booking", "quiet_hours"}


async def test_a_number_no_sms_can_reach_gets_rows_that_say_so(db: Database, client: httpx.AsyncClient) -> None:
    world = await seeds.seed(db)
    await _booked(client, world, world.slots[0], phone="0254 385 6789")
    assert await plan_reminders.run(db) == 1
    assert {(row.state, row.reason) for row in await _rows(db)} == {(MessageState.SUPPRESSED, "not_a_mobile")}


async def test_a_move_calls_them_back_and_the_next_run_writes_new_ones(db: Database, client: httpx.AsyncClient) -> None:
    world = await seeds.seed(db)
    visit = await _booked(client, world, world.slots[0])
    await plan_reminders.run(db)
    await _change(client, visit, "reschedule", slot=world.slots[1])
    assert {row.state for row in await _rows(db)} == {MessageState.SUPERSEDED}
    assert await plan_reminders.run(db) == 1
    assert _told((await _rows(db))[2:]) == [("reminder_day", 2, "due"), ("reminder_hours", 2, "due")]


async def _arrived_by_mistake(db: Database) -> None:
    """The wrong person is ticked off at the desk, and that is undone at once."""
    clerk = Actor(ActorKind.STAFF, id="clerk")
    async with db.transaction() as session:
        visit = await visiting.visit_of(session, await session.scalar(select(Appointment.id)) or 0)
        await visiting.arrive(session, visit, by=clerk, now=utc_now())
    async with db.transaction() as session:
        visit = await visiting.visit_of(session, visit.id or 0)
        await visiting.take_back(session, visit, AppointmentState.BOOKED, by=clerk, now=utc_now())


async def test_an_arrival_that_is_taken_back_leaves_her_reminders(db: Database, client: httpx.AsyncClient) -> None:
    """Each time anew, as she may be reached by now; what went already does not go again."""
    world = await seeds.seed(db)
    await _booked(client, world, world.slots[0])
    await plan_reminders.run(db)
    before = await _rows(db)
    sent = "UPDATE message SET state = 'sent', posted_at = now() WHERE kind = 'booked'"
    await seeds.run(db, sent)
    await _arrived_by_mistake(db)
    assert await plan_reminders.run(db) == 0
    rows = await _rows(db)
    assert [(row.kind, row.copy_number, row.due_at) for row in rows if row.state is MessageState.DUE] == [
        (row.kind, 1, row.due_at) for row in before
    ]
    await seeds.run(db, sent.replace("'booked'", "'reminder_day' AND state = 'due'"))
    await seeds.run(db, "UPDATE patient SET no_sms = true")
    await _arrived_by_mistake(db)
    last = (await _rows(db))[-1]
    assert (last.kind, last.copy_number, last.reason) == (MessageKind.REMINDER_HOURS, 2, "no_consent")
    assert len(await _rows(db)) == 5
    assert len(await _rows(db, MessageKind.BOOKED)) == 1


async def test_a_confirmation_that_waits_for_a_proper_hour_outlives_a_wrong_arrival(
    db: Database, client: httpx.AsyncClient
) -> None:
    world = await seeds.seed(db)
    await _booked(client, world, world.slots[0])
    await _arrived_by_mistake(db)
    told = await _rows(db, MessageKind.BOOKED)
    assert [(row.state, row.copy_number) for row in told] == [(MessageState.SUPERSEDED, 0), (MessageState.DUE, 1)]


async def test_a_visit_that_is_being_changed_is_left_for_the_next_run(db: Database, client: httpx.AsyncClient) -> None:
    world = await seeds.seed(db)
    visit = await _booked(client, world, world.slots[0])
    async with db.transaction() as session:
        await session.execute(_LOCK, {"code": visit["code"]})
        assert await plan_reminders.run(db) == 0
    assert await plan_reminders.run(db) == 1


async def _cancelled_meanwhile(db: Database, client: httpx.AsyncClient, visit: dict[str, Any]) -> None:
    """A cancel that comes while the reminders are written and not committed."""
    async with db.transaction() as session:
        assert await reminding.remind(session, now=utc_now()) == 1
        cancelling = asyncio.create_task(_change(client, visit, "cancel"))
        await until_somebody_waits(db, cancelling)
    await cancelling


async def test_a_cancel_while_they_are_written_calls_them_back(db: Database, client: httpx.AsyncClient) -> None:
    world = await seeds.seed(db)
    visit = await _booked(client, world, world.slots[0])
    await _cancelled_meanwhile(db, client, visit)
    assert [row.state for row in await _rows(db)] == [MessageState.SUPERSEDED] * 2


async def test_control_without_the_lock_a_cancelled_visit_keeps_its_reminders(
    db: Database, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await seeds.seed(db)
    visit = await _booked(client, world, world.slots[0])
    monkeypatch.setattr(GenerativeSelect, "with_for_update", lambda query, **_: query)
    await _cancelled_meanwhile(db, client, visit)
    assert [row.state for row in await _rows(db)] == [MessageState.DUE] * 2
    await seeds.run(db, "UPDATE message SET state = 'superseded' WHERE state = 'due'")


async def _planned_on_an_old_snapshot(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two planners, the second of which does not see what the first has written."""
    monkeypatch.setattr(reminding, "_reminded", false)
    for _ in range(2):
        async with db.transaction() as session:
            assert await reminding.remind(session, now=utc_now()) == 1


async def test_two_planners_write_each_reminder_once(
    db: Database, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await seeds.seed(db)
    await _booked(client, world, world.slots[0])
    await _planned_on_an_old_snapshot(db, monkeypatch)
    assert len(await _rows(db)) == 2


async def test_control_without_the_unique_key_they_are_written_twice(
    db: Database, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await seeds.seed(db)
    await _booked(client, world, world.slots[0])

    async def write(session: AsyncSession, notices: Sequence[Notice], to: Recipient, *, now: Any) -> int:
        await session.execute(upsert(Message).values([messages._row(one, to, now) for one in notices]))
        return len(notices)

    await seeds.run(db, "ALTER TABLE message DROP CONSTRAINT message_once_key")
    monkeypatch.setattr(messages, "write", write)
    await _planned_on_an_old_snapshot(db, monkeypatch)
    assert len(await _rows(db)) == 4
