"""What is kept of signing in for a while only."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.patients.session_models import PatientSession, VerificationCode
from booking.patients.sessions import is_over
from booking.trail.forgetting import BATCH, remove

CODES_KEPT: Final = timedelta(days=2)
"""The caps look one day back."""

SESSIONS_KEPT: Final = timedelta(days=30)
"""After their end; the audit keeps that there was one."""


async def forget_codes(session: AsyncSession, *, now: datetime, most: int = BATCH) -> int:
    """Remove codes asked for longer ago than `CODES_KEPT`; how many."""
    return await remove(session, VerificationCode, col(VerificationCode.created_at) < now - CODES_KEPT, most=most)


async def forget_sessions(session: AsyncSession, *, now: datetime, most: int = BATCH) -> int:
    """Remove sessions over for longer than `SESSIONS_KEPT`; how many."""
    return await remove(session, PatientSession, is_over(now, kept=SESSIONS_KEPT), most=most)
