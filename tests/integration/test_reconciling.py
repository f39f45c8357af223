"""The provider's list of a day, compared with our rows, against the carrier's own list by pages."""

import logging
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from booking.clock import at_local, day_bounds, local_day, utc_now
from booking.db import Database
from booking.messages import receipts
from booking.messages.channel import queries
from booking.messages.channel import service as channels
from booking.messages.channel.models import SmsReconciliation
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message
from booking.messages.receipts import Receipt
from booking.sms.brandname import BrandnameGateway
from booking.sms.gateway import Accepted, Fault
from scheduler.jobs import reconcile_messages
from tests.carrier import Carrier, plans
from tests.carrier.client import PHONE, gateway_to, outgoing
from tests.outbox import BASE, PATIENT, mine, send, sender, stored, write

pytestmark = [pytest.mark.anyio]


def _tomorrow() -> datetime:
    """Four o'clock of the next local night."""
    return at_local(local_day(utc_now()) + timedelta(days=1), time(4))


async def _reconciled(db: Database, carrier: Carrier, now: datetime | None = None) -> int:
    return await reconcile_messages.run(db, gateway_to(carrier.url, PATIENT), base_url=BASE, now=now or _tomorrow())


async def _found(db: Database) -> SmsReconciliation:
    """What was found for today; the days before it are empty."""
    async with db.transaction() as session:
        rows = await queries.reconciled(session)
    return next(row for row in rows if row.day == local_day(utc_now()))


async def _lost_answers(db: Database, carrier: Carrier, number: int) -> list[Message]:
    """Texts that were taken, whose answers never came."""
    messages = [await write(db, phone=f"+8490123{each:04}") for each in range(number)]
    carrier.plan(*[plans.error_after_accepting()] * number)
    await send(sender(db, carrier.url))
    return messages


