"""The slot's own SQL: taking a place, giving one back, listing what is free. Expressions here are shared by all doors.

Under READ COMMITTED a waiting UPDATE reads only its own row anew. So whether a place is free, and which, is decided
from the slot's row alone; facility and service are read beside it for facts that change rarely (a pause takes effect
for the next request, not for one already waiting).
"""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Text,
    Update,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlmodel import SQLModel

import booking.availability.models
import booking.directory.models  # noqa: F401  makes the tables known
from booking.columns import Moment
from booking.directory.kinds import BOOKABLE
from booking.hot import Statement, json_object

slot = SQLModel.metadata.tables["slot"]
service = SQLModel.metadata.tables["service"]
facility = SQLModel.metadata.tables["facility"]
practitioner = SQLModel.metadata.tables["practitioner"]
room = SQLModel.metadata.tables["room"]

NOW: ColumnElement[Any] = bindparam("now", type_=Moment)


def local_iso(moment: ColumnElement[Any]) -> ColumnElement[str]:
    """`2026-11-30T07:30:00+07:00`: the facility's clock, with its offset."""
    return func.to_char(
        func.timezone("Asia/Ho_Chi_Minh", moment), literal_column('\'YYYY-MM-DD"T"HH24:MI:SS"+07:00"\'')
    )


def kept_for_walk_ins() -> ColumnElement[Any]:
    """Places of the slot that patients at home may not take yet."""
    return case((slot.c.release_at > NOW, slot.c.reserved - slot.c.reserved_used), else_=0)


def free_online() -> ColumnElement[Any]:
    """Places that can be booked from home at `now`, by the slot's row alone."""
    return func.greatest(func.cardinality(slot.c.free_places) - kept_for_walk_ins(), 0)


def bookable_now() -> ColumnElement[bool]:
    """Whether the slot takes bookings from home at `now`, places aside."""
    return and_(slot.c.open, slot.c.bookable_from <= NOW, slot.c.bookable_until > NOW)


def taking() -> ColumnElement[bool]:
    """Whether facility and service take bookings at all."""
    states: list[ColumnElement[Any]] = [literal_column(f"'{state.value}'") for state in BOOKABLE]
    return and_(facility.c.state.in_(states), service.c.bookable)


def belongs() -> ColumnElement[bool]:
    """The slot with its service and facility, both taking bookings."""
    return and_(
        service.c.id == slot.c.service_id,
        facility.c.id == slot.c.facility_id,
        taking(),
    )


def take_place() -> Update:
    """The guarded UPDATE that takes one place from home; no row when there is none to take.

    Parameters: slot, now. `last_place` of the returned row is the place's number.
    """
    return (
        update(slot)
        .where(
            slot.c.id == bindparam("slot", type_=slot.c.id.type),
            belongs(),
            bookable_now(),
            func.cardinality(slot.c.free_places) > kept_for_walk_ins(),
        )
        .values(
            taken=slot.c.taken + 1,
            last_place=literal_column("slot.free_places[1]"),
            free_places=literal_column("slot.free_places[2:]"),
        )
    )


def _listed() -> Any:
    free = case((bookable_now(), free_online()), else_=0).label("free")
    status = case(
        (~bookable_now(), literal_column("'closed'")),
        (func.cardinality(slot.c.free_places) > kept_for_walk_ins(), literal_column("'free'")),
        else_=literal_column("'full'"),
    ).label("status")
    return (
        select(
            slot.c.id,
            slot.c.starts_at,
            slot.c.ends_at,
            slot.c.day,
            free,
            status,
            practitioner.c.name,
            room.c.name.label("room"),
        )
        .select_from(
            slot.join(service, service.c.id == slot.c.service_id)
            .join(facility, facility.c.id == slot.c.facility_id)
            .outerjoin(practitioner, practitioner.c.id == slot.c.practitioner_id)
            .outerjoin(room, room.c.id == slot.c.room_id)
        )
        .where(
            belongs(),
            # Codes of services are shared by facilities: with this the planner knows that it is one service, and goes
            # by its slots. Without it, at a million slots, it read those of all services in the span (80 ms for 1).
            service.c.facility_id == facility.c.id,
            facility.c.code == bindparam("facility", type_=Text),
            service.c.code == bindparam("service", type_=Text),
            slot.c.starts_at >= bindparam("start", type_=Moment),
            slot.c.starts_at < bindparam("end", type_=Moment),
            slot.c.bookable_until > NOW,
        )
        .order_by(slot.c.starts_at, slot.c.id)
        .cte("listed")
    )


def _slots() -> Statement:
    listed = _listed()
    row = json_object(
        id=listed.c.id,
        start=local_iso(listed.c.starts_at),
        end=local_iso(listed.c.ends_at),
        free=listed.c.free,
        status=listed.c.status,
        practitioner=listed.c.name,
        room=listed.c.room,
    )
    items = func.coalesce(func.json_agg(aggregate_order_by(row, listed.c.starts_at, listed.c.id)), text("'[]'::json"))
    return Statement(select(cast(json_object(items=items), Text)))


def _days() -> Statement:
    listed = _listed()
    per_day = (
        select(
            listed.c.day,
            func.sum(listed.c.free).label("free"),
            func.count().label("slots"),
            func.bool_or(listed.c.status != literal_column("'closed'")).label("open"),
        )
        .group_by(listed.c.day)
        .cte("per_day")
    )
    row = json_object(day=cast(per_day.c.day, Text), free=per_day.c.free, slots=per_day.c.slots, open=per_day.c.open)
    items = func.coalesce(func.json_agg(aggregate_order_by(row, per_day.c.day)), text("'[]'::json"))
    return Statement(select(cast(json_object(items=items), Text)))


SLOTS = _slots()
"""The slots of a service in a span of time as JSON text, closed and full ones too.

Parameters: facility, service, start, end, now.
"""

DAYS = _days()
"""The days of a span with the sum of free places. Parameters as SLOTS."""
