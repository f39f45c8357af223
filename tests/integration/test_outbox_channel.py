"""One channel for all senders: held and opened, resting, capped, broken off. The carrier's log is the judge."""

import pytest

from booking.actor import system
from booking.clock import utc_now
from booking.db import Database
from booking.messages import service
from booking.messages.channel import queries
from booking.messages.channel import service as channels
from booking.messages.channel.kinds import ChannelState
from booking.messages.channel.rules import Allowance
from booking.messages.kinds import MessageState
from scheduler.jobs import end_leases as end_leases_job
from scheduler.jobs.send_messages import Sender
from tests.carrier import Carrier, plans
from tests.outbox import (
    accepted,
    make_due,
    many,
    mine,
    rested,
    send,
    sender,
    stored,
    write,
)

pytestmark = [pytest.mark.anyio]


async def _state(db: Database, allowance: Allowance | None = None) -> ChannelState:
    async with db.transaction() as session:
        return (await queries.standing(session, "twilio", allowance, now=utc_now())).state


# Our configuration is refused


async def test_a_refused_configuration_holds_everything_for_all_senders_and_loses_no_order(db: Database) -> None:
    now = utc_now()
    messages = [await write(db, due_at=now, starts_in=1000 + number) for number in range(6)]
    with Carrier() as carrier:
        carrier.decide = lambda _: plans.refuse(401, 20003)
        one = sender(db, carrier.url)
        one.together = 2
        await send(one)
        assert len(carrier.log.calls) <= 2
        assert await send(sender(db, carrier.url)) == 0  # another process is held as well
        assert await _state(db) is ChannelState.HELD
        await rested(db)
        assert await send(sender(db, carrier.url)) == 1  # one tries, and is refused
        carrier.decide = None
        await rested(db)
        alone = sender(db, carrier.url)
        alone.together = 1
        await send(alone)
        tried, *rest = accepted(carrier)  # the text that tried goes first, and all others in their order
        assert rest == [one for one in mine(messages) if one != tried]
        assert await _state(db) is ChannelState.OPEN


async def test_one_text_that_is_always_refused_does_not_hold_the_others_for_ever(db: Database) -> None:
    poison, *others = await many(db, 5)
    with Carrier() as carrier:
        carrier.decide = lambda form: plans.refuse(400, 21612) if form["To"] == poison.phone else plans.accept()
        alone = sender(db, carrier.url)
        alone.together = 1
        for _ in range(4):
            await send(alone)
            await rested(db)
        assert sorted(accepted(carrier), key=str) == sorted(mine(others))
        assert await _state(db) is ChannelState.OPEN
    row = await stored(db, poison)
    assert (row.state, row.reason, row.error_code) == (MessageState.DUE, "configuration", 21612)
    assert row.due_at > utc_now()


async def test_a_phone_that_is_refused_by_a_probe_opens_the_channel_too(db: Database) -> None:
    messages = await many(db, 3)
    with Carrier() as carrier:
        carrier.plan(plans.refuse(401, 20003), plans.refuse(400, 21211))
        alone = sender(db, carrier.url)
        alone.together = 1
        await send(alone)
        await rested(db)
        await send(alone)
        assert accepted(carrier) == mine([messages[0], messages[2]])


async def test_staff_who_repaired_it_need_not_wait(db: Database) -> None:
    (message,) = await many(db, 1)
    with Carrier() as carrier:
        carrier.plan(plans.refuse(401, 20003))
        await send(sender(db, carrier.url))
        async with db.transaction() as session:
            await channels.resume(session, "twilio", by=system("test"), now=utc_now())
        await send(sender(db, carrier.url))
        assert accepted(carrier) == mine([message])


# A probe that is not posted


async def _held(db: Database, carrier: Carrier) -> None:
    """The channel is held, and may be probed now."""
    carrier.plan(plans.refuse(401, 20003))
    first = await write(db, phone="+84901230999", starts_in=1)
    await send(sender(db, carrier.url))
    assert await _state(db) is ChannelState.HELD
    async with db.transaction() as session:
        await service.supersede(session, first.subject_id, now=utc_now())
    await rested(db)


async def test_texts_that_cannot_be_posted_use_up_no_probe(db: Database) -> None:
    with Carrier() as carrier:
        await _held(db, carrier)
        await many(db, 5, useful=-1)
        good = await write(db)
        await send(sender(db, carrier.url))
        assert accepted(carrier) == mine([good])
    assert await _state(db) is ChannelState.OPEN


