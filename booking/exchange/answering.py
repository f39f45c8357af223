"""What staff decide where a booking and a hospital's export meet. Each clash is answered once; the first answer counts.

Locks as everywhere: slots and visits first (by the verbs of appointments), the clash last. So an import that looks at
the same clash waits, and of two colleagues the second is told, with everything of hers undone.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.actor import Actor
from booking.appointments import for_others
from booking.appointments.closing import one_visit
from booking.appointments.commands import CancelForOther, MoveForOther
from booking.appointments.errors import SlotClosed
from booking.appointments.kinds import ChangeReason
from booking.appointments.models import Appointment
from booking.exchange.errors import ConflictAnswered, ConflictGone, ConflictUnknown
from booking.exchange.kinds import ConflictAnswer, ConflictState
from booking.exchange.models import Conflict
from booking.exchange.queries import LIVE
from booking.trail.service import record

_WHY = ChangeReason.PRACTITIONER_AWAY
"""To the patient it is the facility that could not keep the time."""


async def keep(session: AsyncSession, facility_id: int, conflict_id: int, *, by: Actor, now: datetime) -> None:
    """The visit stands; the hospital is to be told. The slot stays closed for everybody else.

    Raises:
        ConflictUnknown: no such clash here.
        ConflictGone: it is over.
        ConflictAnswered: a colleague was first.
    """
    if not await _done(session, facility_id, conflict_id, ConflictAnswer.KEPT, by=by):
        await _visit(session, facility_id, conflict_id)
        await _answer(session, facility_id, conflict_id, ConflictAnswer.KEPT, by=by, now=now)


async def move(
    session: AsyncSession, facility_id: int, conflict_id: int, slot: int, *, by: Actor, now: datetime
) -> None:
    """Another time for the visit: the new place is taken before the old is freed, and the patient is told.

    Raises:
        ConflictUnknown, ConflictGone, ConflictAnswered: as `keep`; the visit is where it was then.
        BookingError: what moving a visit is refused with.
    """
    if await _done(session, facility_id, conflict_id, ConflictAnswer.MOVED, by=by):
        return
    command = MoveForOther(slot=slot, reason=_WHY)
    code, here = await _visit(session, facility_id, conflict_id)
    if slot == here:  # its slot is closed: nobody moves there
        raise SlotClosed
    await for_others.move(session, code, command, facility_id=facility_id, by=by, now=now)
    await _answer(session, facility_id, conflict_id, ConflictAnswer.MOVED, by=by, now=now, slot=slot)


async def cancel(session: AsyncSession, facility_id: int, conflict_id: int, *, by: Actor, now: datetime) -> None:
    """Cancel the visit; the patient is told.

    Raises:
        ConflictUnknown, ConflictGone, ConflictAnswered: as `keep`.
        BookingError: what cancelling is refused with.
    """
    if await _done(session, facility_id, conflict_id, ConflictAnswer.CANCELLED, by=by):
        return
    code, _ = await _visit(session, facility_id, conflict_id)
    command = CancelForOther(reason=_WHY)
    await for_others.cancel(session, code, command, facility_id=facility_id, by=by, now=now)
    await _answer(session, facility_id, conflict_id, ConflictAnswer.CANCELLED, by=by, now=now)


async def ask(session: AsyncSession, facility_id: int, conflict_id: int, *, by: Actor, now: datetime) -> None:
    """The patient is asked by SMS to choose another time; until she has, her place is hers.

    Raises:
        ConflictUnknown, ConflictGone, ConflictAnswered: as `keep`.
        BookingError: the visit is over.
    """
    if not await _done(session, facility_id, conflict_id, ConflictAnswer.ASKED, by=by):
        code, _ = await _visit(session, facility_id, conflict_id)
        await one_visit.ask(session, code, facility_id=facility_id, by=by, now=now)
        await _answer(session, facility_id, conflict_id, ConflictAnswer.ASKED, by=by, now=now)


async def keep_after_all(
    session: AsyncSession, facility_id: int, conflict_id: int, *, by: Actor, now: datetime
) -> None:
    """Who was asked and has not chosen comes at her time after all, and is told so; again changes nothing.

    Raises:
        ConflictUnknown: nobody was asked so here.
        ConflictGone: she has chosen, or given the visit up.
        NotAsked: it is not she alone who is asked: the facility is closed then.
    """
    row = await _found(session, facility_id, conflict_id)
    if row.answer is ConflictAnswer.KEPT:
        return
    if row.answer is not ConflictAnswer.ASKED:
        raise ConflictUnknown
    code = await _still_there(session, row)
    if code is None:  # she has chosen, or given it up
        raise ConflictGone
    await one_visit.stands(session, code, facility_id=facility_id, by=by, now=now)
    row = await _locked(session, facility_id, conflict_id)
    row.answer, row.answered_by = ConflictAnswer.KEPT, by.id
    record(
        session, "conflict.answer", "conflict", conflict_id, by=by, now=now, feed=row.feed,
        answer=ConflictAnswer.KEPT.value,
    )  # fmt: skip


async def told(session: AsyncSession, facility_id: int, conflict_id: int, *, by: Actor, now: datetime) -> None:
    """The hospital was told of a visit that is kept; again changes nothing.

    Raises:
        ConflictUnknown: no visit was kept so here.
    """
    row = await _locked(session, facility_id, conflict_id)
    if row.answer is not ConflictAnswer.KEPT:
        raise ConflictUnknown
    if row.told_at is None:
        row.told_at = now
        record(session, "conflict.told", "conflict", conflict_id, by=by, now=now, feed=row.feed)


async def _found(session: AsyncSession, facility_id: int, conflict_id: int) -> Conflict:
    query = select(Conflict).where(col(Conflict.id) == conflict_id, col(Conflict.facility_id) == facility_id)
    row = await session.scalar(query.execution_options(populate_existing=True))
    if row is None:
        raise ConflictUnknown
    return row


async def _locked(session: AsyncSession, facility_id: int, conflict_id: int) -> Conflict:
    row = await _found(session, facility_id, conflict_id)
    await session.refresh(row, with_for_update=True)
    return row


async def _done(
    session: AsyncSession, facility_id: int, conflict_id: int, answer: ConflictAnswer, *, by: Actor
) -> bool:
    """Whether this is one's own answer sent once more; refuses what is over or a colleague's."""
    return _is_mine(await _found(session, facility_id, conflict_id), answer, by)


def _is_mine(row: Conflict, answer: ConflictAnswer, by: Actor) -> bool:
    if row.state is ConflictState.OPEN:
        return False
    if row.answer is None and row.state is ConflictState.GONE:  # else a file came after the answer
        raise ConflictGone
    if row.answer is answer and row.answered_by == by.id:
        return True
    raise ConflictAnswered


async def _visit(session: AsyncSession, facility_id: int, conflict_id: int) -> tuple[str, int]:
    """Code and slot of a clash's visit; ConflictGone where the visit is elsewhere by now."""
    row = await _found(session, facility_id, conflict_id)
    code = await _still_there(session, row)
    if code is None:
        raise await _gone(session, facility_id, conflict_id)
    return code, row.slot_id


