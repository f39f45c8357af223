"""Codes in the outbox: posted once at most, and erased by whatever ends them."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from booking import inbox
from booking.clock import utc_now
from booking.db import Database
from booking.messages import outbox, receipts, service
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message
from booking.messages.preparing import Channel
from booking.messages.receipts import Receipt
from booking.sms.console import ConsoleGateway
from booking.sms.gateway import Accepted, Fault, Listed, Refused, Unknown
from scheduler.jobs import end_leases as ending
from scheduler.jobs import settle_unknown
from tests.carrier import Carrier
from tests.outbox import AGAIN_AT_ONCE, AT_ONCE, BASE, begun, claimed, send, sender, settle, stored, write

pytestmark = [pytest.mark.anyio]

DIGITS = "314159"
DEMO = Channel("console", BASE, production=False, shows_codes=True)


async def code(db: Database, **more: Any) -> Message:
    """A code that is due."""
    facts = {"minutes": "5"}
    values: dict[str, Any] = {"subject_kind": "code", "lane": "code", "secret": DIGITS, "facts": facts, "useful": 300.0}
    return await write(db, kind=MessageKind.OTP, **values | more)


async def test_a_code_is_posted_and_erased(db: Database) -> None:
    message = await code(db)
    with Carrier() as carrier:
        assert await send(sender(db, carrier.url, lane="code")) == 1
        bodies = [one.body for one in carrier.log.accepted]
    assert bodies == [f"HenKham: Ma xac nhan la {DIGITS}, dung trong 5 phut. Khong dua ma nay cho bat ky ai."]
    sent = await stored(db, message)
    assert (sent.state, sent.secret) == (MessageState.SENT, None)


@pytest.mark.parametrize(
    ("outcome", "state", "kept"),
    [
        (Accepted("SM1", "queued"), MessageState.SENT, None),
        (Unknown("silence"), MessageState.UNKNOWN, None),
        (Refused(21211, Fault.PHONE), MessageState.FAILED, None),
        (Refused(20429, Fault.PASSING), MessageState.DUE, DIGITS),  # certainly not gone: it is needed for the next try
    ],
    ids=["sent", "unknown", "failed", "due"],
)
async def test_every_outcome_of_its_post(db: Database, outcome: Any, state: MessageState, kept: str | None) -> None:
    message = await code(db)
    posting = await begun(db, await claimed(db, lane="code"))
    assert posting is not None
    async with db.transaction() as session:
        await outbox.record(session, posting, outcome, now=utc_now(), pace=AT_ONCE)
    row = await stored(db, message)
    assert (row.state, row.secret) == (state, kept)


async def test_an_unknown_outcome_is_no_reason_to_send_it_again(db: Database) -> None:
    """The control: a confirmation in the same place does go a second time."""
    message, other = await code(db), await write(db)
    with Carrier() as carrier:
        for lane in ("code", "visit"):
            posting = await begun(db, await claimed(db, lane=lane))
            assert posting is not None
            async with db.transaction() as session:
                await outbox.record(session, posting, Unknown("silence"), now=utc_now(), pace=AGAIN_AT_ONCE)
        await settle(db, carrier.url, AGAIN_AT_ONCE)
        await send(sender(db, carrier.url, lane="code"))
        await send(sender(db, carrier.url, lane="visit"))
        assert [one.message_id for one in carrier.log.accepted] == [str(other.public_id)]
    assert (await stored(db, message)).state is MessageState.UNKNOWN
    async with db.transaction() as session:
        await service.end_code(session, message.subject_id, now=utc_now())
    assert (await stored(db, message)).state is MessageState.SUPERSEDED


async def test_a_code_whose_sender_died_is_erased(db: Database) -> None:
    message = await code(db)
    assert await begun(db, await claimed(db, lane="code"), lease=0) is not None
    async with db.transaction() as session:
        await outbox.end_leases(session, now=utc_now() + timedelta(seconds=5))
    row = await stored(db, message)
    assert (row.state, row.secret) == (MessageState.UNKNOWN, None)


async def test_too_late_it_is_not_sent_and_erased(db: Database) -> None:
    message = await code(db)
    late = utc_now() + timedelta(minutes=6)
    assert await begun(db, await claimed(db, lane="code"), now=late) is None
    row = await stored(db, message)
    assert (row.state, row.secret) == (MessageState.EXPIRED, None)


async def test_codes_nobody_took_up_are_erased_when_their_time_is_over(db: Database) -> None:
    """While the channel is held nothing is claimed; the job that ends leases erases them all the same."""
    over, good = await code(db, useful=-1.0), await code(db)
    await ending.run(db)
    assert (await stored(db, over)).secret is None
    assert (await stored(db, good)).secret == DIGITS


@pytest.mark.parametrize("state", ["due", "sending"])
async def test_a_code_that_was_replaced_or_used_is_erased_at_once(db: Database, state: str) -> None:
    message = await code(db)
    posting = await begun(db, await claimed(db, lane="code")) if state == "sending" else None
    async with db.transaction() as session:
        await service.end_code(session, message.subject_id, now=utc_now())
    row = await stored(db, message)
    assert row.secret is None
    if posting is None:
        assert row.state is MessageState.SUPERSEDED
        return
    async with db.transaction() as session:  # what was out and is refused for now goes no second time
        await outbox.record(session, posting, Refused(20429, Fault.PASSING), now=utc_now(), pace=AT_ONCE)
    assert (await stored(db, message)).state is MessageState.SUPERSEDED


async def test_a_receipt_erases_it_too(db: Database) -> None:
    message = await code(db)
    async with db.transaction() as session:
        await receipts.take(session, message.public_id, Receipt("SM1", "delivered"), now=utc_now())
    assert (await stored(db, message)).secret is None


async def test_the_demo_s_inbox_shows_a_code_until_its_time_is_over(
    app: FastAPI, client: httpx.AsyncClient, db: Database
) -> None:
    app.include_router(inbox.router)
    message = await code(db)
    async with db.transaction() as session:
        posting = await outbox.begin(
            session, await claimed(db, lane="code"), through=DEMO, now=utc_now(), lease=timedelta(seconds=60)
        )
    assert posting is not None
    async with db.transaction() as session:
        await outbox.record(session, posting, Accepted("SM1", "queued"), now=utc_now(), pace=AT_ONCE)
    assert DIGITS in (await client.get("/inbox")).text
    async with db.transaction() as session:
        await service.erase_codes(session, now=utc_now() + timedelta(minutes=6))
    shown = await client.get("/inbox")
    assert shown.status_code == 200
    assert DIGITS not in shown.text
    assert "đã được xóa" in shown.text
    assert (await stored(db, message)).state is MessageState.SENT


class _Asked(ConsoleGateway):
    """A provider that notes how often its list is read."""

    name = "twilio"
    asked = 0

    def sent_to(self, to: str, since: datetime) -> list[Listed]:  # noqa: ARG002
        self.asked += 1
        return []


async def test_the_list_is_not_read_for_a_code_that_can_never_be_found_there(db: Database) -> None:
    asked, other = _Asked(), _Asked()
    await code(db, state=MessageState.UNKNOWN, secret=None, posted_at=utc_now(), provider="twilio")
    await settle_unknown.run(db, asked, base_url=BASE, pace=AT_ONCE)
    assert asked.asked == 0
    await write(db, state=MessageState.UNKNOWN, posted_at=utc_now(), provider="twilio")  # control
    await settle_unknown.run(db, other, base_url=BASE, pace=AT_ONCE)
    assert other.asked == 1
