"""Read what hospitals' software dropped, apply it, put it away with a report. Run every 10 to 15 seconds.

Every step may be repeated: a file is moved only after its transaction was committed, and the content applied last is
not applied again. So a kill at any moment loses nothing, and two schedulers on one folder are harmless.
"""

import asyncio
import logging
import os
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from booking import ids
from booking.actor import Actor, system
from booking.clock import local_day
from booking.db import Database
from booking.directory.errors import FacilityUnknown, ServiceUnknown
from booking.exchange import hearing, queries, service
from booking.exchange.commands import ApplyExport, Content, Terms
from booking.exchange.errors import ExportUnreadable
from booking.exchange.kinds import FileState, UnreadableReason, VerdictKind
from booking.exchange.lateness import WRITTEN
from booking.exchange.log_sign import log_sign
from booking.exchange.our_visits import known_by_marks
from booking.exchange.service import Applied
from booking.exchange.shown import listing
from booking.exchange.shown.listing import Listed
from scheduler.exports import arrivals, slip_intake, slips
from scheduler.exports.apart import AT_ONCE, LIMITS, ReaderLost
from scheduler.exports.arrivals import DONE, HELD, QUARANTINE, Arrival, Changed, Sights, Taken
from scheduler.exports.checking import read_stream, unreadable_json, within
from scheduler.exports.confinement import Limits
from scheduler.exports.feed import Feed
from scheduler.exports.feed_folder import FeedFolder, drop_folder
from scheduler.exports.parts import definition_of
from scheduler.exports.slip_feed import AnyFeed, SlipFeed
from scheduler.exports.slips import Slip
from scheduler.exports.turns import Line, Turns
from scheduler.exports.wording import explain_unreadable

log = logging.getLogger(__name__)

_PERHAPS_CUT_OFF = frozenset({
    UnreadableReason.CANNOT_OPEN, UnreadableReason.EMPTY, UnreadableReason.NO_BYTE_ORDER_MARK,
    UnreadableReason.TRUNCATED, UnreadableReason.UNCLOSED_QUOTE, UnreadableReason.DAMAGED, UnreadableReason.CUT_OFF,
})  # fmt: skip


@dataclass(slots=True)
class Memory:
    """What one process remembers from run to run, losing which costs two looks at each waiting file; its limits."""

    feeds: FeedFolder = field(default_factory=FeedFolder)
    sights: Sights = field(default_factory=Sights)
    strange: set[tuple[str, str]] = field(default_factory=set)
    newest_slots: dict[str, int] = field(default_factory=dict)
    listed: list[Listed] | None = None
    limits: Limits = LIMITS
    seconds: float = 10
    """So long feeds have further turns in a run; what is left waits for the next run, which looks anew."""
    at_once: int = AT_ONCE
    """So many feeds have their turn at the same time."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run did with one file: where it went (None: it stays for now)."""

    feed: str
    file: str
    where: str | None
    applied: Applied | None = None


async def run(db: Database, feeds_dir: Path, *, now: datetime, memory: Memory) -> list[Outcome]:
    """Look once at every feed's folder. What goes wrong with one file or feed stops no other."""
    if not await asyncio.to_thread(feeds_dir.is_dir):
        _log_once(memory, "", str(feeds_dir), "the folder of feeds is not there")
    feeds, broken = await asyncio.to_thread(memory.feeds.look, feeds_dir)
    for each in broken:
        for problem in each.problems:
            log.error("a feed file cannot be used", extra={"facts": {"file": each.name, "reason": problem}})
    await _note_feeds(db, memory, now=now)

    async def look(busy: Collection[str]) -> list[Line]:
        folders = [(feed, drop_folder(feed, feeds_dir)) for feed in feeds if feed.code not in busy]
        return [Line(feed, iter(await _look(feed, folder, memory=memory))) for feed, folder in folders if folder]

    async def deal(feed: AnyFeed, arrival: Arrival) -> tuple[Outcome | None, bool]:
        outcome = await _tried(db, feed, arrival, now=now, memory=memory)
        return outcome, not await asyncio.to_thread(_stays, arrival, memory)

    done = await Turns(look, deal, at_once=memory.at_once, seconds=memory.seconds).run()
    outcomes = [outcome for outcome in done if outcome is not None]
    await _settle_anew(db, now=now, memory=memory)
    return outcomes


def _stays(arrival: Arrival, memory: Memory) -> bool:
    """Whether a file is still to be dealt with: those after it wait, or an older one would be applied over a newer."""
    if arrival.instead or memory.sights.settled.get(arrival.path) == arrival.mark:
        return False
    return os.path.lexists(arrival.path)


async def _note_feeds(db: Database, memory: Memory, *, now: datetime) -> None:
    """Which feeds there are and what is wrong with them, where that changed: pages and alarms read it."""
    found = memory.feeds.listed()
    if found == memory.listed:
        return
    async with db.transaction() as session:
        await listing.note(session, found, now=now)
    memory.listed = found


