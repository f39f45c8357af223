"""Batches of rows of which one may be at fault: the others are seen to, and it is named.

A batch is one transaction, as long as all goes well. Where something in it fails (a value sealed under a key that
nobody has any more), its rows are gone through one by one, and those that fail alone are left out until the next run.
"""

import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from booking.clock import utc_now
from booking.db import Database, is_lost
from booking.trail import observing

log = logging.getLogger(__name__)

Waiting = Callable[[AsyncSession, Collection[int]], Awaitable[Sequence[int]]]
"""Ids of the next rows that wait, in their order, without these; it reads nothing that may be unreadable."""
Work = Callable[[AsyncSession, Sequence[int]], Awaitable[int]]
"""What is done with them; how many it was done with."""

_NAMED_MOST: Final = 20


async def through(db: Database, waiting: Waiting, work: Work) -> tuple[int, list[int]]:
    """Work through all rows that wait, each once; how many were done, and the ids of those that cannot be."""
    done, seen, left_out = 0, set[int](), list[int]()
    while True:
        async with db.transaction() as session:
            ids = await waiting(session, seen)
        if not ids:
            return done, left_out
        seen.update(ids)
        try:
            async with db.transaction() as session:
                done += await work(session, ids)
        except Exception as trouble:
            if is_lost(trouble):  # the database's trouble, not a row's
                raise
            done += await _each(db, ids, work, left_out)


async def _each(db: Database, ids: Sequence[int], work: Work, left_out: list[int]) -> int:
    async def one(session: AsyncSession, row: int) -> int:
        return await work(session, [row])

    return await each(db, ids, one, left_out)


async def each(
    db: Database, ids: Sequence[int], work: Callable[[AsyncSession, int], Awaitable[int]], left_out: list[int]
) -> int:
    """A transaction for each row; how many were done. Those that fail are added to `left_out` and named in the log."""
    done = 0
    for row in ids:
        try:
            async with db.transaction() as session:
                done += await work(session, row)
        except Exception as trouble:
            if is_lost(trouble):
                raise
            log.exception("a row is left out: what it holds makes the work fail", extra={"facts": {"rows": row}})
            left_out.append(row)
    return done


async def told(db: Database, job: str, left_out: Sequence[int]) -> None:
    """Let monitoring know how many rows a job left out; 0 where it left out none."""
    async with db.transaction() as session:
        await observing.observe(session, observing.ROWS_LEFT_OUT, {job: float(len(left_out))}, now=utc_now())
    if left_out:
        facts = {"job": job, "count": len(left_out), "rows": sorted(left_out)[:_NAMED_MOST]}
        log.error("rows are left out", extra={"facts": facts})
