"""After a restore: a text that went after the moment we are back at does not go again; one that did not, goes."""

import pytest

from booking.clock import utc_now
from booking.db import Database
from booking.messages import restored, rules
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message
from tests.carrier import Carrier
from tests.outbox import AT_ONCE, accepted, send, sender, settle, stored, write

pytestmark = [pytest.mark.anyio]


async def _back(db: Database, message: Message) -> None:
    """The row as it was before it was sent: what a restore brings back."""
    async with db.transaction() as session:
        row = await session.get_one(Message, message.id)
        row.state, row.lease_until, row.posted_at, row.provider_sid = MessageState.DUE, None, None, None
        row.sends, row.attempts, row.created_at = 0, 0, message.created_at


async def _doubt(db: Database) -> int:
    async with db.transaction() as session:
        return await restored.doubt(session, now=utc_now())


async def _sent_and_put_back(db: Database, carrier: Carrier) -> Message:
    message = await write(db)
    await send(sender(db, carrier.url))
    assert len(accepted(carrier)) == 1
    await _back(db, message)
    return message


async def test_what_went_meanwhile_is_found_in_the_list_and_does_not_go_again(db: Database) -> None:
    with Carrier() as carrier:
        message = await _sent_and_put_back(db, carrier)
        assert await _doubt(db) == 1
        await send(sender(db, carrier.url))
        await settle(db, carrier.url, AT_ONCE)
        await send(sender(db, carrier.url))
        (taken,) = carrier.log.accepted
    row = await stored(db, message)
    assert (row.state, row.provider_sid) == (MessageState.SENT, taken.sid)


async def test_control_nobody_told_the_outbox_and_it_goes_twice(db: Database) -> None:
    with Carrier() as carrier:
        await _sent_and_put_back(db, carrier)
        await send(sender(db, carrier.url))
        assert len(carrier.log.accepted) == 2


async def test_what_did_not_go_goes_once_and_what_is_not_due_yet_is_left_alone(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "is_quiet", lambda *_: False)  # at night what is that old waits for the morning
    with Carrier() as carrier:
        message = await write(db, created_at=utc_now().replace(year=2025))
        later = await write(db, due_in=3600.0)
        assert await _doubt(db) == 1
        await settle(db, carrier.url, AT_ONCE)
        await send(sender(db, carrier.url))
        assert len(carrier.log.accepted) == 1
    assert (await stored(db, message)).state is MessageState.SENT
    assert (await stored(db, later)).state is MessageState.DUE


async def test_a_code_is_never_sent_again(db: Database) -> None:
    code = await write(db, kind=MessageKind.OTP, lane="code", subject_kind="code", secret="123456", facts={})
    assert await _doubt(db) == 0
    row = await stored(db, code)
    assert (row.state, row.secret) == (MessageState.EXPIRED, None)
