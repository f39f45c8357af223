"""Receipts that come days late: what a later text told of a number stands."""

from datetime import timedelta

import pytest

from booking.clock import utc_now
from booking.db import Database
from booking.messages import numbers, receipts
from booking.messages.models import Message
from tests import seeds
from tests.carrier import Carrier, plans
from tests.outbox import receipt, send, sender, stored, write

pytestmark = pytest.mark.anyio


async def _posted_days_apart(db: Database) -> tuple[Message, Message]:
    """Two texts to one number: the first was posted, and written, two days before the second."""
    first, second = await write(db), await write(db)
    with Carrier() as carrier:
        await send(sender(db, carrier.url))
    two_days = "posted_at = posted_at - interval '2 days', created_at = created_at - interval '2 days'"
    await seeds.run(db, f"UPDATE message SET {two_days} WHERE id = {first.id}")
    return first, second


async def _told(db: Database, message: Message, status: str, code: int | None = None) -> None:
    row = await stored(db, message)
    async with db.transaction() as session:
        await receipts.take(session, row.public_id, receipt(row.provider_sid or "", status, code), now=utc_now())


async def _is_silent(db: Database, message: Message) -> bool:
    async with db.transaction() as session:
        return (await numbers.of_phone(session, message.phone)).silent_since is not None


async def test_a_fault_told_late_does_not_outweigh_a_later_delivery(db: Database) -> None:
    first, second = await _posted_days_apart(db)
    await _told(db, second, "delivered")
    await _told(db, first, "undelivered", 30005)
    assert (await stored(db, first)).error_code == 30005  # of its own text it is believed
    assert not await _is_silent(db, first)


async def test_a_delivery_told_late_does_not_outweigh_a_later_fault(db: Database) -> None:
    first, second = await _posted_days_apart(db)
    await _told(db, second, "undelivered", 30005)
    await _told(db, first, "delivered")
    assert await _is_silent(db, first)


async def test_in_the_order_of_the_posts_each_is_believed(db: Database) -> None:
    """The control: the later text decides, both ways."""
    first, second = await _posted_days_apart(db)
    await _told(db, first, "undelivered", 30005)
    assert await _is_silent(db, first)
    await _told(db, second, "delivered")
    assert not await _is_silent(db, first)
    third = await write(db)
    with Carrier() as carrier:
        await send(sender(db, carrier.url))
    await _told(db, third, "undelivered", 30006)
    assert await _is_silent(db, first)


@pytest.mark.parametrize(("phone", "code"), [("+84901230099", 30005), (None, 30003)])
async def test_a_later_text_that_tells_nothing_of_the_number_changes_nothing(
    db: Database, phone: str | None, code: int
) -> None:
    first, second = await _posted_days_apart(db)
    if phone is not None:
        index = f"(SELECT sha256('{phone}'))"
        await seeds.run(db, f"UPDATE message SET phone_index = {index} WHERE id = {second.id}")
    await _told(db, second, "undelivered", code)
    await _told(db, first, "undelivered", 30005)
    assert await _is_silent(db, first)


async def test_days_late_means_days(db: Database) -> None:
    """Older than what reminders wait for: found by when it was written."""
    first, second = await _posted_days_apart(db)
    week = timedelta(days=7)
    shift = (
        f"posted_at = posted_at - interval '{week.days} days', created_at = created_at - interval '{week.days} days'"
    )
    await seeds.run(db, f"UPDATE message SET {shift} WHERE id = {first.id}")
    await _told(db, second, "delivered")
    await _told(db, first, "failed", 30004)
    assert not await _is_silent(db, first)


# Staff say that the number works


async def _works(db: Database, message: Message) -> bool:
    assert message.phone is not None
    async with db.transaction() as session:
        return await numbers.works(session, message.phone, now=utc_now())


async def test_a_fault_of_a_text_from_before_staff_said_it_works_flags_nothing(db: Database) -> None:
    first, second = await write(db), await write(db)
    with Carrier() as carrier:
        await send(sender(db, carrier.url))
    await _told(db, second, "undelivered", 30005)
    assert await _works(db, first)
    await _told(db, first, "undelivered", 30005)
    assert (await stored(db, first)).error_code == 30005
    assert not await _is_silent(db, first)


async def test_control_a_fault_of_a_text_from_after_it_flags_again(db: Database) -> None:
    first = await write(db)
    with Carrier() as carrier:
        await send(sender(db, carrier.url))
        await _told(db, first, "undelivered", 30005)
        assert await _works(db, first)
        assert not await _works(db, first), "nothing to say it of"
        second = await write(db)
        await send(sender(db, carrier.url))
        await _told(db, second, "undelivered", 30006)
    assert await _is_silent(db, first)


async def test_a_refusal_is_of_now_and_flags_again(db: Database) -> None:
    first = await write(db)
    with Carrier() as carrier:
        await send(sender(db, carrier.url))
        await _told(db, first, "undelivered", 30005)
        assert await _works(db, first)
        carrier.decide = lambda _: plans.refuse(400, 21614)
        await write(db)
        await send(sender(db, carrier.url))
    assert await _is_silent(db, first)
