"""Two senders, a cancel in the last moment, a sender that wakes up late. Each guard is also shown to be needed.

What does not belong here: crashes (test_sender_kill.py).
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text, update
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.clock import ZONE, utc_now
from booking.db import Database
from booking.ids import jitter, public_id
from booking.messages import claiming, outbox, service
from booking.messages.channel import service as channels
from booking.messages.channel.rules import Grant, Standing
from booking.messages.channel.service import Asked
from booking.messages.claiming import Claim
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message
from booking.messages.outbox import Pace, Posting
from booking.messages.service import Notice, Recipient
from booking.sms.gateway import Fault, Refused, Unknown
from scheduler.jobs.send_messages import Sender
from tests import quick_scheduler
from tests.carrier import Carrier, plans
from tests.carrier.client import PHONE, gateway_to
from tests.outbox import (
    AGAIN_AT_ONCE,
    AT_ONCE,
    BUSY,
    CHANNEL,
    PATIENT,
    accepted,
    begun,
    claimed,
    end_leases,
    mine,
    send,
    sender,
    settle,
    stored,
    until,
    until_somebody_waits,
    write,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[Database]:
    """The database as a second process has it."""
    database = Database(database_url, pool=10)
    yield database
    await database.close()


def _any_claim(claim: Claim) -> list[Any]:
    """The guard taken away: whoever once claimed a row goes on with it."""
    return [col(Message.id) == claim.id]


# Two senders at once


async def test_two_senders_send_200_messages_once_each(db: Database, other: Database) -> None:
    messages = [await write(db) for _ in range(200)]
    with Carrier() as carrier:
        counts = await asyncio.gather(send(sender(db, carrier.url)), send(sender(other, carrier.url)))
        assert carrier.log.times_accepted() == dict.fromkeys(mine(messages), 1)
    assert sum(counts) == 200
    assert min(counts) > 0


async def _unasked(_: AsyncSession, provider: str, __: Any, *, lane: str, **more: Any) -> Asked:
    """The channel's answer without its row."""
    now = utc_now()
    standing = Standing(now, None, None, None, 0, 0, 0, None)
    return Asked(provider, lane, now, now, standing, Grant(more["wanted"]))


def _careless_claims() -> Callable[..., Any]:
    """Claiming without lock and guard: two who look at the same moment get the same rows."""
    together = asyncio.Barrier(2)

    async def claim(
        session: AsyncSession, lane: str, *, most: int, now: Any, lease: timedelta, **_: bool
    ) -> list[Claim]:
        due = select(Message.id).where(col(Message.state) == MessageState.DUE, col(Message.lane) == lane).limit(most)
        found = list((await session.execute(due)).scalars())
        async with asyncio.timeout(5):
            await together.wait()
        values = {"state": MessageState.CLAIMED, "lease_until": now + lease}
        await session.execute(update(Message).where(col(Message.id).in_(found)).values(**values))
        return [Claim(one, now + lease) for one in found if one is not None]

    return claim


