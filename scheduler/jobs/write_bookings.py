"""Tell hospitals' software of our bookings, and read what it answers. Run every 15 seconds.

A file is made in one transaction with its number, its content and what it tells; only then is it laid where the
hospital takes it, and only after that noted as handed over. So a kill at any moment loses nothing: what was made is
laid once more, under the same name with the same content; what was not made leaves no number behind.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from booking.actor import Actor, system
from booking.clock import ZONE, local_day
from booking.db import Database
from booking.directory.errors import FacilityUnknown
from booking.exchange.kinds import ServerProblem
from booking.exchange.outgoing import service
from booking.exchange.outgoing.kinds import NAME_TAKEN, OutKind
from booking.exchange.outgoing.models import OutFeed, OutFile
from booking.exchange.outgoing.rules import full_due
from booking.exchange.outgoing.service import Sending, Waiting
from scheduler import outgoing
from scheduler.exports.arrivals import Sights
from scheduler.exports.putting import NameTaken
from scheduler.exports.unreached import Unreached
from scheduler.outgoing import delivery, taking_answers
from scheduler.outgoing.terms import Outgoing
from scheduler.outgoing.terms_file import TermsFolder

log = logging.getLogger(__name__)

_AGAIN: timedelta = timedelta(minutes=1)
"""A door that was shut is tried again after that."""

_AT_ONCE = 3
"""Hospitals told at once: one whose server is slow holds back few."""


@dataclass(slots=True)
class Memory:
    """What one process remembers from run to run; losing it costs nothing but a look more."""

    terms: TermsFolder = field(default_factory=TermsFolder)
    sights: Sights = field(default_factory=Sights)
    said: set[tuple[str, str]] = field(default_factory=set)
    shut: dict[str, datetime] = field(default_factory=dict)


async def run(db: Database, home: Path, *, now: datetime, memory: Memory) -> list[str]:
    """Look once at every hospital's terms; names of the files handed over. One's trouble stops no other."""
    every, broken = await asyncio.to_thread(memory.terms.look, home)
    for each in broken:
        for problem in each.problems:
            log.error("terms of what goes out cannot be used", extra={"facts": {"file": each.name, "reason": problem}})
    few = asyncio.Semaphore(_AT_ONCE)

    async def tell(terms: Outgoing) -> list[str]:
        async with few:
            return await _guarded(db, terms, home, now=now, memory=memory)

    return [name for names in await asyncio.gather(*map(tell, every)) for name in names]


async def _guarded(db: Database, terms: Outgoing, home: Path, *, now: datetime, memory: Memory) -> list[str]:
    try:
        handed = await one(db, terms, home, now=now, memory=memory)
        await taking_answers.take(db, terms, home, memory.sights, now=now)
    except FacilityUnknown:
        _once(memory, terms.code, "terms name a facility that is not known, or that was another's before")
    except Exception:  # whatever it is, the others are told all the same
        log.exception("bookings could not go out", extra={"facts": {"feed": terms.code}})
    else:
        return handed
    return []


async def one(db: Database, terms: Outgoing, home: Path, *, now: datetime, memory: Memory) -> list[str]:
    """Make what is due, and hand over what was made."""
    if memory.shut.get(terms.code, now) > now:
        return []

    async def make() -> None:
        async with db.transaction() as session:
            row = await service.locked(session, sending_of(terms), now=now)
            await make_due(session, row, terms, now=now)

    await db.until_known(make)
    return await hand_over(db, terms, home, now=now, memory=memory)


async def make_due(session: AsyncSession, row: OutFeed, terms: Outgoing, *, now: datetime) -> list[OutFile]:
    """The files that are due, inside the caller's transaction; changes first, so that none is lost in a whole file."""
    sending, by, today = sending_of(terms), actor_of(terms), local_day(now)
    made: list[OutFile | None] = []
    full = terms.full is not None and full_due(row.full_at, terms.full.times(), now=now.astimezone(ZONE))
    if terms.changes is not None and (full or _looked_long_ago(row, terms.changes.every_minutes, now)):
        made.append(await service.make_changes(session, row, sending, terms.changes.window(today), by=by, now=now))
    if full and terms.full is not None:
        made.append(await service.make_full(session, row, sending, terms.full.window(today), by=by, now=now))
    return [file for file in made if file is not None]


def _looked_long_ago(row: OutFeed, minutes: int, now: datetime) -> bool:
    return row.looked_at is None or now - row.looked_at >= timedelta(minutes=minutes)


def sending_of(terms: Outgoing) -> Sending:
    """What the terms let a file tell, and how it is written."""

    def name(number: int, kind: OutKind) -> str:
        return outgoing.file_name(terms, number, kind.value)

    return Sending(
        terms.code, terms.facility, terms.personal, name, partial(outgoing.written, terms),
        asks=terms.answers is not None, old_minutes=terms.old_minutes,
    )  # fmt: skip


def actor_of(terms: Outgoing) -> Actor:
    """On whose behalf it is done."""
    return system(f"out:{terms.code}")


async def hand_over(db: Database, terms: Outgoing, home: Path, *, now: datetime, memory: Memory) -> list[str]:
    """Lay every file that waits, in the order of numbers; what cannot be laid stops those after it."""
    names: list[str] = []
    while True:
        async with db.transaction() as session:
            files = await service.waiting(session, terms.code)
        if not files:
            break
        laid, sound = await _laid(db, terms, home, files, now=now, memory=memory)
        names += laid
        if not sound:
            return names
    async with db.transaction() as session:
        await service.current(session, terms.code, since=now)
    return names


async def _laid(
    db: Database, terms: Outgoing, home: Path, files: list[Waiting], *, now: datetime, memory: Memory
) -> tuple[list[str], bool]:
    """Names of what lies there now, and whether nothing went wrong."""
    done: list[Waiting] = []
    problem: str | None = None
    facts: dict[str, object] = {"feed": terms.code}
    try:
        folder = delivery.folder_of(terms, home)
        if folder is None:
            pairs = [(file.file_name, file.content) for file in files]
            done = files[: await asyncio.to_thread(delivery.over_line, terms, home, pairs)]
        else:
            for file in files:
                await asyncio.to_thread(delivery.lay, folder, file.file_name, file.content)
                done.append(file)
    except OSError as error:
        problem, facts["why"] = ServerProblem.NO_ROOM_HERE.value, error.strerror or type(error).__name__
    except Unreached as error:
        problem = error.problem.value
    except NameTaken:
        problem = NAME_TAKEN
    async with db.transaction() as session:
        for file in done:
            await service.handed(session, file.id, now=now)
        if problem is not None:
            await service.failed(session, files[len(done)].id, problem)
    if problem is not None:
        memory.shut[terms.code] = now + _AGAIN
        facts |= {"file": files[len(done)].file_name, "reason": problem}
        log.warning("a file for a hospital could not be handed over; it is tried again", extra={"facts": facts})
    return [file.file_name for file in done], problem is None


def _once(memory: Memory, feed: str, message: str) -> None:
    if (feed, message) not in memory.said:
        memory.said.add((feed, message))
        log.error(message, extra={"facts": {"feed": feed}})
