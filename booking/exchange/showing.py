"""What the desk reads of feeds: how each stands, its last files, and what a file did to the calendar."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.availability.models import Slot
from booking.directory.models import Practitioner, Room
from booking.exchange import hearing, orders
from booking.exchange.errors import FeedUnknown
from booking.exchange.fetch_showing import Fetch, fetches
from booking.exchange.hearing import Age
from booking.exchange.history import KEPT
from booking.exchange.kinds import ConflictState, FileState, OrderKind, OrderState
from booking.exchange.log_sign import log_sign
from booking.exchange.models import Conflict, FeedFile, FeedOrder, FeedRun

SLOTS: Final = 200
"""So many times are listed; all are counted."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of a feed, as its page lists it.

    Attributes:
        id: of its record.
        name: under which it came.
        at: when it was judged.
        standing: applied, closings_only, held, unreadable or restored.
        read: rows that apply.
        refused: rows that cannot be used.
        reasons: what guards saw, or why it cannot be read: pairs of code and facts.
        closed: how many times it closed.
        opened: how many it opened.
        waits: whether it may be released.
        slips: of a file of re-examination slips, how many were new, changed, ...; None of any other file.
        stay: earlier closings whose rows are in the file and cannot be used.
    """

    id: int
    name: str
    at: datetime
    standing: str
    read: int
    refused: int
    reasons: tuple[tuple[str, dict[str, Any]], ...]
    closed: int
    opened: int
    would_close: int
    would_open: int
    waits: bool
    by: str | None
    why: str | None
    slips: Mapping[str, int] | None = None
    stay: int = 0

    @property
    def sign(self) -> str:
        """How the log names it."""
        return log_sign(self.name)


@dataclass(frozen=True, slots=True)
class Feed:
    """How a feed stands: its age, its newest file, the clashes that are to be answered, its server where it has one.

    `waiting`: id and moment of each file that may be released, the oldest first; of a list of changes several may.
    """

    age: Age
    last: File | None
    conflicts: int
    waiting: tuple[tuple[int, datetime], ...]
    fetch: Fetch | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """An order about a file, and how far it is."""

    kind: OrderKind
    name: str
    reason: str
    at: datetime
    state: OrderState
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Time:
    """A time of the calendar, with whom and where."""

    id: int
    starts_at: datetime
    practitioner: str | None
    room: str | None


@dataclass(frozen=True, slots=True)
class Differences:
    """The times a file closed, opened, and would close and open besides; each the first `SLOTS`."""

    closed: list[Time]
    opened: list[Time]
    would_close: list[Time]
    would_open: list[Time]


async def feeds(session: AsyncSession, facility_id: int, *, now: datetime) -> list[Feed]:
    """The feeds of a facility."""
    fetched = await fetches(session, facility_id)
    known = await hearing.ages(session, facility_id, now=now)
    return [await _feed(session, facility_id, age, fetched.get(age.feed)) for age in known]


async def feed(session: AsyncSession, facility_id: int, code: str, *, now: datetime) -> Feed:
    """One of them; FeedUnknown where there is none of this name."""
    found = [age for age in await hearing.ages(session, facility_id, now=now) if age.feed == code]
    if not found:
        raise FeedUnknown
    return await _feed(session, facility_id, found[0], (await fetches(session, facility_id)).get(code))


async def _feed(session: AsyncSession, facility_id: int, age: Age, fetch: Fetch | None) -> Feed:
    last = await files(session, facility_id, age.feed, most=1)
    query = select(func.count()).select_from(Conflict).where(
        col(Conflict.feed) == age.feed, col(Conflict.facility_id) == facility_id,
        col(Conflict.state) == ConflictState.OPEN,
    )  # fmt: skip
    held = (
        select(col(FeedFile.id), col(FeedFile.received_at))
        .join(FeedRun, col(FeedRun.feed_file_id) == col(FeedFile.id))
        .where(col(FeedRun.feed) == age.feed, col(FeedRun.waiting).is_not(None))
        .order_by(col(FeedFile.id))
    )
    waiting = tuple((row_id, at) for row_id, at in await session.execute(held) if row_id is not None)
    return Feed(age, last[0] if last else None, await session.scalar(query) or 0, waiting, fetch)


async def files(session: AsyncSession, facility_id: int, code: str, *, most: int = KEPT) -> list[File]:
    """The last files of a feed, the newest first."""
    query = (
        select(
            FeedFile,
            func.cardinality(col(FeedRun.closed)),
            func.cardinality(col(FeedRun.opened)),
            func.cardinality(col(FeedRun.would_close)),
            func.cardinality(col(FeedRun.would_open)),
            col(FeedRun.waiting).is_not(None),
        )
        .outerjoin(FeedRun, col(FeedRun.feed_file_id) == col(FeedFile.id))
        .where(col(FeedFile.feed) == code, col(FeedFile.facility_id) == facility_id)
        .order_by(col(FeedFile.received_at).desc(), col(FeedFile.id).desc())
        .limit(most)
    )
    return [shown(file, *counts, waits=waits) for file, *counts, waits in await session.execute(query)]


def shown(
    file: FeedFile,
    closed: int | None = 0,
    opened: int | None = 0,
    would_close: int | None = 0,
    would_open: int | None = 0,
    *,
    waits: bool | None = False,
) -> File:
    """A file for a page. Its report may be any that was written since the first version."""
    report = file.report
    ordered = report.get("restored") or report.get("released") or {}
    return File(
        file.id or 0, file.file_name, file.received_at, _standing(file), _count(report.get("read")),
        _count((report.get("refused") or {}).get("total")), _reasons(report), closed or 0, opened or 0,
        would_close or 0, would_open or 0, bool(waits), ordered.get("name"), ordered.get("reason"), report.get("slips"),
        _count(report.get("stay")),
    )  # fmt: skip


def of_run(file: FeedFile, run: FeedRun | None) -> File:
    """A file with the counts of its run."""
    if run is None:
        return shown(file)
    lists = (run.closed, run.opened, run.would_close, run.would_open)
    return shown(file, *(len(one) for one in lists), waits=run.waiting is not None)


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0


def _standing(file: FeedFile) -> str:
    if file.state is FileState.QUARANTINED:
        return "unreadable"
    if file.state is FileState.HELD:
        return "held"
    if "restored" in file.report:
        return "restored"
    if "released" in file.report:
        return "released"
    return "closings_only" if file.report["verdict"]["kind"] == "closings_only" else "applied"


def _reasons(report: dict[str, Any]) -> tuple[tuple[str, dict[str, Any]], ...]:
    if unreadable := report.get("unreadable"):
        return ((unreadable["reason"], unreadable.get("facts") or {}),)
    if "failed" in report:
        return (("reader_failed", {}),)
    return tuple((one["reason"], one.get("facts") or {}) for one in report.get("verdict", {}).get("reasons", ()))


async def differences(session: AsyncSession, run: FeedRun | None) -> Differences:
    """The times behind a run."""
    if run is None:
        return Differences([], [], [], [])
    lists = (run.closed, run.opened, run.would_close, run.would_open)
    known = await _times(session, {each for ids in lists for each in ids})
    return Differences(*[sorted((known[one] for one in ids if one in known), key=_when)[:SLOTS] for ids in lists])


def _when(time: Time) -> tuple[datetime, int]:
    return time.starts_at, time.id


async def _times(session: AsyncSession, ids: Collection[int]) -> dict[int, Time]:
    query = (
        select(col(Slot.id), col(Slot.starts_at), col(Practitioner.name), col(Room.name))
        .outerjoin(Practitioner, col(Practitioner.id) == col(Slot.practitioner_id))
        .outerjoin(Room, col(Room.id) == col(Slot.room_id))
        .where(col(Slot.id).in_(sorted(ids)))
    )
    found = await session.execute(query) if ids else ()
    return {row_id: Time(row_id, at, who, where) for row_id, at, who, where in found if row_id}


async def ordered(session: AsyncSession, file_id: int) -> list[Order]:
    """The orders about a file, the newest first."""
    query = select(FeedOrder).where(col(FeedOrder.feed_file_id) == file_id).order_by(col(FeedOrder.id).desc())
    return [
        Order(one.kind, one.name, one.reason, one.ordered_at, one.state, one.ended_at)
        for one in await session.scalars(query)
    ]


async def possible(session: AsyncSession, file: FeedFile, run: FeedRun | None) -> set[OrderKind]:
    """What may be ordered about a file now."""
    return {kind for kind in OrderKind if await orders.may(session, kind, file, run)}
