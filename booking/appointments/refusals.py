"""After a refusal: why, and what is free close by. Read anew, because the world changed while we were refused."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import BigInteger, Select, Text, bindparam, case, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from booking.appointments.errors import FacilityNotOpen, SlotClosed, SlotFull, SlotUnknown
from booking.appointments.lookups import OPENED
from booking.appointments.rules import SlotFacts, refusal
from booking.availability.statements import (
    NOW,
    belongs,
    bookable_now,
    facility,
    free_online,
    kept_for_walk_ins,
    local_iso,
    service,
    slot,
    taking,
)
from booking.errors import BookingError
from booking.hot import Hot, Statement, json_object
from booking.sealed import keys

NEAREST = 3
"""How many free slots a refusal offers."""


def _facts() -> Statement:
    source = slot.join(service, service.c.id == slot.c.service_id).join(facility, facility.c.id == slot.c.facility_id)
    return Statement(
        select(
            facility.c.code.label("facility"),
            service.c.code.label("service"),
            taking().label("taking"),
            slot.c.open,
            free_online().label("free"),
            slot.c.bookable_from,
            slot.c.bookable_until,
        )
        .select_from(source)
        .where(slot.c.id == bindparam("slot", type_=BigInteger))
    )


def _nearest() -> Select[tuple[str]]:
    asked = slot.alias("asked")
    far = func.abs(func.extract("epoch", slot.c.starts_at - asked.c.starts_at))
    found = (
        select(slot.c.id, slot.c.starts_at, slot.c.ends_at, free_online().label("free"))
        .select_from(slot, asked, service, facility)
        .where(
            asked.c.id == bindparam("slot", type_=BigInteger),
            slot.c.service_id == asked.c.service_id,
            slot.c.starts_at > NOW,
            slot.c.starts_at.between(asked.c.starts_at - _days(14), asked.c.starts_at + _days(14)),
            belongs(),
            bookable_now(),
            func.cardinality(slot.c.free_places) > kept_for_walk_ins(),
        )
        # The same day first, then the closest; a tie goes to the earlier one.
        .order_by(case((slot.c.day == asked.c.day, 0), else_=1), far, slot.c.starts_at, slot.c.id)
        .limit(NEAREST)
        .subquery()
    )
    row = json_object(
        id=found.c.id, start=local_iso(found.c.starts_at), end=local_iso(found.c.ends_at), free=found.c.free
    )
    return select(cast(row, Text).label("row"))


def _days(number: int) -> Any:
    return func.make_interval(0, 0, 0, number)


_FACTS = _facts()
_NEAREST_QUERY = _nearest()
_NEAREST = Statement(_NEAREST_QUERY)


async def explain(
    hot: Hot, slot_id: int, *, facility: str | None, service: str | None, now: datetime
) -> BookingError | None:
    """The error that says why no place of the slot could be taken, with the nearest free slots where that helps.

    None when the slot has a free place by now: the caller tries again, for nobody is refused while a place is free.
    """
    row = await hot.fetchrow(_FACTS.sql, *_FACTS.arguments({"slot": slot_id, "now": now}))
    if row is None:
        return SlotUnknown(slot=slot_id)
    found = refusal(SlotFacts(**dict(row)), facility=facility, service=service, now=now)
    if isinstance(found, (SlotFull, SlotClosed)):
        found.facts["nearest"] = await nearest(hot, slot_id, now=now)
    return found


async def explain_closed(hot: Hot, slot_id: int, *, now: datetime) -> BookingError | None:
    """Why a held place can no longer be confirmed although its time has not run out; None where that is not why."""
    row = await hot.fetchrow(_FACTS.sql, *_FACTS.arguments({"slot": slot_id, "now": now}))
    if row is None:
        return None
    if not row["taking"]:
        return FacilityNotOpen(facility=row["facility"])
    return None if row["open"] else SlotClosed(nearest=await nearest(hot, slot_id, now=now))


async def nearest(hot: Hot, slot_id: int, *, now: datetime) -> list[dict[str, Any]]:
    """The nearest free slots of the same service, within two weeks: id, start, end, free."""
    rows = await hot.fetch(_NEAREST.sql, *_NEAREST.arguments({"slot": slot_id, "now": now}))
    return [orjson.loads(row["row"]) for row in rows]


async def nearest_within(session: AsyncSession, slot_id: int, *, now: datetime) -> list[dict[str, Any]]:
    """Likewise, asked in the transaction of a use case of several steps."""
    rows = await session.execute(_NEAREST_QUERY, {"slot": slot_id, "now": now})
    return [orjson.loads(row.row) for row in rows]


async def opened(hot: Hot, code: str, token: str | None) -> Mapping[str, Any] | None:
    """The appointment of a code, if the token opens it.

    Its public_id, token_version, slot_id, confirmed_at, cancelled_by and view (JSON text).

    A wrong token and an unknown code are one and the same answer, after the same statement.
    """
    row = await hot.fetchrow(OPENED.sql, *OPENED.arguments({"code": code}))
    if row is None or token is None:
        return None
    return row if keys().token_fits(token, str(row["public_id"]), row["token_version"]) else None
