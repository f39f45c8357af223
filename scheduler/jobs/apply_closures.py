"""Closings with people inside: go through the visits, or put them back, one transaction each."""

from datetime import datetime

from booking.appointments.closing import applying, undoing
from booking.appointments.closing.kinds import ClosingState
from booking.clock import utc_now
from booking.db import Database


async def run(db: Database, *, now: datetime | None = None, most: int = 100) -> int:
    """How many visits were seen to; with no closing at work one look at an index, and no more.

    Whoever is killed loses at most the visit at hand, which was not changed. Two schedulers at once do what one does.
    """
    async with db.transaction() as session:
        found = await applying.at_work(session)
    done = 0
    for closing_id, state in found:
        if state is ClosingState.UNDOING:
            done += await _undo(db, closing_id, now=now, most=most)
        else:
            done += await _apply(db, closing_id, now=now, most=most)
    return done


async def _apply(db: Database, closing_id: int, *, now: datetime | None, most: int) -> int:
    done = 0
    while True:
        async with db.transaction() as session:
            visits = await applying.left(session, closing_id, most=most)
        changed = 0
        for visit in visits:
            async with db.transaction() as session:
                changed += await applying.settle(session, closing_id, visit, now=now or utc_now())
        done += changed
        if not visits or not changed:  # somebody else works on the same, or it is being undone
            break
    async with db.transaction() as session:
        await applying.finish(session, closing_id, now=now or utc_now())
    return done


async def _undo(db: Database, closing_id: int, *, now: datetime | None, most: int) -> int:
    done = 0
    while True:
        async with db.transaction() as session:
            rows = await undoing.left(session, closing_id, most=most)
        changed = 0
        for row in rows:
            async with db.transaction() as session:
                changed += await undoing.restore(session, row, now=now or utc_now())
        done += changed
        if not rows or not changed:
            break
    async with db.transaction() as session:
        await undoing.finish(session, closing_id, now=now or utc_now())
    return done


async def reach_on(db: Database, *, now: datetime | None = None) -> int:
    """Times published since in the span of a closing are closed, too; how many closings that concerned."""
    async with db.transaction() as session:
        found = await applying.reaching_on(session, now=now or utc_now())
    reached = 0
    for closing_id in found:
        async with db.transaction() as session:
            reached += await applying.reach(session, closing_id, now=now or utc_now())
    return reached
