"""A visit is cancelled or moved while its text is being posted: no other post of that text may follow."""

import asyncio
from typing import Any

import httpx
import pytest
from sqlmodel import col, select

from booking.db import Database
from booking.ids import opaque_key
from booking.messages import service
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message
from scheduler.jobs import send_messages
from tests import people, seeds
from tests.carrier import Carrier, plans
from tests.outbox import AGAIN_AT_ONCE, make_due, send, sender, settle

pytestmark = pytest.mark.anyio

REFUSED = plans.Plan("429 after a while", accepts=False, stalls=True, status=429, body=b'{"code": 20429}')
LOST = plans.Plan("500 after a while", accepts=False, stalls=True, status=500, body=b"{}")
TAKEN = plans.Plan("500 after accepting and a while", accepts=True, stalls=True, status=500, body=b"{}")
CHANGES = [("cancel", MessageKind.CANCELLED), ("reschedule", MessageKind.MOVED)]


async def _changed_while_posting(
    db: Database, client: httpx.AsyncClient, carrier: Carrier, plan: plans.Plan, verb: str
) -> str:
    """Book; while that is being told, cancel or move; then send and settle whatever there is. The first text's id."""
    world = await seeds.seed(db)
    body = world.booking(world.slots[0], people.patient(1))
    answer = await client.post("/api/v1/appointments", json=body, headers={"Idempotency-Key": opaque_key()})
    assert answer.status_code == 201, answer.text
    carrier.plan(plan)
    posting = asyncio.create_task(send_messages.run(sender(db, carrier.url), stop=asyncio.Event(), poll=60))
    assert await asyncio.to_thread(carrier.wait_for_stall)
    await _change(client, answer.json(), verb, {"slot": world.slots[1]} if verb == "reschedule" else {})
    row = await _row(db, MessageKind.BOOKED)
    assert row.state is MessageState.SENDING  # the post that is out is not disturbed
    assert row.lease_until is not None
    carrier.release()
    await posting
    for _ in range(3):
        await make_due(db)
        await settle(db, carrier.url, AGAIN_AT_ONCE)
        await send(sender(db, carrier.url, pace=AGAIN_AT_ONCE))
    return str(row.public_id)


async def _change(client: httpx.AsyncClient, visit: dict[str, Any], verb: str, body: dict[str, Any]) -> None:
    headers = {"Authorization": f"Bearer {visit['token']}", "Idempotency-Key": opaque_key()}
    answer = await client.post(f"/api/v1/appointments/{visit['code']}/{verb}", json=body, headers=headers)
    assert answer.status_code == 200, answer.text


async def _row(db: Database, kind: MessageKind) -> Message:
    async with db.transaction() as session:
        return (await session.execute(select(Message).where(col(Message.kind) == kind))).scalar_one()


@pytest.mark.parametrize(("verb", "kind"), CHANGES)
@pytest.mark.parametrize("plan", [REFUSED, LOST], ids=lambda plan: plan.name)
async def test_what_did_not_go_does_not_go_later(
    db: Database, client: httpx.AsyncClient, plan: plans.Plan, verb: str, kind: MessageKind
) -> None:
    with Carrier() as carrier:
        stale = await _changed_while_posting(db, client, carrier, plan, verb)
        went = carrier.log.times_accepted()
    assert went == {str((await _row(db, kind)).public_id): 1}
    assert stale not in went
    row = await _row(db, MessageKind.BOOKED)
    assert (row.state, row.lease_until) == (MessageState.SUPERSEDED, None)


@pytest.mark.parametrize(("verb", "kind"), CHANGES)
async def test_what_did_go_is_known_to_have_gone_and_goes_once(
    db: Database, client: httpx.AsyncClient, verb: str, kind: MessageKind
) -> None:
    with Carrier() as carrier:
        first = await _changed_while_posting(db, client, carrier, TAKEN, verb)
        assert carrier.log.times_accepted() == {first: 1, str((await _row(db, kind)).public_id): 1}
    assert (await _row(db, MessageKind.BOOKED)).state is MessageState.SENT


@pytest.mark.parametrize(("verb", "kind"), CHANGES)
@pytest.mark.parametrize("plan", [REFUSED, LOST], ids=lambda plan: plan.name)
async def test_control_without_the_mark_a_stale_text_goes(
    db: Database, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, plan: plans.Plan, verb: str,
    kind: MessageKind,
) -> None:  # fmt: skip
    monkeypatch.setattr(service, "MARKED", ())
    with Carrier() as carrier:
        stale = await _changed_while_posting(db, client, carrier, plan, verb)
        assert carrier.log.times_accepted() == {stale: 1, str((await _row(db, kind)).public_id): 1}
