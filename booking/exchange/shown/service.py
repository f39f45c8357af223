"""What staff show: written down in pieces, claimed by one scheduler, told, and forgotten within the hour."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking import ids, sealed
from booking.actor import Actor
from booking.directory.models import Facility
from booking.exchange.errors import NothingShown, ShownTooMany, ShownUnknown
from booking.exchange.shown.kinds import ShownState
from booking.exchange.shown.models import ShownFile, ShownPart
from booking.text import clean
from booking.trail.service import record

MOST_BYTES: Final = 32_000_000
"""Of a file; larger ones go through the drop folder."""
KEPT: Final = timedelta(hours=1)
PIECE: Final = 1_000_000
_AT_ONCE: Final = 5
_LEASE: Final = timedelta(minutes=5)
_TRIES: Final = 3
_LONGEST_NAME: Final = 120


@dataclass(frozen=True, slots=True)
class Show:
    """A file as it is shown.

    Attributes:
        feed: by which it is to be read; empty: propose one.
        name: of the file.
        size: in bytes.
    """

    feed: str
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """A file to be read now, by whoever claimed it."""

    id: int
    feed: str
    facility: str
    name: str
    shown_at: datetime


async def begin(session: AsyncSession, facility_id: int, show: Show, *, by: Actor, now: datetime) -> ShownFile:
    """Write a file down; its pieces follow in the same transaction.

    Raises:
        NothingShown: it is empty.
        ShownTooMany: the facility shows as many already as are read at a time.
    """
    if not show.size:
        raise NothingShown(field="file")
    waiting = select(func.count()).select_from(ShownFile)
    waiting = waiting.where(col(ShownFile.facility_id) == facility_id, col(ShownFile.state) == ShownState.WAITING)
    if (await session.scalar(waiting) or 0) >= _AT_ONCE:
        raise ShownTooMany(field="file")
    shown = ShownFile(
        public_id=ids.public_id(), facility_id=facility_id, feed=show.feed, file_name=plain_name(show.name),
        size=show.size, state=ShownState.WAITING, shown_by=by.id or "", shown_at=now,
    )  # fmt: skip
    session.add(shown)
    await session.flush()
    assert shown.id is not None
    record(session, "export.show", "shown_file", shown.id, by=by, now=now, feed=show.feed, size=show.size)
    return shown


def plain_name(raw: str) -> str:
    """A name that can be shown and kept."""
    shown = "".join(sign if sign.isprintable() else "_" for sign in clean(raw.replace("\\", "/").rpartition("/")[2]))
    return shown[-_LONGEST_NAME:] or "-"


async def add_piece(session: AsyncSession, shown_id: int, number: int, piece: bytes) -> None:
    """One piece of its bytes, sealed."""
    session.add(ShownPart(shown_id=shown_id, number=number, content=sealed.keys().seal_bytes(piece)))
    await session.flush()
    session.expunge_all()  # or all pieces would be held at once


async def shown_at(session: AsyncSession, facility_id: int, public_id: UUID, *, now: datetime) -> ShownFile:
    """One of the facility's files of the last hour.

    Raises:
        ShownUnknown: there is none.
    """
    query = select(ShownFile).where(
        col(ShownFile.public_id) == public_id, col(ShownFile.facility_id) == facility_id,
        col(ShownFile.shown_at) > now - KEPT,
    )  # fmt: skip
    found: ShownFile | None = await session.scalar(query)
    if found is None:
        raise ShownUnknown
    return found


async def claim(session: AsyncSession, *, now: datetime) -> Claimed | None:
    """The oldest file that nobody reads. One whose reader was lost each time is given up."""
    free = or_(col(ShownFile.claimed_until).is_(None), col(ShownFile.claimed_until) < now)
    waiting = select(ShownFile).where(col(ShownFile.state) == ShownState.WAITING, free)
    waiting = waiting.order_by(col(ShownFile.id)).limit(1).with_for_update(skip_locked=True)
    shown: ShownFile | None = await session.scalar(waiting)
    if shown is None or shown.id is None:
        return None
    facility = await session.get_one(Facility, shown.facility_id)
    if shown.tries >= _TRIES:
        await tell(session, shown.id, {}, state=ShownState.FAILED)
        return None
    shown.tries, shown.claimed_until = shown.tries + 1, now + _LEASE
    return Claimed(shown.id, shown.feed, facility.code, shown.file_name, shown.shown_at)


async def pieces(session: AsyncSession, shown_id: int) -> int:
    """How many pieces there are."""
    query = select(func.count()).select_from(ShownPart).where(col(ShownPart.shown_id) == shown_id)
    return await session.scalar(query) or 0


async def piece(session: AsyncSession, shown_id: int, number: int) -> bytes:
    """One of them, open; empty when the hour is over."""
    query = select(col(ShownPart.content)).where(col(ShownPart.shown_id) == shown_id, col(ShownPart.number) == number)
    content: bytes | None = await session.scalar(query)
    return b"" if content is None else sealed.keys().unseal_bytes(content)


async def tell(
    session: AsyncSession, shown_id: int, told: Mapping[str, Any], *, state: ShownState = ShownState.DONE
) -> None:
    """Write down what was read; the bytes go."""
    values = {"state": state, "told": dict(told), "claimed_until": None}
    await session.execute(update(ShownFile).where(col(ShownFile.id) == shown_id).values(values))
    await session.execute(delete(ShownPart).where(col(ShownPart.shown_id) == shown_id))


async def forget(session: AsyncSession, *, now: datetime) -> int:
    """Remove what was shown an hour ago; how many."""
    old = delete(ShownFile).where(col(ShownFile.shown_at) <= now - KEPT).returning(col(ShownFile.id))
    return len((await session.execute(old)).all())


def cut(chunks: Iterable[bytes]) -> Iterable[bytes]:
    """Bytes in pieces of `PIECE`."""
    rest = b""
    for chunk in chunks:
        rest += chunk
        while len(rest) >= PIECE:
            yield rest[:PIECE]
            rest = rest[PIECE:]
    if rest:
        yield rest
