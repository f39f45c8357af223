"""Changing the timetable: the change, the slots that follow, and who is inside those that close. One transaction.

A preview is the change itself, undone: so what is shown cannot differ from what happens. What a manager saw is applied
only as long as it is still what would happen; otherwise she looks again.

Locks: publishing first (so that two managers, and the job that publishes, follow each other), then the row that is
changed, then slots by id. Bookings go on until the slots are locked, and are counted after.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.actor import Actor
from booking.appointments.inside import Inside, inside
from booking.availability import editing
from booking.availability.commands import (
    ChangeSession,
    ClearDay,
    EndWeekly,
    KeepWeekly,
    MarkDay,
    PublishSlots,
    RestoreSession,
)
from booking.availability.effect import Effect, effect_of, pictures
from booking.availability.errors import RoomOverLimit
from booking.directory import upkeep
from booking.directory.errors import ChangedMeanwhile
from booking.directory.keeping import KeepService
from booking.directory.models import Room
from booking.exchange import service

Change = KeepWeekly | EndWeekly | ChangeSession | RestoreSession | MarkDay | ClearDay | KeepService
_VERBS: Mapping[type[Change], Callable[..., Awaitable[None]]] = {
    KeepWeekly: editing.keep_weekly,
    EndWeekly: editing.end_weekly,
    ChangeSession: editing.change_session,
    RestoreSession: editing.restore_session,
    MarkDay: editing.mark_day,
    ClearDay: editing.clear_day,
    KeepService: upkeep.keep_service,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a change does: to slots, and to whom. `seen` names it: the same outcome has the same word."""

    effect: Effect
    inside: tuple[Inside, ...]
    rooms: Mapping[int, str]

    @property
    def excess(self) -> int:
        """How many of those inside cannot stay where they are (holds of people who are still typing included)."""
        return sum(slot.excess for slot in self.effect.shut.values())

    @property
    def seen(self) -> str:
        """A word for all that a manager decides by."""
        shown = [self.effect.plain(), sorted(str(one.appointment) for one in self.inside)]
        return hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:24]


async def ready(session: AsyncSession, command: Change, *, by: Actor, now: datetime, horizon_days: int) -> None:
    """Publish what is due anyway, in a transaction of its own before a preview or a change.

    So it is no effect of the change, and the change locks slots once, in the order of ids.
    """
    await _publish(session, command.facility, by=by, now=now, horizon_days=horizon_days)


async def preview(session: AsyncSession, command: Change, *, by: Actor, now: datetime, horizon_days: int) -> Outcome:
    """What the change would do. Nothing is left of it.

    Raises:
        BookingError: what the change itself would be refused with.
    """
    attempt = await session.begin_nested()
    try:
        return await _make(session, command, by=by, now=now, horizon_days=horizon_days)
    finally:
        await attempt.rollback()


async def apply(
    session: AsyncSession, command: Change, seen: str, *, by: Actor, now: datetime, horizon_days: int
) -> Outcome:
    """Make the change, if it does what `seen` says. Nobody booked loses a place; who is inside is in the answer.

    Raises:
        ChangedMeanwhile: it would do something else now; the caller's transaction must not be kept.
        BookingError: what the change is refused with.
    """
    done = await _make(session, command, by=by, now=now, horizon_days=horizon_days)
    if done.seen != seen:
        raise ChangedMeanwhile
    return done


async def _make(session: AsyncSession, command: Change, *, by: Actor, now: datetime, horizon_days: int) -> Outcome:
    await service.alone(session)
    facility_id = None if command.facility is None else await upkeep.facility_id_of(session, command.facility)
    before = await pictures(session, facility_id, now=now)
    await _VERBS[type(command)](session, command, by=by, now=now)
    await _publish(session, command.facility, by=by, now=now, horizon_days=horizon_days)
    effect = effect_of(before, await pictures(session, facility_id, now=now))
    rooms = await _check_rooms(session, effect)
    # Asked after the slots were locked: whoever booked one before us has committed, and nobody can any more.
    return Outcome(effect, tuple(await inside(session, effect.shut.keys())), rooms)


async def _publish(session: AsyncSession, facility: str | None, *, by: Actor, now: datetime, horizon_days: int) -> None:
    await service.publish(session, PublishSlots(facility=facility, horizon_days=horizon_days), by=by, now=now)


async def _check_rooms(session: AsyncSession, effect: Effect) -> dict[int, str]:
    """Names of the rooms; a room that gets fuller than its facility allows refuses the change."""
    rows: dict[Any, Room] = {row.id: row for row in await session.scalars(select(Room).order_by(col(Room.id)))}
    for full in effect.grown:
        limit = rows[full.room_id].day_limit
        if limit is not None and full.places > limit:
            raise RoomOverLimit(
                room=rows[full.room_id].name, day=f"{full.day:%d/%m/%Y}", places=full.places, limit=limit
            )
    return {row_id: row.name for row_id, row in rows.items()}
