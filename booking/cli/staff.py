"""`henkham staff`: accounts from the command line of the house, above all the first one."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking import clock, ids, sealed
from booking.access import passwords, service
from booking.access.commands import AddStaff
from booking.access.models import Staff
from booking.actor import system
from booking.cli.terminal import say
from booking.db import Database
from booking.errors import BookingError
from booking.settings import Settings
from booking.web.problems import sentence

DONE: Final = 0
REFUSED: Final = 2
_BY = system("henkham staff")


def add(settings: Settings, command: AddStaff) -> int:
    """Make an account and print its first password, once; the exit code."""
    first = ids.passphrase()
    hashed = passwords.hash_password(first)

    async def work(session: AsyncSession) -> None:
        await service.add(session, command, asker=None, password=hashed, by=_BY, now=clock.utc_now())

    code = _run(settings, work)
    if code == DONE:
        _say_password(command.username, first)
    return code


def reset(settings: Settings, username: str) -> int:
    """Give somebody a new first password and take her authenticator away; the exit code."""
    first = ids.passphrase()
    hashed = passwords.hash_password(first)

    async def work(session: AsyncSession) -> None:
        await service.reset_password(session, username, asker=None, password=hashed, by=_BY, now=clock.utc_now())

    code = _run(settings, work)
    if code == DONE:
        _say_password(username, first)
    return code


def show(settings: Settings) -> int:
    """List all accounts; the exit code."""

    async def work(session: AsyncSession) -> None:
        for staff in await session.scalars(select(Staff).order_by(col(Staff.username))):
            say(f"{staff.username:<24} {staff.role:<12} {staff.state:<9} {staff.name}")

    return _run(settings, work)


def _say_password(username: str, first: str) -> None:
    say(f"{username} signs in at /desk with this first password and must then choose one:")
    say(f"  {first}")
    say("It is shown only now and stored nowhere.")


def _run(settings: Settings, work: Callable[[AsyncSession], Awaitable[None]]) -> int:
    async def go() -> None:
        database = Database(settings.database_url, pool=1, application="henkham-staff")
        try:
            async with database.transaction() as session:
                await work(session)
        finally:
            await database.close()

    sealed.install(settings.keyring())
    try:
        asyncio.run(go())
    except BookingError as refused:
        print(*sentence(refused, "en"), file=sys.stderr)
        return REFUSED
    return DONE
