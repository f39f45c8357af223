"""How much one channel lets out for all senders: budget, breaker, caps, and what counts. The carrier's log judges."""

import logging
from datetime import time, timedelta

import pytest
from sqlalchemy import text

from booking import clock
from booking.actor import system
from booking.clock import utc_now
from booking.db import Database
from booking.messages import service, texts
from booking.messages.channel import queries
from booking.messages.channel import service as channels
from booking.messages.channel.kinds import ChannelState
from booking.messages.channel.rules import Allowance
from booking.messages.claiming import Claim
from booking.messages.kinds import MessageKind, MessageState
from scheduler.jobs.send_messages import Sender
from tests.carrier import Carrier, plans
from tests.outbox import (
    accepted,
    begun,
    claimed,
    end_leases,
    make_due,
    many,
    metered,
    mine,
    rested,
    send,
    stored,
    write,
)

pytestmark = [pytest.mark.anyio]


async def _one_claim(made: Sender) -> Claim:
    """The next claim: a new bucket is empty for a moment."""
    for _ in range(500):
        if claims := await made.claim(1):
            return claims[0]
    raise AssertionError("nothing is due")


async def _state(db: Database, allowance: Allowance | None = None) -> ChannelState:
    async with db.transaction() as session:
        return (await queries.standing(session, "twilio", allowance, now=utc_now())).state


# How much goes