async def test_names_are_adopted_states_advanced_and_strangers_told(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with Carrier() as carrier:
        carrier.page_most = 3
        lost = await _lost_answers(db, carrier, 4)
        named = [await write(db, phone=f"+8490124{each:04}") for each in range(4)]
        await send(sender(db, carrier.url))
        await _set(db, "UPDATE message SET state = 'expired' WHERE state = 'unknown'")
        sids = {one.message_id: one.sid for one in carrier.log.accepted}
        carrier.statuses[sids[mine(lost)[0]]] = "delivered"
        carrier.statuses[sids[mine(named)[0]]] = "undelivered"
        carrier.error_codes[sids[mine(named)[0]]] = 30005
        stranger = gateway_to(carrier.url).send(outgoing(to="+84909999999", body="not ours"))
        assert await _reconciled(db, carrier) == 3
        assert await _reconciled(db, carrier) == 0
    rows = [await stored(db, one) for one in lost]
    assert [row.provider_sid for row in rows] == [sids[one] for one in mine(lost)]
    assert [row.state for row in rows] == [MessageState.DELIVERED, *[MessageState.SENT] * 3]
    row = await stored(db, named[0])
    assert (row.state, row.error_code, row.fault) == (MessageState.UNDELIVERED, 30005, Fault.PHONE)
    found = await _found(db)
    counts = (found.listed, found.known, found.adopted, found.advanced, found.unknown)
    assert counts == (9, 4, 4, 5, 1)
    assert found.strange == [getattr(stranger, "provider_sid", None)]
    told = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert "the provider lists texts that no row of ours stands for" in told


async def test_equal_texts_are_not_adopted_twice(db: Database) -> None:
    with Carrier() as carrier:
        (lost,) = await _lost_answers(db, carrier, 1)
        taken = carrier.log.accepted[0]
        gateway_to(carrier.url).send(outgoing(to=taken.to, body=taken.body))  # the very same once more, not by us
        await _reconciled(db, carrier)
    assert (await stored(db, lost)).provider_sid == taken.sid
    assert (await _found(db)).unknown == 1


async def test_a_code_whose_answer_was_lost_is_no_stranger(db: Database) -> None:
    """Its digits are erased, so all but them is compared, and the moment."""
    about: dict[str, Any] = {"kind": MessageKind.OTP, "lane": "code", "subject_kind": "code", "facts": {"minutes": "5"}}
    with Carrier() as carrier:
        code = await write(db, **about, secret="123456")
        carrier.plan(plans.close_after_accepting())
        await send(sender(db, carrier.url, lane="code"))
        assert (await stored(db, code)).secret is None
        taken = carrier.log.accepted[0]
        other = taken.body.replace("123456", "654321")
        gateway_to(carrier.url).send(outgoing(to=PHONE, body="Ma 123456"))
        gateway_to(carrier.url).send(outgoing(to=PHONE, body=other))  # a second one, and only one code was posted
        await _reconciled(db, carrier)
    row = await stored(db, code)
    assert (row.provider_sid, row.state) == (taken.sid, MessageState.SENT)
    assert (await _found(db)).unknown == 2


async def test_a_code_of_another_hour_is_not_taken_for_it(db: Database) -> None:
    about: dict[str, Any] = {"kind": MessageKind.OTP, "lane": "code", "subject_kind": "code", "facts": {"minutes": "5"}}
    with Carrier() as carrier:
        code = await write(db, **about, secret="123456")
        carrier.plan(plans.close_after_accepting())
        await send(sender(db, carrier.url, lane="code"))
        await _set(db, "UPDATE message SET posted_at = posted_at - interval '6 minutes'")
        await _reconciled(db, carrier)
    assert (await stored(db, code)).provider_sid is None
    assert (await _found(db)).unknown == 1


async def test_the_first_of_two_posts_is_known_by_its_receipt(db: Database) -> None:
    with Carrier() as carrier:
        message = await write(db)
        await send(sender(db, carrier.url))
        taken = carrier.log.accepted[0]
        first = gateway_to(carrier.url).send(outgoing(to=taken.to, body=taken.body))
        assert isinstance(first, Accepted)
        stranger = gateway_to(carrier.url).send(outgoing(to=taken.to, body=taken.body))
        async with db.transaction() as session:
            await receipts.take(session, message.public_id, Receipt(first.provider_sid, "sent"), now=utc_now())
        await _reconciled(db, carrier)
    found = await _found(db)
    assert (found.known, found.adopted) == (2, 0)
    assert found.strange == [getattr(stranger, "provider_sid", None)]


async def test_what_the_provider_took_and_sent_on_no_day_is_looked_up_by_its_number(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with Carrier() as carrier:
        queued, gone = [await write(db, phone=f"+8490126{each:04}", useful=5 * 86_400) for each in range(2)]
        await send(sender(db, carrier.url))
        sids = {one.message_id: one.sid for one in carrier.log.accepted}
        given_up = sids[mine([queued])[0]]
        carrier.unsent.add(given_up)
        carrier.statuses[given_up], carrier.error_codes[given_up] = "failed", 30001
        carrier.log._accepted[:] = [one for one in carrier.log.accepted if one.sid == given_up]
        assert await _reconciled(db, carrier) == 3
    row = await stored(db, queued)
    assert (row.state, row.error_code) == (MessageState.FAILED, 30001)
    assert row.again_at is not None
    assert (await stored(db, gone)).state is MessageState.SENT
    found = await _found(db)
    assert (found.listed, found.known, found.advanced) == (1, 1, 1)
    assert "the provider does not list texts that it took" in [one.getMessage() for one in caplog.records]


async def test_what_was_on_its_way_in_one_night_is_looked_at_in_the_next(db: Database) -> None:
    with Carrier() as carrier:
        message = await write(db)
        await send(sender(db, carrier.url))
        assert await _reconciled(db, carrier) == 3
        assert (await stored(db, message)).state is MessageState.SENT
        sid = carrier.log.accepted[0].sid
        carrier.statuses[sid], carrier.error_codes[sid] = "undelivered", 30005
        assert await _reconciled(db, carrier, _tomorrow() + timedelta(days=1)) == 1
    assert (await stored(db, message)).state is MessageState.UNDELIVERED
    assert await _value(db, "SELECT silent_code FROM number_standing") == 30005


async def test_the_first_of_two_posts_is_known_however_long_it_waited(db: Database) -> None:
    with Carrier() as carrier:
        message = await write(db)
        await send(sender(db, carrier.url))
        taken = carrier.log.accepted[0]
        first = gateway_to(carrier.url).send(outgoing(to=taken.to, body=taken.body))
        assert isinstance(first, Accepted)
        async with db.transaction() as session:
            await receipts.take(session, message.public_id, Receipt(first.provider_sid, "sent"), now=utc_now())
        await _set(db, "UPDATE message SET created_at = created_at - interval '12 days'")
        await _reconciled(db, carrier)
    found = await _found(db)
    assert (found.known, found.unknown) == (2, 0)


async def test_not_before_three_in_the_morning_and_not_twice_by_two(db: Database) -> None:
    with Carrier() as carrier:
        early = at_local(local_day(utc_now()) + timedelta(days=1), time(2, 59))
        assert await _reconciled(db, carrier, early) == 0
        async with db.transaction() as session:  # another scheduler is done with one of the days
            day = local_day(utc_now())
            done = "INSERT INTO job_run (name, scheduled_for, done_at) VALUES ('reconcile_messages:twilio', :at, now())"
            await session.execute(text(done), {"at": at_local(day, time(3))})
        assert await _reconciled(db, carrier) == 2


async def test_a_list_that_cannot_be_read_is_read_the_next_time(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with Carrier() as carrier:
        (lost,) = await _lost_answers(db, carrier, 1)
        with monkeypatch.context() as patched:
            patched.setattr("booking.sms.twilio._DAY_LIMIT", 1)
            read = await _reconciled(db, carrier)  # the day before has them too, and after midnight the one before it
            assert read < 2
        assert (await stored(db, lost)).provider_sid is None
        assert await _reconciled(db, carrier) == 3 - read
    assert (await stored(db, lost)).state is MessageState.SENT


async def test_only_texts_of_that_local_day_are_compared(db: Database) -> None:
    with Carrier() as carrier:
        await _lost_answers(db, carrier, 1)
        start, end = day_bounds(local_day(utc_now()))
        taken = carrier.log.accepted[0]
        listed = gateway_to(carrier.url).taken_on(local_day(utc_now()))
        assert [one.sid for one in listed] == [taken.sid]
        assert all(start <= one.created < end for one in listed)
        assert gateway_to(carrier.url).taken_on(local_day(utc_now()) - timedelta(days=1)) == []


async def test_a_carrier_without_a_list_is_never_asked(db: Database) -> None:
    gateway: Any = BrandnameGateway.__new__(BrandnameGateway)
    assert await reconcile_messages.run(db, gateway, base_url=BASE, now=_tomorrow()) == 0


async def test_old_counts_are_forgotten(db: Database) -> None:
    old = "('number', now() - interval '3 days', 'a', 1)"
    kept = "('number', now(), 'b', 1), ('hour', now() - interval '9 days', 'c', 1)"
    await _set(db, f"INSERT INTO message_tally VALUES {old}, {kept}")
    async with db.transaction() as session:
        assert await channels.forget_tallies(session, now=utc_now()) == 1


async def _value(db: Database, query: str) -> Any:
    async with db.transaction() as session:
        return await session.scalar(text(query))


async def _set(db: Database, statement: str) -> None:
    async with db.transaction() as session:
        await session.execute(text(statement))