async def _still_there(session: AsyncSession, row: Conflict) -> str | None:
    visit = await session.get(Appointment, row.appointment_id, populate_existing=True)
    assert visit is not None
    return visit.code if visit.slot_id == row.slot_id and visit.state in LIVE else None


async def _gone(session: AsyncSession, facility_id: int, conflict_id: int) -> ConflictGone | ConflictAnswered:
    """Why the visit is not there any more: a colleague moved it by an answer, or something else did."""
    row = await _found(session, facility_id, conflict_id)
    return ConflictGone() if row.answer is None else ConflictAnswered()


async def _answer(
    session: AsyncSession,
    facility_id: int,
    conflict_id: int,
    answer: ConflictAnswer,
    *,
    by: Actor,
    now: datetime,
    **facts: Any,
) -> None:
    """Write the answer into a clash that is still open; what was done before is undone by the error otherwise."""
    row = await _locked(session, facility_id, conflict_id)
    if row.state is ConflictState.GONE:
        raise ConflictGone
    if row.state is not ConflictState.OPEN:
        raise ConflictAnswered
    row.state, row.ended_at = ConflictState.SETTLED, now
    row.answer, row.answered_by = answer, by.id
    record(
        session, "conflict.answer", "conflict", conflict_id, by=by, now=now, feed=row.feed, answer=answer.value, **facts
    )
