"""What becomes of a file of re-examination slips: read apart, then taken in with its record, in one transaction."""

import asyncio
import logging
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import BinaryIO

from sqlalchemy.ext.asyncio import AsyncSession

from booking.actor import system
from booking.clock import local_day
from booking.db import Database
from booking.directory.errors import FacilityUnknown
from booking.exchange import queries, slip_files
from booking.exchange.commands import Content
from booking.exchange.guarding import Verdict
from booking.exchange.kinds import VerdictKind
from booking.exchange.lateness import WRITTEN
from booking.invitations import intake
from booking.invitations.intake import Taken, Word
from scheduler.exports import slips as words
from scheduler.exports.confinement import Limits
from scheduler.exports.report import verdict_as_json
from scheduler.exports.slip_checking import SlipReport, read_slips, words_of
from scheduler.exports.slip_feed import SlipFeed
from scheduler.exports.slips import Slip

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Read:
    """A file of slips as it was read."""

    content: Content
    slips: list[Word]
    report: SlipReport


@dataclass(frozen=True, slots=True)
class Done:
    """What became of it: whether a guard holds it and with which words; `taken` is None where nothing was done."""

    held: str | None = None
    taken: Taken | None = None


async def deal(
    db: Database, feed: SlipFeed, content: Content, stream: BinaryIO, slip: Slip, *, written: datetime, limits: Limits
) -> Done:
    """Read a file, which was written then, and take in its slips.

    Raises:
        ExportUnreadable: nothing of it can be used; the caller puts it aside.
        ReaderLost: nothing is known about it.
        FacilityUnknown, ServiceUnknown: the feed names what there is not.
    """
    if await _is_done(db, content, slip):
        return Done()
    read = await asyncio.to_thread(_read, feed, content, stream, slip, written, limits)

    async def once() -> tuple[Verdict, Taken | None]:
        async with db.transaction() as session:
            return await _apply(session, read, slip)

    verdict, taken = await db.until_known(once)
    held = verdict.kind is VerdictKind.HOLD
    facts = {"feed": slip.feed, "file": slip.sign, "state": verdict.kind.value, "rows": len(read.slips)}
    counts = {name: count for name, count in asdict(taken).items() if count} if taken else {}
    log.log(logging.WARNING if held else logging.INFO, "slips were read", extra={"facts": facts | counts})
    return Done(words.guarded(slip, verdict) if held else None, taken)


class _UndoneError(Exception):
    """Ends the transaction of a trial."""


async def would(db: Database, feed: SlipFeed, told: list[Word], *, now: datetime) -> Taken:
    """What would become of slips: taken in, counted, and undone.

    Raises:
        FacilityUnknown, ServiceUnknown: the feed names what there is not.
    """
    found: list[Taken] = []
    try:
        async with db.transaction() as session:
            if await queries.facility_of(session, feed.facility) is None:
                raise FacilityUnknown(facility=feed.facility)
            found.append(await intake.take(session, told, by=system("feed-check"), now=now))
            raise _UndoneError
    except _UndoneError:
        return found[0]


async def _is_done(db: Database, content: Content, slip: Slip) -> bool:
    async with db.transaction() as session:
        return (await slip_files.begin(session, content, now=slip.received)).done


def _read(feed: SlipFeed, content: Content, stream: BinaryIO, slip: Slip, written: datetime, limits: Limits) -> Read:
    found, report = read_slips(feed, stream, today=local_day(slip.received), limits=limits)
    told = words_of(feed, found, received=slip.received, written=written)
    return Read(replace(content, report=report.as_json() | {WRITTEN: written.isoformat()}), told, report)


async def _apply(session: AsyncSession, read: Read, slip: Slip) -> tuple[Verdict, Taken | None]:
    """One transaction; nothing is taken where a guard holds the file, or another scheduler was faster."""
    by = system(f"feed:{slip.feed}")
    begun = await slip_files.begin(session, read.content, now=slip.received)
    if begun.done:
        return read.report.verdict, None
    verdict = slip_files.judged(read.content, begun, read.report.verdict)
    if verdict.kind is VerdictKind.HOLD:
        held = replace(read.content, report={**read.content.report, "verdict": verdict_as_json(verdict)})
        await slip_files.finish(session, held, begun, None, by=by, now=slip.received)
        return verdict, None
    taken = await intake.take(session, read.slips, by=by, now=slip.received)
    await slip_files.finish(session, read.content, begun, asdict(taken), by=by, now=slip.received)
    return verdict, taken
