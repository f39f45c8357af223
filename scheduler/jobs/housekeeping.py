"""Once a day, at night: remove what is older than docs/operations.md, "What is kept, and how long".

Each kind goes by itself, a batch to a transaction, so that nobody waits for a night's work, and what fails keeps
nothing else from going. A kind is done for the day when nothing was left; what was stopped goes on at the next run.
After each batch it rests as long as that took: what has waited for months takes half of the database's time at most.
"""

import asyncio
import logging
import time as clocks
from datetime import datetime, time
from pathlib import Path
from typing import Final

from sqlalchemy import text

from booking import clock
from booking.db import Database
from booking.retention import feeds
from booking.retention.table import TABLE, Kept, Sweep
from booking.trail.forgetting import first_run, was_run
from scheduler.exports.feed_folder import FeedFolder, drop_folder
from scheduler.exports.servers import beside
from scheduler.outgoing.terms_file import TermsFolder

log = logging.getLogger(__name__)

NIGHTLY: Final = time(2, 30)
_REST_MOST: Final = 1.0
"""Seconds."""

_LOCK: Final = text("SELECT pg_try_advisory_xact_lock(hashtext('housekeeping'), hashtext(:kind))")


async def run(db: Database, *, now: datetime | None = None, feeds_dir: Path | None = None) -> int:
    """How many rows and files were removed; 0 before tonight's time and when somebody did it already."""
    now = now or clock.utc_now()
    due = clock.at_local(clock.local_day(now), NIGHTLY)
    if now < due:
        return 0
    removed = 0
    for kept in TABLE:
        if kept.sweep is None:
            continue
        try:
            removed += await _swept(db, kept, kept.sweep, due, now)
        except Exception:  # the others are as old; this one is tried again by the next run
            log.exception("housekeeping failed", extra={"facts": {"job": kept.name}})
    if feeds_dir is not None:
        removed += tidy(feeds_dir, now=now)
    if removed:
        log.info("housekeeping done", extra={"facts": {"count": removed}})
    return removed


async def _swept(db: Database, kept: Kept, sweep: Sweep, due: datetime, now: datetime) -> int:
    """Batch after batch of one kind, until nothing is left or another scheduler is at it."""
    name, removed = f"housekeeping: {kept.name}", 0
    while True:
        begun = clocks.monotonic()
        async with db.transaction() as session:
            if not (await session.execute(_LOCK, {"kind": kept.name})).scalar_one():
                return removed
            if await was_run(session, name, due):
                return removed
            gone = await sweep(session, now=now)
            if gone == 0:
                await first_run(session, name, due, now=now)
        removed += gone
        if gone == 0:
            return removed
        await asyncio.sleep(min(clocks.monotonic() - begun, _REST_MOST))


def tidy(feeds_dir: Path, *, now: datetime) -> int:
    """Remove files of feeds that were put away long ago; how many. Whatever cannot be removed is said."""
    removed = 0
    for folder in _folders(feeds_dir):
        try:
            for path in feeds.old_files(folder, now=now):
                path.unlink(missing_ok=True)
                removed += 1
        except OSError as error:
            log.warning("an old file cannot be removed", extra={"facts": {"reason": str(error.strerror)}})
    return removed


def _folders(feeds_dir: Path) -> set[Path]:
    """Where files of hospitals are put away: exports, and answers to what we told."""
    known, _ = FeedFolder().look(feeds_dir)
    terms, _ = TermsFolder().look(feeds_dir)
    answers = {beside(feeds_dir, each.answers.folder) for each in terms if each.answers is not None}
    return answers | {folder for feed in known if (folder := drop_folder(feed, feeds_dir)) is not None}
