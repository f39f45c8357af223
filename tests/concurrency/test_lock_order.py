"""Whoever changes several texts takes their rows in one order, so that two of them never wait for each other.

The one who holds a row here asks for a second one as the others do: in the order of ids. Whoever waits for the first
must not have the second by then.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import CTE, ColumnExpressionArgument, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.clock import utc_now
from booking.db import Database
from booking.messages import locking, outbox, receipts, reconciling, service, withholding
from booking.messages.channel.row import locked
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message
from booking.messages.reconciling import Compared
from booking.sms.gateway import Fault, Listed
from tests import outbox as box
from tests import seeds

pytestmark = [pytest.mark.anyio, pytest.mark.postgres15]

Change = Callable[[AsyncSession, Message], Awaitable[object]]
TAKE = text("SELECT id FROM message WHERE id = :id FOR UPDATE")


async def _two(db: Database) -> tuple[Message, Message]:
    """Two texts about one visit; whoever asks for no order finds the later one first, by the index and in the table."""
    first = await box.write(db, kind=MessageKind.REMINDER_HOURS)
    second = await box.write(db, kind=MessageKind.BOOKED, subject=first.subject_id)
    await seeds.run(db, "UPDATE message SET changed_at = now() WHERE id = :id", id=first.id)
    return first, second


async def _superseded(session: AsyncSession, message: Message) -> object:
    return await service.supersede(session, message.subject_id, now=utc_now())


async def _stopped(session: AsyncSession, message: Message) -> object:
    return await service.stop_number(session, message.phone_index or b"", now=utc_now())


async def _withheld(session: AsyncSession, message: Message) -> object:
    return await withholding.withhold(session, [message.subject_id], now=utc_now())


async def _meet(db: Database, change: Change) -> list[BaseException]:
    """One holds the first row and then asks for the second, while another changes both; what went wrong."""
    first, second = await _two(db)

    async def changing() -> None:
        async with db.transaction() as session:
            await change(session, first)

    async def holding() -> None:
        async with db.transaction() as session:
            await session.execute(TAKE, {"id": first.id})
            others.append(asyncio.create_task(changing()))
            await box.until_somebody_waits(db, others[0])
            await session.execute(TAKE, {"id": second.id})

    others: list[asyncio.Task[None]] = []
    return await _wrong(holding, others)


async def _wrong(holding: Callable[[], Awaitable[None]], others: "list[asyncio.Task[None]]") -> list[BaseException]:
    """What went wrong with one of two that meet."""
    mine = await asyncio.gather(holding(), return_exceptions=True)
    theirs = await asyncio.gather(*others, return_exceptions=True)
    return [one for one in (*mine, *theirs) if one is not None]


@pytest.mark.parametrize("change", [_superseded, _stopped, _withheld])
async def test_several_texts_are_taken_in_one_order(db: Database, change: Change) -> None:
    assert await _meet(db, change) == []


def _as_they_come(*where: ColumnExpressionArgument[bool]) -> CTE:
    return select(col(Message.id)).where(*where).cte("as_they_come")


async def test_control_without_the_order_they_wait_for_each_other(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locking, "in_order", _as_they_come)
    (problem,) = await _meet(db, _superseded)
    assert isinstance(problem, DBAPIError)
    assert "deadlock" in str(problem)


async def test_jobs_leave_out_what_somebody_holds(db: Database) -> None:
    first, second = await _two(db)
    over = "UPDATE message SET state = 'claimed', lease_until = now() - interval '1 minute'"
    await seeds.run(db, over)
    async with db.transaction() as holding:
        await holding.execute(TAKE, {"id": first.id})
        async with db.transaction() as session:
            assert await outbox.end_leases(session, now=utc_now()) == (1, 0)
    assert (await box.stored(db, first)).state is MessageState.CLAIMED
    assert (await box.stored(db, second)).state is MessageState.DUE


async def _learn_while_a_sender_records(db: Database) -> list[BaseException]:
    """The provider's list says that a text failed by our configuration, while a sender has the channel's row."""
    message = await box.write(db, state=MessageState.SENT, provider="twilio", provider_sid="SM1", posted_at=utc_now())
    async with db.transaction() as session:
        await locked(session, "twilio")
    one = Listed("SM1", None, utc_now(), "failed", "", 30002, Fault.CONFIGURATION)

    async def learning() -> None:
        async with db.transaction() as session:
            (fresh,) = await reconciling.differing(session, [one], Compared())
        async with db.transaction() as session:
            await reconciling.learn(session, fresh, base_url=box.BASE, now=utc_now())

    async def recording() -> None:
        async with db.transaction() as session:
            await locked(session, "twilio")
            others.append(asyncio.create_task(learning()))
            await box.until_somebody_waits(db, others[0])
            await session.execute(TAKE, {"id": message.id})

    others: list[asyncio.Task[None]] = []
    return await _wrong(recording, others)


async def test_the_providers_list_and_a_sender_do_not_wait_for_each_other(db: Database) -> None:
    assert await _learn_while_a_sender_records(db) == []
    assert await seeds.value(db, "SELECT state FROM message") == "failed"
    assert await seeds.value(db, "SELECT held_code FROM sms_channel") == 30002


async def test_control_with_the_text_locked_before_the_channel_they_do(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = receipts.tell_channel

    async def text_first(session: AsyncSession, public_id: UUID, *more: Any, **named: Any) -> receipts.Receipt:
        await session.execute(text("SELECT id FROM message WHERE public_id = :id FOR UPDATE"), {"id": public_id})
        return await real(session, public_id, *more, **named)

    monkeypatch.setattr(receipts, "tell_channel", text_first)
    (problem,) = await _learn_while_a_sender_records(db)
    assert isinstance(problem, DBAPIError)
    assert "deadlock" in str(problem)


async def test_looking_at_the_list_holds_nothing(db: Database) -> None:
    await box.write(db, state=MessageState.SENT, provider_sid="SM1", posted_at=utc_now())
    listed = [Listed("SM1", None, utc_now(), "delivered")]
    async with db.transaction() as session:
        assert await reconciling.differing(session, listed, Compared()) == listed
        assert (
            await seeds.value(db, "SELECT count(*) FROM (SELECT id FROM message FOR UPDATE SKIP LOCKED) AS free") == 1
        )
