"""`henkham check`: would the processes start with these settings, and does their database answer?"""

import asyncio
import sys

import asyncpg
from sqlalchemy import text

from booking import keyed
from booking.access import known
from booking.cli.terminal import say, told_to_start
from booking.db import Database
from booking.migrations.needed import head, is_behind
from booking.settings import Settings
from booking.sms import template

UNREACHED = 1
NOT_MIGRATED = 3


def run(settings: Settings) -> int:
    """Say what is wrong, in lines that a person can act on; changes nothing.

    Args:
        settings: of the process that is to start; they were read without fault.

    Returns:
        0 where nothing is wrong, `UNREACHED` or `NOT_MIGRATED`; files that settings name and that are at fault, and
        keys that are not this database's, end the process as they would end a start.
    """
    with told_to_start():
        known.check_file(settings.breached_passwords)
        if settings.gateway_name == "brandname":
            template.of(settings)
        elif settings.brandname_template is not None:  # of a former gateway, whose receipts still come
            template.load(settings.brandname_template)
    try:
        found = asyncio.run(_revision(settings))
    except Exception as problem:  # noqa: BLE001  whatever it is, the database cannot be used as it is told
        print(f"The database of DATABASE_URL does not answer: {_words(problem)}", file=sys.stderr)
        return UNREACHED
    if is_behind(found):
        print(f"The schema is at {found or 'nothing'}; this version needs {head()}: migrate", file=sys.stderr)
        return NOT_MIGRATED
    with told_to_start():
        asyncio.run(_compared(settings))
    say(f"The settings are whole, the database answers, its schema is at {found}, its keys are ours.")
    return 0


def _words(problem: Exception) -> str:
    """What the server or the network said; of anything else the kind alone, for it may quote a part of the address."""
    said: BaseException | None = problem
    while said is not None and not isinstance(said, OSError | asyncpg.PostgresError):
        said = said.__cause__ or said.__context__
    return type(problem).__name__ if said is None else f"{type(said).__name__}: {said}"


async def _compared(settings: Settings) -> None:
    database = Database(settings.database_url, pool=1, application="henkham-check")
    try:
        await keyed.compare(database, settings)
    finally:
        await database.close()


async def _revision(settings: Settings) -> str | None:
    database = Database(settings.database_url, pool=1, application="henkham-check")
    try:
        async with database.transaction() as session:
            there = await session.execute(text("SELECT to_regclass('alembic_version') IS NOT NULL"))
            if not there.scalar():
                return None
            found: str | None = await session.scalar(text("SELECT version_num FROM alembic_version"))
            return found
    finally:
        await database.close()
