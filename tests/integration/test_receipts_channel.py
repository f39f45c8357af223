"""Texts that are taken and lost: what several receipts in a row say stops what it is about, and a receipt opens it."""

from collections.abc import Sequence
from typing import Any

import pytest

from booking.actor import system
from booking.clock import utc_now
from booking.db import Database
from booking.messages import receipts, service
from booking.messages.channel import queries
from booking.messages.channel import service as channels
from booking.messages.channel.queries import ChannelView
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message
from scheduler.jobs.send_messages import Sender
from tests import outbox as box
from tests import seeds
from tests.carrier import Carrier
from tests.outbox import accepted, make_due, mine, receipt, rested, send, stored, write

pytestmark = [pytest.mark.anyio]

CODE: dict[str, Any] = {
    "kind": MessageKind.OTP, "lane": "code", "subject_kind": "code", "secret": "123456", "facts": {"minutes": "5"},
}  # fmt: skip


def _alone(db: Database, carrier: Carrier, lane: str = "visit") -> Sender:
    made = box.sender(db, carrier.url, lane=lane)
    made.together = made.room = 1
    return made


async def _many(db: Database, number: int, **more: Any) -> list[Message]:
    return [await write(db, phone=f"+8490124{each:04}", starts_in=9000 + each, **more) for each in range(number)]


async def _told(db: Database, message: Message, status: str, code: int | None = None) -> Message:
    row = await stored(db, message)
    async with db.transaction() as session:
        said = receipt(row.provider_sid or "SMx", status, code)
        assert await receipts.take(session, row.public_id, said, now=utc_now())
    return await stored(db, message)


async def _view(db: Database) -> ChannelView:
    async with db.transaction() as session:
        return await queries.standing(session, "twilio", None, now=utc_now())


async def _lost(db: Database, carrier: Carrier, number: int, code: int | None) -> list[Message]:
    """Texts to so many numbers were taken, and then lost for this."""
    gone = await _many(db, number)
    await send(_alone(db, carrier))
    return [await _told(db, each, "undelivered", code) for each in gone]


def _taken(carrier: Carrier, after: int) -> list[str | None]:
    return accepted(carrier)[after:]


# A cause that nobody knows


@pytest.mark.parametrize("code", [None, 21612, 39999])
async def test_three_numbers_in_a_row_hold_the_channel_and_lose_neither_text_nor_order(
    db: Database, code: int | None
) -> None:
    with Carrier() as carrier:
        gone = await _lost(db, carrier, 3, code)
        rest = await _many(db, 4)
        await send(_alone(db, carrier))
        assert _taken(carrier, 3) == []
        view = await _view(db)
        assert (view.state, view.code, view.lost, view.silent) == ("held", code, True, False)
        assert {(await stored(db, each)).fault for each in gone} == {"configuration"}
        assert all([(await stored(db, each)).again_at for each in gone]), "they go again"
        await rested(db)
        await send(_alone(db, carrier))
        assert _taken(carrier, 3) == mine(rest[:1]), "one tries; that it is taken opens nothing"
        await _told(db, rest[0], "delivered")
        await send(_alone(db, carrier))
        assert _taken(carrier, 3) == mine(rest)
        assert (await _view(db)).state == "open"


async def test_control_one_that_arrives_between_them_ends_the_row(db: Database) -> None:
    with Carrier() as carrier:
        await _lost(db, carrier, 2, None)
        between = await write(db)
        await send(_alone(db, carrier))
        await _told(db, between, "delivered")
        (third,) = await _lost(db, carrier, 1, None)
        assert (await _view(db)).state == "open"
        assert (third.state, third.fault, third.again_at) == (MessageState.UNDELIVERED, "doubtful", None)
        await _lost(db, carrier, 2, 39999)
        assert (await _view(db)).state == "open", "another code is another row"


async def test_one_number_however_often_holds_nobody(db: Database) -> None:
    with Carrier() as carrier:
        for _ in range(4):
            await _lost(db, carrier, 1, None)
        assert (await _view(db)).state == "open"


async def test_a_probe_that_is_lost_as_well_keeps_it_held(db: Database) -> None:
    with Carrier() as carrier:
        await _lost(db, carrier, 3, 39999)
        rest = await _many(db, 3)
        for tried in range(2):
            await rested(db)
            await send(_alone(db, carrier))
            assert _taken(carrier, 3) == mine(rest[: tried + 1])
            probe = await _told(db, rest[tried], "failed", 39999)
            assert (probe.fault, probe.again_at is None) == ("configuration", False)
            await send(_alone(db, carrier))
            assert len(_taken(carrier, 3)) == tried + 1
        assert (await _view(db)).lost


@pytest.mark.parametrize("code", [39999, 30002])
async def test_where_no_receipt_comes_at_all_the_second_probe_opens_it(db: Database, code: int) -> None:
    with Carrier() as carrier:
        await _lost(db, carrier, 3, code)
        rest = await _many(db, 4)
        await rested(db)
        await send(_alone(db, carrier))
        waits = await seeds.value(db, "SELECT probe_at - now() > interval '2 minutes' FROM sms_channel")
        assert waits, "its receipt may come still"
        assert _taken(carrier, 3) == mine(rest[:1])
        await rested(db)
        await send(_alone(db, carrier))
        assert _taken(carrier, 3) == mine(rest)


