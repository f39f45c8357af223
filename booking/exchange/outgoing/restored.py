"""After a restore hospitals know more than we do: files went out whose numbers we have forgotten."""

from typing import Final

from sqlalchemy import CursorResult, delete, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.exchange.outgoing.models import OutFeed, OutTold

LEAP: Final = 1_000
"""More files than go out in the time that a restore may lose."""


async def begin_anew(session: AsyncSession) -> int:
    """Let no number stand for two contents, and tell everything once more; how many hospitals are told.

    A gap in the numbers is seen; a number that came before with other content would be passed over.
    """
    await session.execute(delete(OutTold).execution_options(synchronize_session=False))
    leap = update(OutFeed).values(number=col(OutFeed.number) + LEAP, looked_at=None, full_at=None)
    changed = await session.execute(leap.execution_options(synchronize_session=False))
    assert isinstance(changed, CursorResult)
    return changed.rowcount
