"""The real scheduler with short waits, for tests to kill: `python -m tests.quick_scheduler [claimed|answered]`.

With an argument it says "paused" and stands still at that point, for ever: a place to kill it at. The pause is made
here, from outside; the product knows nothing of it.

Each scheduler runs every job as it starts, and those that never touch a text or a visit are three quarters of that:
they are left out, but in `make test-all`. With all of them are those of tests/daylight_scheduler.py and the fresh
process of test_sender_kill.py.
"""

import asyncio
import os
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NoReturn

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.messages import outbox
from booking.messages.kinds import MessageState
from booking.messages.models import Message
from booking.messages.outbox import Pace
from scheduler import timetable
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
BESIDE = frozenset({
    "check_invariants", "disable_idle", "follow_orders", "housekeeping", "lapse_invitations", "publish_slots",
    "read_shown", "renew_training", "say_alive", "seal_audit", "tell_invitations",
})  # fmt: skip
"""Jobs that neither send a text nor decide about one."""
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


def without_the_others() -> None:
    """Run no job but those that texts and visits hang on; in a full run all the same."""
    every = timetable.jobs

    def some(*given: Any) -> list[timetable.Job]:
        jobs = every(*given)
        assert {job.name for job in jobs} > BESIDE
        return [job for job in jobs if job.name not in BESIDE]

    if os.environ.get("HENKHAM_TESTS_FULL") != "1":
        setattr(timetable, "jobs", some)  # noqa: B010  the product's function, replaced for this process


async def all_due(session: AsyncSession, *, now: datetime, **_: int) -> tuple[int, int]:
    """A guard taken away: what may have been posted is due like what was only claimed."""
    leased = col(Message.lease_until) <= now
    await session.execute(update(Message).where(leased).values(state=MessageState.DUE, lease_until=None))
    return 0, 0


if __name__ == "__main__":
    without_the_others()
    for point in sys.argv[1:]:
        stand_still_at(point)
    main(pace=QUICK)
