"""Two clerks send one message once more at the same moment, and a patient cancels while a clerk does."""

import asyncio
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy.sql.selectable import GenerativeSelect
from sqlmodel import col, select

from booking.actor import Actor, ActorKind
from booking.appointments.told import service
from booking.appointments.told.commands import SendAgain
from booking.clock import utc_now
from booking.db import Database
from booking.messages.models import Message
from tests import asking, seeds
from tests.outbox import until_somebody_waits

pytestmark = pytest.mark.anyio

CLERK = Actor(ActorKind.STAFF, id="0b0e6a0e-0000-4000-8000-000000000000")


async def _told(db: Database, client: httpx.AsyncClient) -> tuple[seeds.World, dict[str, str], UUID]:
    world = await seeds.seed(db)
    visit = await asking.booked(client, world, world.slots[0])
    await seeds.run(db, "UPDATE message SET state = 'undelivered'")
    async with db.transaction() as session:
        message = (await session.execute(select(Message).where(col(Message.copy_number) == 0))).scalar_one()
    return world, visit, message.public_id


async def _again(db: Database, world: seeds.World, message: UUID, copy: int = 1) -> None:
    command = SendAgain(message=message, copy_number=copy, why="Chưa thấy tin")
    async with db.transaction() as session:
        await service.send_again(session, world.facility_id, command, by=CLERK, now=utc_now())


async def test_two_clerks_at_once_make_one_new_message(db: Database, client: httpx.AsyncClient) -> None:
    world, _, message = await _told(db, client)
    await asyncio.gather(*(_again(db, world, message) for _ in range(8)))
    assert await seeds.value(db, "SELECT count(*) FROM message WHERE copy > 0") == 1
    assert await seeds.value(db, "SELECT count(*) FROM audit_event WHERE action = 'message.resend'") == 1


async def _cancelled_meanwhile(db: Database, client: httpx.AsyncClient) -> list[str]:
    """A cancel that comes while a clerk's new row is written and not committed; the states of the copies."""
    world, visit, message = await _told(db, client)
    headers = {"Authorization": f"Bearer {visit['token']}", "Idempotency-Key": "cancel-meanwhile"}
    path = f"/api/v1/appointments/{visit['code']}/cancel"
    command = SendAgain(message=message, copy_number=1, why="Chưa thấy tin")
    async with db.transaction() as session:
        await service.send_again(session, world.facility_id, command, by=CLERK, now=utc_now() + timedelta(seconds=1))
        cancelling = asyncio.create_task(client.post(path, json={}, headers=headers))
        await until_somebody_waits(db, cancelling)
    assert (await cancelling).status_code == 200
    return [row["state"] for row in await seeds.rows(db, "SELECT state FROM message WHERE copy > 0")]


async def test_a_cancel_that_comes_meanwhile_calls_it_back(db: Database, client: httpx.AsyncClient) -> None:
    assert await _cancelled_meanwhile(db, client) == ["superseded"]


async def test_control_without_the_lock_a_cancelled_visit_is_told_of(
    db: Database, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    locking = GenerativeSelect.with_for_update

    def unlocked(query: GenerativeSelect, **more: object) -> GenerativeSelect:
        return query if more == {"key_share": True} else locking(query, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(GenerativeSelect, "with_for_update", unlocked)
    assert await _cancelled_meanwhile(db, client) == ["due"]
    await seeds.run(db, "UPDATE message SET state = 'superseded' WHERE state = 'due'")