async def _look(feed: AnyFeed, folder: Path, *, memory: Memory) -> list[Arrival]:
    """The files of a feed that look complete."""
    try:
        ready, strange = await asyncio.to_thread(memory.sights.look, feed, folder)
    except OSError as error:
        comes = feed.source.sftp is not None or feed.source.https is not None
        if not (comes and isinstance(error, FileNotFoundError)):  # it is made with the first file that is fetched
            _log_once(memory, feed.code, str(error.strerror), "a drop folder cannot be read")
        return []
    for name in strange:
        _log_once(memory, feed.code, log_sign(name), "a folder in a drop folder is left alone")
    return ready


async def _tried(db: Database, feed: AnyFeed, arrival: Arrival, *, now: datetime, memory: Memory) -> Outcome | None:
    """What became of a file; None where something went wrong, which stops no other feed."""
    try:
        return await _one(db, feed, arrival, now=now, memory=memory)
    except FacilityUnknown:
        _log_once(memory, feed.code, feed.facility, "a feed names a facility that is not known; its files wait")
    except ServiceUnknown as unknown:
        name = str(unknown.facts.get("service"))
        _log_once(memory, feed.code, name, "a feed names a service that is not known; its files wait")
    except Exception:  # the file stays and is tried again, before those after it
        log.exception("a file could not be dealt with", extra={"facts": {"feed": feed.code}})
    return None


def _log_once(memory: Memory, feed: str, name: str, message: str) -> None:
    if (feed, name) not in memory.strange:
        memory.strange.add((feed, name))
        log.warning(message, extra={"facts": {"feed": feed, "file": name}})


async def _one(db: Database, feed: AnyFeed, arrival: Arrival, *, now: datetime, memory: Memory) -> Outcome:
    """Judge, then put away."""
    slip = Slip(feed.code, arrivals.plain_name(arrival.path.name), now)
    if not arrivals.has_plain_name(arrival.path):
        judged = Judged(QUARANTINE, slips.bad_name(slip))
    elif arrival.instead:
        judged = Judged(QUARANTINE, slips.no_file(slip, arrival.instead))
    else:
        judged = await _judge(db, feed, arrival, slip, memory.limits)
    where = await _put_away(arrival, judged, feed, memory=memory) if judged.where else None
    return Outcome(feed.code, slip.file, where, judged.applied)


@dataclass(frozen=True, slots=True)
class Judged:
    """What becomes of a file: where it goes (None: it waits), with which words."""

    where: str | None = None
    report: str | None = None
    applied: Applied | None = None


async def _judge(db: Database, feed: AnyFeed, arrival: Arrival, slip: Slip, limits: Limits) -> Judged:
    """Take a copy, and unless the content is done already, read and apply it."""
    try:
        taken = await asyncio.to_thread(arrivals.take, arrival, megabytes=feed.limits.megabytes)
    except (Changed, FileNotFoundError):
        return Judged()
    except ExportUnreadable as error:
        return Judged(QUARANTINE, slips.unreadable(slip, explain_unreadable(error))) if arrival.final else Judged()
    with taken.stream:
        try:
            return await _judge_content(db, feed, taken, slip, final=arrival.final, limits=limits)
        except ReaderLost:
            log.error("the process that reads exports has gone; the file waits", extra={"facts": {"feed": feed.code}})  # noqa: TRY400  its words say all
            return Judged()


async def _judge_content(
    db: Database, feed: AnyFeed, taken: Taken, slip: Slip, *, final: bool, limits: Limits
) -> Judged:
    content = _content(feed, taken, slip)
    try:
        if isinstance(feed, SlipFeed):
            written = _changed(taken, slip)
            done = await slip_intake.deal(db, feed, content, taken.stream, slip, written=written, limits=limits)
            return Judged(HELD if done.held else DONE, done.held)
        return await _judge_calendar(db, feed, content, taken, slip, limits=limits)
    except ExportUnreadable as error:
        if error.reason in _PERHAPS_CUT_OFF and not final:
            return Judged()
        return await _set_aside(db, content, slip, unreadable_json(feed, error), explain_unreadable(error))


async def _judge_calendar(
    db: Database, feed: Feed, content: Content, taken: Taken, slip: Slip, *, limits: Limits
) -> Judged:
    if await _is_done(db, content, now=slip.received):
        return Judged(DONE)
    # A key for this file alone: marks of two files cannot be compared, and this one is forgotten with them.
    key = ids.opaque_key(32).encode() if feed.marks_people else b""
    command = await asyncio.to_thread(_read, feed, content, taken, slip, limits, key)
    if key:
        async with db.transaction() as session:
            rows = await known_by_marks(session, feed.facility, command.rows, key)
        command = replace(command, rows=rows)
    return await _apply(db, command, slip)


