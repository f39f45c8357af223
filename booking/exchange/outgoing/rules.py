"""What is to be told of a visit: plain values in, plain values out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

from booking.exchange.outgoing.kinds import OutEvent

HOLDING = ("booked", "arrived", "fulfilled", "noshow")
"""States of a visit that has its place; all others are cancelled to the hospital."""

_CANCELLED = "cancelled"
_NOSHOW = "noshow"


@dataclass(frozen=True, slots=True)
class Named:
    """Something of the directory: our code, and the name people know."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit as it may be told.

    Attributes:
        id: of its row.
        slot_id: of its slot's row.
        public_id: unguessable, for formats that want an id.
        code: the booking code.
        state: booked, arrived, fulfilled, noshow or cancelled.
        version: how often it changed.
        starts_at: UTC.
        ends_at: UTC.
        practitioner: who examines; None where only a room is known.
        room: where.
        service: what for.
        person: personal values that this hospital is told, by their names; empty where it is told none.
    """

    id: int
    slot_id: int
    public_id: str
    code: str
    state: str
    version: int
    starts_at: datetime
    ends_at: datetime
    practitioner: Named | None
    room: Named | None
    service: Named
    person: Mapping[str, str] = field(default_factory=dict)

    @property
    def minutes(self) -> int:
        """Its length."""
        return int((self.ends_at - self.starts_at) / timedelta(minutes=1))


@dataclass(frozen=True, slots=True)
class Item:
    """A visit in a file, and what happened to it."""

    event: OutEvent
    visit: Visit


@dataclass(frozen=True, slots=True)
class Batch:
    """What one file holds.

    Attributes:
        feed: code of the terms.
        facility: the facility.
        number: of the file, from 1, without a gap.
        full: whether it is every visit of its window, or changes.
        made_at: when.
        items: in the order of time.
    """

    feed: str
    facility: Named
    number: int
    full: bool
    made_at: datetime
    items: Sequence[Item]


def said_of(visit: Visit, personal: str) -> dict[str, Any]:
    """What telling a visit says, to compare with what was told; `personal` is a keyed hash of personal values."""
    return {
        "start": visit.starts_at.isoformat(),
        "end": visit.ends_at.isoformat(),
        "practitioner": visit.practitioner.code if visit.practitioner else None,
        "room": visit.room.code if visit.room else None,
        "service": visit.service.code,
        "state": visit.state if visit.state in HOLDING else _CANCELLED,
        "personal": personal,
    }


_PLACE = ("start", "end", "practitioner", "room")


def event_of(told: Mapping[str, Any] | None, now: Mapping[str, Any]) -> OutEvent | None:
    """What happened since it was told; None where the hospital knows it as it is.

    Of a visit that was never told and is off, nobody need hear.
    """
    known = told is not None and told["state"] != _CANCELLED
    if now["state"] == _CANCELLED:
        return OutEvent.CANCELLED if known else None
    if told is None or not known:
        return OutEvent.NEW
    if told == now:
        return None
    if now["state"] == _NOSHOW and told["state"] != _NOSHOW:
        return OutEvent.NOSHOW
    return OutEvent.MOVED if any(told[name] != now[name] for name in _PLACE) else OutEvent.CHANGED


def standing(visit: Visit) -> Item:
    """A visit in a whole file, which tells what is and not what changed: as a new one, unless nobody came to it."""
    return Item(OutEvent.NOSHOW if visit.state == _NOSHOW else OutEvent.NEW, visit)


def full_due(last: datetime | None, times: Sequence[time], *, now: datetime) -> bool:
    """Whether a whole file is due: one of the day's times (of the clock that `now` shows) has passed since the last."""
    if last is None:
        return True
    days = (now.date() - timedelta(days=1), now.date())
    passed = [moment for day in days for at in times if (moment := datetime.combine(day, at, now.tzinfo)) <= now]
    return bool(passed) and last < max(passed)
