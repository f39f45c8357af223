"""Making files for a hospital, and noting what became of them. A file is made in one transaction.

No mark in time and no id tells what is new: transactions end in another order than they begin, and a mark would pass
over one that ends late. What a hospital was told of each visit is kept, and compared with what is. So whatever a run
does not see yet, the next one sees.

Locks: the feed's row, which gives the number. Two schedulers follow each other, and the second finds nothing due.
"""

import asyncio
import base64
import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col

from booking.actor import Actor
from booking.directory.errors import FacilityUnknown
from booking.directory.models import Facility
from booking.exchange.outgoing import visits
from booking.exchange.outgoing.kinds import OutKind
from booking.exchange.outgoing.models import OutFeed, OutFile, OutTold
from booking.exchange.outgoing.rules import Batch, Item, Named, Visit, event_of, said_of, standing
from booking.exchange.queries import facility_of
from booking.exchange.rules import Span
from booking.sealed import keys
from booking.trail.service import record

Render = Callable[[Batch], bytes]

_told = SQLModel.metadata.tables["out_told"]
_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Sending:
    """What a facility's terms let a file tell.

    Attributes:
        feed: code of the terms.
        facility: our code of the facility.
        personal: names of the personal values that may be told; mostly none.
        name: how a file is called, by its number and kind.
        render: how it is written.
        asks: whether answers are expected.
        old_minutes: after so long without being up to date the hospital's screen may be old.
    """

    feed: str
    facility: str
    personal: tuple[str, ...]
    name: Callable[[int, OutKind], str]
    render: Render
    asks: bool = False
    old_minutes: int = 60


async def locked(session: AsyncSession, sending: Sending, *, now: datetime) -> OutFeed:
    """The feed's row, locked until the transaction ends; made where there is none.

    Raises:
        FacilityUnknown: there is no such facility (a place to practise is none).
    """
    facility_id = await facility_of(session, sending.facility)
    if facility_id is None:
        raise FacilityUnknown(facility=sending.facility)
    new = insert(OutFeed).values(
        feed=sending.feed, facility_id=facility_id, number=0, started_at=now, asks=sending.asks,
        old_minutes=sending.old_minutes,
    )  # fmt: skip
    await session.execute(new.on_conflict_do_nothing(constraint="out_feed_pkey"))
    query = select(OutFeed).where(col(OutFeed.feed) == sending.feed).with_for_update()
    row = (await session.execute(query.execution_options(populate_existing=True))).scalar_one()
    if row.facility_id != facility_id:  # what another facility was told is nobody else's
        raise FacilityUnknown(facility=sending.facility)
    row.asks, row.old_minutes = sending.asks, sending.old_minutes
    return row


async def make_changes(
    session: AsyncSession, row: OutFeed, sending: Sending, window: Span, *, by: Actor, now: datetime
) -> OutFile | None:
    """The file of all that is not as it was told; None where nothing changed: then no number is used."""
    found = await changes(session, row.feed, row.facility_id, sending.personal, window)
    row.looked_at = now
    await session.execute(delete(OutTold).where(col(OutTold.feed) == row.feed, col(OutTold.starts_at) < window[0]))
    if not found:
        return None
    made = await _make(session, row, sending, OutKind.CHANGES, [item for item, _ in found], by=by, now=now)
    await _tell(session, row, found)
    return made


async def changes(
    session: AsyncSession, feed: str, facility_id: int, personal: Sequence[str], window: Span
) -> list[tuple[Item, dict[str, Any]]]:
    """What is not as it was told, in the order of time, each with what telling it says. Reads only."""
    told = await visits.told(session, feed)
    current = {visit.id: visit for visit in await visits.holding(session, facility_id, window, personal)}
    # Those that were told and are not among them: cancelled, or moved to another day.
    gone = [row_id for row_id in told if row_id not in current]
    current |= {visit.id: visit for visit in await visits.by_ids(session, facility_id, gone, personal)}
    return await asyncio.to_thread(_changed, current, told)


def _changed(current: Mapping[int, Visit], told: Mapping[int, Mapping[str, Any]]) -> list[tuple[Item, dict[str, Any]]]:
    found = []
    for visit in current.values():
        says = said_of(visit, _hash(visit.person))
        event = event_of(told.get(visit.id), says)
        if event is not None:
            found.append((Item(event, visit), says))
    return sorted(found, key=lambda pair: (pair[0].visit.starts_at, pair[0].visit.id))


async def make_full(
    session: AsyncSession, row: OutFeed, sending: Sending, window: Span, *, by: Actor, now: datetime
) -> OutFile:
    """The file of every visit of a window, also where there is none."""
    found = await visits.holding(session, row.facility_id, window, sending.personal)
    row.full_at = now
    items = [standing(visit) for visit in sorted(found, key=lambda visit: (visit.starts_at, visit.id))]
    return await _make(session, row, sending, OutKind.FULL, items, by=by, now=now)


