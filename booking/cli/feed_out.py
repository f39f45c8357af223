"""`henkham feed out`: what a hospital's software would be told now. Nothing is written, told or remembered."""

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from booking import clock, sealed
from booking.db import Database
from booking.exchange.errors import FeedError
from booking.exchange.outgoing import service
from booking.exchange.outgoing.kinds import OutEvent, OutKind
from booking.exchange.outgoing.models import OutFeed
from booking.exchange.outgoing.rules import Batch, standing
from booking.exchange.queries import facility_of
from booking.settings import SettingsError, load
from scheduler import outgoing
from scheduler.exports.wording import harmless
from scheduler.outgoing.terms import Outgoing
from scheduler.outgoing.terms_file import beside_others, load_terms

TOLD, NOTHING, UNUSABLE = 0, 1, 2
_PATIENCE = 60  # seconds for the database
_TEXTS = frozenset({"csv", "hl7", "fhir", "ndjson"})


@dataclass(frozen=True, slots=True)
class Would:
    """A file as it would be made now."""

    name: str
    batch: Batch
    content: bytes

    def as_json(self, terms: Outgoing) -> dict[str, object]:
        """What it is, without what it holds."""
        kind = OutKind.FULL if self.batch.full else OutKind.CHANGES
        return {
            "feed": terms.code, "facility": terms.facility, "usable": True, "kind": kind.value, "file": self.name,
            "number": self.batch.number, "bytes": len(self.content), "visits": len(self.batch.items),
            "events": Counter(item.event.value for item in self.batch.items), "personal": list(terms.personal),
        }  # fmt: skip


def run(path: Path, *, full: bool, as_json: bool, out: Path | None, today: date | None = None) -> int:
    """Print the file that would be handed over; the exit code of the command."""
    try:
        terms = load_terms(path)
    except FeedError as error:
        return _unusable(terms_problems=error.problems, as_json=as_json)
    if problems := beside_others(path, terms):
        return _unusable(terms_problems=problems, as_json=as_json)
    kind = OutKind.FULL if full or terms.changes is None else OutKind.CHANGES
    if kind is OutKind.FULL and terms.full is None:
        return _unusable(terms_problems=["full: the terms tell changes only"], as_json=as_json)
    try:
        would = _asked(terms, kind, now=clock.utc_now() if today is None else clock.at_local(today, time.min))
    except _NotAskedError as error:
        return _unusable(terms_problems=[str(error)], as_json=as_json)
    if out is not None:
        out.write_bytes(would.content)
    _tell(terms, would, as_json=as_json, shown=out is None)
    return TOLD if would.batch.items else NOTHING


class _NotAskedError(Exception):
    """The database could not be asked; the message says why."""


def _asked(terms: Outgoing, kind: OutKind, *, now: datetime) -> Would:
    url = os.environ.get("DATABASE_URL")
    if not url:
        raise _NotAskedError("DATABASE_URL is not set: without the bookings there is nothing to show")
    if terms.personal:
        try:
            sealed.install(load().keyring())
        except SettingsError as error:
            told = "personal values are sealed, and the settings of the scheduler are not given"
            raise _NotAskedError(told) from error
    try:
        return asyncio.run(asyncio.wait_for(_made(url, terms, kind, now=now), _PATIENCE))
    except _NotAskedError:
        raise
    except Exception as error:
        raise _NotAskedError(f"the database of DATABASE_URL cannot be asked: {type(error).__name__}") from error


async def _made(url: str, terms: Outgoing, kind: OutKind, *, now: datetime) -> Would:
    database = Database(url, pool=1, application="henkham-feed-out")
    try:
        async with database.transaction() as session:
            await session.execute(text("SET TRANSACTION READ ONLY"))
            return await _would(session, terms, kind, now=now)
    finally:
        await database.close()


async def _would(session: AsyncSession, terms: Outgoing, kind: OutKind, *, now: datetime) -> Would:
    facility_id = await facility_of(session, terms.facility)
    if facility_id is None:
        raise _NotAskedError(f"the database has no facility {terms.facility}")
    row = await session.get(OutFeed, terms.code)
    number = (row.number if row is not None else 0) + 1
    today = clock.local_day(now)
    if kind is OutKind.FULL and terms.full is not None:
        visits = await service.look_at(session, facility_id, terms.full.window(today), terms.personal)
        items = [standing(visit) for visit in visits]
    else:
        assert terms.changes is not None, "asked before"
        window = terms.changes.window(today)
        found = await service.changes(session, terms.code, facility_id, terms.personal, window)
        items = [item for item, _ in found]
    facility = await service.facility_named(session, facility_id)
    batch = Batch(terms.code, facility, number, kind is OutKind.FULL, now, items)
    return Would(outgoing.file_name(terms, number, kind.value), batch, outgoing.written(terms, batch))


def _tell(terms: Outgoing, would: Would, *, as_json: bool, shown: bool) -> None:
    plain = would.as_json(terms)
    if as_json:
        _print(json.dumps(plain, ensure_ascii=False, indent=1))
        return
    events = Counter(item.event.value for item in would.batch.items)
    counts = ", ".join(f"{name} {events[name]}" for name in OutEvent if events[name]) or "none"
    _print(f"{would.name}: {len(would.batch.items)} visits ({counts}), {len(would.content)} bytes. Nothing is written.")
    _print(f"Told of a person: {', '.join(terms.personal) or 'nothing'}.")
    if shown and terms.out.format in _TEXTS:
        lines = would.content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n").split("\n")
        _print("\n".join(harmless(line) for line in lines))
    elif shown:
        _print("It is a workbook: -o FILE writes it where you can open it.")


def _unusable(*, terms_problems: list[str], as_json: bool) -> int:
    told: Mapping[str, object] = {"feed": None, "usable": False, "problems": terms_problems}
    _print(json.dumps(told, ensure_ascii=False, indent=1) if as_json else "\n".join(terms_problems))
    return UNUSABLE


def _print(line: str) -> None:
    sys.stdout.buffer.write(f"{line}\n".encode())
    sys.stdout.flush()
