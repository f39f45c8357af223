"""What the provider's list says of a text in doubt: taken as a receipt would be, and only for the text it is."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from booking import ids
from booking.clock import utc_now
from booking.db import Database
from booking.messages import receipts, settling
from booking.messages.kinds import MessageState
from booking.messages.models import Message
from booking.messages.preparing import body_of
from booking.messages.settling import Doubt
from booking.sms.gateway import Listed
from tests import seeds
from tests.carrier import Carrier, plans
from tests.carrier.client import PHONE, gateway_to, outgoing
from tests.outbox import AGAIN_AT_ONCE, AT_ONCE, BASE, receipt, receipts_of, send, sender, settle, stored, write

pytestmark = pytest.mark.anyio

CHANNEL = "SELECT held_at IS NOT NULL AS held, held_code FROM sms_channel"
SILENT = "SELECT silent_since IS NOT NULL AS silent, silent_code FROM number_standing"


async def _lost_answer(db: Database, carrier: Carrier, **more: Any) -> Message:
    """A text that was taken, of which nobody told us."""
    message = await write(db, **more)
    carrier.plan(plans.error_after_accepting())
    await send(sender(db, carrier.url))
    assert (await stored(db, message)).state is MessageState.UNKNOWN
    return message


async def _listed_as(db: Database, status: str, code: int | None) -> Message:
    """What the list alone tells of a text; the row then."""
    with Carrier() as carrier:
        message = await _lost_answer(db, carrier)
        sid = carrier.log.accepted[0].sid
        carrier.statuses[sid] = status
        if code is not None:
            carrier.error_codes[sid] = code
        assert await settle(db, carrier.url) == 1
    return await stored(db, message)


# One path, whoever tells


@pytest.mark.parametrize("status", ["failed", "undelivered"])
async def test_a_number_at_fault_is_flagged(db: Database, status: str) -> None:
    row = await _listed_as(db, status, 30005)
    assert (row.state, row.error_code, row.reason) == (MessageState(status), 30005, status)
    assert row.again_at is None
    assert await seeds.rows(db, SILENT) == [{"silent": True, "silent_code": 30005}]
    assert await receipts_of(db, row) == [status]


async def test_what_passes_goes_once_more(db: Database) -> None:
    row = await _listed_as(db, "undelivered", 30003)
    assert row.again_at is not None
    assert row.once_more
    assert await seeds.rows(db, SILENT) == []


async def test_our_configuration_holds_the_channel_and_the_text_goes_once_more(db: Database) -> None:
    row = await _listed_as(db, "failed", 30002)
    assert row.again_at is not None
    assert await seeds.rows(db, CHANNEL) == [{"held": True, "held_code": 30002}]


async def test_what_arrived_proves_that_the_number_is_reached(db: Database) -> None:
    await seeds.run(db, "DELETE FROM number_standing")
    row = await _listed_as(db, "delivered", None)
    assert (row.state, row.error_code) == (MessageState.DELIVERED, None)
    assert await seeds.rows(db, SILENT) == []


async def test_a_word_nobody_has_met_says_that_it_was_taken(db: Database) -> None:
    row = await _listed_as(db, "partially_delivered", None)
    assert row.state is MessageState.SENT


async def test_a_number_that_cannot_be_read_keeps_no_other_from_being_settled(db: Database) -> None:
    with Carrier() as carrier:
        broken = await _lost_answer(db, carrier)
        good = await _lost_answer(db, carrier)
        await seeds.run(db, "UPDATE message SET phone = 'no seal'::bytea WHERE id = :id", id=broken.id)
        assert await settle(db, carrier.url) == 1
    assert (await stored(db, good)).state is MessageState.SENT
    assert await seeds.value(db, "SELECT state::text FROM message WHERE id = :id", id=broken.id) == "unknown"


# Whose text it is


async def test_an_equal_text_of_days_before_it_was_posted_is_not_this_one(db: Database) -> None:
    """It waited for five days in a channel that was held; the list has the same words from two days ago."""
    with Carrier() as carrier:
        message = await write(db)
        carrier.plan(plans.error_before_accepting())
        await send(sender(db, carrier.url))
        await _written(db, timedelta(days=5))
        _in_the_list(carrier, await _text(db, message), utc_now() - timedelta(days=2))
        await settle(db, carrier.url)
        assert (await stored(db, message)).state is MessageState.UNKNOWN
        await settle(db, carrier.url, AGAIN_AT_ONCE)
    assert (await stored(db, message)).state is MessageState.DUE


async def _written(db: Database, ago: timedelta) -> None:
    await seeds.run(db, "UPDATE message SET created_at = now() - make_interval(secs => :ago)", ago=ago.total_seconds())


async def _text(db: Database, message: Message) -> str:
    return body_of(await stored(db, message), base_url=BASE)


def _in_the_list(carrier: Carrier, body: str, at: datetime) -> str:
    gateway_to(carrier.url).send(outgoing(to=PHONE, body=body))
    taken = replace(carrier.log.accepted[-1], at=at)
    carrier.log._accepted[-1] = taken
    return taken.sid


async def test_of_two_posts_the_first_is_looked_for_from_the_writing_on(db: Database) -> None:
    with Carrier() as carrier:
        message = await write(db)
        for _ in range(2):
            carrier.plan(plans.error_before_accepting())
            await send(sender(db, carrier.url))
            await settle(db, carrier.url, AGAIN_AT_ONCE)
        await _written(db, timedelta(hours=2))
        sid = _in_the_list(carrier, await _text(db, message), utc_now() - timedelta(hours=1))
        assert await settle(db, carrier.url) == 1
    row = await stored(db, message)
    assert (row.state, row.provider_sid) == (MessageState.SENT, sid)


SAME = {"facility": "TYT Mau", "code": "K7M2PQ4R", "starts_at": "2030-11-30T07:30:00+07:00", "token_version": 1}


async def test_the_same_text_that_is_being_posted_for_another_row_is_not_this_one(db: Database) -> None:
    """Staff send it once more while nobody knows yet what became of the first: the list shows the second."""
    subject = ids.public_id()
    with Carrier() as carrier:
        first = await write(db, subject=subject, facts=SAME)
        carrier.plan(plans.error_before_accepting())
        await send(sender(db, carrier.url))
        second = await write(db, subject=subject, facts=SAME, copy_number=1)
        await send(sender(db, carrier.url))
        sid = carrier.log.accepted[0].sid
        out = "state = 'sending', provider_sid = NULL, lease_until = now() + interval '1 minute'"
        await seeds.run(db, f"UPDATE message SET {out} WHERE id = :id", id=second.id)
        await settle(db, carrier.url, AGAIN_AT_ONCE)
        assert (await stored(db, first)).state is MessageState.UNKNOWN
        taken = "state = 'sent', provider_sid = :sid, lease_until = NULL"
        await seeds.run(db, f"UPDATE message SET {taken} WHERE id = :id", id=second.id, sid=sid)
        await settle(db, carrier.url, AGAIN_AT_ONCE)
        await send(sender(db, carrier.url))
        assert len(carrier.log.accepted) == 2
    assert (await stored(db, first)).state is MessageState.SENT


async def _two_in_doubt(db: Database, carrier: Carrier) -> tuple[list[Message], list[Doubt], list[Listed]]:
    """Two rows with the very same text, of which only the first was taken; both are about to be settled."""
    subject = ids.public_id()
    rows = []
    for version, fate in enumerate((plans.error_after_accepting(), plans.error_before_accepting()), 1):
        rows.append(await write(db, subject=subject, version=version, facts=SAME))
        carrier.plan(fate)
        await send(sender(db, carrier.url))
    async with db.transaction() as session:
        doubts = await settling.take(session, most=9, base_url=BASE, now=utc_now(), pace=AT_ONCE)
    listed = list(gateway_to(carrier.url).sent_to(PHONE, doubts[0].since))
    return rows, sorted(doubts, key=lambda one: one.id), listed


async def _interrupted(db: Database, doubt: Doubt, listed: list[Listed], *, after: int, half_way: Any) -> None:
    """Settle one; after so many of our statements another scheduler settles the other."""
    async with db.transaction() as session:
        execute, statements = session.execute, iter(range(1, 99))

        async def interrupted(*args: Any, **more: Any) -> Any:
            result = await execute(*args, **more)
            if next(statements) == after:
                await half_way()
            return result

        session.execute = interrupted  # type: ignore[method-assign]
        await settling.settle(session, doubt, listed, base_url=BASE, now=utc_now(), pace=AT_ONCE)


@pytest.mark.parametrize("after", [1, 2])
async def test_two_schedulers_take_one_listed_text_for_one_row_only(db: Database, after: int) -> None:
    with Carrier() as carrier:
        (first, second), doubts, listed = await _two_in_doubt(db, carrier)

        async def the_other() -> None:
            async with db.transaction() as session:
                await settling.settle(session, doubts[0], listed, base_url=BASE, now=utc_now(), pace=AT_ONCE)

        await _interrupted(db, doubts[1], listed, after=after, half_way=the_other)
        (taken,) = carrier.log.accepted
    assert (await stored(db, first)).provider_sid == taken.sid
    row = await stored(db, second)
    assert (row.state, row.provider_sid) == (MessageState.UNKNOWN, None)


def test_a_text_that_moves_to_the_next_page_while_the_list_is_read_counts_once() -> None:
    """Read by pages of one: another text is taken between two of them, and the first is shown again."""
    with Carrier() as carrier:
        carrier.page_most = 1
        gateway = gateway_to(carrier.url)
        gateway.send(outgoing(body="ours"))
        messages: Any = gateway._messages
        stream = messages.stream

        def slowly(**wanted: Any) -> Any:
            for number, one in enumerate(stream(**wanted)):
                if number == 0:
                    gateway.send(outgoing(body="another"))
                yield one

        gateway.send(outgoing(body="second"))
        messages.stream = slowly
        found = gateway.sent_to(PHONE, utc_now() - timedelta(minutes=1))
    assert sorted(one.body or "" for one in found) == ["ours", "second"]


# Receipts


async def _twice(db: Database) -> Message:
    """Posted twice, because nobody knew of the first; the second was answered."""
    posts: dict[str, Any] = {
        "state": MessageState.SENT,
        "provider": "twilio",
        "provider_sid": "SM2",
        "attempts": 2,
        "sends": 2,
    }
    return await write(db, **posts, posted_at=utc_now(), segments=1)


async def _take(db: Database, message: Message, sid: str, status: str, code: int | None) -> Message:
    async with db.transaction() as session:
        await receipts.take(session, message.public_id, receipt(sid, status, code), now=utc_now())
    return await stored(db, message)


async def test_that_the_first_of_two_posts_failed_says_nothing_of_the_second(db: Database) -> None:
    message = await _twice(db)
    row = await _take(db, message, "SM1", "undelivered", 30003)
    assert (row.state, row.again_at) == (MessageState.SENT, None)
    assert await receipts_of(db, message) == ["undelivered"]
    assert (await _take(db, message, "SM1", "delivered", None)).state is MessageState.DELIVERED


async def test_that_the_second_of_two_posts_failed_counts(db: Database) -> None:
    message = await _twice(db)
    row = await _take(db, message, "SM2", "undelivered", 30003)
    assert row.state is MessageState.UNDELIVERED
    assert row.again_at is not None


async def test_a_receipt_is_judged_by_the_row_as_it_is_when_it_is_locked(db: Database) -> None:
    """The list is being learnt from, and the row was read for it; meanwhile the carrier says that it arrived."""
    message = await _twice(db)
    async with db.transaction() as session:
        read = await session.get_one(Message, message.id)
        await _take(db, message, "SM2", "delivered", None)
        await receipts.take(session, message.public_id, receipt("SM2", "undelivered", 30003), now=utc_now())
        assert read.state is MessageState.DELIVERED
    row = await stored(db, message)
    assert (row.state, row.again_at) == (MessageState.DELIVERED, None)
