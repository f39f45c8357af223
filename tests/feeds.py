"""A hospital's folders and calendar for tests of the exchange: feeds, files dropped, the sample timetable published."""

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import delete, select
from sqlmodel import col

from booking.actor import system
from booking.appointments import service as appointments
from booking.appointments.caps import Caps
from booking.appointments.commands import BookAppointment
from booking.appointments.kinds import Channel
from booking.appointments.service import Ticket
from booking.availability.commands import PublishSlots
from booking.availability.models import CalendarDay, Slot, SlotClosure
from booking.availability.seeding import seed_sample_timetable
from booking.db import Database
from booking.directory.models import Facility, Practitioner
from booking.directory.seeding import seed_directory
from booking.exchange import service
from booking.exchange.commands import ApplyExport, Content, Terms
from booking.exchange.guarding import Signs, Thresholds
from booking.exchange.kinds import AbsenceMeaning
from booking.exchange.rules import Span, StagedRow, Trace
from booking.exchange.service import Applied
from booking.migrations.upgrading import migrate
from booking.trail.keys import keyed
from scheduler.jobs import read_exports
from scheduler.jobs.read_exports import Memory, Outcome
from tests import people
from tests.conftest import assert_invariants
from tests.exports import FEEDS
from tests.postgres import Cluster

BY = system("test")
CAPS = Caps(per_day=9, phone=9, profile=9, device=9, given_up_minutes=0, party=6)
NOW = datetime(2026, 11, 22, 17, tzinfo=UTC)
"""Midnight of Monday, 23 November 2026, at the hospital."""
WINDOW: Span = (NOW, NOW + timedelta(days=14))
DAY: Span = (NOW, NOW + timedelta(days=1))
QUIET = Thresholds(1, 1, 1, 1, 1, 1, 1, 1, 1, 100_000, 100_000, 366, 1, 1)
"""Guards that never speak."""

Time = tuple[str, datetime, datetime]


def two_days(url: str) -> None:
    """Fill a template database: the sample hospital's slots of 23 and 24 November 2026, without holidays."""
    migrate(url)
    asyncio.run(_publish_sample(url, days=1))


def two_weeks(url: str) -> None:
    """Fill a template database: the same for 23 November to 6 December."""
    migrate(url)
    asyncio.run(_publish_sample(url, days=13))


async def _publish_sample(url: str, *, days: int) -> None:
    db = Database(url, pool=1)
    async with db.transaction() as session:
        await seed_directory(session, NOW)
        await seed_sample_timetable(session, date(2026, 11, 23))
        await session.execute(delete(CalendarDay))
    await publish(db, days=days)
    await db.close()


@contextmanager
def hospital_database(cluster: Cluster, prepare: Callable[[str], None]) -> Iterator[str]:
    """A database of a test's own with the sample hospital in it; its invariants are checked when the test is over."""
    with cluster.database(cluster.template(prepare)) as url:
        yield url
        assert_invariants(url)


async def publish(db: Database, *, days: int, now: datetime = NOW) -> None:
    """Publish the sample hospital's coming days, as the scheduler does."""
    async with db.transaction() as session:
        await service.publish(session, PublishSlots(facility="BVVT", horizon_days=days), by=BY, now=now)


async def closed_times(db: Database, source: str | None = None) -> frozenset[Time]:
    """The doctors' slots that are closed (by this source)."""
    query = (
        select(col(Practitioner.code), col(Slot.starts_at), col(Slot.ends_at))
        .join(Practitioner, col(Practitioner.id) == col(Slot.practitioner_id))
        .join(Facility, col(Facility.id) == col(Slot.facility_id))
        .where(col(Facility.code) == "BVVT")
    )
    if source is None:
        query = query.where(~col(Slot.open))
    else:
        query = query.join(SlotClosure, col(SlotClosure.slot_id) == col(Slot.id))
        query = query.where(col(SlotClosure.source) == source)
    async with db.transaction() as session:
        return frozenset((code, start, end) for code, start, end in await session.execute(query))


async def slot_id(db: Database, clock: str, *, day: int = 23, doctor: str = "chau") -> int:
    """The slot that begins then."""
    query = (
        select(col(Slot.id))
        .join(Practitioner, col(Practitioner.id) == col(Slot.practitioner_id))
        .where(col(Practitioner.code) == doctor, col(Slot.starts_at) == moment(clock, day))
    )
    async with db.transaction() as session:
        return int((await session.execute(query)).scalar_one() or 0)