def _hash(person: Mapping[str, str]) -> str:
    """Of personal values, so that a changed one is seen and none is kept."""
    if not person:
        return ""
    plain = "\x1f".join(f"{name}={person[name]}" for name in sorted(person))
    return keys().index("told", plain).hex()[:32]


async def _make(
    session: AsyncSession, row: OutFeed, sending: Sending, kind: OutKind, items: Sequence[Item], *, by: Actor,
    now: datetime,
) -> OutFile:  # fmt: skip
    row.number += 1
    facility = await facility_named(session, row.facility_id)
    batch = Batch(row.feed, facility, row.number, kind is OutKind.FULL, now, items)
    content = await asyncio.to_thread(sending.render, batch)
    made = OutFile(
        feed=row.feed, facility_id=row.facility_id, number=row.number, kind=kind,
        file_name=sending.name(row.number, kind), made_at=now, visits=[item.visit.id for item in items],
        events="".join(item.event.sign for item in items), size=len(content),
        sha256=hashlib.sha256(content).digest(), content=packed(content),
    )  # fmt: skip
    session.add(made)
    await session.flush()
    record(
        session, "bookings.out", "out_file", made.id, by=by, now=now, feed=row.feed, facility=facility.code,
        number=row.number, kind=kind.value, visits=len(items), personal=list(sending.personal),
    )  # fmt: skip
    return made


async def facility_named(session: AsyncSession, facility_id: int) -> Named:
    """Code and name of a facility."""
    found = await session.get(Facility, facility_id)
    assert found is not None, "a foreign key says so"
    return Named(found.code, found.name)


async def _tell(session: AsyncSession, row: OutFeed, found: Sequence[tuple[Item, dict[str, Any]]]) -> None:
    for begin in range(0, len(found), _AT_ONCE):
        new = insert(_told)
        put = new.on_conflict_do_update(
            constraint="out_told_pkey",
            set_={name: new.excluded[name] for name in ("number", "starts_at", "said")},
        )
        rows = [
            {
                "feed": row.feed, "appointment_id": item.visit.id, "facility_id": row.facility_id,
                "number": row.number, "starts_at": item.visit.starts_at, "said": says,
            }
            for item, says in found[begin : begin + _AT_ONCE]
        ]  # fmt: skip
        await session.execute(put, rows)


def packed(content: bytes) -> str:
    """A content as it is kept, sealed because it may name people, until it is handed over: small, and a text."""
    return base64.b64encode(zlib.compress(content)).decode()


def unpacked(kept: str) -> bytes:
    """The other way round."""
    return zlib.decompress(base64.b64decode(kept))


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file to be handed over."""

    id: int
    number: int
    file_name: str
    content: bytes


async def waiting(session: AsyncSession, feed: str, *, most: int = 20) -> list[Waiting]:
    """The next files to be handed over, in the order of their numbers."""
    query = (
        select(OutFile)
        .where(col(OutFile.feed) == feed, col(OutFile.handed_at).is_(None))
        .order_by(col(OutFile.number))
        .limit(most)
    )
    return [
        Waiting(row.id or 0, row.number, row.file_name, unpacked(row.content))
        for row in await session.scalars(query)
        if row.content is not None
    ]


async def handed(session: AsyncSession, file_id: int, *, now: datetime) -> None:
    """The file lies where the hospital takes it: its content is not kept any longer."""
    change = update(OutFile).where(col(OutFile.id) == file_id, col(OutFile.handed_at).is_(None))
    await session.execute(change.values(handed_at=now, content=None, problem=None))


async def failed(session: AsyncSession, file_id: int, problem: str) -> None:
    """The file could not be handed over; it is tried again."""
    change = update(OutFile).where(col(OutFile.id) == file_id, col(OutFile.handed_at).is_(None))
    await session.execute(change.values(problem=problem[:300]))


async def current(session: AsyncSession, feed: str, *, since: datetime) -> None:
    """Everything that was so at `since` lies where the hospital takes it."""
    left = select(col(OutFile.id)).where(col(OutFile.feed) == feed, col(OutFile.handed_at).is_(None)).exists()
    row = await session.get(OutFeed, feed)
    if row is None or (row.looked_at is None and row.full_at is None):
        return
    # A look that found nothing new says so too; each look is written once.
    known = [moment for moment in (row.looked_at, row.full_at) if moment is not None]
    newest = min(max(known), since)
    change = update(OutFeed).where(col(OutFeed.feed) == feed, ~left)
    await session.execute(change.where(col(OutFeed.current_at).is_distinct_from(newest)).values(current_at=newest))


async def look_at(session: AsyncSession, facility_id: int, window: Span, personal: Sequence[str]) -> list[Visit]:
    """Every visit of a window, as a whole file would tell it. Reads only."""
    found = await visits.holding(session, facility_id, window, personal)
    return sorted(found, key=lambda visit: (visit.starts_at, visit.id))
