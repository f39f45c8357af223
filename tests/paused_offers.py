"""The job that makes offers, standing still in the middle of its work: `python -m tests.paused_offers`.

It says "paused" where an offer has ended, its place was freed and taken again for the next one, and her text is to be
written: a place to kill it at. The pause is made here, from outside; the product knows nothing of it.
"""

import asyncio
import sys
from typing import NoReturn

from booking import sealed
from booking.appointments.waitlist import rules
from booking.db import Database
from booking.messages import service
from booking.settings import load
from scheduler.jobs import make_offers


async def _stand_still(*_: object, **__: object) -> NoReturn:
    sys.stdout.write("paused\n")
    sys.stdout.flush()
    await asyncio.Event().wait()
    raise AssertionError


if __name__ == "__main__":
    settings = load()
    sealed.install(settings.keyring())
    setattr(service, "write", _stand_still)  # noqa: B010  the product's function, replaced for this process
    setattr(rules, "telling", lambda *_: True)  # noqa: B010
    asyncio.run(make_offers.run(Database(settings.database_url, pool=2)))
