"""After the times of a closing were opened again: whoever was asked to choose hears that hers takes place after all.

The job's part, one transaction each. Whoever has chosen, or changed her visit, meanwhile is left as she wants it.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.appointments.closing import changes
from booking.appointments.closing.applying import BY
from booking.appointments.closing.asking import is_off
from booking.appointments.closing.kinds import ASKS, CallOutcome, ClosingState, UndoneAs
from booking.appointments.closing.models import Closing, ClosingVisit
from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.messages.kinds import MessageKind, SuppressedReason
from booking.messages.service import was_posted
from booking.trail.service import record


async def left(session: AsyncSession, *, now: datetime, most: int, without: Collection[int] = ()) -> list[int]:
    """Those asked by a closing that has ended, whose time takes place and lies ahead; `without` are left out."""
    query = (
        select(ClosingVisit.id)
        .join(Closing, col(Closing.id) == col(ClosingVisit.closing_id))
        .join(Appointment, col(Appointment.id) == col(ClosingVisit.appointment_id))
        .where(
            col(Closing.state) == ClosingState.ENDED,
            col(Closing.ends_at) > now,
            col(ClosingVisit.fate).in_(ASKS),
            col(ClosingVisit.undone).is_(None),
            col(ClosingVisit.version) == col(Appointment.version),
            col(Appointment.state) == AppointmentState.BOOKED,
            col(Appointment.starts_at) > now,
            col(ClosingVisit.id).not_in(without),
            ~is_off(),
        )
        .order_by(col(Appointment.starts_at), col(ClosingVisit.id))
        .limit(most)
    )
    return [one for one in (await session.execute(query)).scalars() if one is not None]


async def tell(session: AsyncSession, row_id: int, *, now: datetime) -> bool:
    """Tell one of them; False where that was done already, or she has changed her visit."""
    row = await session.get_one(ClosingVisit, row_id)
    slot = select(Appointment.slot_id).where(col(Appointment.id) == row.appointment_id)
    held = await changes.locked(session, row.appointment_id, {(await session.execute(slot)).scalar_one()})
    if held is None:
        return False
    await session.refresh(row)
    visit = held.visit
    if row.undone is not None or visit.version != row.version or visit.state is not AppointmentState.BOOKED:
        return False
    heard = await has_heard(session, row, visit)
    visit.version += 1
    await session.flush()
    to = await changes.reader_of(session, visit)
    why = None if heard else SuppressedReason.UNDONE
    await changes.tell(
        session, held, MessageKind.BOOKED, to, due_at=now, useful_until=visit.starts_at, now=now, suppressed=why,
        news_at=row.at,
    )  # fmt: skip
    row.undone = UndoneAs.RESTORED
    if heard and to.suppressed is not None:
        call_again(row, visit, to.suppressed)
    record(session, "appointment.takes_place", "appointment", visit.public_id, by=BY, now=now, slot=visit.slot_id)
    return True


async def has_heard(session: AsyncSession, row: ClosingVisit, visit: Appointment) -> bool:
    """Whether she may know what the closing did: a text of it was posted, or somebody has telephoned."""
    return row.calls > 0 or await was_posted(session, visit.public_id, row.version)


def call_again(row: ClosingVisit, visit: Appointment, why: SuppressedReason) -> None:
    """Put her on the call list: she has heard of the closing, and no text tells her that it is undone."""
    row.version, row.unreachable, row.call = visit.version, why.value, CallOutcome.NOT_CALLED
