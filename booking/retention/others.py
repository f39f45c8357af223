"""What staff did, notes about people, answered requests: removed when nobody may ask for it any more."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.access.models import SignInDelay, StaffSession
from booking.figures.models import SuspicionAnswer
from booking.patients.models import PatientFlag
from booking.requests.models import DataRequest
from booking.trail.forgetting import BATCH, remove

STAFF_SESSIONS_KEPT: Final = timedelta(days=365)
"""After their end: from which address an account was used, for as long as the law wants a log of it."""

DELAYS_KEPT: Final = timedelta(days=30)
"""After the next try was free; a forgotten one begins at nothing."""

NOTES_KEPT: Final = timedelta(days=365)
"""After a note about a person was settled; unsettled ones after they were made."""

REQUESTS_KEPT: Final = timedelta(days=730)
"""After a request was answered: proof that it was, and when."""


async def forget_staff_sessions(session: AsyncSession, *, now: datetime, most: int = BATCH) -> int:
    """Remove sessions of staff that were over before STAFF_SESSIONS_KEPT; how many."""
    before = now - STAFF_SESSIONS_KEPT
    over = or_(col(StaffSession.ended_at) < before, col(StaffSession.expires_at) < before)
    return await remove(session, StaffSession, over, most=most)


async def forget_delays(session: AsyncSession, *, now: datetime, most: int = BATCH) -> int:
    """Remove counts of failures whose next try was free before DELAYS_KEPT; how many."""
    return await remove(session, SignInDelay, col(SignInDelay.next_try_at) < now - DELAYS_KEPT, most=most)


async def forget_notes(session: AsyncSession, *, now: datetime, most: int = BATCH) -> int:
    """Remove notes about people settled before NOTES_KEPT, or never, with the manager's answer; how many."""
    before = now - NOTES_KEPT
    over = or_(col(PatientFlag.settled_at) < before, col(PatientFlag.created_at) < before - NOTES_KEPT)
    chosen = select(col(PatientFlag.id)).where(over).limit(most).with_for_update(skip_locked=True)
    old = list((await session.execute(chosen)).scalars())
    answers = delete(SuspicionAnswer).where(col(SuspicionAnswer.flag_id).in_(old))
    await session.execute(answers.execution_options(synchronize_session=False))
    return await remove(session, PatientFlag, col(PatientFlag.id).in_(old), most=most)


async def forget_requests(session: AsyncSession, *, now: datetime, most: int = BATCH) -> int:
    """Remove requests that were answered before REQUESTS_KEPT; how many. An open one is never removed."""
    return await remove(session, DataRequest, col(DataRequest.ended_at) < now - REQUESTS_KEPT, most=most)
