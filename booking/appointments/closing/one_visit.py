"""One visit whose time cannot be kept, because the hospital's own software gave it away: she is asked to choose.

It is a closing of that visit alone. It closes no time (the import did), so everything a closing has for those who are
asked is there: the page behind the link, the call list where she does not answer, and a way back.
"""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking import clock, ids
from booking.actor import Actor
from booking.appointments.closing import changes, queries, rules, service
from booking.appointments.closing.answering import asked
from booking.appointments.closing.changes import Held
from booking.appointments.closing.errors import NotAsked
from booking.appointments.closing.kinds import ClosingAnswer, ClosingScope, ClosingState, VisitFate
from booking.appointments.closing.models import Closing, ClosingVisit
from booking.appointments.errors import AppointmentUnknown
from booking.appointments.models import Appointment
from booking.appointments.rules import check_changeable
from booking.messages.kinds import MessageKind
from booking.trail.service import record


async def ask(session: AsyncSession, code: str, *, facility_id: int, by: Actor, now: datetime) -> None:
    """Ask the patient of a visit by SMS to choose another time; she keeps her place until she has. Again does nothing.

    Args:
        session: of the caller's transaction.
        code: of the visit.
        facility_id: where; a visit of another facility is unknown.
        by: the member of staff.
        now: the moment of the request, UTC.

    Raises:
        AppointmentUnknown: no such visit here.
        NotChangeable, TooLateToChange: it is over, or not booked any more.
    """
    held = await _locked(session, code, facility_id)
    visit = held.visit
    check_changeable(visit.state, visit.ends_at, 0, phone=None, now=now)
    assert visit.id is not None
    if await asked(session, visit.id) is not None:
        return
    closing = Closing(
        public_id=ids.public_id(), scope=ClosingScope.VISIT, facility_id=facility_id, starts_at=visit.starts_at,
        ends_at=visit.ends_at, reason="", reason_en="", answer=ClosingAnswer.ASK, send_now=True,
        state=ClosingState.APPLIED, expected=1, made_by=by.id or "", created_at=now, sms_due_at=now, changed_at=now,
    )  # fmt: skip
    session.add(closing)
    await session.flush()
    visit.version += 1
    visit.confirmed_at = None
    await _tell(session, closing, held, now=now)
    why = str(closing.public_id)
    record(session, "appointment.ask", "appointment", visit.public_id, by=by, now=now, closing=why)


async def stands(session: AsyncSession, code: str, *, facility_id: int, by: Actor, now: datetime) -> None:
    """The time is kept after all: nobody asks any more, and she is told so within a minute (`ending`).

    Where the question was ended on its own page, nothing is left to do.

    Raises:
        AppointmentUnknown: no such visit here.
        NotAsked: it is not she alone who is asked.
    """
    visit = await _visit(session, code, facility_id)
    closing = await asked(session, visit.id or 0)
    if closing is None:
        return
    if closing.scope is not ClosingScope.VISIT:
        raise NotAsked
    closing = await queries.held(session, closing.public_id, facility_id)
    await service.end(session, closing, by=by, now=now)


async def _tell(session: AsyncSession, closing: Closing, held: Held, *, now: datetime) -> None:
    """Write down that she is asked, and the text; at night it waits, unless she would set out before it came."""
    visit = held.visit
    told_at = rules.tell_at(now, visit.starts_at, clock.ZONE)
    to = await changes.reader_of(session, visit)
    assert closing.id is not None
    assert visit.id is not None
    session.add(
        ClosingVisit(
            closing_id=closing.id, appointment_id=visit.id, facility_id=visit.facility_id, fate=VisitFate.ASKED,
            version=visit.version, old_slot_id=visit.slot_id, old_place=visit.place, old_reserved=visit.uses_reserved,
            old_starts_at=visit.starts_at, at=now, answer_by=rules.answer_by(told_at, visit.starts_at),
            unreachable=to.suppressed.value if to.suppressed else None,
        )
    )  # fmt: skip
    useful = max(visit.starts_at, told_at + rules.USEFUL)
    await changes.tell(session, held, MessageKind.CONFLICT, to, due_at=told_at, useful_until=useful, now=now)


async def _visit(session: AsyncSession, code: str, facility_id: int) -> Appointment:
    query = select(Appointment).where(
        col(Appointment.code) == code,
        col(Appointment.facility_id) == facility_id,
        col(Appointment.patient_id).is_not(None),
    )
    found: Appointment | None = await session.scalar(query.execution_options(populate_existing=True))
    if found is None or found.id is None:
        raise AppointmentUnknown
    return found


async def _locked(session: AsyncSession, code: str, facility_id: int) -> Held:
    while True:
        seen = await _visit(session, code, facility_id)
        assert seen.id is not None
        held = await changes.locked(session, seen.id, {seen.slot_id})
        if held is not None:
            return held
        await session.rollback()  # she was moved this moment: locks are let go before others are taken
