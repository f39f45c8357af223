"""The channel's row: locked by whoever claims, written by whoever learns. Its clock is the database's."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, literal_column, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.columns import Moment
from booking.messages.channel.models import SmsChannel

UNKNOWN: Final = "unknown"
"""What is amiss where nobody answers."""

NOW: Final = func.clock_timestamp(type_=Moment)


async def locked(session: AsyncSession, provider: str) -> tuple[SmsChannel, datetime]:
    """The row, locked until the transaction ends, and the time; made where there is none."""
    query = select(SmsChannel, NOW).where(col(SmsChannel.provider) == provider).with_for_update()
    query = query.execution_options(populate_existing=True)
    found = (await session.execute(query)).first()
    if found is None:
        now = literal_column("clock_timestamp()", Moment)
        made = upsert(SmsChannel).values(
            provider=provider, empty_at=now, hour_at=now, hour_posts=0, hour_usual=0, day_at=now, day_posts=0
        )
        await session.execute(made.on_conflict_do_nothing())
        found = (await session.execute(query)).one()
    return found[0], found[1]


async def write(session: AsyncSession, provider: str, **values: Any) -> None:
    """Write columns of the row."""
    await session.execute(
        update(SmsChannel)
        .where(col(SmsChannel.provider) == provider)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
