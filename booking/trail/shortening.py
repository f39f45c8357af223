"""Shortening the audit at its old end, so that what is left can still be proven whole.

The digest of the newest seal that goes is kept as an anchor: the chain begins there. An anchor is signed with the key,
so whoever can write to the database and has no key cannot make one and call the rest an old end. What may go is decided
twice: by our period (`AUDIT_KEPT`), and by the database's own clock, which lets nothing younger than 12 months go.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.sealed import keys
from booking.trail.models import AuditCut, AuditEvent, AuditSeal

AUDIT_KEPT: Final = timedelta(days=730)
"""Two years: what somebody may still ask about a visit is kept as long as the visit."""

FLOOR: Final = timedelta(days=365)
"""Never less (level 3 of information security): the database refuses it too."""

AT_ONCE: Final = 5_000
"""About so many events go in one transaction."""

_SHORTEN = text("SELECT audit_shorten(:upto, :newest, :at, :signed)")


async def shorten(session: AsyncSession, *, now: datetime, most: int = AT_ONCE) -> int:
    """Remove the oldest sealed events beyond AUDIT_KEPT, at most about `most`; how many."""
    seal = await _last_to_go(session, now - AUDIT_KEPT, most)
    if seal is None:
        return 0
    newest = await session.scalar(select(func.max(col(AuditEvent.at))).where(col(AuditEvent.xact) < seal.to_xact))
    if newest is None or newest >= now - AUDIT_KEPT:
        return 0  # an event was dated later than its seal: it decides
    values = {"upto": seal.id, "newest": newest, "at": now, "signed": signed(seal.to_xact, seal.digest, newest, now)}
    return int((await session.execute(_SHORTEN, values)).scalar_one())


async def _last_to_go(session: AsyncSession, before: datetime, most: int) -> AuditSeal | None:
    """The newest of the oldest seals that may go: all its events are older than `before`."""
    old = select(AuditSeal).where(col(AuditSeal.sealed_at) < before).order_by(col(AuditSeal.id)).limit(most)
    last, events = None, 0
    for each in await session.scalars(old):
        if last is not None and events + each.events > most:
            break
        last, events = each, events + each.events
    return last


def signed(to_xact: int, digest: bytes, newest: datetime, at: datetime) -> bytes:
    """What only the holder of the key can write beside an anchor."""
    moments = "|".join(f"{one.timestamp():.6f}" for one in (newest, at))
    return keys().index("audit_cut", f"{to_xact}|{digest.hex()}|{moments}")


async def anchor(session: AsyncSession) -> AuditCut | None:
    """Where the chain begins now; None where nothing was ever removed."""
    found: AuditCut | None = await session.scalar(select(AuditCut).order_by(col(AuditCut.to_xact).desc()).limit(1))
    return found


async def wrong_with(session: AsyncSession, cut: AuditCut) -> list[str]:
    """What is wrong with an anchor: forged, early (events younger than FLOOR went), or events stand before it."""
    found = []
    if cut.mark != signed(cut.to_xact, cut.digest, cut.newest_at, cut.cut_at):
        found.append("forged")
    if cut.cut_at - cut.newest_at < FLOOR:
        found.append("early")
    if await session.scalar(select(AuditEvent.id).where(col(AuditEvent.xact) < cut.to_xact).limit(1)) is not None:
        found.append("before")
    return found
