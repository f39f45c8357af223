"""`henkham places`: where each facility stands, entered once somebody has confirmed it."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from booking import clock
from booking.actor import system
from booking.cli.terminal import say
from booking.db import Database
from booking.directory import queries, upkeep
from booking.directory.errors import FacilityUnknown
from booking.directory.keeping import Locate
from booking.settings import Settings

DONE: Final = 0
NOTHING_CHANGED: Final = 1
REFUSED: Final = 2

T = TypeVar("T")


def show(settings: Settings, *, missing: bool) -> int:
    """Print the facilities, one a line: code, latitude, longitude (or unknown), name."""
    found = asyncio.run(_in_transaction(settings, queries.facilities))
    lines = [
        f"{one.code}\t{_position(one.latitude, one.longitude)}\t{one.name}"
        for one in found
        if not (missing and one.latitude is not None)
    ]
    for line in lines:
        say(line)
    return DONE if lines else NOTHING_CHANGED


def _position(latitude: float | None, longitude: float | None) -> str:
    return "unknown" if latitude is None or longitude is None else f"{latitude:.6f}\t{longitude:.6f}"


def locate(settings: Settings, *, facility: str, latitude: float, longitude: float) -> int:
    """Enter where a facility stands."""
    try:
        command = Locate(facility=facility, latitude=latitude, longitude=longitude)
    except ValidationError as problem:
        return _refused("; ".join(f"{error['loc'][0]}: {error['msg']}" for error in problem.errors()))
    return _changed(settings, command, f"{facility}\t{_position(latitude, longitude)}")


def forget(settings: Settings, *, facility: str) -> int:
    """Take the position of a facility away."""
    return _changed(settings, facility, f"{facility}\tunknown")


def _changed(settings: Settings, command: Locate | str, line: str) -> int:
    async def work(session: AsyncSession) -> bool:
        return await upkeep.locate(session, command, by=system("places"), now=clock.utc_now())

    try:
        changed = asyncio.run(_in_transaction(settings, work))
    except FacilityUnknown:
        return _refused("there is no facility of this code")
    say(f"{'Entered' if changed else 'It was so already'}: {line}")
    return DONE if changed else NOTHING_CHANGED


def _refused(why: str) -> int:
    print(f"Nothing was changed: {why}.", file=sys.stderr)
    return REFUSED


async def _in_transaction(settings: Settings, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    database = Database(settings.database_url, pool=1, application="henkham-places")
    try:
        async with database.transaction() as session:
            return await work(session)
    finally:
        await database.close()
