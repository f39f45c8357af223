"""Closings with people inside: go through the visits, or put them back, one transaction each."""

import logging
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from functools import partial
from typing import Any

from booking.appointments.closing import applying, ending, undoing
from booking.appointments.closing.kinds import ClosingState
from booking.clock import utc_now
from booking.db import Database, is_lost
from scheduler import row_by_row

log = logging.getLogger(__name__)


async def run(db: Database, *, now: datetime | None = None, most: int = 100) -> int:
    """How many visits were seen to; with no closing at work one look at an index, and no more.

    Whoever is killed loses at most the visit at hand, which was not changed. Two schedulers at once do what one does.
    A visit that cannot be seen to stops no other, of this closing or the next: it is told at the end and tried again
    in the next run; its closing stays at work until then.

    Raises:
        ExceptionGroup: the troubles of single visits, after everybody else was seen to.
    """
    async with db.transaction() as session:
        found = await applying.at_work(session)
    done, troubles = 0, list[Exception]()
    for closing_id, state in found:
        if state is ClosingState.UNDOING:
            left, each, finish = undoing.left, undoing.restore, undoing.finish
        else:
            left, each, finish = applying.left, partial(_settle, closing_id), applying.finish
        done += await _through(db, closing_id, left, each, troubles, now=now, most=most)
        async with db.transaction() as session:
            await finish(session, closing_id, now=now or utc_now())
    if troubles:
        raise ExceptionGroup("visits of closings could not be seen to", troubles)
    return done


async def _through(
    db: Database,
    closing_id: int,
    left: Callable[..., Awaitable[Collection[int]]],
    each: Callable[..., Awaitable[bool]],
    troubles: list[Exception],
    *,
    now: datetime | None,
    most: int,
) -> int:
    """Every visit that is left, in pieces; those that cannot be seen to are passed over and their troubles kept."""
    done, passed = 0, set[int]()
    while True:
        async with db.transaction() as session:
            found = await left(session, closing_id, most=most, without=passed)
        changed, before = 0, len(passed)
        for one in found:
            try:
                async with db.transaction() as session:
                    changed += await each(session, one, now=now or utc_now())
            except Exception as trouble:
                if is_lost(trouble):  # the database's trouble, not the visit's
                    raise
                log.error("a visit of a closing could not be seen to", extra={"facts": {"rows": one}})  # noqa: TRY400
                troubles.append(trouble)
                passed.add(one)
        done += changed
        if not changed and len(passed) == before:  # none left, somebody else works on them, or it is being undone
            return done


async def _settle(closing_id: int, session: Any, visit: int, *, now: datetime) -> bool:
    return await applying.settle(session, closing_id, visit, now=now)


async def reach_on(db: Database, *, now: datetime | None = None) -> int:
    """Times published since in the span of a closing are closed, too; how many closings that concerned.

    Then those whom a closing had asked are told, where its times were opened again, that theirs takes place after all.
    """
    async with db.transaction() as session:
        found = await applying.reaching_on(session, now=now or utc_now())
    left_out = list[int]()
    reached = await row_by_row.each(db, found, partial(applying.reach, now=now or utc_now()), left_out)
    await _say_it_takes_place(db, left_out, now=now)
    await row_by_row.told(db, "reach_on", left_out)
    return reached


async def _say_it_takes_place(db: Database, left_out: list[int], *, now: datetime | None, most: int = 100) -> None:
    seen = set[int]()
    while True:
        async with db.transaction() as session:
            found = await ending.left(session, now=now or utc_now(), most=most, without=seen)
        await row_by_row.each(db, found, partial(ending.tell, now=now or utc_now()), left_out)
        seen.update(found)  # whoever somebody is changing this moment is looked at in the next run
        if not found:
            return