@pytest.mark.parametrize(("code", "goes"), [(39999, True), (30002, False), (21408, False)])
async def test_codes_go_on_where_nobody_knows_whose_fault_it_is(db: Database, code: int, *, goes: bool) -> None:
    with Carrier() as carrier:
        await _lost(db, carrier, 3, code)
        otp = await write(db, phone="+84901249999", **CODE)
        await send(_alone(db, carrier, "code"))
        assert _taken(carrier, 3) == (mine([otp]) if goes else [])
        assert (await _view(db)).codes_go is goes
        if goes:
            await _told(db, otp, "delivered")
            assert (await _view(db)).state == "open", "whoever got a code proves that texts arrive"


async def test_a_refused_post_and_what_receipts_say_are_two_things(db: Database) -> None:
    """Held by a refusal: a probe that is taken opens it, however many receipts of before come meanwhile."""
    with Carrier() as carrier:
        gone = await _many(db, 3)
        await send(_alone(db, carrier))
        await seeds.run(db, "UPDATE sms_channel SET held_at = now(), held_code = 20003, probe_at = NULL")
        for each in gone:
            await _told(db, each, "failed", 39999)
        rest = await _many(db, 2)
        await send(_alone(db, carrier))
        assert _taken(carrier, 3) == mine(rest)


async def test_staff_let_it_go_on_and_what_is_taken_is_believed(db: Database) -> None:
    with Carrier() as carrier:
        await _lost(db, carrier, 3, None)
        async with db.transaction() as session:
            await channels.resume(session, "twilio", by=system("test"), now=utc_now())
        rest = await _many(db, 3)
        await send(_alone(db, carrier))
        assert _taken(carrier, 3) == mine(rest)


# Content


async def _probe_now(db: Database) -> None:
    """As if the wait of every wording were over."""
    past = "to_jsonb('2026-01-01T00:00:00+00:00'::text)"
    key = "(SELECT k FROM jsonb_object_keys(told) k WHERE k LIKE 'content:%' LIMIT 1)"
    await seeds.run(db, f"UPDATE sms_channel SET told = jsonb_set(told, ARRAY[{key}, 'probe_at'], {past})")
    await make_due(db)


async def _states(db: Database, messages: Sequence[Message]) -> list[tuple[str, str | None]]:
    rows = [await stored(db, each) for each in messages]
    return [(row.state.value, row.reason) for row in rows]


async def test_what_carriers_filter_stops_texts_of_those_words_alone(db: Database) -> None:
    with Carrier() as carrier:
        gone = await _lost(db, carrier, 3, 30007)
        assert [each.again_at for each in gone] == [None] * 3, "the same words would be lost again"
        booked, english = await _many(db, 3), await write(db, language="en")
        moved = await write(db, kind=MessageKind.MOVED)
        otp = await write(db, **CODE)
        await send(_alone(db, carrier))
        await send(_alone(db, carrier, "code"))
        assert set(_taken(carrier, 3)) == set(mine([english, moved, otp]))
        assert await _states(db, booked) == [("due", "text_filtered")] * 3
        assert ((await _view(db)).state, (await _view(db)).filtered) == ("open", [("booked", "vi")])
        await _probe_now(db)
        await send(_alone(db, carrier))
        assert _taken(carrier, 6) == mine(booked[:1]), "one of them tries"
        await _told(db, booked[0], "delivered")
        await make_due(db)
        await send(_alone(db, carrier))
        assert _taken(carrier, 6) == mine(booked), "and the others follow in their order"
        assert (await _view(db)).filtered == []


async def test_control_two_numbers_stop_nothing_nor_do_three_between_which_one_arrived(db: Database) -> None:
    with Carrier() as carrier:
        await _lost(db, carrier, 2, 30007)
        between = await write(db)
        await send(_alone(db, carrier))
        await _told(db, between, "delivered")
        await _lost(db, carrier, 1, 30007)
        after = await write(db)
        await send(_alone(db, carrier))
        assert _taken(carrier, 4) == mine([after])


async def test_one_that_arrives_in_other_words_says_nothing_of_these(db: Database) -> None:
    with Carrier() as carrier:
        await _lost(db, carrier, 2, 30007)
        other = await write(db, kind=MessageKind.MOVED)
        await send(_alone(db, carrier))
        await _told(db, other, "delivered")
        third = await write(db, phone="+84901249999")
        await send(_alone(db, carrier))
        await _told(db, third, "undelivered", 30007)
        assert (await _view(db)).filtered == [("booked", "vi")]


@pytest.mark.parametrize("told", [True, False])
async def test_a_try_that_is_filtered_keeps_it_stopped_and_one_of_which_nobody_tells_opens_it(
    db: Database, *, told: bool
) -> None:
    with Carrier() as carrier:
        await _lost(db, carrier, 3, 30007)
        rest = await _many(db, 3)
        await _probe_now(db)
        await send(_alone(db, carrier))
        assert _taken(carrier, 3) == mine(rest[:1])
        if told:
            await _told(db, rest[0], "undelivered", 30007)
        await _probe_now(db)
        await send(_alone(db, carrier))
        assert _taken(carrier, 3) == mine(rest[:2] if told else rest)


async def test_what_waits_too_long_expires_and_says_why(db: Database) -> None:
    with Carrier() as carrier:
        await _lost(db, carrier, 3, 30007)
        late = await write(db, useful=60.0)
        await send(_alone(db, carrier))
        await seeds.run(db, "UPDATE message SET useful_until = now() - interval '1 s' WHERE state = 'due'")
        await make_due(db)
        async with db.transaction() as session:
            assert await service.expire(session, most=10, now=utc_now()) == 1
        assert await _states(db, [late]) == [("expired", "text_filtered")]
        assert len(accepted(carrier)) == 3