def _content(feed: AnyFeed, taken: Taken, slip: Slip) -> Content:
    definition = definition_of(feed)
    old = feed.source.old_minutes
    of_slips = isinstance(feed, SlipFeed)
    return Content(feed.code, feed.facility, definition, slip.file, taken.sha256, taken.size, {}, old, of_slips)


def _read(feed: Feed, content: Content, taken: Taken, slip: Slip, limits: Limits, key: bytes) -> ApplyExport:
    """What the file says, by the feed alone."""
    today = local_day(slip.received)
    rows, report = read_stream(feed, taken.stream, today=today, limits=limits, key=key)
    window = feed.window(today)
    return ApplyExport(
        replace(content, report={**report.as_json(with_busy=False), WRITTEN: _changed(taken, slip).isoformat()}),
        rows=within(feed, rows, window),
        signs=report.signs,
        limits=feed.guards.thresholds(),
        terms=Terms(feed.absence.meaning, window, feed.slot_minutes(), feed.absence.ours_listed, feed.numbered),
        traces=report.traces,
    )


def _changed(taken: Taken, slip: Slip) -> datetime:
    """When the file was last changed. A clock ahead of ours must not make all that comes after it old."""
    changed = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=max(0, taken.changed) // 1000)
    return min(changed, slip.received)


async def _is_done(db: Database, content: Content, *, now: datetime) -> bool:
    """Whether nothing is left to do; the same content once more still says that it holds."""
    async with db.transaction() as session:
        done = await queries.done_before(session, content)
        if done is not None and done.facility_id is not None:
            await hearing.heard(session, content, done.facility_id, now=now)
        return done is not None


async def _apply(db: Database, command: ApplyExport, slip: Slip) -> Judged:
    async def once() -> Applied:
        async with db.transaction() as session:
            return await service.apply_file(session, command, by=_actor(slip.feed), now=slip.received)

    applied = await db.until_known(once)
    kind = applied.verdict.kind
    why = ", ".join(reason.value for reason, _ in applied.verdict.reasons)
    facts = {"feed": slip.feed, "file": slip.sign, "state": kind.value, "reason": why, "rows": len(command.rows)}
    level = logging.INFO if kind is VerdictKind.APPLY else logging.WARNING
    log.log(level, "an export was judged", extra={"facts": facts | _counted(applied)})
    for code in applied.without_times:
        log.warning("a resource of a feed has no times here", extra={"facts": {"feed": slip.feed, "code": code}})
    where = HELD if applied.state is FileState.HELD else DONE
    whole = applied.again or kind is VerdictKind.APPLY
    return Judged(where, None if whole else slips.guarded(slip, applied.verdict), applied)


def _counted(applied: Applied) -> dict[str, int]:
    counts = applied.counts
    return {"closed": counts.closed, "opened": counts.opened, "conflicts": counts.conflicts}


async def _set_aside(db: Database, content: Content, slip: Slip, report: dict[str, object], words: str) -> Judged:
    async def once() -> None:
        async with db.transaction() as session:
            await service.set_aside(session, replace(content, report=report), by=_actor(slip.feed), now=slip.received)

    await db.until_known(once)
    log.warning("an export cannot be read", extra={"facts": {"feed": slip.feed, "file": slip.sign}})
    return Judged(QUARANTINE, slips.unreadable(slip, words))


async def _put_away(arrival: Arrival, judged: Judged, feed: AnyFeed, *, memory: Memory) -> str | None:
    assert judged.where is not None
    try:
        put = await asyncio.to_thread(arrivals.put_away, arrival, judged.where, judged.report)
    except OSError as error:
        memory.sights.settled[arrival.path] = arrival.mark
        named = f"{log_sign(arrival.path.name)}: {error.strerror}"
        _log_once(memory, feed.code, named, "a file cannot be moved out of a drop folder")
        return None
    return None if put is None else judged.where


def _actor(feed: str) -> Actor:
    return system(f"feed:{feed}")


async def _settle_anew(db: Database, *, now: datetime, memory: Memory) -> None:
    """Close what was published since, and find patients who came into closed slots or left them."""
    async with db.transaction() as session:
        newest = await queries.newest_slot(session)
        clashing = await queries.feeds_with_new_clashes(session, now=now)
        applied = await queries.feeds_applied(session)
    unsettled = {feed for feed in applied if memory.newest_slots.get(feed) != newest}
    for feed in sorted(unsettled.union(clashing)):
        try:
            async with db.transaction() as session:
                await service.settle_feed(session, feed, by=system("read_exports"), now=now)
        except Exception:  # one feed's trouble must not stop the others; it is tried again with the next run
            log.exception("what a feed closes could not be settled", extra={"facts": {"feed": feed}})
        else:
            memory.newest_slots[feed] = newest
