"""Whether a channel that is held stays held, and by whom it is tried. The carrier's log is the judge."""

from typing import Any

import pytest

from booking.clock import utc_now
from booking.db import Database
from booking.messages import outbox, receipts
from booking.messages.channel import hearing, told
from booking.messages.channel.rules import Allowance
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.outbox import Pace, Posting
from booking.messages.preparing import Channel
from booking.sms.gateway import STALE
from scheduler.jobs.send_messages import Sender
from tests import seeds
from tests.carrier import Carrier, plans
from tests.carrier.client import gateway_to
from tests.outbox import (
    AT_ONCE,
    BASE,
    PATIENT,
    accepted,
    begun,
    claimed,
    make_due,
    mine,
    receipt,
    rested,
    send,
    sender,
    stored,
    write,
)

pytestmark = pytest.mark.anyio

CODE: dict[str, Any] = {
    "kind": MessageKind.OTP, "lane": "code", "subject_kind": "code", "secret": "123456", "facts": {"minutes": "5"},
}  # fmt: skip


def _alone(db: Database, url: str, *, lane: str = "visit") -> Sender:
    made = sender(db, url, lane=lane)
    made.together = made.room = 1
    return made


async def _channel(db: Database) -> dict[str, Any]:
    return dict((await seeds.rows(db, "SELECT held_at IS NOT NULL AS held, held_code, probe_at FROM sms_channel"))[0])


async def _silence(db: Database, carrier: Carrier) -> None:
    """Nobody answers eight numbers in a row: the channel is held, and whose fault it is nobody knows."""
    carrier.decide = lambda _: plans.error_before_accepting()
    for each in range(8):
        await write(db, phone=f"+8490123{each:04}")
    await send(_alone(db, carrier.url))
    assert (await _channel(db))["held"]


async def _looks(db: Database, carrier: Carrier, number: int) -> int:
    """So many looks of both lanes at what is due, with no pause between them: how many posts that makes."""
    before = len(carrier.log.calls)
    for _ in range(number):
        for lane in ("code", "visit"):
            made = _alone(db, carrier.url, lane=lane)
            for claim in await made.claim(1):
                await made.carry(claim)
            await made.give_back()
    return len(carrier.log.calls) - before


# Who is refused is not hammered


@pytest.mark.parametrize("answer", [plans.refuse(401, 20003), plans.bare(401)], ids=["with a code", "without"])
async def test_a_lost_connection_before_a_refusal_lets_no_code_through_again_and_again(
    db: Database, answer: Any
) -> None:
    await write(db, phone="+84901230001")
    with Carrier() as carrier:
        carrier.plan(plans.close_after_accepting())
        await send(_alone(db, carrier.url))
        visit = await write(db, phone="+84901230002")
        carrier.decide = lambda _: answer
        await send(_alone(db, carrier.url))
        code = await write(db, phone="+84901230003", **CODE)
        assert await _looks(db, carrier, 5) == 0
        await rested(db)
        assert await _looks(db, carrier, 5) == 1  # the probe
        carrier.decide = None
        await rested(db)
        await make_due(db)
        await _looks(db, carrier, 1)
        assert sorted(accepted(carrier)[1:], key=str) == sorted(mine([visit, code]))


async def test_a_refusal_ends_a_silence_and_a_code_is_posted_once(db: Database) -> None:
    with Carrier() as carrier:
        await _silence(db, carrier)
        carrier.decide = lambda _: plans.refuse(401, 20003)
        code = await write(db, phone="+84901239999", **CODE)
        assert await _looks(db, carrier, 5) == 1
        assert (await _channel(db))["held_code"] == 20003
    assert (await stored(db, code)).state is MessageState.DUE


# A probe is a post


async def test_texts_over_a_cap_use_up_no_probe(db: Database) -> None:
    with Carrier() as carrier:
        capped = Channel("twilio", BASE, production=False, allowance=Allowance(per_second=1000, per_number=1))
        made = Sender(db, gateway_to(carrier.url, PATIENT), capped, lane="visit", together=1, pace=AT_ONCE)
        carrier.plan(plans.accept(), plans.refuse(401, 20003))
        await write(db, phone="+84901230001", due_in=-300)
        await write(db, phone="+84901230002", due_in=-200)
        await _sent(db, made)
        assert (await _channel(db))["held"]
        for _ in range(4):
            await write(db, phone="+84901230001", due_in=-100)
        await rested(db)
        good = await write(db, phone="+84901230003", due_in=-50)
        await seeds.run(db, "UPDATE message SET due_at = now() + interval '1 hour' WHERE reason = 'configuration'")
        await _sent(db, made)
        assert accepted(carrier)[1:] == mine([good])
    assert not (await _channel(db))["held"]


async def _sent(db: Database, made: Sender) -> None:
    """Whatever the channel lets go, its bucket full."""
    for _ in range(8):
        await seeds.run(db, "UPDATE sms_channel SET empty_at = now() - interval '1 minute'")
        for claim in await made.claim(1):
            await made.carry(claim)


# Who answers is not silent


