"""`henkham feed check`: what a file would do by a feed, with nothing applied.

The feed alone tells what would be read and closed. Where DATABASE_URL is set, the calendar is asked as well (reading
only): which slots would close or open, which patients are in them, and what the guards say beside the last file.
"""

import asyncio
import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from pathlib import Path

from booking import clock
from booking.cli import feed_slips
from booking.db import Database
from booking.directory.errors import FacilityUnknown
from booking.exchange import late, queries
from booking.exchange.commands import ApplyExport, Content, Terms
from booking.exchange.errors import ExportUnreadable, FeedError
from booking.exchange.guarding import Verdict
from booking.exchange.kinds import VerdictKind
from booking.exchange.rules import StagedRow
from scheduler.exports.apart import ReaderLost
from scheduler.exports.checking import read_file, unreadable_json, within
from scheduler.exports.confinement import Limits
from scheduler.exports.feed import Feed
from scheduler.exports.feed_file import load_any
from scheduler.exports.report import Report
from scheduler.exports.slip_feed import SlipFeed
from scheduler.exports.summary import summary
from scheduler.exports.wording import explain_unreadable, harmless
from scheduler.outgoing.terms_file import terms_beside

APPLIES, HELD, UNUSABLE = 0, 1, 2
_PATIENCE = 10  # seconds for the database


_FIRST = (
    "No file of this feed was applied wholly before, so there is nothing to compare this one with: compare the first"
    " start, the states and the resources above with the hospital's screen."
)


@dataclass(frozen=True, slots=True)
class Calendar:
    """What the calendar adds: counts, or why it could not be asked."""

    closing: int = 0
    opening: int = 0
    patients: int = 0
    ours: int = 0
    stay: int = 0
    without_times: tuple[str, ...] = ()
    verdict: Verdict | None = None
    problem: str | None = None
    first: bool = False

    def as_json(self) -> dict[str, object]:
        """For `--json`."""
        if self.problem is not None:
            return {"asked": False, "problem": self.problem}
        counts = {"closing": self.closing, "opening": self.opening, "patients": self.patients, "ours": self.ours}
        counts |= {"stay": self.stay}
        return {"asked": True, **counts, "without_times": list(self.without_times), "first": self.first}

    def lines(self) -> list[str]:
        """For the terminal."""
        if self.problem is not None:
            return [f"Calendar: not asked ({self.problem}); this is what the feed alone tells."]
        told = f"Calendar: {self.closing} times would close, {self.opening} would open."
        lines = [told, f"Patients booked in times the hospital's software has taken: {self.patients}."]
        if self.first:
            lines.append(_FIRST)
        if self.ours:
            lines.append(f"Rows that are our own bookings, known by our code: {self.ours}. They take no place.")
        if self.stay:
            lines.append(f"Earlier closings that stay, because rows that cannot be used may be theirs: {self.stay}.")
        if self.without_times:
            lines.append(f"Resources without any time in our calendar: {', '.join(self.without_times)}. Are they ours?")
        return lines


def check(feed_path: Path, file: Path, *, as_json: bool, today: date | None = None) -> int:
    """Print what the file would do; the exit code of the command."""
    now = clock.utc_now() if today is None else clock.at_local(today, time.min)
    try:
        feed = load_any(feed_path)
        if problems := terms_beside(feed_path, feed):
            raise FeedError(problems)
    except FeedError as error:
        _tell({"feed": None, "readable": False, "problems": error.problems}, _feed_lines(feed_path, error), as_json)
        return UNUSABLE
    if isinstance(feed, SlipFeed):
        return _check_slips(feed, file, as_json=as_json, now=now)
    try:
        rows, report = read_file(feed, file, today=clock.local_day(now), limits=_limits())
    except ExportUnreadable as error:
        _tell(unreadable_json(feed, error), [explain_unreadable(error)], as_json)
        return UNUSABLE
    except ReaderLost as error:
        _tell({"feed": feed.code, "readable": False, "problems": [str(error)]}, [str(error)], as_json)
        return UNUSABLE
    calendar = _ask(feed, file, rows, report, now=now)
    if calendar and calendar.verdict:
        report = replace(report, verdict=calendar.verdict)
    plain, lines = report.as_json(), summary(report)
    if calendar:
        plain, lines = plain | {"calendar": calendar.as_json()}, lines + calendar.lines()
    _tell(plain, lines, as_json)
    return APPLIES if report.verdict.kind is VerdictKind.APPLY else HELD


