"""`henkham feed check` of a file of slips: what it would do, with nothing applied.

The feed alone tells what would be read. Where DATABASE_URL is set, its slips are counted as taken in, then undone.
"""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from booking import clock, sealed
from booking.db import Database
from booking.directory.errors import FacilityUnknown, ServiceUnknown
from booking.exchange.errors import ExportUnreadable
from booking.exchange.kinds import VerdictKind
from booking.invitations.intake import Taken, Word
from booking.settings import SettingsError, load
from scheduler.exports import slip_intake
from scheduler.exports.checking import unreadable_json
from scheduler.exports.confinement import Limits
from scheduler.exports.reexam import ReexamSlip
from scheduler.exports.slip_checking import read_slip_file, summary, words_of
from scheduler.exports.slip_feed import SlipFeed
from scheduler.exports.wording import explain_unreadable

APPLIES, HELD, UNUSABLE = 0, 1, 2
_PATIENCE: Final = 20  # seconds for the database


@dataclass(frozen=True, slots=True)
class Answer:
    """What is printed, and the exit code."""

    plain: Mapping[str, object]
    lines: list[str]
    code: int


def answer(feed: SlipFeed, file: Path, *, now: datetime, limits: Limits) -> Answer:
    """What the file would do; raises ReaderLost."""
    try:
        slips, report = read_slip_file(feed, file, today=clock.local_day(now), limits=limits)
    except ExportUnreadable as error:
        return Answer(unreadable_json(feed, error), [explain_unreadable(error)], UNUSABLE)
    held = report.verdict.kind is not VerdictKind.APPLY
    plain, lines = report.as_json(), summary(report)
    url = os.environ.get("DATABASE_URL")
    if url and not held:
        told, said = _ask(url, feed, slips, now=now)
        plain, lines = plain | {"slips": told}, [*lines, said]
    return Answer(plain, lines, HELD if held else APPLIES)


def _ask(url: str, feed: SlipFeed, slips: list[ReexamSlip], *, now: datetime) -> tuple[dict[str, object], str]:
    try:
        sealed.install(load().keyring())
    except SettingsError:
        return _not_asked("slips are known by keys, and the settings of the scheduler are not given")
    words = words_of(feed, slips, received=now)
    try:
        taken = asyncio.run(asyncio.wait_for(_taken(url, feed, words, now=now), _PATIENCE))
    except FacilityUnknown:
        return _not_asked(f"the database has no facility {feed.facility}")
    except ServiceUnknown as unknown:
        return _not_asked(f"{feed.facility} has no service {unknown.facts.get('service')}; its files would wait")
    except Exception as error:  # noqa: BLE001  whatever is wrong there, the dry run by the feed alone goes on
        return _not_asked(f"the database of DATABASE_URL cannot be asked: {type(error).__name__}")
    told = asdict(taken)
    said = ", ".join(f"{name} {count}" for name, count in told.items() if count) or "none"
    return {"asked": True, **told}, f"Slips: {said}."


def _not_asked(problem: str) -> tuple[dict[str, object], str]:
    return {"asked": False, "problem": problem}, f"Slips: not asked ({problem}); this is what the feed alone tells."


async def _taken(url: str, feed: SlipFeed, words: list[Word], *, now: datetime) -> Taken:
    database = Database(url, pool=1, application="henkham-feed-check")
    try:
        return await slip_intake.would(database, feed, words, now=now)
    finally:
        await database.close()
