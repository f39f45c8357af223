"""The rows kept of a feed, read and written: what its files say of now and of later, by the hospital's keys."""

from datetime import datetime
from sys import intern

from sqlalchemy import ARRAY, BigInteger, Boolean, ColumnElement, Text, any_, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col

from booking.clock import day_bounds, local_day
from booking.columns import Moment
from booking.exchange.following import LONGEST_VISIT, Changes
from booking.exchange.kinds import AbsenceMeaning
from booking.exchange.models import FeedRow
from booking.exchange.rules import StagedRow

PORTION = 5_000
"""So many rows are taken from the database at a time."""

_row = SQLModel.metadata.tables["feed_row"]


async def kept(session: AsyncSession, feed: str, meaning: AbsenceMeaning, *, now: datetime) -> dict[str, StagedRow]:
    """The rows of a feed that apply now, by their keys; those that were over before today are nobody's any more."""
    columns = (
        col(FeedRow.row_key), col(FeedRow.resource), col(FeedRow.starts_at), col(FeedRow.ends_at),
        col(FeedRow.state_text), col(FeedRow.closes), col(FeedRow.our_code),
    )  # fmt: skip
    query = (
        select(*columns)
        .where(col(FeedRow.feed) == feed, ~over_before(day_bounds(local_day(now))[0]))
        .order_by(col(FeedRow.id))
    )
    offers = meaning is AbsenceMeaning.FREE_LIST
    found: dict[str, StagedRow] = {}
    same: dict[datetime, datetime] = {}  # one object for each moment: they are half of what is held
    # In portions: what the driver holds of a hundred thousand rows is larger than the rows, and others work meanwhile.
    async for portion in (await session.stream(query.execution_options(yield_per=PORTION))).partitions():
        for key, resource, starts_at, ends_at, state_text, closes, our_code in portion:
            free = offers and not closes
            start, end = same.setdefault(starts_at, starts_at), ends_at and same.setdefault(ends_at, ends_at)
            found[key] = StagedRow(0, key, intern(resource), start, end, intern(state_text), closes, free, our_code)
    return found


def over_before(moment: datetime | ColumnElement[datetime]) -> ColumnElement[bool]:
    """Whether a row that is kept was over by then; `following.over` says the same of a row that was read."""
    return func.coalesce(col(FeedRow.ends_at), col(FeedRow.starts_at) + LONGEST_VISIT) <= moment


_GIVEN = (
    func.unnest(
        bindparam("keys", type_=ARRAY(Text)),
        bindparam("resources", type_=ARRAY(Text)),
        bindparam("starts", type_=ARRAY(Moment)),
        bindparam("ends", type_=ARRAY(Moment)),
        bindparam("closes", type_=ARRAY(Boolean)),
        bindparam("states", type_=ARRAY(Text)),
        bindparam("codes", type_=ARRAY(Text)),
    )
    .table_valued("row_key", "resource", "starts_at", "ends_at", "closes", "state_text", "our_code")
    .render_derived(name="given")
)
_ADD = insert(_row).from_select(
    ["feed", "feed_file_id", "row_key", "resource", "starts_at", "ends_at", "closes", "state_text", "our_code"],
    select(bindparam("feed", type_=Text), bindparam("file", type_=BigInteger), *_GIVEN.c),
)
_PUT = _ADD.on_conflict_do_update(
    constraint="feed_row_key",
    set_={
        name: _ADD.excluded[name]
        for name in ("feed_file_id", "resource", "starts_at", "ends_at", "closes", "state_text", "our_code")
    },
)
_DROP = delete(_row).where(
    _row.c.feed == bindparam("of_feed", type_=Text), _row.c.row_key == any_(bindparam("keys", type_=ARRAY(Text)))
)

_FORGET = delete(_row).where(
    _row.c.feed == bindparam("of_feed", type_=Text), over_before(bindparam("today", type_=Moment))
)


async def write(session: AsyncSession, feed: str, changes: Changes, file_id: int) -> None:
    """Change the rows kept of a feed."""
    if changes.drop:
        await session.execute(_DROP, {"of_feed": feed, "keys": sorted(changes.drop)})
    if not changes.put:
        return
    rows = list(changes.put.items())
    values = {
        "feed": feed,
        "file": file_id,
        "keys": [key for key, _ in rows],
        "resources": [row.resource for _, row in rows],
        "starts": [row.starts_at for _, row in rows],
        "ends": [row.ends_at for _, row in rows],
        "closes": [row.closes for _, row in rows],
        "states": [row.state_text for _, row in rows],
        "codes": [row.our_code for _, row in rows],
    }
    await session.execute(_PUT, values)


async def forget(session: AsyncSession, feed: str, *, before: datetime) -> None:
    """Drop the rows that were over by then."""
    await session.execute(_FORGET, {"of_feed": feed, "today": before})
