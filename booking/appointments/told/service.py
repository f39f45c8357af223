"""Sending a message once more, because staff say why."""

from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.actor import Actor
from booking.appointments.closing.answering import asked
from booking.appointments.closing.changes import reader_of
from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.appointments.telling import facts_of
from booking.appointments.told import queries
from booking.appointments.told.commands import SendAgain
from booking.appointments.told.errors import MessageUnknown, ResendRefused
from booking.appointments.told.kinds import GROUP_OF, Group
from booking.clock import ZONE
from booking.directory.models import Facility
from booking.messages import numbers, rules
from booking.messages import service as messages
from booking.messages.kinds import MessageKind
from booking.messages.models import Message
from booking.messages.service import APPOINTMENT, Notice
from booking.text import clean
from booking.trail.service import record

COPIES_MOST: Final = 3
"""How often staff send one text again: each costs money, and the telephone is there. What went again by itself, because
our configuration or the network lost it, takes nothing from that."""

AGAIN: Final = frozenset({
    MessageKind.BOOKED, MessageKind.MOVED, MessageKind.MOVED_BY_FACILITY, MessageKind.CHOOSE, MessageKind.CONFLICT,
    MessageKind.REMINDER_DAY, MessageKind.REMINDER_HOURS,
})  # fmt: skip
"""What still says something true later: a turn that was near is of its minute, and an offer has its own end."""

ASKING: Final = (MessageKind.CHOOSE, MessageKind.CONFLICT)
"""What asks somebody to choose another time."""


async def send_again(session: AsyncSession, facility_id: int, command: SendAgain, *, by: Actor, now: datetime) -> None:
    """Write a new message like an old one: to who reads it now, of a visit that is still on. Never the old row again.

    Args:
        session: of the caller's transaction.
        facility_id: whose message it is.
        command: which, the number of the copy it makes, and why.
        by: the member of staff.
        now: the moment of the request, UTC.

    Raises:
        MessageUnknown: the facility has none such.
        ResendRefused: `reason` says why: it is still on its way (waiting), the visit is over or off (over), the visit
            is another now or the moment has passed (stale), the kind is of its minute (kind), no SMS reaches anybody
            (reader), its number takes no reminders (stopped), it was sent too often (often), or no reason was given
            (why).
    """
    message = await queries.row(session, facility_id, command.message)
    why = clean(command.why)
    if not why:
        raise ResendRefused(reason="why", field="why")
    if message.subject_kind != APPOINTMENT:
        raise ResendRefused(reason="kind")
    # The visit's lock: whoever moves or cancels it next finds the new row and calls it back.
    query = select(Appointment).where(col(Appointment.public_id) == message.subject_id).with_for_update(key_share=True)
    visit = await session.scalar(query.execution_options(populate_existing=True))
    facility = await session.get(Facility, facility_id)
    if visit is None or facility is None:
        raise MessageUnknown
    last = await queries.copies(session, message)
    if command.copy_number <= last:
        return  # pressed twice
    _check(message, visit, now=now)
    if await queries.by_staff(session, message) >= COPIES_MOST:
        raise ResendRefused(reason="often", most=COPIES_MOST)
    facts = facts_of(visit, facility.sms_name)
    if {name: message.facts.get(name) for name in facts} != facts or await _is_off(session, message, visit):
        raise ResendRefused(reason="stale")
    to = await reader_of(session, visit)
    number = await numbers.of_phone(session, to.phone)
    if to.suppressed is not None or number.silent_since is not None:
        raise ResendRefused(reason="reader")
    if message.kind in numbers.REMINDING and number.stopped_at is not None:
        raise ResendRefused(reason="stopped")
    useful = rules.useful_until(message.kind, visit.starts_at, ZONE)
    notice = Notice(
        visit.public_id, message.kind, visit.version, facility_id, facts | {queries.BY_STAFF: True}, due_at=now,
        useful_until=useful, copy=last + 1,
    )  # fmt: skip
    await messages.write(session, [notice], to, now=now)
    record(
        session, "message.resend", "appointment", visit.public_id, by=by, now=now, kind=message.kind.value,
        copy=last + 1, reason=why,
    )  # fmt: skip


def _check(message: Message, visit: Appointment, *, now: datetime) -> None:
    if GROUP_OF[message.state] is Group.WAITING:
        raise ResendRefused(reason="waiting")
    if message.kind not in AGAIN:
        raise ResendRefused(reason="kind")
    if visit.state is not AppointmentState.BOOKED or visit.starts_at <= now:
        raise ResendRefused(reason="over")
    if message.version != visit.version or rules.useful_until(message.kind, visit.starts_at, ZONE) <= now:
        raise ResendRefused(reason="stale")


async def _is_off(session: AsyncSession, message: Message, visit: Appointment) -> bool:
    """Whether it asks for what nobody asks any more, or is of a time that is closed."""
    assert visit.id is not None
    closing = await asked(session, visit.id)
    return (closing is None) if message.kind in ASKING else (closing is not None)
