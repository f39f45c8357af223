"""What is kept of signing in for a while only."""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import CursorResult, delete
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.patients.session_models import PatientSession, VerificationCode
from booking.patients.sessions import is_over

CODES_KEPT: Final = timedelta(days=2)
"""The caps look one day back."""

SESSIONS_KEPT: Final = timedelta(days=30)
"""After their end; the audit keeps that there was one."""


async def forget_codes(session: AsyncSession, *, now: datetime) -> int:
    """Remove codes asked for longer ago than `CODES_KEPT`; how many."""
    return await _removed(session, delete(VerificationCode).where(col(VerificationCode.created_at) < now - CODES_KEPT))


async def forget_sessions(session: AsyncSession, *, now: datetime) -> int:
    """Remove sessions over for longer than `SESSIONS_KEPT`; how many."""
    return await _removed(session, delete(PatientSession).where(is_over(now, kept=SESSIONS_KEPT)))


async def _removed(session: AsyncSession, statement: Any) -> int:
    result = await session.execute(statement.execution_options(synchronize_session=False))
    assert isinstance(result, CursorResult)
    return result.rowcount
