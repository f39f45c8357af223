"""`henkham keys status` and `henkham keys rotate`: under which key the encrypted columns are, and sealing them anew."""

import asyncio
from typing import Final

from booking import keyed, sealed
from booking.cli.terminal import say, told_to_start
from booking.db import Database
from booking.migrations import resealing
from booking.sealed import UnsealError
from booking.settings import Settings

DONE: Final = 0
LEFT: Final = 1
UNREADABLE: Final = 2


def status(settings: Settings) -> int:
    """Say how many values stand under which key. Exit code 1: some under another than the current one."""
    found = asyncio.run(_status(settings))
    for name, keys in sorted(found.items()):
        say(f"  {name}: " + ", ".join(f"{count} under {key}" for key, count in sorted(keys.items())))
    return _judged(settings, found)


def rotate(settings: Settings) -> int:
    """Seal everything under the current key, while the service runs; may be stopped and begun again."""
    sealed.install(settings.keyring())
    with told_to_start():
        keyed.agree_at_start(settings)
    try:
        done = asyncio.run(_rotate(settings))
    except UnsealError as problem:
        say(f"There are values under the key {problem}, which is not in HENKHAM_SEAL_KEYS_OLD. Nothing was lost.")
        return UNREADABLE
    say(f"{done} values were sealed anew.")
    return _judged(settings, asyncio.run(_status(settings)))


def _judged(settings: Settings, found: dict[str, dict[str, int]]) -> int:
    others = sorted({key for keys in found.values() for key in keys} - {settings.seal_key_id})
    if not others:
        say(f"Everything is under {settings.seal_key_id}: earlier keys may go from HENKHAM_SEAL_KEYS_OLD.")
        return DONE
    say(f"Still in use: {', '.join(others)}. Run `henkham keys rotate`.")
    return LEFT


async def _status(settings: Settings) -> dict[str, dict[str, int]]:
    database = Database(settings.database_url, pool=1, application="henkham-keys")
    try:
        async with database.transaction() as session:
            return {place.name: await resealing.by_key(session, place) for place in resealing.places()}
    finally:
        await database.close()


async def _rotate(settings: Settings) -> int:
    database = Database(settings.database_url, pool=1, application="henkham-keys")
    ring, done = settings.keyring(), 0
    try:
        for place in resealing.places():
            while True:
                async with database.transaction() as session:
                    count = await resealing.reseal(session, place, ring)
                done += count
                if count == 0:
                    break
    finally:
        await database.close()
    return done
