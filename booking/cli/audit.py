"""`henkham audit verify`: whether the audit is as it was written."""

import asyncio
from typing import Final

from booking import clock, sealed
from booking.cli.terminal import say
from booking.db import Database
from booking.settings import Settings
from booking.trail import sealing
from booking.trail.sealing import Verified

WHOLE: Final = 0
BROKEN: Final = 1

_WORDS: Final = {
    "changed": "events were changed, removed or added",
    "gap": "a seal before it is missing",
    "unsealed": "events wait for a seal: is the scheduler running?",
    "forged": "its old end was removed by somebody without our key",
    "early": "events were removed that were not 12 months old",
    "before": "events stand before the place where it begins",
}


def verify(settings: Settings) -> int:
    """Say what was found; the exit code."""
    sealed.install(settings.keyring())
    found = asyncio.run(_verify(settings))
    say(f"{found.seals} seals over {found.events} events.")
    if found.digest is not None:
        say(f"Newest seal: {found.digest.hex()} (compare it with the log's “audit sealed”)")
    for each in found.findings:
        where = f"seal {each.seal}" if each.seal is not None else "the end"
        say(f"  {where}, {each.since:%Y-%m-%d %H:%M} UTC: {_WORDS[each.what]}")
    say("The audit is whole." if not found.findings else "THE AUDIT IS NOT WHOLE.")
    return WHOLE if not found.findings else BROKEN


async def _verify(settings: Settings) -> Verified:
    database = Database(settings.database_url, pool=1, application="henkham-audit")
    try:
        async with database.transaction() as session:
            return await sealing.verify(session, now=clock.utc_now())
    finally:
        await database.close()
