"""SQL for whoever looks for any free place, and for why a day has none. Beside statements.py, to keep that short.

The soonest free place is looked for service by service along the index (service, start), and no further than the
service's horizon: beyond it nothing can be booked. So a service that is full costs its next few weeks, not all its
slots.
"""

from typing import Any

from sqlalchemy import ColumnElement, Text, and_, bindparam, case, cast, func, select, text, true
from sqlalchemy.dialects.postgresql import aggregate_order_by

from booking.availability.statements import (
    NOW,
    bookable_now,
    facility,
    free_online,
    kept_for_walk_ins,
    local_iso,
    service,
    slot,
    taking,
)
from booking.columns import Moment
from booking.hot import Statement, json_object

_START: ColumnElement[Any] = bindparam("start", type_=Moment)
_END: ColumnElement[Any] = bindparam("end", type_=Moment)
_FACILITY: ColumnElement[Any] = bindparam("facility", type_=Text)
_SERVICE: ColumnElement[Any] = bindparam("service", type_=Text)


def _earliest(which: ColumnElement[bool]) -> Statement:
    horizon = func.make_interval(0, 0, 0, service.c.horizon_days + 1)
    first = (
        select(slot.c.id, slot.c.starts_at, slot.c.ends_at, free_online().label("free"))
        .where(
            slot.c.service_id == service.c.id,
            slot.c.starts_at >= _START,
            slot.c.starts_at < NOW + horizon,
            bookable_now(),
            func.cardinality(slot.c.free_places) > kept_for_walk_ins(),
        )
        .order_by(slot.c.starts_at, slot.c.id)
        .limit(1)
        .correlate(service)
        .lateral("first")
    )
    source = service.join(facility, facility.c.id == service.c.facility_id).join(first, true())
    row = json_object(
        facility=facility.c.code,
        service=service.c.code,
        start=local_iso(first.c.starts_at),
        end=local_iso(first.c.ends_at),
        free=first.c.free,
    )
    items = func.json_agg(aggregate_order_by(row, first.c.starts_at, facility.c.sort_key, service.c.id))
    found = func.coalesce(items, text("'[]'::json"))
    return Statement(select(cast(json_object(items=found), Text)).select_from(source).where(taking(), which))


EARLIEST_ANYWHERE = _earliest(service.c.code == _SERVICE)
"""The soonest free place of a service at each facility that has one, the soonest first, as JSON text.

Parameters: service, start, now.
"""

EARLIEST_HERE = _earliest(facility.c.code == _FACILITY)
"""The soonest free place of each service of a facility that has one, the soonest first, as JSON text.

Parameters: facility, start, now.
"""


def _day_facts() -> Statement:
    coming = and_(slot.c.open, slot.c.bookable_from > NOW)
    facts = (
        select(
            slot.c.day,
            func.bool_or(slot.c.open).label("open"),
            func.bool_and(slot.c.bookable_until <= NOW).label("over"),
            func.bool_or(bookable_now()).label("released"),
            func.min(case((coming, slot.c.bookable_from))).label("since"),
        )
        .select_from(
            slot.join(service, service.c.id == slot.c.service_id).join(facility, facility.c.id == service.c.facility_id)
        )
        .where(
            facility.c.code == _FACILITY,
            service.c.code == _SERVICE,
            slot.c.starts_at >= _START,
            slot.c.starts_at < _END,
        )
        .group_by(slot.c.day)
        .cte("facts")
    )
    row = json_object(
        day=cast(facts.c.day, Text),
        open=facts.c.open,
        over=facts.c.over,
        released=facts.c.released,
        since=local_iso(facts.c.since),
    )
    items = func.coalesce(func.json_agg(aggregate_order_by(row, facts.c.day)), text("'[]'::json"))
    return Statement(select(cast(json_object(items=items), Text)))


DAY_FACTS = _day_facts()
"""Each day of a span that has slots of a service, whatever their state, as JSON text; asked where nothing is free.

`open`: one of them at least is not closed. `over`: it is too late to book any of them. `released`: one of them at least
takes bookings now, places aside. `since`: when the first of those that will be released can be booked, else null.
Parameters: facility, service, start, end, now.
"""