async def test_the_budget_lets_the_last_text_through_and_the_rest_waits(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    messages = await many(db, 7)
    code = await write(db, lane="code")
    with Carrier() as carrier:
        for _ in range(3):
            await send(metered(db, carrier.url, per_day=5))
        assert accepted(carrier) == mine(messages[:5])
        assert [one.getMessage() for one in caplog.records if one.levelno == logging.ERROR] == ["SMS about visits wait"]
        assert await _state(db, Allowance(per_day=5)) is ChannelState.BUDGET
        await send(metered(db, carrier.url, per_day=5, lane="code"))
        assert accepted(carrier)[5:] == mine([code])
        await _a_day_passes(db)
        await send(metered(db, carrier.url, per_day=5))
        assert accepted(carrier)[6:] == mine(messages[5:])


async def test_control_without_the_budget_all_of_them_go(db: Database) -> None:
    messages = await many(db, 7)
    with Carrier() as carrier:
        await send(metered(db, carrier.url))
        assert sorted(accepted(carrier), key=str) == sorted(mine(messages))


async def test_the_breaker_opens_with_the_next_hour_and_remembers_what_was_usual(db: Database) -> None:
    messages = await many(db, 8)
    with Carrier() as carrier:
        await send(metered(db, carrier.url, usual_hour=2))
        await send(metered(db, carrier.url, usual_hour=2))
        assert accepted(carrier) == mine(messages[:6])
        assert await _state(db, Allowance(usual_hour=2)) is ChannelState.BREAKER
        async with db.transaction() as session:  # as if it had been the hour before, and a hundred yesterday
            await session.execute(text("UPDATE sms_channel SET hour_at = hour_at - interval '1 hour'"))
            yesterday = utc_now().replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
            await session.execute(
                text("INSERT INTO message_tally VALUES ('hour', :at, 'twilio', 100)"), {"at": yesterday}
            )
        await send(metered(db, carrier.url, usual_hour=2))
        assert sorted(accepted(carrier), key=str) == sorted(mine(messages))
    async with db.transaction() as session:
        row = (await session.execute(text("SELECT hour_posts, hour_usual FROM sms_channel"))).one()
        past = text("SELECT max(posts) FROM message_tally WHERE scope = 'hour' AND posts < 100")
        assert (tuple(row), await session.scalar(past)) == ((2, 100), 6)


async def test_somebody_who_answers_for_it_closes_the_breaker(db: Database) -> None:
    messages = await many(db, 8)
    with Carrier() as carrier:
        await send(metered(db, carrier.url, usual_hour=2))
        async with db.transaction() as session:
            await channels.resume(session, "twilio", by=system("test"), now=utc_now())
        await send(metered(db, carrier.url, usual_hour=2))
        assert sorted(accepted(carrier), key=str) == sorted(mine(messages))


async def test_one_number_gets_so_many_a_day_and_the_rest_in_the_morning(db: Database) -> None:
    messages = [await write(db, starts_in=9000 + number, useful=172_800) for number in range(5)]
    late = await write(db, starts_in=90_000, useful=60)
    other = await write(db, phone="+84901239999", starts_in=95_000)
    with Carrier() as carrier:
        await send(metered(db, carrier.url, per_number=3))
        assert accepted(carrier)[:3] == mine(messages[:3])
        assert accepted(carrier)[3:] == mine([other])
    morning = clock.at_local(clock.local_day(utc_now()) + timedelta(days=1), time(7))
    rows = [await stored(db, one) for one in messages[3:]]
    assert [(row.state, row.reason, row.due_at) for row in rows] == [(MessageState.DUE, "number_cap", morning)] * 2
    row = await stored(db, late)
    assert (row.state, row.reason, row.lease_until) == (MessageState.EXPIRED, "number_cap", None)


async def test_one_facility_sends_so_many_a_day_and_others_are_not_touched(db: Database) -> None:
    messages = await many(db, 5, facility_id=1)
    others = await many(db, 5, facility_id=2)
    with Carrier() as carrier:
        await send(metered(db, carrier.url, per_facility=3))
        await send(metered(db, carrier.url, per_facility=5))
        assert len([one for one in accepted(carrier) if one in mine(messages)]) == 3
        assert len([one for one in accepted(carrier) if one in mine(others)]) == 3


async def test_what_is_tried_again_is_counted_once(db: Database) -> None:
    (message,) = await many(db, 1)
    with Carrier() as carrier:
        carrier.plan(*[plans.too_many("0")] * 3)
        for _ in range(4):
            await send(metered(db, carrier.url, per_day=2, per_number=1))
            async with db.transaction() as session:
                await session.execute(text("UPDATE message SET due_at = now() - interval '1 s' WHERE state = 'due'"))
            await rested(db)
        assert accepted(carrier) == mine([message])


async def test_what_nobody_came_to_post_is_counted_once(db: Database) -> None:
    (message,) = await many(db, 1)
    with Carrier() as carrier:
        dead = metered(db, carrier.url)
        for _ in range(3):
            await _one_claim(dead)
            await end_leases(db, after=100)
        await send(metered(db, carrier.url))
        assert accepted(carrier) == mine([message])
    async with db.transaction() as session:
        assert await session.scalar(text("SELECT posts FROM message_tally WHERE scope = 'number'")) == 1


async def _a_day_passes(db: Database) -> None:
    async with db.transaction() as session:
        await session.execute(text("UPDATE sms_channel SET day_at = day_at - interval '1 day'"))


# What is claimed and not posted counts for nothing


async def _posts(db: Database) -> tuple[int, int, int]:
    """What the hour, the day and the busiest number or facility have had."""
    async with db.transaction() as session:
        row = (await session.execute(text("SELECT hour_posts, day_posts FROM sms_channel"))).one()
        most = await session.scalar(text("SELECT coalesce(max(posts), 0) FROM message_tally WHERE scope <> 'hour'"))
    return row[0], row[1], most or 0


async def _looks(db: Database, made: Sender, number: int) -> None:
    """So many looks at whatever waits."""
    for _ in range(number):
        async with db.transaction() as session:
            await session.execute(text("UPDATE sms_channel SET empty_at = now() - interval '1 minute'"))
        await make_due(db)
        for claim in await made.claim(10):
            await made.carry(claim)
    await made.give_back()


async def test_a_correction_that_waits_behind_a_post_is_not_counted_at_every_look(db: Database) -> None:
    first = await write(db)
    await begun(db, await claimed(db))  # its sender hangs, or was killed
    correction = await write(db, kind=MessageKind.CANCELLED, subject=first.subject_id, version=2)
    with Carrier() as carrier:
        made = metered(db, carrier.url, per_number=2, usual_hour=1, per_day=3)
        await _looks(db, made, 5)
        assert (await stored(db, correction)).reason is None
        assert await _posts(db) == (0, 0, 0)
        await end_leases(db, after=100)
        await _looks(db, made, 1)
        assert accepted(carrier) == mine([correction])
    assert await _posts(db) == (1, 1, 1)


async def test_texts_that_wait_for_their_approval_do_not_trip_the_breaker(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "may_send", lambda *_, **__: False)
    await many(db, 4)
    with Carrier() as carrier:
        await _looks(db, metered(db, carrier.url, usual_hour=1), 3)
        assert await _state(db, Allowance(usual_hour=1)) is ChannelState.OPEN
    assert await _posts(db) == (0, 0, 0)


async def test_what_is_called_back_after_its_claim_is_not_counted(db: Database) -> None:
    (message,) = await many(db, 1, facility_id=1)
    with Carrier() as carrier:
        made = metered(db, carrier.url)
        claim = await _one_claim(made)
        assert await _posts(db) == (1, 1, 1)
        async with db.transaction() as session:
            await service.supersede(session, message.subject_id, now=utc_now())
        await made.carry(claim)
        await made.give_back()
    assert await _posts(db) == (0, 0, 0)


async def test_what_is_put_off_over_a_cap_costs_the_city_nothing(db: Database) -> None:
    for each in range(6):
        await write(db, starts_in=9000 + each, facility_id=each % 2)
    with Carrier() as carrier:
        await send(metered(db, carrier.url, per_number=2))
        assert len(carrier.log.accepted) == 2
    assert await _posts(db) == (2, 2, 2)
