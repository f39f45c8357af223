"""The rows publishing writes, many at a time: one statement for each table, its values as arrays."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Date,
    Integer,
    and_,
    bindparam,
    column,
    func,
    literal_column,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.types import TypeEngine
from sqlmodel import SQLModel

from booking.availability.rows import Key, PlannedSlot, SlotTerms
from booking.columns import Moment


async def put_sessions(session: AsyncSession, slots: Iterable[PlannedSlot]) -> int:
    """Make the sessions these slots belong to, or give them the hours they have now; how many are new."""
    days = list({(slot.offer.weekly.id, slot.session.day): slot.session for slot in slots}.values())
    if not days:
        return 0
    values = {
        "given_weekly_id": [each.weekly_id for each in days],
        "given_day": [each.day for each in days],
        "given_starts_at": [each.starts_at for each in days],
        "given_ends_at": [each.ends_at for each in days],
    }
    return sum(new for (new,) in await session.execute(_PUT_SESSIONS, values))


async def put_slots(
    session: AsyncSession, slots: Iterable[PlannedSlot], *, closed: Collection[Key]
) -> list[tuple[int, bool]]:
    """Make slots of sessions that are there, all their places free; ids and whether each is open (not in `closed`)."""
    values: dict[str, list[Any]] = {f"given_{name}": [] for name in _SLOT_COLUMNS}
    for slot in slots:
        edge = slot.offer.limits(slot.session.day, slot.span)
        row = (
            *slot.key,
            slot.span[1],
            edge.bookable_from,
            edge.bookable_until,
            edge.release_at,
            slot.key not in closed,
            slot.session.capacity,
            slot.session.reserved,
        )
        for name, value in zip(values, row, strict=True):
            values[name].append(value)
    if not values["given_day"]:
        return []
    return [(row.id, row.open) for row in await session.execute(_PUT_SLOTS, values)]


async def put_ends(session: AsyncSession, ends: Mapping[int, datetime]) -> int:
    """Give slots (id to moment) that hold nobody another end; how many. Whoever was told an end keeps it."""
    if not ends:
        return 0
    found = await session.scalars(_PUT_ENDS, {"given_id": list(ends), "given_ends_at": list(ends.values())})
    return len(found.all())


async def put_terms(session: AsyncSession, terms: Mapping[int, SlotTerms]) -> int:
    """Give slots we hold the locks of their places and limits; how many were otherwise.

    Nobody loses a place: a slot keeps as many as are taken, and as many kept for walk-ins as walk-ins have used.
    """
    if not terms:
        return 0
    rows = list(terms.items())
    values = {
        "ids": [row_id for row_id, _ in rows],
        "capacities": [each.capacity for _, each in rows],
        "reserves": [each.reserved for _, each in rows],
        "froms": [each.limits.bookable_from for _, each in rows],
        "untils": [each.limits.bookable_until for _, each in rows],
        "releases": [each.limits.release_at for _, each in rows],
    }
    return len((await session.execute(_PUT_TERMS, values)).all())


# Numbers of places: of 1 to capacity + withdrawn each is somebody's, free or withdrawn. What is needed is cut off the
# front of all that nobody has; new numbers follow after the highest there is.
_PUT_TERMS = text(
    """
    WITH given AS (
        SELECT * FROM unnest(:ids, :capacities, :reserves, :froms, :untils, :releases)
            AS given (id, capacity, reserved, bookable_from, bookable_until, release_at)
    ), sized AS (
        SELECT given.*, greatest(given.capacity, slot.taken) AS places,
            greatest(given.capacity, slot.taken) - slot.taken AS needed,
            slot.free_places || slot.withdrawn_places AS unused,
            slot.capacity + cardinality(slot.withdrawn_places) AS highest
        FROM given JOIN slot ON slot.id = given.id
    ), pooled AS (
        SELECT sized.*, unused || ARRAY(
            SELECT number::smallint FROM generate_series(highest + 1, highest + needed - cardinality(unused)) AS number
        ) AS pool
        FROM sized
    )
    UPDATE slot SET capacity = pooled.places,
        reserved = least(pooled.places, greatest(pooled.reserved, slot.reserved_used)),
        free_places = pooled.pool[1:needed], withdrawn_places = pooled.pool[needed + 1:],
        bookable_from = pooled.bookable_from, bookable_until = pooled.bookable_until, release_at = pooled.release_at
    FROM pooled
    WHERE slot.id = pooled.id
      AND (slot.capacity, slot.reserved, slot.bookable_from, slot.bookable_until, slot.release_at)
        IS DISTINCT FROM (pooled.places, least(pooled.places, greatest(pooled.reserved, slot.reserved_used)),
            pooled.bookable_from, pooled.bookable_until, pooled.release_at)
    RETURNING slot.id
    """
).bindparams(
    bindparam("ids", type_=ARRAY(BigInteger)),
    bindparam("capacities", type_=ARRAY(Integer)),
    bindparam("reserves", type_=ARRAY(Integer)),
    bindparam("froms", type_=ARRAY(Moment)),
    bindparam("untils", type_=ARRAY(Moment)),
    bindparam("releases", type_=ARRAY(Moment)),
)


def _given(columns: Mapping[str, TypeEngine[Any]]) -> TableValuedAlias:
    """Rows that come as one array for each column, in parameters named `given_...`: a column's own name is reserved."""
    return (
        func.unnest(*(bindparam(f"given_{name}", type_=ARRAY(kind)) for name, kind in columns.items()))
        .table_valued(*(column(name, kind) for name, kind in columns.items()))
        .render_derived(name="given")
    )


