"""The warning that a desk read a code out goes like a code: nothing that silences other texts silences it."""

from datetime import timedelta

import pytest
from sqlmodel import col, select

from booking import ids
from booking.clock import utc_now
from booking.db import Database
from booking.messages import receipts
from booking.messages import service as messages
from booking.messages.channel.rules import CODES, Allowance
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message
from booking.messages.preparing import Channel
from booking.messages.service import APPOINTMENT, READ_OUT, Notice, Recipient
from scheduler.jobs import try_again
from scheduler.jobs.send_messages import Sender
from tests import seeds
from tests.carrier import Carrier
from tests.carrier.client import PHONE, gateway_to
from tests.outbox import AT_ONCE, BASE, PATIENT, receipt, send, sender, stored, write

pytestmark = pytest.mark.anyio

SILENT = """
    INSERT INTO number_standing (phone_index, silent_since, silent_code)
    SELECT DISTINCT phone_index, now(), 30005 FROM message
"""


async def _warned(db: Database, subject_kind: str = READ_OUT) -> Message:
    """A warning as the desk writes it; as a text about a visit it is the control."""
    now = utc_now()
    facts = {"facility": "TYT Mau", "starts_at": now.isoformat()}
    notice = Notice(
        ids.public_id(), MessageKind.CODE_READ_OUT, 1, None, facts, now, now + timedelta(hours=12),
        subject_kind=subject_kind,
    )  # fmt: skip
    async with db.transaction() as session:
        await messages.write(session, [notice], Recipient(PHONE, "vi"), now=now)
        query = select(Message).where(col(Message.subject_id) == notice.subject_id)
        return (await session.execute(query)).scalar_one()


@pytest.mark.parametrize(
    ("subject_kind", "lane", "state"),
    [(READ_OUT, CODES, MessageState.SENT), (APPOINTMENT, "visit", MessageState.SUPPRESSED)],
    ids=["warning", "control"],
)
async def test_a_number_said_to_be_silent_is_warned_all_the_same(
    db: Database, subject_kind: str, lane: str, state: MessageState
) -> None:
    made = await _warned(db, subject_kind)
    await seeds.run(db, SILENT)
    with Carrier() as carrier:
        await send(sender(db, carrier.url, lane=lane))
    assert (await stored(db, made)).state is state


async def test_no_cap_of_its_number_holds_it(db: Database) -> None:
    allowance = Allowance(per_second=1000, per_number=1)
    channel = Channel("twilio", BASE, production=False, allowance=allowance)
    news, more = await write(db), await write(db)
    made = await _warned(db)
    with Carrier() as carrier:
        for lane in ("visit", CODES):
            gateway = gateway_to(carrier.url, PATIENT)
            await send(Sender(db, gateway, channel, lane=lane, together=1, pace=AT_ONCE))
    first, second, warned = [(await stored(db, one)).state for one in (news, more, made)]
    assert (first, warned) == (MessageState.SENT, MessageState.SENT)
    # Until the morning, or, between midnight and seven, for longer than it is of use.
    assert second in (MessageState.DUE, MessageState.EXPIRED)


async def test_it_goes_on_where_the_number_is_said_to_be_wrong(db: Database) -> None:
    made, news = await _warned(db), await write(db)
    async with db.transaction() as session:
        assert await messages.stop_number(session, made.phone_index or b"", now=utc_now()) == 1
    assert (await stored(db, made)).state is MessageState.DUE
    assert (await stored(db, news)).state is MessageState.SUPPRESSED


@pytest.mark.parametrize(("useful", "copies"), [("1 hour", 1), ("-1 minute", 0)])
async def test_it_goes_once_more_where_the_telephone_was_off(db: Database, useful: str, copies: int) -> None:
    made = await _warned(db)
    lost = "UPDATE message SET state = 'undelivered', again_at = now(), once_more = true, useful_until = now()"
    await seeds.run(db, f"{lost} + interval '{useful}'")
    assert await try_again.run(db) == copies
    assert await try_again.run(db) == 0
    rows = await seeds.rows(db, "SELECT state, lane, once_more, phone_index FROM message WHERE copy = 1")
    expected = [{"state": "due", "lane": CODES, "once_more": True, "phone_index": made.phone_index}]
    assert [dict(row) for row in rows] == expected * copies


async def test_a_telephone_that_was_off_is_what_makes_it_go_once_more(db: Database) -> None:
    made = await _warned(db)
    await seeds.run(db, "UPDATE message SET state = 'sent', provider = 'twilio', provider_sid = 'SM1', sends = 1")
    async with db.transaction() as session:
        await receipts.take(session, made.public_id, receipt("SM1", "undelivered", 30003), now=utc_now())
    assert await seeds.value(db, "SELECT once_more AND again_at > now() FROM message")