async def test_control_without_locks_a_message_goes_twice(
    db: Database, other: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = await write(db)
    monkeypatch.setattr(claiming, "claim", _careless_claims())
    monkeypatch.setattr(channels, "ask", _unasked)  # the channel's row is a lock as well
    monkeypatch.setattr(outbox, "ours", _any_claim)
    with Carrier() as carrier:
        senders = sender(db, carrier.url), sender(other, carrier.url)
        (one,), (two,) = await asyncio.gather(*(each.claim(1) for each in senders))
        await asyncio.gather(senders[0].carry(one), senders[1].carry(two))
        assert carrier.log.times_accepted() == {str(message.public_id): 2}


# A sender that wakes up after its lease


async def _slow_sender(db: Database, other: Database, carrier: Carrier) -> None:
    slow = sender(db, carrier.url, pace=Pace(claimed=timedelta(seconds=1)))
    (claim,) = await slow.claim(1)
    await end_leases(other, after=5)
    await send(sender(other, carrier.url))
    await slow.carry(claim)


async def test_a_sender_that_lost_its_lease_posts_nothing(db: Database, other: Database) -> None:
    message = await write(db)
    with Carrier() as carrier:
        await _slow_sender(db, other, carrier)
        assert accepted(carrier) == mine([message])


async def test_control_without_the_lease_guard_it_goes_twice(
    db: Database, other: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = await write(db)
    monkeypatch.setattr(outbox, "ours", _any_claim)
    with Carrier() as carrier:
        await _slow_sender(db, other, carrier)
        assert accepted(carrier) == mine([message, message])


# Cancelled between claim and post


async def _cancelled_in_the_last_moment(db: Database, carrier: Carrier, message: Message) -> None:
    sending = sender(db, carrier.url)
    (claim,) = await sending.claim(1)
    async with db.transaction() as session:
        assert await service.supersede(session, message.subject_id, now=utc_now()) == 1
    await sending.carry(claim)


async def test_what_is_cancelled_after_the_claim_is_not_posted(db: Database) -> None:
    message = await write(db)
    with Carrier() as carrier:
        await _cancelled_in_the_last_moment(db, carrier, message)
        assert accepted(carrier) == []
    assert (await stored(db, message)).state is MessageState.SUPERSEDED


async def test_control_without_the_second_look_a_wrong_text_goes(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    message = await write(db)
    monkeypatch.setattr(outbox, "ours", _any_claim)
    with Carrier() as carrier:
        await _cancelled_in_the_last_moment(db, carrier, message)
        assert accepted(carrier) == mine([message])


async def _cancelled_while_the_sender_was_held_up(db: Database, carrier: Carrier, fresh: timedelta) -> Message:
    """Its only thread is busy with another post, so a second one that was looked at and written down waits for long."""
    first, second = await write(db), await write(db)
    carrier.plan(plans.stall_after_accepting())
    slow = Sender(db, gateway_to(carrier.url, PATIENT), CHANNEL, lane="visit", together=1, pace=Pace(fresh=BUSY))
    claims = await slow.claim(2)
    posting = [asyncio.create_task(slow.carry(claims[0]))]
    assert await asyncio.to_thread(carrier.wait_for_stall)
    slow.pace = Pace(fresh=fresh)
    posting.append(asyncio.create_task(slow.carry(claims[1])))
    await until(db, second, MessageState.SENDING)
    async with db.transaction() as session:
        assert await service.supersede(session, second.subject_id, now=utc_now()) == 0
    carrier.release()
    await asyncio.gather(*posting)
    assert accepted(carrier)[:1] == mine([first])
    return second


async def test_a_look_that_is_old_by_the_time_of_the_post_is_not_believed(db: Database) -> None:
    with Carrier() as carrier:
        second = await _cancelled_while_the_sender_was_held_up(db, carrier, timedelta(0))
        assert len(accepted(carrier)) == 1
    row = await stored(db, second)
    assert (row.state, row.attempts, row.sends, row.posted_at) == (MessageState.SUPERSEDED, 0, 0, None)


async def test_control_an_old_look_that_is_believed_sends_what_is_off(db: Database) -> None:
    with Carrier() as carrier:
        second = await _cancelled_while_the_sender_was_held_up(db, carrier, BUSY)
        assert accepted(carrier)[1:] == mine([second])


async def test_a_cancel_that_is_not_committed_yet_is_waited_for_and_wins(db: Database, other: Database) -> None:
    message = await write(db)
    claim = await claimed(db)
    async with other.transaction() as session:
        await service.supersede(session, message.subject_id, now=utc_now())
        beginning = asyncio.create_task(begun(db, claim))
        await until_somebody_waits(db)
    assert await beginning is None
    assert (await stored(db, message)).state is MessageState.SUPERSEDED


async def test_a_post_that_is_being_written_down_goes_and_the_cancel_knows(db: Database, other: Database) -> None:
    message = await write(db)
    claim = await claimed(db)

    async def supersede() -> int:
        async with other.transaction() as session:
            return await service.supersede(session, message.subject_id, now=utc_now())

    async with db.transaction() as session:
        lease = timedelta(seconds=60)
        assert await outbox.begin(session, claim, through=CHANNEL, now=utc_now(), lease=lease) is not None
        cancelling = asyncio.create_task(supersede())
        await until_somebody_waits(db)
    assert await cancelling == 0
    assert (await stored(db, message)).state is MessageState.SENDING


async def test_of_sixty_cancels_against_sends_exactly_one_side_wins_each(db: Database, other: Database) -> None:
    messages = [await write(db) for _ in range(60)]

    async def cancel(message: Message, wait: float) -> int:
        await asyncio.sleep(wait)
        async with other.transaction() as session:
            return await service.supersede(session, message.subject_id, now=utc_now())

    with Carrier() as carrier:
        spread = [cancel(message, jitter(0, 0.5)) for message in messages]
        _, *called_back = await asyncio.gather(send(sender(db, carrier.url)), *spread)
        went = carrier.log.times_accepted()
    assert [went.get(str(one.public_id), 0) for one in messages] == [1 - back for back in called_back]


# Outcomes that come late


async def _record(db: Database, posting: Posting, outcome: Any) -> MessageState | None:
    async with db.transaction() as session:
        return await outbox.record(session, posting, outcome, now=utc_now(), pace=AT_ONCE)


async def _posted_twice(db: Database) -> tuple[Posting, Posting]:
    """A message whose first sender was slow to hear, and which is being posted again."""
    first = await begun(db, await claimed(db), lease=-1)
    await end_leases(db, after=0)
    with Carrier() as carrier:
        assert await settle(db, carrier.url, AGAIN_AT_ONCE) == 1
    second = await begun(db, await claimed(db))
    assert first is not None
    assert second is not None
    return first, second


@pytest.mark.parametrize("late", [Refused(21617, Fault.CONTENT), Refused(20429, Fault.PASSING), Unknown("no answer")])
async def test_a_late_outcome_speaks_of_its_own_post_only(db: Database, late: Any) -> None:
    message = await write(db)
    first, second = await _posted_twice(db)
    assert await _record(db, first, late) is None
    assert (await stored(db, message)).state is MessageState.SENDING
    # Control: taken for an outcome of the second post, it changes the row.
    assert await _record(db, Posting(second.id, second.attempt, second.outgoing), late) is not None
    assert (await stored(db, message)).state is not MessageState.SENDING


# A post nobody heard the end of


async def _lost_after_the_post(db: Database, carrier: Carrier) -> None:
    """Posted and accepted; the sender dies before it writes that down. Then the others go on."""
    posting = await begun(db, await claimed(db), lease=-1)
    assert posting is not None
    sender(db, carrier.url)._gateway.send(posting.outgoing)
    await end_leases(db, after=0)
    await settle(db, carrier.url, AGAIN_AT_ONCE)
    await send(sender(db, carrier.url))


async def test_what_may_have_been_sent_is_looked_up_and_not_sent_again(db: Database) -> None:
    message = await write(db)
    with Carrier() as carrier:
        await _lost_after_the_post(db, carrier)
        assert accepted(carrier) == mine([message])
    assert (await stored(db, message)).state is MessageState.SENT


async def test_control_unknown_treated_as_due_goes_twice(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    message = await write(db)
    monkeypatch.setattr(outbox, "end_leases", quick_scheduler.all_due)
    with Carrier() as carrier:
        await _lost_after_the_post(db, carrier)
        assert accepted(carrier) == mine([message, message])


# The same text written by two


async def _written_by_two(db: Database, other: Database) -> None:
    """Two who plan the same reminder at one moment, each in a transaction of its own."""
    now = utc_now()
    starts = (now + timedelta(days=2)).astimezone(ZONE)
    facts = {"facility": "TYT Mau", "code": "K7M2PQ4R", "starts_at": starts.isoformat(), "token_version": 1}
    notice = Notice(public_id(), MessageKind.BOOKED, 1, None, facts, due_at=now, useful_until=starts)

    async def plan(database: Database) -> None:
        async with database.transaction() as session:
            await service.write(session, [notice], Recipient(PHONE, "vi"), now=now)

    await asyncio.gather(plan(db), plan(other))


async def test_what_two_write_at_one_moment_is_one_text(db: Database, other: Database) -> None:
    await _written_by_two(db, other)
    with Carrier() as carrier:
        await send(sender(db, carrier.url))
        assert len(accepted(carrier)) == 1


async def test_control_without_the_unique_key_it_goes_twice(
    db: Database, other: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with db.transaction() as session:
        await session.execute(text("ALTER TABLE message DROP CONSTRAINT message_once_key"))
    monkeypatch.setattr(Insert, "on_conflict_do_nothing", lambda made, **_: made)
    await _written_by_two(db, other)
    with Carrier() as carrier:
        await send(sender(db, carrier.url))
        assert len(accepted(carrier)) == 2
