"""The files of the folder of feeds, as the scheduler last saw them: for pages and alarms, which cannot look there."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.exchange import queries
from booking.exchange.shown.models import FeedListed


@dataclass(frozen=True, slots=True)
class Listed:
    """A file of the folder.

    Attributes:
        file_name: its name there.
        feed: the code that it gives, as far as it can be told.
        facility: likewise.
        problems: why it cannot be used; none when it can.
        keeps: what it said before still holds.
    """

    file_name: str
    feed: str
    facility: str
    problems: tuple[str, ...] = ()
    keeps: bool = False


async def note(session: AsyncSession, found: Collection[Listed], *, now: datetime) -> None:
    """Make the list what the folder is now. What has not changed keeps its moment; two schedulers may look at once."""
    known = {row.file_name: row for row in await session.scalars(select(FeedListed))}
    names = {each.file_name for each in found}
    await session.execute(delete(FeedListed).where(col(FeedListed.file_name).not_in(sorted(names))))
    for each in sorted(found, key=lambda one: one.file_name):
        row = known.get(each.file_name)
        facility_id = await queries.facility_of(session, each.facility) if each.facility else None
        told = (each.feed, facility_id, list(each.problems), each.keeps)
        if row is not None and (row.feed, row.facility_id, row.problems, row.keeps) == told:
            continue
        values = dict(zip(("feed", "facility_id", "problems", "keeps"), told, strict=True)) | {"since": now}
        written = upsert(FeedListed).values(file_name=each.file_name, **values)
        await session.execute(written.on_conflict_do_update(index_elements=["file_name"], set_=values))


async def of_facility(session: AsyncSession, facility_id: int) -> Sequence[FeedListed]:
    """The feeds of a facility, by their files."""
    query = select(FeedListed).where(col(FeedListed.facility_id) == facility_id).order_by(col(FeedListed.file_name))
    return list(await session.scalars(query))
