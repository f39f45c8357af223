"""Files of a list of changes that apply after newer ones: what a newer file told of is left out.

Such a list says each change once, so what a guard held back, wholly or in part, may not be lost with the next file.
The next ones apply meanwhile, for a time that a hospital gives away must close at once; and whenever a manager releases
the earlier file, or its feed was put right and it is handed in again, all that no newer file spoke of goes in.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import ARRAY, Text, any_, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.exchange.commands import ApplyExport, Content
from booking.exchange.following import keyed, over
from booking.exchange.history import unpack_command
from booking.exchange.kinds import AbsenceMeaning
from booking.exchange.models import FeedFile, FeedRow, FeedRun
from booking.exchange.standing import BESIDE, NUMBERED

FIRST = "first"
"""Under this name a file's report has the record of its content's first judgement, where it was judged before."""


def first_of(file: FeedFile) -> int:
    """The record under which a content was judged first: what came after it is newer."""
    assert file.id is not None
    return int(file.report.get(FIRST, file.id))


async def since(session: AsyncSession, command: ApplyExport) -> int | None:
    """Since when a content waits that is handed in again; None where it does not, or its feed is no list of changes."""
    if command.terms.meaning is not AbsenceMeaning.CHANGE_FEED:
        return None
    query = (
        select(FeedFile)
        .join(FeedRun, col(FeedRun.feed_file_id) == col(FeedFile.id))
        .where(
            col(FeedFile.feed) == command.content.feed,
            col(FeedFile.sha256) == command.content.sha256,
            col(FeedRun.waiting).is_not(None),
        )
        .order_by(col(FeedFile.id))
        .limit(1)
    )
    known: FeedFile | None = await session.scalar(query)
    return None if known is None else first_of(known)


async def without_newer(session: AsyncSession, command: ApplyExport, file_id: int) -> ApplyExport:
    """The file without what newer ones than this record told of: visit by visit, for each tells of a whole one."""
    query = select(col(FeedRow.row_key)).where(
        col(FeedRow.feed) == command.content.feed, col(FeedRow.feed_file_id) > file_id
    )
    newer = _visits(await session.scalars(query))
    rows = tuple(
        row for key, row in keyed(command.rows, command.terms.meaning).items() if newer.isdisjoint(_visits([key]))
    )
    traces = tuple(
        trace for trace in command.traces if trace.row_key is None or newer.isdisjoint(_visits([trace.row_key]))
    )
    return replace(command, rows=rows, traces=traces)


def _visits(keys: Iterable[str]) -> set[str]:
    """The hospital's ids behind keys of rows."""
    names = (key.split(BESIDE, 1)[0] for key in keys)
    return {found[1] if (found := NUMBERED.fullmatch(name)) else name for name in names}


async def touch(session: AsyncSession, feed: str, keys: Collection[str], file_id: int) -> None:
    """Note that a file spoke of rows, also where it said what was known."""
    named = col(FeedRow.row_key) == any_(bindparam("keys", type_=ARRAY(Text)))
    spoken = update(FeedRow).where(col(FeedRow.feed) == feed, named).values(feed_file_id=file_id)
    await session.execute(spoken.execution_options(synchronize_session=False), {"keys": sorted(keys)})


async def ended(session: AsyncSession, content: Content, *, today: datetime) -> None:
    """What waited of this content waits no more, it was judged anew; nor does a file of whose rows each is over."""
    query = (
        select(FeedRun, col(FeedFile.sha256))
        .join(FeedFile, col(FeedFile.id) == col(FeedRun.feed_file_id))
        .where(col(FeedRun.feed) == content.feed, col(FeedRun.waiting).is_not(None))
    )
    for run, sha256 in await session.execute(query):
        rows = unpack_command(run.waiting or b"").rows if sha256 != content.sha256 else ()
        if all(over(row, today) for row in rows):
            run.waiting = None
            session.add(run)