def _check_slips(feed: SlipFeed, file: Path, *, as_json: bool, now: datetime) -> int:
    try:
        found = feed_slips.answer(feed, file, now=now, limits=_limits())
    except ReaderLost as error:
        _tell({"feed": feed.code, "readable": False, "problems": [str(error)]}, [str(error)], as_json)
        return UNUSABLE
    _tell(found.plain, found.lines, as_json)
    return found.code


def _limits() -> Limits:
    """Of the setting alone: the check needs none of the others."""
    said = os.environ.get("HENKHAM_READ_EXPORTS_WITH_NETWORK", "")
    return Limits(with_network=said.strip().lower() in {"1", "true", "yes", "on"})


def _feed_lines(path: Path, error: FeedError) -> list[str]:
    return [f"{path.name} cannot be used:", *(f"  {problem}" for problem in error.problems)]


def _tell(plain: Mapping[str, object], lines: list[str], as_json: bool) -> None:  # noqa: FBT001  passed on
    """One JSON object and nothing else, or lines."""
    text = (
        json.dumps(plain, ensure_ascii=False, indent=1)
        if as_json
        else "\n".join(harmless(each) for line in lines for each in line.split("\n"))
    )
    # As bytes: a pipe on a machine without a UTF-8 locale would otherwise refuse Vietnamese.
    sys.stdout.buffer.write(f"{text}\n".encode())
    sys.stdout.flush()


def _ask(feed: Feed, file: Path, rows: list[StagedRow], report: Report, *, now: datetime) -> Calendar | None:
    url = os.environ.get("DATABASE_URL")
    if not url:
        return None
    try:
        command = _command(feed, file, rows, report)
        return asyncio.run(asyncio.wait_for(_plan(url, command, now=now), _PATIENCE))
    except FacilityUnknown:
        return Calendar(problem=f"the database has no facility {feed.facility}")
    except Exception as error:  # noqa: BLE001  whatever is wrong there, the dry run by the feed alone goes on
        return Calendar(problem=f"the database of DATABASE_URL does not answer: {type(error).__name__}")


def _command(feed: Feed, file: Path, rows: list[StagedRow], report: Report) -> ApplyExport:
    content = Content(feed.code, feed.facility, "", file.name, hashlib.sha256(file.read_bytes()).digest(), 0, {})
    terms = Terms(feed.absence.meaning, report.window, feed.slot_minutes(), feed.absence.ours_listed, feed.numbered)
    inside = within(feed, rows, report.window)
    return ApplyExport(content, inside, report.signs, feed.guards.thresholds(), terms, report.traces)


async def _plan(url: str, command: ApplyExport, *, now: datetime) -> Calendar:
    database = Database(url, pool=1, application="henkham-feed-check")
    try:
        async with database.transaction() as session:
            since = await late.since(session, command)
            if since is not None:
                command = await late.without_newer(session, command, since)
            plan = await queries.plan(session, command, now=now, late=since is not None)
            picture = plan.picture
            fresh, over = picture.closed - picture.before, picture.before - picture.closed
            patients = await queries.patients_in(session, picture.closed, now=now)
            without = tuple(picture.without_times)
            stay, counts = len(plan.changes.stay), (len(fresh), len(over), len(patients), picture.own)
            return Calendar(*counts, stay, without, plan.verdict, first=plan.first)
    finally:
        await database.close()
