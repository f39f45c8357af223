"""`henkham publish`: what the scheduler does every hour, by hand and at once."""

import asyncio
import sys
from typing import Final

from booking import clock
from booking.actor import system
from booking.availability.commands import PublishSlots
from booking.availability.publishing import Published
from booking.cli.terminal import say
from booking.db import Database
from booking.directory.errors import FacilityUnknown
from booking.exchange import service
from booking.settings import Settings
from scheduler.jobs import publish_slots
from scheduler.jobs.publish_slots import SomeNotPublishedError

DONE: Final = 0
SOME_LEFT: Final = 1
NO_SUCH_FACILITY: Final = 2


def run(settings: Settings, *, facility: str | None, days: int | None) -> int:
    """Publish and say what was done; the exit code of the command."""
    command = PublishSlots(facility=facility, horizon_days=days or settings.horizon_days)
    try:
        done = asyncio.run(_publish(settings, command))
    except FacilityUnknown:
        print(f"There is no facility {facility}. Nothing was published.", file=sys.stderr)
        return NO_SUCH_FACILITY
    except SomeNotPublishedError as left:
        print(f"Not published, for the reasons above: {left}. All others were.", file=sys.stderr)
        return SOME_LEFT
    where = command.facility or "all facilities"
    say(f"Published {where}, today and {command.horizon_days} days ahead.")
    say(f"New: {done.sessions} sessions, {done.slots} slots. Slots with another end: {done.resized}.")
    say(f"By timetable and calendar {done.closed} slots were closed and {done.opened} opened.")
    return DONE


async def _publish(settings: Settings, command: PublishSlots) -> Published:
    """Through the exchange: what a hospital has given away already is not open for a moment."""
    database = Database(settings.database_url, pool=1, application="henkham-publish")
    now = clock.utc_now()
    try:
        if command.facility is None:
            return await publish_slots.run(database, now=now, horizon_days=command.horizon_days, by="publish")
        async with database.transaction() as session:
            return await service.publish(session, command, by=system("publish"), now=now)
    finally:
        await database.close()