async def test_what_is_of_no_use_any_more_ends_though_the_channel_is_held(db: Database) -> None:
    with Carrier() as carrier:
        await _held(db, carrier)
        over, code = await write(db, useful=-1), await write(db, lane="code", useful=-1, secret="123456")
        capped, good = await write(db, useful=-1, reason="number_cap"), await write(db)
        later = await write(db, due_in=60, useful=-1)
        await end_leases_job.run(db)
        rows = [await stored(db, one) for one in (over, code, capped, good, later)]
    assert [row.state for row in rows] == [MessageState.EXPIRED] * 3 + [MessageState.DUE] * 2
    assert [row.reason for row in rows[:3]] == ["time_passed", "time_passed", "number_cap"]
    assert rows[1].secret is None


# Doubtful answers: whose fault is it?


def _alone(db: Database, url: str, *, lane: str = "visit") -> Sender:
    made = sender(db, url, lane=lane)
    made.together = made.room = 1
    return made


async def test_one_number_without_a_route_stops_nobody_however_often_it_is_tried(db: Database) -> None:
    poison = await write(db, phone="+84901230999")
    with Carrier() as carrier:
        carrier.decide = lambda form: plans.refuse(400, 21612) if form["To"] == poison.phone else plans.accept()
        for _ in range(5):
            await send(_alone(db, carrier.url))
            assert await _state(db) is ChannelState.OPEN
            await make_due(db)
        assert (await stored(db, poison)).attempts == 5
        code = await write(db, lane="code")
        await send(_alone(db, carrier.url, lane="code"))
        assert accepted(carrier) == mine([code])


@pytest.mark.parametrize("code", [21612, 21703])
async def test_several_numbers_in_a_row_with_one_doubtful_code_hold_the_channel_and_lose_nothing(
    db: Database, code: int
) -> None:
    messages = await many(db, 6)
    with Carrier() as carrier:
        carrier.decide = lambda _: plans.refuse(400, code)
        await send(_alone(db, carrier.url))
        assert len(carrier.log.calls) == 3
        assert await _state(db) is ChannelState.HELD
        await rested(db)
        await send(_alone(db, carrier.url))  # a probe with the same answer opens nothing
        assert len(carrier.log.calls) == 4
        assert await _state(db) is ChannelState.HELD
        assert {(await stored(db, one)).state for one in messages} == {MessageState.DUE}
        carrier.decide = None
        await rested(db)
        await make_due(db)
        await send(_alone(db, carrier.url))
        assert sorted(accepted(carrier), key=str) == sorted(mine(messages))


async def test_a_code_nobody_has_met_is_given_up_where_other_texts_go(db: Database) -> None:
    odd, *others = await many(db, 3)
    with Carrier() as carrier:
        carrier.decide = lambda form: plans.refuse(400, 21703) if form["To"] == odd.phone else plans.accept()
        await send(_alone(db, carrier.url))
        await make_due(db)
        await send(_alone(db, carrier.url))
        assert accepted(carrier) == mine(others)
    row = await stored(db, odd)
    assert (row.state, row.reason, row.attempts) == (MessageState.FAILED, "content", 2)


async def test_a_code_nobody_has_met_is_given_up_after_three_posts_where_nothing_else_goes(db: Database) -> None:
    odd = await write(db)
    with Carrier() as carrier:
        carrier.decide = lambda _: plans.refuse(400, 21703)
        for _ in range(5):
            await send(_alone(db, carrier.url))
            await make_due(db)
        assert len(carrier.log.calls) == 3
    assert (await stored(db, odd)).state is MessageState.FAILED


async def test_a_provider_that_never_answers_is_probed_instead_of_burning_every_text(db: Database) -> None:
    messages = await many(db, 12)
    with Carrier() as carrier:
        carrier.decide = lambda _: plans.error_before_accepting()
        await send(_alone(db, carrier.url))
        assert len(carrier.log.calls) == 8
        assert await _state(db) is ChannelState.HELD
        await rested(db)
        await send(_alone(db, carrier.url))
        assert len(carrier.log.calls) == 9
        carrier.decide = None
        code = await write(db, lane="code")  # somebody waits for it, and it has but one post: it tries
        await send(_alone(db, carrier.url, lane="code"))
        assert await _state(db) is ChannelState.OPEN
        await send(_alone(db, carrier.url))
        assert accepted(carrier) == mine([code, *messages[9:]])