@pytest.mark.parametrize("answer", [plans.refuse(400, 21612), plans.refuse(400, 21703), plans.refuse(429, 20429)])
async def test_one_number_without_a_route_ends_a_silence_and_stops_nobody(db: Database, answer: Any) -> None:
    with Carrier() as carrier:
        await _silence(db, carrier)
        poison = await write(db, phone="+84901239999", **CODE)
        carrier.decide = lambda form: answer if form["To"] == poison.phone else plans.accept()
        await send(_alone(db, carrier.url, lane="code"))
        assert not (await _channel(db))["held"]
        await seeds.run(db, "UPDATE sms_channel SET rest_until = NULL")
        other = await write(db, phone="+84901238888", **CODE)
        await send(_alone(db, carrier.url, lane="code"))
        assert accepted(carrier) == mine([other])


async def test_several_numbers_without_a_route_after_a_silence_hold_the_channel(db: Database) -> None:
    with Carrier() as carrier:
        await _silence(db, carrier)
        carrier.decide = lambda _: plans.refuse(400, 21612)
        await write(db, phone="+84901249999", **CODE)
        await _looks(db, carrier, 1)
        assert not (await _channel(db))["held"], "somebody answered"
        for each in range(3):
            await write(db, phone=f"+8490124{each:04}")
        await _looks(db, carrier, 3)
        assert (await _channel(db))["held"]


# A post that was not made


async def test_a_post_that_was_not_made_is_written_down_once_though_another_bears_its_number(db: Database) -> None:
    message = await write(db)
    first = await begun(db, await claimed(db))
    assert first is not None
    assert await _not_made(db, first) is MessageState.DUE
    second = await begun(db, await claimed(db))  # by another scheduler, and it is out
    assert second is not None
    assert second.attempt == first.attempt
    assert await _not_made(db, first) is None  # as after a COMMIT whose answer was lost
    row = await stored(db, message)
    assert (row.state, row.attempts, row.sends) == (MessageState.SENDING, 1, 1)
    assert await _not_made(db, second) is MessageState.DUE


async def _not_made(db: Database, posting: Posting) -> MessageState | None:
    async with db.transaction() as session:
        return await outbox.record(session, posting, STALE, now=utc_now(), pace=Pace(), held=True)


# A receipt that comes late


@pytest.mark.parametrize(("after", "held"), [("5 minutes", [True]), ("3 days", [False])])
async def test_a_receipt_that_is_days_late_holds_nobody(db: Database, after: str, held: list[bool]) -> None:
    message = await write(db)
    with Carrier() as carrier:
        await send(_alone(db, carrier.url))
        await seeds.run(db, f"UPDATE message SET posted_at = posted_at - interval '{after}'")
        async with db.transaction() as session:
            assert await receipts.take(session, message.public_id, receipt("SMx", "failed", 30002), now=utc_now())
    assert [(await _channel(db))["held"]] == held
    assert (await stored(db, message)).again_at is not None  # it did not arrive, and that is not its own fault


async def _strangers(db: Database, carrier: Carrier, decide: Any) -> list[Any]:
    """Somebody asks for codes to ten numbers that are not hers."""
    carrier.decide = decide
    codes = [await write(db, phone=f"+8490123{n:04}", **CODE) for n in range(10)]
    await _looks(db, carrier, 12)
    return codes


@pytest.mark.parametrize("counted", [False, True], ids=["as it is", "control"])
async def test_refused_codes_of_invented_numbers_stop_nobody(
    db: Database, monkeypatch: pytest.MonkeyPatch, *, counted: bool
) -> None:
    if counted:
        monkeypatch.setattr(hearing, "CODES", "no lane")
    with Carrier() as carrier:
        await _strangers(db, carrier, lambda _: plans.refuse(400, 21999))
        assert (await _channel(db))["held"] is counted
        carrier.decide = None
        good = [await write(db, phone="+84909999999", **CODE), await write(db, phone="+84908888888")]
        await _looks(db, carrier, 1)
        assert accepted(carrier) == ([] if counted else mine(good))


@pytest.mark.parametrize("counted", [False, True], ids=["as it is", "control"])
async def test_lost_codes_of_invented_numbers_stop_nobody(
    db: Database, monkeypatch: pytest.MonkeyPatch, *, counted: bool
) -> None:
    if counted:
        monkeypatch.setattr(told, "CODES", "no lane")
    with Carrier() as carrier:
        for code in await _strangers(db, carrier, None):
            said = receipt((await stored(db, code)).provider_sid or "SMx", "failed", 39999)
            async with db.transaction() as session:
                assert await receipts.take(session, code.public_id, said, now=utc_now())
        taken = len(accepted(carrier))
        good = await write(db, phone="+84908888888")
        await _looks(db, carrier, 1)
        assert accepted(carrier)[taken:] == ([] if counted else mine([good]))


async def test_a_probe_takes_what_was_never_refused(db: Database) -> None:
    """The oldest was posted and refused once; whoever was not posted yet says sooner whether the channel is well."""
    with Carrier() as carrier:
        await write(db, phone="+84901230001")
        carrier.decide = lambda _: plans.refuse(401, 20003)
        await send(_alone(db, carrier.url))
        assert (await _channel(db))["held"]
        carrier.decide = None
        fresh = await write(db, phone="+84901230002")
        await rested(db)
        await make_due(db)
        assert await _looks(db, carrier, 1) == 1
        assert accepted(carrier) == mine([fresh])
