"""Publishing, closing and opening slots. What became of the people inside is asked elsewhere (appointments)."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from booking.actor import Actor
from booking.availability import closing, publishing
from booking.availability.closing import Settled
from booking.availability.commands import PublishSlots
from booking.availability.publishing import Published
from booking.trail.service import record


async def publish(session: AsyncSession, command: PublishSlots, *, by: Actor, now: datetime) -> Published:
    """Make the sessions and slots of the coming days, and close those that are planned no longer.

    Nothing is ever deleted. The same again changes nothing, and two at once do what one does.

    Raises:
        FacilityUnknown: the command names a facility there is none of.
    """
    done = await publishing.run(session, command, now=now)
    if done.changed:
        record(session, "slots.publish", "timetable", command.facility or "all", by=by, now=now, counts=done.counts())
    return done


async def settle_closures(
    session: AsyncSession,
    source: str,
    *,
    within: Collection[int],
    wanted: Mapping[int, str],
    by: Actor,
    now: datetime,
) -> Settled:
    """Make `source` close exactly `wanted` (slot id to reason) among the slots of `within`, in one go.

    Whoever both closes and opens in a transaction does it here: all locks are then taken in one order. Visits already
    booked in a closed slot stay, and a slot that another source closes stays closed.

    Raises:
        LookupError: a slot does not exist.
    """
    ids = {*within, *wanted}
    if not ids:
        return Settled()
    await closing.lock(session, ids)
    done = await closing.settle(session, within=ids, wanted={source: wanted}, now=now)
    if done.changes:
        closed, opened = len(done.closed), len(done.opened)
        record(
            session, "slots.settle", "closures", source, by=by, now=now,
            changes=done.changes, closed=closed, opened=opened,
        )  # fmt: skip
    return done
