"""A text that did not arrive for what passes (a telephone that was off) goes once more, where it is still true.

Nobody decides this but us, so it is done once and never of a code; receipts say of which texts (`Message.again_at`).
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.appointments.closing.answering import asked
from booking.appointments.closing.asking import is_off
from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.appointments.telling import account_of, facts_of, recipient_of
from booking.appointments.told import queries
from booking.appointments.told.service import ASKING
from booking.directory.models import Facility
from booking.messages import again, sharing, texts
from booking.messages import service as messages
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message
from booking.messages.service import APPOINTMENT, Notice
from booking.patients.models import Patient

_CANCELS = (MessageKind.CANCELLED, MessageKind.CANCELLED_BY_FACILITY)
_OF_THE_OLD = (sharing.COUNT, texts.FIRST, queries.BY_STAFF)
"""Facts of one row, which another does not take over: for which visits it stood, and who wrote it."""

_LOST = (MessageState.FAILED, MessageState.UNDELIVERED)


async def try_again(
    session: AsyncSession, *, now: datetime, most: int = 100, only: Collection[int] | None = None
) -> int:
    """Write another text for each whose time for it has come, at most `most`; how many go once more.

    The visits are locked first, as whoever changes one does, and those somebody is changing are left for the next run.
    A shared reminder goes for those of its visits that are still on, and counts as one.

    Args:
        session: the caller's transaction.
        now: the moment of the run.
        most: texts at most.
        only: rows of texts, as `again.waiting` found them; None: whichever wait.
    """
    of_visit = col(Appointment.public_id) == col(Message.subject_id)
    query = (
        select(col(Message.id), Appointment)
        .join(Appointment, of_visit)
        .where(col(Message.again_at) <= now, col(Message.subject_kind) == APPOINTMENT, *again.among(only))
        .order_by(col(Message.again_at), col(Message.id))
        .limit(most)
        .with_for_update(of=Appointment, key_share=True, skip_locked=True)
    )
    written = 0
    for message_id, _ in (await session.execute(query.execution_options(populate_existing=True))).all():
        message = await session.get_one(Message, message_id, with_for_update=True, populate_existing=True)
        if message.again_at is None or message.state not in _LOST:
            continue  # it arrived this moment
        assert message.id is not None
        shared = await sharing.covered(session, message.id)
        if await _all_free(session, shared):
            again_at, message.again_at = message.again_at, None
            each = [await _one(session, one, again_at=again_at, now=now) for one in (message, *shared)]
            written += any(each)
    return written


async def _all_free(session: AsyncSession, shared: Sequence[Message]) -> bool:
    """Whether nobody changes one of these visits this moment, whatever comes of it: it would be left out for ever."""
    visits = select(col(Appointment.id)).where(col(Appointment.public_id).in_([one.subject_id for one in shared]))
    locked = visits.order_by(col(Appointment.id)).with_for_update(key_share=True, skip_locked=True)
    free = set((await session.execute(locked)).scalars()) if shared else set()
    return not shared or free == set((await session.execute(visits)).scalars())


async def _one(session: AsyncSession, message: Message, *, again_at: datetime, now: datetime) -> int:
    """Write the text of a message once more for its own visit, where that is on; how many were written.

    A reminder may share its text again: with whom, and how many they are, is seen when it is about to go. Until then
    each stands for itself, as the first time, so whoever cancels one of the visits takes nothing from the others.
    """
    visit = await _visit(session, message, now=now)
    if visit is None or message.useful_until <= now:
        return 0
    patient = await session.get_one(Patient, visit.patient_id)
    to = recipient_of(visit, patient, await account_of(session, visit))
    last = await queries.copies(session, message)
    if to.suppressed is not None or to.phone != message.phone or last > message.copy_number:
        return 0  # staff sent it again meanwhile: what becomes of that one counts
    facts = {name: fact for name, fact in message.facts.items() if name not in _OF_THE_OLD}
    notice = Notice(
        visit.public_id, message.kind, message.version, message.facility_id, facts, due_at=now,
        useful_until=message.useful_until, copy=last + 1, once_more=True,
        news_at=again_at,
    )  # fmt: skip
    written = await messages.write(session, [notice], to, now=now)
    await sharing.join(session, [notice], to)
    return written


async def _visit(session: AsyncSession, message: Message, *, now: datetime) -> Appointment | None:
    """The visit a text tells of, locked, where that is still true; None where it is not, or a later text outranks it.

    Nor where somebody changes it this moment: nobody is waited for.
    """
    query = (
        select(Appointment, is_off(), col(Facility.sms_name))
        .join(Facility, col(Facility.id) == col(Appointment.facility_id))
        .where(col(Appointment.public_id) == message.subject_id, col(Appointment.version) == message.version)
        .with_for_update(of=Appointment, key_share=True, skip_locked=True)
    )
    row = (await session.execute(query.execution_options(populate_existing=True))).first()
    if row is None:
        return None
    visit, off, name = row
    facts = facts_of(visit, name)
    same = {fact: message.facts.get(fact) for fact in facts} == facts
    return visit if same and await _is_true(session, message.kind, visit, off=off, now=now) else None


async def _is_true(session: AsyncSession, kind: MessageKind, visit: Appointment, *, off: bool, now: datetime) -> bool:
    if kind in _CANCELS:
        return visit.state is AppointmentState.CANCELLED
    if kind is MessageKind.OFFER:
        ends = visit.expires_at
        return visit.state is AppointmentState.HELD and visit.offered and ends is not None and ends > now
    if visit.state is not AppointmentState.BOOKED or visit.starts_at <= now:
        return False
    assert visit.id is not None
    return await asked(session, visit.id) is not None if kind in ASKING else not off
