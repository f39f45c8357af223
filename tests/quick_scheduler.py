"""The real scheduler with short waits, for tests to kill: `python -m tests.quick_scheduler [claimed|answered]`.

With an argument it says "paused" and stands still at that point, for ever: a place to kill it at. The pause is made
here, from outside; the product knows nothing of it.
"""

import asyncio
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NoReturn

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.messages import outbox
from booking.messages.kinds import MessageState
from booking.messages.models import Message
from booking.messages.outbox import Pace
from scheduler.__main__ import main

QUICK = Pace(
    claimed=timedelta(seconds=1),
    sending=timedelta(seconds=2),
    settle_every=timedelta(seconds=0.2),
    first_look=timedelta(seconds=0.2),
    next_look=timedelta(seconds=0.2),
    later_look=timedelta(seconds=0.5),
    second_send=timedelta(seconds=3),
)
PATIENT = replace(QUICK, sending=timedelta(seconds=6), second_send=timedelta(seconds=15), fresh=timedelta(seconds=30))
"""Where many schedulers share a busy machine: nobody is taken for dead, and no look for old, who is only slow."""
POINTS = {"claimed": "begin", "answered": "record"}
"""Where to stand still: before this step of the outbox."""


async def _stand_still(*_: object, **__: object) -> NoReturn:
    sys.stdout.write("paused\n")
    sys.stdout.flush()
    await asyncio.Event().wait()
    raise AssertionError


def stand_still_at(point: str) -> None:
    """Stand still before that step of the outbox, and say so."""
    setattr(outbox, POINTS[point], _stand_still)


async def all_due(session: AsyncSession, *, now: datetime, **_: int) -> tuple[int, int]:
    """A guard taken away: what may have been posted is due like what was only claimed."""
    leased = col(Message.lease_until) <= now
    await session.execute(update(Message).where(leased).values(state=MessageState.DUE, lease_until=None))
    return 0, 0


if __name__ == "__main__":
    for point in sys.argv[1:]:
        stand_still_at(point)
    main(pace=QUICK)