_session = SQLModel.metadata.tables["session"]
_slot = SQLModel.metadata.tables["slot"]
_weekly = SQLModel.metadata.tables["weekly_session"]
_BELONGS = ("facility_id", "service_id", "practitioner_id", "room_id")


def _put_sessions() -> ReturningInsert[int]:
    given = _given({"weekly_id": BigInteger(), "day": Date(), "starts_at": Moment, "ends_at": Moment})
    put = insert(_session).from_select(
        ["weekly_session_id", *_BELONGS, "day", "starts_at", "ends_at"],
        select(
            _weekly.c.id, *(_weekly.c[name] for name in _BELONGS), given.c.day, given.c.starts_at, given.c.ends_at
        ).join_from(given, _weekly, _weekly.c.id == given.c.weekly_id),
    )
    hours = (put.excluded.starts_at, put.excluded.ends_at)
    made_now = literal_column("(xmax = 0)::integer", Integer)  # an updated row carries the updater's id there
    return put.on_conflict_do_update(
        constraint="session_key",
        set_={"starts_at": hours[0], "ends_at": hours[1]},
        where=tuple_(_session.c.starts_at, _session.c.ends_at) != tuple_(*hours),
    ).returning(made_now)


_SLOT_COLUMNS: dict[str, TypeEngine[Any]] = {
    "weekly_id": BigInteger(),
    "day": Date(),
    "starts_at": Moment,
    "ends_at": Moment,
    "bookable_from": Moment,
    "bookable_until": Moment,
    "release_at": Moment,
    "open": Boolean(),
    "capacity": Integer(),
    "reserved": Integer(),
}


def _put_slots() -> ReturningInsert[int, bool]:
    given = _given(_SLOT_COLUMNS)
    own = [name for name in _SLOT_COLUMNS if name not in {"weekly_id", "day"}]
    places = select(func.generate_series(1, given.c.capacity)).correlate(given).scalar_subquery()
    put = insert(_slot).from_select(
        ["session_id", *_BELONGS, *own, "taken", "free_places", "reserved_used"],
        select(
            _session.c.id,
            *(_session.c[name] for name in _BELONGS),
            *(given.c[name] for name in own),
            literal_column("0"),
            func.array(places),
            literal_column("0"),
        )
        .join_from(
            given, _session, and_(_session.c.weekly_session_id == given.c.weekly_id, _session.c.day == given.c.day)
        )
        .order_by(_session.c.id, given.c.starts_at),  # what is listed together lies together
    )
    return put.on_conflict_do_nothing(constraint="slot_key").returning(_slot.c.id, _slot.c.open)


def _put_ends() -> ReturningUpdate[int]:
    given = _given({"id": BigInteger(), "ends_at": Moment})
    changed = and_(_slot.c.id == given.c.id, _slot.c.ends_at != given.c.ends_at, _slot.c.taken == 0)
    return update(_slot).where(changed).values(ends_at=given.c.ends_at).returning(_slot.c.id)


_PUT_SESSIONS = _put_sessions()
_PUT_SLOTS = _put_slots()
_PUT_ENDS = _put_ends()
