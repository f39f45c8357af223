"""When a feed last said what holds: how old its data is, for staff and for patients."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.directory.models import Facility
from booking.exchange.commands import Content
from booking.exchange.models import FeedHeard


async def heard(session: AsyncSession, content: Content, facility_id: int, *, now: datetime | None) -> None:
    """Note that a feed was heard of; `now` is None where what came did not say what holds.

    The newest moment counts: a file that is released hours later makes no data young.
    """
    new = insert(FeedHeard).values(
        feed=content.feed,
        facility_id=facility_id,
        heard_at=now,
        old_minutes=content.old_minutes,
        of_slips=content.of_slips,
    )
    values = {
        "facility_id": new.excluded.facility_id,
        "old_minutes": new.excluded.old_minutes,
        "of_slips": new.excluded.of_slips,
        "heard_at": func.greatest(new.excluded.heard_at, FeedHeard.heard_at),
    }
    await session.execute(new.on_conflict_do_update(constraint="feed_heard_pkey", set_=values))


@dataclass(frozen=True, slots=True)
class Age:
    """How long ago a feed was heard of; `since` is None where no file of it was ever applied."""

    feed: str
    since: datetime | None
    old: bool


async def ages(session: AsyncSession, facility_id: int, *, now: datetime) -> list[Age]:
    """The feeds of a facility, by their codes."""
    query = select(FeedHeard).where(col(FeedHeard.facility_id) == facility_id).order_by(col(FeedHeard.feed))
    return [
        Age(row.feed, row.heard_at, is_old(row.heard_at, row.old_minutes, now=now))
        for row in await session.scalars(query)
    ]


def is_old(heard_at: datetime | None, minutes: int, *, now: datetime) -> bool:
    """Whether data is old; of a feed that never said anything there is none."""
    return heard_at is not None and now - heard_at > timedelta(minutes=minutes)


async def old_since(session: AsyncSession, facility: str, *, now: datetime) -> datetime | None:
    """Since when a facility's calendar has not been heard of, where that is too long: its oldest feed counts."""
    query = (
        select(col(FeedHeard.heard_at), col(FeedHeard.old_minutes))
        .join(Facility, col(Facility.id) == col(FeedHeard.facility_id))
        .where(col(Facility.code) == facility, ~col(FeedHeard.of_slips))
    )
    found: Sequence[tuple[datetime | None, int]] = [(at, minutes) for at, minutes in await session.execute(query)]
    return min((at for at, minutes in found if at is not None and is_old(at, minutes, now=now)), default=None)
