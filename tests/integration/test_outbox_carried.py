"""A carrier delivers by day what may wait, and what it could not deliver in the evening goes again in the morning."""

from datetime import datetime, time, timedelta
from typing import Any

import httpx
import pytest

from booking.appointments.told import trying
from booking.clock import at_local, local_day, utc_now
from booking.db import Database
from booking.messages import claiming, nights, receipts
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message
from booking.sms import twilio_told
from tests import asking, outbox, seeds
from tests.integration.test_outbox_once_more import SENT

pytestmark = pytest.mark.anyio

EXPIRED = 30036
"""Twilio's code for what stayed in its queue for longer than we allowed."""


def _tonight(clock: time) -> datetime:
    """Such a time of the next evening that is still to come."""
    return at_local(local_day(utc_now()) + timedelta(days=1), clock)


async def _posted(db: Database, message: Message, now: datetime) -> Any:
    await seeds.run(db, "UPDATE message SET due_at = :now WHERE id = :id", now=now, id=message.id)
    return await outbox.begun(db, await outbox.claimed(db, now=now), now=now)


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "control"])
async def test_an_invitation_of_the_evening_rings_before_nine_or_in_the_morning(
    db: Database, monkeypatch: pytest.MonkeyPatch, *, guarded: bool
) -> None:
    if not guarded:
        monkeypatch.setattr(nights, "carried_until", lambda _, useful_until, *__, **___: useful_until)
    message = await outbox.write(db, kind=MessageKind.INVITATION, useful=5 * 86_400.0)
    posting = await _posted(db, message, _tonight(time(20, 50)))
    assert posting.outgoing.valid_seconds == (600 if guarded else 36_000), "until nine; the control: until 06:50"


@pytest.mark.parametrize("kind", [MessageKind.INVITATION, MessageKind.BOOKED])
async def test_what_is_posted_at_the_last_minute_waits_for_the_morning(db: Database, kind: MessageKind) -> None:
    message = await outbox.write(db, kind=kind, useful=5 * 86_400.0)
    assert await _posted(db, message, _tonight(time(20, 59))) is None
    row = await outbox.stored(db, message)
    morning = at_local(local_day(utc_now()) + timedelta(days=2), time(7))
    assert (row.state, row.due_at) == (MessageState.DUE, morning)


async def test_a_code_is_carried_as_long_as_it_lives(db: Database) -> None:
    now = _tonight(time(20, 59))
    useful = (now - utc_now()).total_seconds() + 300
    code: dict[str, Any] = {
        "lane": "code", "subject_kind": "code", "secret": "123456", "facts": {"minutes": "5"}, "useful": useful,
    }  # fmt: skip
    await outbox.write(db, kind=MessageKind.OTP, **code)
    async with db.transaction() as session:
        (claim,) = await claiming.claim(session, "code", most=1, now=now, lease=timedelta(seconds=60))
    posting = await outbox.begun(db, claim, now=now)
    assert posting is not None
    assert 298 <= (posting.outgoing.valid_seconds or 0) <= 301


async def test_what_its_carrier_could_not_deliver_by_nine_goes_in_the_morning(
    client: httpx.AsyncClient, db: Database
) -> None:
    world = await seeds.seed(db, capacities=[3])
    starts = at_local(local_day(utc_now()) + timedelta(days=4), time(14))
    await asking.booked(client, world, await seeds.add_slot(db, world, capacity=1, starts_at=starts))
    await seeds.run(db, SENT)
    night = _tonight(time(21, 1))
    row = (await seeds.rows(db, "SELECT public_id, provider_sid FROM message"))[0]
    async with db.transaction() as session:
        said = outbox.receipt(row["provider_sid"], "failed", EXPIRED)
        assert await receipts.take(session, row["public_id"], said, now=night)
    async with db.transaction() as session:
        assert await trying.try_again(session, now=night + timedelta(minutes=31)) == 1
    now = night + timedelta(minutes=31)
    assert await outbox.begun(db, await outbox.claimed(db, now=now), now=now) is None
    due = await seeds.value(db, "SELECT due_at FROM message WHERE copy = 1 AND state = 'due'")
    assert due == at_local(local_day(night) + timedelta(days=1), time(7))


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "control"])
async def test_an_evening_s_texts_that_ran_out_of_time_hold_nobody_s(
    db: Database, monkeypatch: pytest.MonkeyPatch, *, guarded: bool
) -> None:
    if not guarded:  # as a code that nobody has met
        monkeypatch.delitem(twilio_told.FAULTS, EXPIRED)
    for number in range(4):
        message = await outbox.write(db, phone=f"+8490124{number:04}")
        await seeds.run(db, SENT)
        row = await outbox.stored(db, message)
        async with db.transaction() as session:
            said = outbox.receipt(row.provider_sid or "", "failed", EXPIRED)
            assert await receipts.take(session, row.public_id, said, now=utc_now())
    held = await seeds.value(db, "SELECT count(*) FROM sms_channel WHERE held_at IS NOT NULL")
    assert held == (0 if guarded else 1)
