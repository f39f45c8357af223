"""Use cases: close times with people inside, undo it, open them again."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.actor import Actor
from booking.appointments.closing import covering, rules, undoing
from booking.appointments.closing.applying import REASON
from booking.appointments.closing.commands import CloseTimes, Span
from booking.appointments.closing.covering import Area
from booking.appointments.closing.errors import ClosingRefused, ClosingUnknown, TooLateToUndo
from booking.appointments.closing.kinds import LIVE, ClosingScope, ClosingState
from booking.appointments.closing.models import Closing, ClosingVisit
from booking.appointments.errors import KeyReused
from booking.appointments.models import Appointment
from booking.availability import service as availability
from booking.availability.models import Session
from booking.directory.models import Practitioner
from booking.messages.service import supersede_all
from booking.trail.service import record


async def area_of(session: AsyncSession, facility_id: int | None, span: Span, *, now: datetime) -> Area:
    """The span with its ids, found through the scope; what is past already is left out.

    Args:
        session: the caller's transaction.
        facility_id: of the facility whose times these are; None for all, which whoever asks has the right to.
        span: what is to be closed.
        now: the moment of the request.

    Raises:
        ClosingRefused: `reason` is scope (no such session or practitioner here), span, past or long.
    """
    if (span.scope is ClosingScope.CITY) != (facility_id is None) or span.scope is ClosingScope.VISIT:
        raise ClosingRefused(reason="scope", field="scope")
    starts_at, ends_at, session_id, practitioner_id = span.starts_at, span.ends_at, None, None
    if span.scope is ClosingScope.SESSION:
        query = select(Session).where(col(Session.id) == span.session_id, col(Session.facility_id) == facility_id)
        found = (await session.execute(query)).scalar_one_or_none()
        if found is None:
            raise ClosingRefused(reason="scope", field="session")
        starts_at, ends_at, session_id = found.starts_at, found.ends_at, found.id
    if span.scope is ClosingScope.PRACTITIONER:
        mine = col(Practitioner.facility_id) == facility_id
        who = select(Practitioner.id).where(col(Practitioner.code) == span.practitioner, mine)
        practitioner_id = (await session.execute(who)).scalar_one_or_none()
        if practitioner_id is None:
            raise ClosingRefused(reason="scope", field="practitioner")
    rules.check_span(starts_at, ends_at, now=now)
    return Area(span.scope, facility_id, session_id, practitioner_id, max(starts_at, now), ends_at)


async def made_with(session: AsyncSession, facility_id: int | None, command: CloseTimes) -> Closing | None:
    """The closing that was made with the command's key; None where there is none yet.

    Raises:
        ClosingUnknown: the key is another facility's closing.
        KeyReused: it closed something else, or in another way.
    """
    query = select(Closing).where(col(Closing.public_id) == command.key)
    known = (await session.execute(query)).scalar_one_or_none()
    if known is None:
        return None
    if known.facility_id != facility_id:
        raise ClosingUnknown
    area = await area_of(session, facility_id, command.span, now=known.created_at)
    same = ["scope", "session_id", "practitioner_id"]
    if area.scope is not ClosingScope.SESSION:  # whose times may have been changed since
        same += ["starts_at", "ends_at"]
    told = ("answer", "send_now", "reason", "reason_en")
    if any(getattr(known, name) != getattr(area, name) for name in same) or any(
        getattr(known, name) != getattr(command, name) for name in told
    ):
        raise KeyReused
    return known


async def close(
    session: AsyncSession, facility_id: int | None, command: CloseTimes, *, by: Actor, now: datetime
) -> Closing:
    """Close the slots of a span now; the job sees to the visits inside. The same key again gives the same closing.

    Args:
        session: the caller's transaction.
        facility_id: see `area_of`.
        command: span, what becomes of the visits, what patients are told.
        by: the member of staff.
        now: the moment of the request.

    Raises:
        ClosingRefused: see `area_of`; `reason` is nothing where no time lies in the span.
        ClosingUnknown, KeyReused: see `made_with`.
    """
    known = await made_with(session, facility_id, command)
    if known is not None:
        return known
    area = await area_of(session, facility_id, command.span, now=now)
    ids = await covering.slots(session, area)
    if not ids:
        raise ClosingRefused(reason="nothing", field="scope")
    due = now if command.send_now else now + rules.UNDO_FOR
    closing = Closing(
        public_id=command.key, scope=area.scope, facility_id=facility_id, session_id=area.session_id,
        practitioner_id=area.practitioner_id, starts_at=area.starts_at, ends_at=area.ends_at, reason=command.reason,
        reason_en=command.reason_en, answer=command.answer, send_now=command.send_now, state=ClosingState.APPLYING,
        expected=0, made_by=by.id or "", created_at=now, sms_due_at=due, changed_at=now,
    )  # fmt: skip
    session.add(closing)
    await session.flush()
    wanted = dict.fromkeys(ids, REASON)
    await availability.settle_closures(session, closing.source, within=ids, wanted=wanted, by=by, now=now)
    closing.expected = await covering.booked_in(session, ids)
    record(
        session, "closing.make", "closing", closing.public_id, by=by, now=now, scope=area.scope.value,
        answer=command.answer.value, slots=len(ids), visits=closing.expected, send_now=command.send_now,
    )  # fmt: skip
    return closing


async def undo(session: AsyncSession, closing: Closing, *, by: Actor, now: datetime) -> None:
    """Take it all back while nobody was told: the SMS are called back at once, the visits by the job.

    Args:
        session: the caller's transaction, which found the closing through the scope with `queries.held`.
        closing: its row, locked.
        by: the member of staff.
        now: the moment of the request.

    Raises:
        TooLateToUndo: the SMS are due or were sent at once, or it is over in another way. Undoing again is no error.
    """
    if closing.state in (ClosingState.UNDOING, ClosingState.UNDONE):
        return
    in_time = rules.may_undo(sms_due_at=closing.sms_due_at, send_now=closing.send_now, now=now)
    if closing.state not in LIVE or not in_time:
        raise TooLateToUndo
    visits = (
        select(Appointment.public_id)
        .join(ClosingVisit, col(ClosingVisit.appointment_id) == col(Appointment.id))
        .where(col(ClosingVisit.closing_id) == closing.id, col(ClosingVisit.version) == col(Appointment.version))
    )
    await supersede_all(session, list((await session.execute(visits)).scalars()), now=now)
    closing.state, closing.changed_at = ClosingState.UNDOING, now
    record(session, "closing.undo", "closing", closing.public_id, by=by, now=now)


async def end(session: AsyncSession, closing: Closing, *, by: Actor, now: datetime) -> None:
    """Open the times again that still lie ahead; who was moved or cancelled stays so. Again changes nothing.

    Raises:
        TooLateToUndo: the job is still at work, or it was undone.
    """
    if closing.state is ClosingState.ENDED:
        return
    if closing.state is not ClosingState.APPLIED:
        raise TooLateToUndo
    await undoing.open_again(session, closing, now=now)
    closing.state, closing.changed_at = ClosingState.ENDED, now
    record(session, "closing.end", "closing", closing.public_id, by=by, now=now)
