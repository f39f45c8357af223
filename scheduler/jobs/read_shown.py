"""Read what staff show at the desk, and say what it would do: the same as `feed check` and `feed draft`.

One file at a time, read by a process of its own; nothing is applied. An hour later it is gone.
"""

import asyncio
import logging
import tempfile
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from booking.clock import local_day
from booking.db import Database
from booking.directory.errors import FacilityUnknown, ServiceUnknown
from booking.exchange import queries
from booking.exchange.commands import ApplyExport, Content, Terms
from booking.exchange.errors import ExportUnreadable
from booking.exchange.rules import StagedRow
from booking.exchange.shown import service as shown
from booking.exchange.shown.service import Claimed
from scheduler.exports import slip_checking, slip_intake
from scheduler.exports.apart import LIMITS, ReaderLost
from scheduler.exports.checking import read_stream, within
from scheduler.exports.confinement import Limits
from scheduler.exports.drafting.confined import draft_apart
from scheduler.exports.feed import Feed
from scheduler.exports.feed_folder import FeedFolder
from scheduler.exports.report import Report
from scheduler.exports.slip_feed import AnyFeed, SlipFeed
from scheduler.exports.wording import explain_unreadable

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Desk:
    """What one process remembers from run to run.

    Attributes:
        feeds_dir: the folder of feeds; None: there is none, and only drafts are made.
    """

    feeds_dir: Path | None = None
    feeds: FeedFolder = field(default_factory=FeedFolder)
    limits: Limits = LIMITS


async def run(db: Database, *, now: datetime, desk: Desk) -> list[int]:
    """Read what waits, and forget what is an hour old; the ids of what was read."""
    async with db.transaction() as session:
        await shown.forget(session, now=now)
    done: list[int] = []
    while True:
        async with db.transaction() as session:
            claimed = await shown.claim(session, now=now)
        if claimed is None:
            return done
        try:
            told = await _one(db, claimed, desk, now=now)
        except ReaderLost:
            log.error("the process that reads exports has gone; the file waits", extra={"facts": {"id": claimed.id}})  # noqa: TRY400  its words say all
            return done
        async with db.transaction() as session:
            await shown.tell(session, claimed.id, told)
        done.append(claimed.id)


async def _one(db: Database, claimed: Claimed, desk: Desk, *, now: datetime) -> dict[str, Any]:
    with cast("BinaryIO", tempfile.TemporaryFile()) as file:
        await _gather(db, claimed.id, file)
        try:
            if not claimed.feed:
                return await asyncio.to_thread(_drafted, claimed, file, desk.limits, now)
            feed = await asyncio.to_thread(_feed_named, claimed, desk)
            if feed is None:
                return {"problem": "no_feed"}
            if isinstance(feed, SlipFeed):
                return await _slips(db, feed, file, desk.limits, now=now)
            return await _checked(db, feed, claimed, file, desk.limits, now=now)
        except ExportUnreadable as error:
            why = {"reason": error.reason.value, "text": explain_unreadable(error)}
            return {"readable": False, "unreadable": why, "facts": unreadable_facts(error)}
        except ReaderLost:
            raise
        except Exception:  # what one file makes fail stops no other
            log.exception("a file that was shown could not be dealt with", extra={"facts": {"id": claimed.id}})
            return {"problem": "failed"}


def unreadable_facts(error: ExportUnreadable) -> dict[str, Any]:
    """Facts that JSON keeps."""
    return {name: fact for name, fact in error.facts.items() if isinstance(fact, str | int) and name != "reason"}


async def _gather(db: Database, shown_id: int, file: BinaryIO) -> None:
    """Its pieces, one after the other, into a file without a name."""
    async with db.transaction() as session:
        many = await shown.pieces(session, shown_id)
        for number in range(many):
            piece = await shown.piece(session, shown_id, number)
            file.write(piece)
    file.flush()
    file.seek(0)


def _feed_named(claimed: Claimed, desk: Desk) -> AnyFeed | None:
    """The feed in force of this name, where it speaks of the facility of whoever asks."""
    feeds = desk.feeds.look(desk.feeds_dir)[0] if desk.feeds_dir is not None else []
    found = [each for each in feeds if each.code == claimed.feed and each.facility == claimed.facility]
    return found[0] if found else None


def _drafted(claimed: Claimed, file: BinaryIO, limits: Limits, now: datetime) -> dict[str, Any]:
    text, untold, why = draft_apart(
        file, facility=claimed.facility, name=claimed.name, today=local_day(now), limits=limits
    )
    return {"draft": text or None, "untold": untold, "why": why}


async def _checked(
    db: Database, feed: Feed, claimed: Claimed, file: BinaryIO, limits: Limits, *, now: datetime
) -> dict[str, Any]:
    rows, report = await asyncio.to_thread(read_stream, feed, file, today=local_day(now), limits=limits)
    told = report.as_json(with_busy=False)
    try:
        return told | {"calendar": await _calendar(db, feed, claimed, rows, report, now=now)}
    except FacilityUnknown:
        return told | {"calendar": None}


async def _slips(db: Database, feed: SlipFeed, file: BinaryIO, limits: Limits, *, now: datetime) -> dict[str, Any]:
    """Of a file of slips: what would become of them; None where the feed names a place or a service there is not."""
    found, report = await asyncio.to_thread(slip_checking.read_slips, feed, file, today=local_day(now), limits=limits)
    words = slip_checking.words_of(feed, found, received=now)
    try:
        return report.as_json() | {"slips": asdict(await slip_intake.would(db, feed, words, now=now))}
    except (FacilityUnknown, ServiceUnknown):
        return report.as_json() | {"slips": None}


async def _calendar(
    db: Database, feed: Feed, claimed: Claimed, rows: list[StagedRow], report: Report, *, now: datetime
) -> dict[str, Any]:
    """What would close and open, by the calendar and the last file; reading only."""
    content = Content(feed.code, feed.facility, "", claimed.name, b"", 0, {})
    terms = Terms(feed.absence.meaning, report.window, feed.slot_minutes(), feed.absence.ours_listed, feed.numbered)
    inside = within(feed, rows, report.window)
    command = ApplyExport(content, inside, report.signs, feed.guards.thresholds(), terms, report.traces)
    async with db.transaction() as session:
        plan = await queries.plan(session, command, now=now)
        picture = plan.picture
        patients = await queries.patients_in(session, picture.closed, now=now)
    reasons = [{"reason": reason.value, "facts": dict(facts)} for reason, facts in plan.verdict.reasons]
    return {
        "closing": len(picture.closed - picture.before),
        "opening": len(picture.before - picture.closed),
        "whole_closing": len(plan.whole - picture.before),
        "whole_opening": len(picture.before - plan.whole),
        "patients": len(patients),
        "stay": len(plan.changes.stay),
        "without_times": list(picture.without_times),
        "first": plan.first,
        "verdict": {"kind": plan.verdict.kind.value, "reasons": reasons},
    }