async def book(db: Database, clock: str, *, number: int = 1, now: datetime = NOW) -> Ticket:
    """A sample patient's visit to doctor Châu on the first day."""
    slot = await slot_id(db, clock)
    wanted = {"facility": "BVVT", "service": "kham-tim-mach", "slot": slot, "patient": people.patient(number)}
    command = BookAppointment.model_validate_json(json.dumps(wanted))
    key = keyed("test", f"test-key-{number}", command)
    async with db.hot() as hot:
        return await appointments.book(hot, command, by=BY, now=now, key=key, channel=Channel.API, caps=CAPS)


def moment(clock: str, day: int = 23) -> datetime:
    """A time of day in November 2026 at the hospital."""
    return datetime.fromisoformat(f"2026-11-{day}T{clock}:00+07:00").astimezone(UTC)


def row(
    key: str | None, start: str, end: str | None = None, *, day: int = 23, closes: bool = True, offers: bool = False
) -> StagedRow:
    """A row of doctor Châu: 30 minutes from 07:30 to 11:30 and from 13:30 to 16:30."""
    return StagedRow(1, key, "chau", moment(start, day), moment(end, day) if end else None, "state", closes, offers)


def nothing() -> StagedRow:
    """A row that takes no time: a file without any row is held, because nothing can be told from it."""
    return row("0", "16:00", closes=False)


def starts(times: frozenset[Time]) -> list[str]:
    """Doctor Châu's times on the first day, as the hospital's clock shows them."""
    here = [start + timedelta(hours=7) for doctor, start, _ in times if doctor == "chau"]
    return sorted(f"{each:%H:%M}" if each.day == 23 else f"{each:%d %H:%M}" for each in here)


@dataclass
class Hospital:
    """A feed without a file: rows go straight to the service."""

    db: Database
    code: str = "x"
    meaning: AbsenceMeaning = AbsenceMeaning.FULL_SNAPSHOT
    window: Span | None = WINDOW
    limits: Thresholds = QUIET
    sent: int = 0

    def command(self, *rows: StagedRow, content: str | None = None, signs: Signs | None = None) -> ApplyExport:
        """A file with these rows; its content is new each time unless named."""
        self.sent += 1
        name = content or f"content {self.sent}"
        file = Content(self.code, "BVVT", "1", f"{name}.csv", name.encode().ljust(32, b"."), 1, {"read": len(rows)})
        told = signs or Signs(rows=len(rows), read=len(rows))
        return ApplyExport(file, rows, told, self.limits, Terms(self.meaning, self.window, {"chau": 30}))

    async def apply(
        self, *rows: StagedRow, content: str | None = None, now: datetime = NOW, nobody: Iterable[datetime] = ()
    ) -> Applied:
        """Apply a file with these rows, and at these times rows without an id that name nobody."""
        command = replace(self.command(*rows, content=content), traces=[Trace(None, None, at) for at in nobody])
        async with self.db.transaction() as session:
            return await service.apply_file(session, command, by=BY, now=now)

    async def closed(self) -> list[str]:
        """What the feed closes."""
        return starts(await closed_times(self.db, f"feed:{self.code}"))


@dataclass
class Folders:
    """A folder of feeds, and in it one folder a feed where files are dropped."""

    home: Path
    memory: Memory = field(default_factory=Memory)

    def add(self, name: str, *changes: tuple[str, str]) -> Path:
        """Put one of the example feeds in force, its text changed; where its files arrive."""
        text = (FEEDS / f"{name}.toml").read_text()
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        return self.write(name, text)

    def write(self, name: str, text: str) -> Path:
        """Put a feed in force."""
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / f"{name}.toml").write_text(text)
        found = [line.split('"')[1] for line in text.splitlines() if line.startswith("folder = ")]
        folder = self.home / (found[0] if found else name)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    async def look(self, db: Database, times: int = 2, *, now: datetime = NOW) -> list[Outcome]:
        """So many runs of the job; what they did with files, those left waiting not counted."""
        outcomes: list[Outcome] = []
        for _ in range(times):
            outcomes += await read_exports.run(db, self.home, now=now, memory=self.memory)
        return [each for each in outcomes if each.where]


def names(folder: Path) -> list[str]:
    """What lies in a folder, reports included."""
    return sorted(path.name for path in folder.iterdir() if not path.is_dir()) if folder.is_dir() else []
