"""Every answer that does not tell whether a text went, each to its end: by receipt, by list, or by one more send.

With the production's waits; time passes in the rows. What an answer is taken for: test_sms_twilio.py. How the list is
read when texts are alike or rows are broken: test_outbox_settling.py.
"""

from typing import Any

import pytest

from booking.clock import utc_now
from booking.db import Database
from booking.messages import receipts
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message
from booking.messages.outbox import Pace
from booking.messages.receipts import Receipt
from tests import seeds
from tests.carrier import Carrier, Plan, plans, unused_port
from tests.carrier.client import QUICK
from tests.outbox import accepted, mine, send, sender, settle, stored, write

pytestmark = pytest.mark.anyio

TAKEN = [
    plans.stall_after_accepting(), plans.error_after_accepting(), plans.error_after_accepting(503), plans.broken_body(),
    plans.without_sid(), plans.answer_after_accepting(b""), plans.answer_after_accepting(b"<html>Accepted</html>"),
    plans.close_after_accepting(),
]  # fmt: skip
NOT_TAKEN = [
    plans.stall_before_accepting(), plans.error_before_accepting(), plans.close_before_accepting(),
    plans.redirect("/elsewhere"), plans.redirect("/elsewhere", 302), plans.html_page(), plans.html_page(408),
    plans.bare(408),
]  # fmt: skip
CODE: dict[str, Any] = {
    "kind": MessageKind.OTP, "lane": "code", "subject_kind": "code", "secret": "123456", "facts": {"minutes": "10"},
}  # fmt: skip


async def _doubted(db: Database, carrier: Carrier, fates: list[Plan], **more: Any) -> list[Message]:
    """A text for each fate, posted; nobody knows what became of it."""
    messages = []
    for fate in fates:
        message = await write(db, **more)
        carrier.plan(fate)
        await send(sender(db, carrier.url, limits=QUICK, lane=message.lane))
        assert (await stored(db, message)).state is MessageState.UNKNOWN, fate.name
        messages.append(message)
    return messages


async def _look(db: Database, url: str, *, after: float) -> None:
    """A look at the list, so many seconds later, and whatever goes because of it."""
    past = ", ".join(f"{name} = {name} - make_interval(secs => :after)" for name in ("posted_at", "due_at"))
    await seeds.run(db, f"UPDATE message SET {past} WHERE state = 'unknown'", after=after)
    await settle(db, url, Pace())
    for lane in ("visit", "code"):
        await send(sender(db, url, lane=lane))


async def _states(db: Database, messages: list[Message]) -> set[tuple[MessageState, int]]:
    rows = [await stored(db, message) for message in messages]
    return {(row.state, row.sends) for row in rows}


async def test_a_receipt_settles_each_of_them(db: Database) -> None:
    with Carrier() as carrier:
        messages = await _doubted(db, carrier, TAKEN)
        for message, taken in zip(messages, carrier.log.accepted, strict=True):
            async with db.transaction() as session:
                assert await receipts.take(session, message.public_id, Receipt(taken.sid, "sent"), now=utc_now())
        await _look(db, f"http://127.0.0.1:{unused_port()}", after=600)
        assert accepted(carrier) == mine(messages)
    assert await _states(db, messages) == {(MessageState.SENT, 1)}


async def test_the_list_settles_each_of_them(db: Database) -> None:
    with Carrier() as carrier:
        messages = await _doubted(db, carrier, TAKEN)
        await _look(db, carrier.url, after=11)
        assert accepted(carrier) == mine(messages)
        names = {str((await stored(db, message)).provider_sid) for message in messages}
        assert names == {one.sid for one in carrier.log.accepted}
    assert await _states(db, messages) == {(MessageState.SENT, 1)}


async def test_what_no_list_shows_goes_once_more_after_three_minutes_and_never_a_third_time(db: Database) -> None:
    with Carrier() as carrier:
        messages = await _doubted(db, carrier, NOT_TAKEN)
        await _look(db, carrier.url, after=170)
        assert await _states(db, messages) == {(MessageState.UNKNOWN, 1)}
        carrier.plan(*NOT_TAKEN[1:4])  # three are as unlucky again
        await _look(db, carrier.url, after=31)
        await _look(db, carrier.url, after=3600)
        assert await _states(db, messages) == {(MessageState.SENT, 2), (MessageState.UNKNOWN, 2)}
        assert set(carrier.log.times_accepted().values()) == {1}
        assert len(carrier.log.accepted) == len(messages) - 3


async def test_a_code_goes_once_whatever_became_of_it(db: Database) -> None:
    with Carrier() as carrier:
        fates = [*TAKEN, *NOT_TAKEN]
        messages = await _doubted(db, carrier, fates, **CODE)
        for after in (11, 200, 3600):
            await _look(db, carrier.url, after=after)
        assert len(carrier.log.accepted) == len(TAKEN)
        assert await _states(db, messages) == {(MessageState.UNKNOWN, 1)}
        assert len(carrier.log.calls) <= len(fates)
