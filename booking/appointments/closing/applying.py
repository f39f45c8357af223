"""The job's part: each visit inside a closing, one transaction each, so that whoever is killed loses nothing.

Two schedulers do what one does: whoever locks a visit second finds its row written, or the visit gone from the slot.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, func
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, exists, select

from booking import clock
from booking.actor import system
from booking.appointments.closing import changes, covering, rules
from booking.appointments.closing.changes import Held
from booking.appointments.closing.kinds import ASKS, WORKING, ClosingAnswer, ClosingScope, ClosingState, VisitFate
from booking.appointments.closing.models import Closing, ClosingVisit
from booking.appointments.errors import FacilityNotOpen, SlotClosed, SlotFull, SlotMismatch, SlotNotReleased, SlotPast
from booking.appointments.kinds import BLOCKS_DAY, AppointmentState, CancelledBy
from booking.appointments.models import Appointment
from booking.appointments.waitlist import ending, offers
from booking.appointments.waitlist.kinds import OfferState
from booking.availability import service as availability
from booking.availability.models import SlotClosure
from booking.columns import constraint_of
from booking.messages.kinds import MessageKind
from booking.messages.service import Recipient
from booking.trail.service import record

BY: Final = system("apply_closures")
NO_PLACE: Final = (SlotFull, SlotClosed, SlotPast, SlotNotReleased, SlotMismatch, FacilityNotOpen)
REASON: Final = "closing"
"""What a closure of ours says as its reason; the words are the closing's."""

_TELLS: Final = {
    VisitFate.MOVED: MessageKind.MOVED_BY_FACILITY,
    VisitFate.ASKED: MessageKind.CHOOSE,
    VisitFate.NO_PLACE: MessageKind.CHOOSE,
    VisitFate.CANCELLED: MessageKind.CANCELLED_BY_FACILITY,
}


async def at_work(session: AsyncSession) -> list[tuple[int, ClosingState]]:
    """The closings with something left to do; one look at an index that is mostly empty."""
    query = select(Closing.id, Closing.state).where(col(Closing.state).in_(WORKING)).order_by(col(Closing.id))
    return [(row.id, row.state) for row in await session.execute(query) if row.id is not None]


async def left(session: AsyncSession, closing_id: int, *, most: int, without: Collection[int] = ()) -> list[int]:
    """Appointments in the closed slots that were not gone through yet, in the order of time; `without` are left out."""
    closing = await session.get(Closing, closing_id)
    assert closing is not None
    query = select(Appointment.id).where(*inside(closing), col(Appointment.id).not_in(without))
    query = query.order_by(col(Appointment.starts_at), col(Appointment.id)).limit(most)
    return [one for one in (await session.execute(query)).scalars() if one is not None]


async def count_left(session: AsyncSession, closing: Closing) -> int:
    """How many."""
    query = select(func.count()).select_from(Appointment).where(*inside(closing))
    return (await session.execute(query)).scalar_one()


def inside(closing: Closing) -> list[ColumnElement[bool]]:
    """Conditions over Appointment: visits and holds in the closed slots that were not gone through yet."""
    seen = exists().where(
        col(ClosingVisit.closing_id) == closing.id, col(ClosingVisit.appointment_id) == col(Appointment.id)
    )
    slots = select(SlotClosure.slot_id).where(closed_by(closing))
    return [col(Appointment.slot_id).in_(slots), col(Appointment.state).in_(BLOCKS_DAY), ~seen]


async def settle(session: AsyncSession, closing_id: int, appointment_id: int, *, now: datetime) -> bool:
    """See to one appointment of a closing; False where there was nothing to do (any more)."""
    tried: set[int] = set()
    while True:
        closing = await standing(session, closing_id, ClosingState.APPLYING)
        if closing is None:
            return False
        seen = await session.get(Appointment, appointment_id, populate_existing=True)
        assert seen is not None
        told_at = max(now, closing.sms_due_at)
        if not closing.send_now:
            told_at = rules.tell_at(told_at, seen.starts_at, clock.ZONE)
        target = await _target(session, closing, seen, told_at, tried, now=now)
        held = await changes.locked(session, appointment_id, {seen.slot_id, *([target] if target else [])})
        if held is not None:
            try:
                return await _settled(session, closing, held, target, told_at, now=now)
            except NO_PLACE:
                tried.add(target or 0)
            except IntegrityError as problem:
                if constraint_of(problem) != "appointment_day_key":
                    raise
                tried.add(target or 0)  # she booked another visit of that day a moment ago
        # Somebody was faster. Let the locks go, or their order would be broken by those still to come, and look again.
        await session.rollback()


async def standing(session: AsyncSession, closing_id: int, state: ClosingState) -> Closing | None:
    """The closing, if it is in this state, locked so that it stays in it; several may hold this lock."""
    query = select(Closing).where(col(Closing.id) == closing_id).with_for_update(read=True)
    closing = (await session.execute(query.execution_options(populate_existing=True))).scalar_one()
    return closing if closing.state is state else None


async def _target(
    session: AsyncSession, closing: Closing, visit: Appointment, told_at: datetime, tried: set[int], *, now: datetime
) -> int | None:
    if closing.answer is not ClosingAnswer.MOVE or visit.state is not AppointmentState.BOOKED:
        return None
    free = await covering.free_times(session, visit.service_id, after=visit.starts_at, now=now)
    others = await covering.others_of(session, visit, now=now)
    found = rules.offered(visit.starts_at, free, told_at=told_at, others=others, zone=clock.ZONE, without=tried)
    return found[0].slot_id if found else None


