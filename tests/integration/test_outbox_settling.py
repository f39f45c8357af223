"""Unknown outcomes: receipts first, then the provider's list, then at most one more send."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from booking import ids
from booking.clock import utc_now
from booking.db import Database
from booking.messages import receipts, service
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message
from booking.messages.receipts import Receipt
from tests.carrier import Carrier, plans, unused_port
from tests.outbox import (
    AGAIN_AT_ONCE,
    accepted,
    begun,
    claimed,
    end_leases,
    mine,
    send,
    sender,
    settle,
    stored,
    write,
)

pytestmark = [pytest.mark.anyio, pytest.mark.postgres15]


async def _unknown(db: Database, carrier: Carrier, plan: plans.Plan, **more: object) -> Message:
    message = await write(db, **more)  # type: ignore[arg-type]
    carrier.plan(plan)
    await send(sender(db, carrier.url, lane=message.lane))
    assert (await stored(db, message)).state is MessageState.UNKNOWN
    return message


async def test_the_list_shows_that_it_went(db: Database) -> None:
    with Carrier() as carrier:
        message = await _unknown(db, carrier, plans.error_after_accepting())
        assert await settle(db, carrier.url, AGAIN_AT_ONCE) == 1
        await send(sender(db, carrier.url))
        (taken,) = carrier.log.accepted
    row = await stored(db, message)
    assert (row.state, row.provider_sid, row.sends) == (MessageState.SENT, taken.sid, 1)


async def test_the_list_tells_how_it_ended(db: Database) -> None:
    with Carrier() as carrier:
        message = await _unknown(db, carrier, plans.error_after_accepting())
        carrier.statuses[carrier.log.accepted[0].sid] = "delivered"
        await settle(db, carrier.url)
    assert (await stored(db, message)).state is MessageState.DELIVERED


async def test_a_receipt_settles_it_before_the_list_is_asked(db: Database) -> None:
    with Carrier() as carrier:
        message = await _unknown(db, carrier, plans.error_after_accepting())
        async with db.transaction() as session:
            assert await receipts.take(session, message.public_id, Receipt("SM1", "sent"), now=utc_now())
        assert await settle(db, f"http://127.0.0.1:{unused_port()}", AGAIN_AT_ONCE) == 0
    row = await stored(db, message)
    assert (row.state, row.provider_sid) == (MessageState.SENT, "SM1")


async def test_what_the_list_does_not_show_goes_once_more_after_three_minutes_and_not_before(db: Database) -> None:
    with Carrier() as carrier:
        message = await _unknown(db, carrier, plans.error_before_accepting())
        assert await settle(db, carrier.url) == 0  # three minutes have not passed
        assert (await stored(db, message)).state is MessageState.UNKNOWN
        assert await settle(db, carrier.url, AGAIN_AT_ONCE) == 1
        carrier.plan(plans.error_before_accepting())
        await send(sender(db, carrier.url))
        assert (await stored(db, message)).sends == 2
        assert await settle(db, carrier.url, AGAIN_AT_ONCE) == 0  # the second was the last
        await send(sender(db, carrier.url))
        assert len(carrier.log.calls) == 2
        await _useful_no_longer(db)
        assert await settle(db, carrier.url, AGAIN_AT_ONCE) == 1
    row = await stored(db, message)
    assert (row.state, row.reason) == (MessageState.EXPIRED, "outcome never learnt")


async def test_a_list_that_cannot_be_read_settles_nothing(db: Database) -> None:
    with Carrier() as carrier:
        message = await _unknown(db, carrier, plans.error_after_accepting())
        assert await settle(db, f"http://127.0.0.1:{unused_port()}", AGAIN_AT_ONCE) == 0
        await send(sender(db, carrier.url))
        assert accepted(carrier) == mine([message])
        assert await settle(db, carrier.url, AGAIN_AT_ONCE) == 1
    assert (await stored(db, message)).state is MessageState.SENT


async def test_a_code_never_goes_twice(db: Database) -> None:
    facts = {"otp": "123456", "minutes": "10"}
    with Carrier() as carrier:
        plan = plans.error_before_accepting()
        message = await _unknown(db, carrier, plan, kind=MessageKind.OTP, lane="code", facts=facts)
        for _ in range(3):
            await settle(db, carrier.url, AGAIN_AT_ONCE)
            await send(sender(db, carrier.url, lane="code"))
        assert len(carrier.log.calls) == 1
    assert (await stored(db, message)).state is MessageState.UNKNOWN


async def test_a_text_that_was_erased_is_not_taken_for_missing(db: Database) -> None:
    with Carrier() as carrier:
        message = await _unknown(db, carrier, plans.error_after_accepting())
        good = await _unknown(db, carrier, plans.error_after_accepting())
        async with db.transaction() as session:
            await session.execute(text("UPDATE message SET facts = '{}' WHERE id = :id"), {"id": message.id})
        assert await settle(db, carrier.url, AGAIN_AT_ONCE) == 1
        assert (await stored(db, message)).state is MessageState.UNKNOWN
        assert (await stored(db, good)).state is MessageState.SENT
        await _useful_no_longer(db)
        assert await settle(db, carrier.url, AGAIN_AT_ONCE) == 1
    assert (await stored(db, message)).state is MessageState.EXPIRED


async def test_equal_texts_to_one_number_are_counted(db: Database) -> None:
    """Three rows with the very same text, two in the list: two went, the third may go once more."""
    subject, code = ids.public_id(), ids.booking_code()
    facts = {"facility": "TYT Mau", "code": code, "starts_at": "2026-11-30T07:30:00+07:00", "token_version": 1}
    with Carrier() as carrier:
        fates = [plans.error_after_accepting(), plans.error_before_accepting(), plans.error_after_accepting()]
        rows = [
            await _unknown(db, carrier, fate, subject=subject, version=number, facts=facts)
            for number, fate in enumerate(fates, 1)
        ]
        await settle(db, carrier.url)
        states = [(await stored(db, row)).state for row in rows]
        assert sorted(states) == sorted([MessageState.SENT, MessageState.SENT, MessageState.UNKNOWN])
        sids = {(await stored(db, row)).provider_sid for row in rows} - {None}
        assert sids == {one.sid for one in carrier.log.accepted}
        await settle(db, carrier.url, AGAIN_AT_ONCE)
        await send(sender(db, carrier.url))
        assert len(carrier.log.accepted) == 3
    assert [(await stored(db, row)).state for row in rows] == [MessageState.SENT] * 3


async def test_an_equal_text_that_another_row_stands_for_is_not_taken_for_ours(db: Database) -> None:
    facts = {"facility": "TYT Mau", "code": "K7M2PQ4R", "starts_at": "2026-11-30T07:30:00+07:00", "token_version": 1}
    subject = ids.public_id()
    with Carrier() as carrier:
        await write(db, subject=subject, facts=facts)
        await send(sender(db, carrier.url))
        lost = await _unknown(db, carrier, plans.error_before_accepting(), subject=subject, version=2, facts=facts)
        await settle(db, carrier.url)
        assert (await stored(db, lost)).state is MessageState.UNKNOWN


async def test_a_lease_that_ran_out_while_claimed_is_due_and_while_sending_is_unknown(db: Database) -> None:
    claimed_only = await write(db)
    await claimed(db)
    sending = await write(db)
    assert await begun(db, await claimed(db)) is not None
    assert await end_leases(db, after=10) == (0, 0)
    assert await end_leases(db, after=100) == (1, 1)
    assert (await stored(db, claimed_only)).state is MessageState.DUE
    row = await stored(db, sending)
    assert (row.state, row.reason, row.lease_until) == (MessageState.UNKNOWN, "sender lost", None)


async def test_what_was_cancelled_while_unknown_does_not_go_again(db: Database) -> None:
    with Carrier() as carrier:
        message = await _unknown(db, carrier, plans.error_before_accepting())
        async with db.transaction() as session:
            assert await service.supersede(session, message.subject_id, now=utc_now()) == 1
        await settle(db, carrier.url, AGAIN_AT_ONCE)
        await send(sender(db, carrier.url))
        assert len(carrier.log.calls) == 1
    assert (await stored(db, message)).state is MessageState.SUPERSEDED


async def _useful_no_longer(db: Database) -> None:
    async with db.transaction() as session:
        await session.execute(text("UPDATE message SET useful_until = :now"), {"now": utc_now() - timedelta(seconds=1)})
