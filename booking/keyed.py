"""Before a process works: whether its keys are those of its database."""

import asyncio
import logging
import os
import signal
from typing import Final

from booking import clock
from booking.db import Database
from booking.settings import Settings, SettingsError
from booking.trail import key_signs

log = logging.getLogger(__name__)

_AGAIN: Final = 5.0
"""Seconds between two questions to a database that does not answer."""


async def agree(db: Database, settings: Settings) -> None:
    """Compare the keys with the database's, and put down those it does not know yet.

    Raises:
        SettingsError: they are others than the database is written with.
    """
    async with db.transaction() as session:
        problems = await key_signs.agree(session, settings.keyring(), now=clock.utc_now())
    if problems:
        raise SettingsError(problems)


async def compare(db: Database, settings: Settings) -> None:
    """Likewise, changing nothing. Raises as `agree`."""
    async with db.transaction() as session:
        problems = await key_signs.compare(session, settings.keyring())
    if problems:
        raise SettingsError(problems)


def agree_at_start(settings: Settings) -> None:
    """`agree`, before there is an event loop; a database that does not answer is asked again by what starts then.

    Raises:
        SettingsError: the keys are others than the database is written with.
    """
    asyncio.run(_once(settings))


async def end_where_others(db: Database, settings: Settings) -> None:
    """Ask until the database has answered; end the process where its keys are others.

    A start does not wait for a database that is away, so what starts then must ask again. The process ends by a signal
    to itself: who supervises it starts it anew, and that start says what is wrong.
    """
    while True:
        try:
            await agree(db, settings)
        except SettingsError as problem:
            log.critical(
                "the keys are not those of the database: this process ends",
                extra={"facts": {"count": len(problem.problems)}},
            )
            os.kill(os.getpid(), signal.SIGTERM)
            return
        except Exception:  # noqa: BLE001  it does not answer, whatever the reason
            await asyncio.sleep(_AGAIN)
        else:
            return


async def _once(settings: Settings) -> None:
    db = Database(settings.database_url, pool=1, application="henkham-keys")
    try:
        await agree(db, settings)
    except SettingsError:
        raise
    except Exception:  # noqa: BLE001  whatever it is, the keys are not at fault
        log.warning("the keys could not be compared with the database's yet")
    finally:
        await db.close()