async def _settled(
    session: AsyncSession, closing: Closing, held: Held, target: int | None, told_at: datetime, *, now: datetime
) -> bool:
    visit = held.visit
    if await _is_over(session, closing, visit):
        return False
    if visit.state is AppointmentState.HELD:
        await _end_hold(session, held, now=now)
        return True
    row = _row(closing, held, now=now)
    if visit.state is AppointmentState.ARRIVED:
        row.fate = VisitFate.HERE
        session.add(row)
        return True
    to = await changes.reader_of(session, visit)
    row.fate = await _change(session, closing, held, target, now=now)
    row.version, row.new_slot_id = visit.version, visit.slot_id if row.fate is VisitFate.MOVED else None
    if row.fate in ASKS:
        row.answer_by = rules.answer_by(told_at, visit.starts_at)
    row.unreachable = to.suppressed.value if to.suppressed else None
    await _tell(session, closing, held, row.fate, to, told_at, now=now)
    session.add(row)
    await session.flush()
    return True


async def _is_over(session: AsyncSession, closing: Closing, visit: Appointment) -> bool:
    """Whether the visit was gone through already, is in no closed slot any more, or is no visit any more."""
    if visit.state not in BLOCKS_DAY:
        return True
    done = exists().where(col(ClosingVisit.closing_id) == closing.id, col(ClosingVisit.appointment_id) == visit.id)
    closed = exists().where(col(SlotClosure.slot_id) == visit.slot_id, col(SlotClosure.source) == closing.source)
    row = (await session.execute(select(done.label("done"), closed.label("closed")))).one()
    return bool(row.done or not row.closed)


async def _end_hold(session: AsyncSession, held: Held, *, now: datetime) -> None:
    """Somebody was typing, or had been offered the place: there is none any more."""
    visit = held.visit
    if visit.offered:
        await ending.end(session, held.slot, held.service, held.facility, visit, OfferState.WITHDRAWN, by=BY, now=now)
        return
    visit.state = AppointmentState.LAPSED
    await offers.give_back(
        session, held.slot, held.service, held.facility, visit.place, reserved=visit.uses_reserved, now=now
    )


def _row(closing: Closing, held: Held, *, now: datetime) -> ClosingVisit:
    visit = held.visit
    assert closing.id is not None
    assert visit.id is not None
    return ClosingVisit(
        closing_id=closing.id, appointment_id=visit.id, facility_id=visit.facility_id, fate=VisitFate.HERE,
        version=visit.version, old_slot_id=visit.slot_id, old_place=visit.place, old_reserved=visit.uses_reserved,
        old_starts_at=visit.starts_at, at=now,
    )  # fmt: skip


async def _change(
    session: AsyncSession, closing: Closing, held: Held, target: int | None, *, now: datetime
) -> VisitFate:
    visit, why = held.visit, str(closing.public_id)
    if closing.answer is ClosingAnswer.CANCEL:
        whose = CancelledBy.FACILITY
        await changes.cancel(session, held, whose=whose, reason=closing.reason, by=BY, now=now, why=why)
        return VisitFate.CANCELLED
    if target is not None:
        await changes.move(session, held, target, by=BY, now=now, why=why)
        return VisitFate.MOVED
    visit.version += 1
    visit.confirmed_at = None
    record(session, "appointment.ask", "appointment", visit.public_id, by=BY, now=now, closing=why)
    return VisitFate.NO_PLACE if closing.answer is ClosingAnswer.MOVE else VisitFate.ASKED


async def _tell(
    session: AsyncSession,
    closing: Closing,
    held: Held,
    fate: VisitFate,
    to: Recipient,
    told_at: datetime,
    *,
    now: datetime,
) -> None:
    useful = max(held.visit.starts_at, told_at + rules.USEFUL)
    await changes.tell(
        session, held, _TELLS[fate], to, due_at=told_at, useful_until=useful, now=now, news_at=closing.sms_due_at
    )


async def finish(session: AsyncSession, closing_id: int, *, now: datetime) -> bool:
    """Say that everybody was seen to, if so."""
    query = select(Closing).where(col(Closing.id) == closing_id).with_for_update()
    closing = (await session.execute(query.execution_options(populate_existing=True))).scalar_one()
    if closing.state is not ClosingState.APPLYING or await left(session, closing_id, most=1):
        return False
    closing.state, closing.changed_at = ClosingState.APPLIED, now
    record(session, "closing.applied", "closing", closing.public_id, by=BY, now=now)
    return True


async def reaching_on(session: AsyncSession, *, now: datetime) -> list[int]:
    """Closings that were applied and still lie ahead: times published since belong to them, too."""
    query = select(Closing.id).where(
        col(Closing.state) == ClosingState.APPLIED,
        col(Closing.ends_at) > now,
        col(Closing.scope) != ClosingScope.VISIT,  # it closes no time: that one visit is asked, and no other
    )
    return [one for one in (await session.execute(query)).scalars() if one is not None]


async def reach(session: AsyncSession, closing_id: int, *, now: datetime) -> bool:
    """Close what was published since in the span, and look whether somebody is inside; whether there was anything."""
    query = select(Closing).where(col(Closing.id) == closing_id).with_for_update()
    closing = (await session.execute(query.execution_options(populate_existing=True))).scalar_one()
    if closing.state is not ClosingState.APPLIED:
        return False
    closed = set((await session.execute(select(SlotClosure.slot_id).where(closed_by(closing)))).scalars())
    new = set(await covering.slots(session, closing)) - closed
    if new:
        await availability.settle_closures(
            session, closing.source, within=new, wanted=dict.fromkeys(new, REASON), by=BY, now=now
        )
    if not await left(session, closing_id, most=1):
        return bool(new)
    closing.state, closing.changed_at = ClosingState.APPLYING, now
    return True


def closed_by(closing: Closing) -> ColumnElement[bool]:
    """Condition over SlotClosure."""
    return col(SlotClosure.source) == closing.source
