"""Messages to send, senders to send them, and what became of them: what tests of the outbox share."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select

from booking import ids
from booking.clock import ZONE, utc_now
from booking.db import Database
from booking.messages import claiming, outbox
from booking.messages.channel.rules import Allowance
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message, MessageReceipt
from booking.messages.outbox import Pace, Posting
from booking.messages.preparing import Channel
from booking.messages.receipts import Receipt
from booking.messages.rules import is_quiet
from booking.sealed import keys
from booking.sms.bounded import Limits
from booking.sms.twilio_told import fault_told
from scheduler.jobs import end_leases as ending
from scheduler.jobs import send_messages, settle_unknown
from scheduler.jobs.send_messages import Sender
from tests.carrier import Carrier
from tests.carrier.client import PHONE, gateway_to

BASE = "https://henkham.example"
CHANNEL = Channel("twilio", BASE, production=False)
PATIENT = Limits(connect=5.0, read=30.0)
"""So that a busy machine is not taken for a silent carrier."""
NOTHING = timedelta(0)
BUSY = timedelta(seconds=60)
"""How old a look may be on a machine that is busy with other tests."""
AT_ONCE = Pace(first_look=NOTHING, next_look=NOTHING, later_look=NOTHING, fresh=BUSY)
"""Looks at the list whenever asked; a second send still waits its three minutes."""
AGAIN_AT_ONCE = Pace(first_look=NOTHING, next_look=NOTHING, later_look=NOTHING, second_send=NOTHING, fresh=BUSY)


async def write(
    db: Database,
    *,
    kind: MessageKind = MessageKind.BOOKED,
    phone: str = PHONE,
    due_in: float = 0.0,
    useful: float = 86_400.0,
    starts_in: float = 172_800.0,
    lane: str = "visit",
    subject: UUID | None = None,
    version: int = 1,
    **more: Any,
) -> Message:
    """A due message about a visit; times are seconds from now."""
    now = utc_now()
    starts = (now + timedelta(seconds=starts_in)).astimezone(ZONE)
    facts = {"facility": "TYT Mau", "code": ids.booking_code(), "starts_at": starts.isoformat(), "token_version": 1}
    values: dict[str, Any] = {
        "public_id": ids.public_id(), "subject_kind": "appointment", "subject_id": subject or ids.public_id(),
        "kind": kind, "version": version, "lane": lane, "language": "vi", "phone": phone,
        "phone_index": keys().index("phone", phone), "facts": facts, "state": MessageState.DUE,
        "due_at": now + timedelta(seconds=due_in), "useful_until": now + timedelta(seconds=useful),
        "created_at": now, "changed_at": now,
    }  # fmt: skip
    message = Message(**values | more)
    async with db.transaction() as session:
        session.add(message)
    return message


def receipt(sid: str, status: str, code: int | None = None) -> Receipt:
    """A receipt with a code, classed as Twilio's gateway does."""
    return Receipt(sid, status, code, fault_told(code))


async def stored(db: Database, message: Message) -> Message:
    """The row as it is now."""
    async with db.transaction() as session:
        return (await session.execute(select(Message).where(col(Message.id) == message.id))).scalar_one()


async def receipts_of(db: Database, message: Message) -> list[str]:
    """The status words that were kept, in order of arrival."""
    query = select(MessageReceipt.status).where(col(MessageReceipt.message_id) == message.id)
    async with db.transaction() as session:
        return list((await session.execute(query.order_by(col(MessageReceipt.id)))).scalars())


def sender(
    db: Database, url: str, *, lane: str = "visit", pace: Pace | None = None, limits: Limits = PATIENT
) -> Sender:
    """A sender of one lane to a carrier."""
    return Sender(db, gateway_to(url, limits), CHANNEL, lane=lane, pace=pace or AT_ONCE)


def metered(db: Database, url: str, *, lane: str = "visit", **limits: Any) -> Sender:
    """A sender whose channel lets out so much; what is not named does not matter."""
    allowance = Allowance(**{"per_second": 1000, "per_number": 1000} | limits)
    channel = Channel("twilio", BASE, production=False, allowance=allowance)
    return Sender(db, gateway_to(url, PATIENT), channel, lane=lane, together=1, pace=AT_ONCE)


async def many(db: Database, number: int, **more: Any) -> list[Message]:
    """Due messages to so many numbers, in the order of their visits."""
    return [await write(db, phone=f"+8490123{each:04}", starts_in=9000 + each, **more) for each in range(number)]


async def send(made: Sender) -> int:
    """Send until nothing is due; how many were claimed."""
    return await send_messages.run(made, stop=asyncio.Event(), poll=0.05)


async def settle(db: Database, url: str, pace: Pace = AT_ONCE) -> int:
    """End leases that ran out, then one look at everything unknown; how many were settled."""
    await ending.run(db)
    return await settle_unknown.run(db, gateway_to(url, PATIENT), base_url=BASE, pace=pace)


async def claimed(db: Database, *, lane: str = "visit", lease: float = 60.0, now: datetime | None = None) -> Any:
    """The one message that is due, claimed; the claim."""
    async with db.transaction() as session:
        claims = await claiming.claim(session, lane, most=1, now=now or utc_now(), lease=timedelta(seconds=lease))
    assert len(claims) == 1
    return claims[0]


async def begun(db: Database, claim: Any, *, now: datetime | None = None, lease: float = 60.0) -> Posting | None:
    """The step from claimed to sending."""
    async with db.transaction() as session:
        return await outbox.begin(session, claim, through=CHANNEL, now=now or utc_now(), lease=timedelta(seconds=lease))


async def end_leases(db: Database, *, after: float) -> tuple[int, int]:
    """End leases as if so many seconds had passed."""
    async with db.transaction() as session:
        return await outbox.end_leases(session, now=utc_now() + timedelta(seconds=after))


def accepted(carrier: Carrier) -> list[str | None]:
    """Our message ids, in the order the carrier took them."""
    return [one.message_id for one in carrier.log.accepted]


def mine(messages: Sequence[Message]) -> list[str]:
    """The ids of messages as the carrier's log names them."""
    return [str(one.public_id) for one in messages]


def in_the_night(now: datetime) -> datetime:
    """The first full hour after `now` that lies in the quiet hours."""
    hours = (now + timedelta(hours=more) for more in range(1, 25))
    return next(one for one in hours if is_quiet(one, ZONE))


async def make_due(db: Database) -> None:
    """Whatever waits for a later try is due now, in the order it had."""
    async with db.transaction() as session:
        await session.execute(text("UPDATE message SET due_at = due_at - interval '2 hours' WHERE state = 'due'"))


async def rested(db: Database) -> None:
    """The channel has rested as long as it was told to, and may be probed where it is held."""
    async with db.transaction() as session:
        await session.execute(text("UPDATE sms_channel SET rest_until = NULL, probe_at = NULL"))


async def until(db: Database, message: Message, *states: MessageState) -> Message:
    """The row, once it has one of these states."""
    for _ in range(2000):
        row = await stored(db, message)
        if row.state in states:
            return row
        await asyncio.sleep(0.02)
    raise AssertionError(f"still {row.state}")


async def until_somebody_waits(db: Database, other: "asyncio.Task[Any] | None" = None) -> None:
    """Until a statement waits for a lock somebody holds, or `other` is done without having waited."""
    for _ in range(2000):
        async with db.transaction() as session:
            waiting = (await session.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted"))).scalar()
        if waiting or (other is not None and other.done()):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody waits for a lock")
