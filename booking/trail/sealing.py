"""Sealing the audit: each seal covers the events of a span of transactions and the seal before it, under a key.

Whoever changes, removes or slips in an event must make all seals since anew, and cannot without the key, which is not
in the database. Events are written unchained, because a chain inside the booking would be one lock for all; a job seals
what is complete. An event belongs to the transaction that wrote it (`xact`): once every transaction below some number
is over, nothing can be added below it any more.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, Final

import orjson
from sqlalchemy import BigInteger, literal_column, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.sealed import keys
from booking.trail import shortening
from booking.trail.models import AuditEvent, AuditSeal

_AT_ONCE: Final = 5_000
"""Events read at a time."""

_OVERDUE: Final = timedelta(minutes=10)
"""An event that old without a seal is a finding: the job seals each minute."""

_HORIZON = text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a seal (changed, gap, unsealed) or with where the chain begins (forged, early, before)."""

    what: str
    seal: int | None
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Verified:
    """What a look at the whole chain found; `digest` is the newest seal's, to compare with one kept elsewhere."""

    seals: int
    events: int
    digest: bytes | None
    findings: list[Finding]


async def seal(session: AsyncSession, *, now: datetime) -> AuditSeal | None:
    """Seal what is complete and not sealed yet; None where there is nothing, or another scheduler does it."""
    last = await session.scalar(select(AuditSeal).order_by(col(AuditSeal.id).desc()).limit(1))
    before = last if last is not None else await shortening.anchor(session)
    since = before.to_xact if before is not None else 0
    until: int = (await session.execute(_HORIZON)).scalar_one()
    number, digest = await _digest(session, since, until)
    if number == 0:
        return None
    values = {
        "from_xact": since,
        "to_xact": until,
        "events": number,
        "digest": _chained(before.digest if before is not None else b"", since, until, number, digest),
        "sealed_at": now,
    }
    made = upsert(AuditSeal).values(**values).on_conflict_do_nothing(constraint="audit_seal_key")
    return (await session.scalars(made.returning(AuditSeal))).first()


async def verify(session: AsyncSession, *, now: datetime) -> Verified:
    """Compute every seal anew and compare."""
    findings: list[Finding] = []
    seals = (await session.scalars(select(AuditSeal).order_by(col(AuditSeal.id)))).all()
    cut = await shortening.anchor(session)
    before, until, events = b"", 0, 0
    if cut is not None:
        findings += [Finding(what, None, cut.cut_at) for what in await shortening.wrong_with(session, cut)]
        before, until = cut.digest, cut.to_xact
    for each in seals:
        if each.from_xact != until:
            findings.append(Finding("gap", each.id, each.sealed_at))
        number, digest = await _digest(session, each.from_xact, each.to_xact)
        if each.digest != _chained(before, each.from_xact, each.to_xact, number, digest) or number != each.events:
            findings.append(Finding("changed", each.id, each.sealed_at))
        before, until, events = each.digest, each.to_xact, events + number
    oldest = await session.scalar(
        select(AuditEvent.at).where(col(AuditEvent.xact) >= until).order_by(col(AuditEvent.at)).limit(1)
    )
    if oldest is not None and oldest < now - _OVERDUE:
        findings.append(Finding("unsealed", None, oldest))
    return Verified(len(seals), events, before or None, findings)


def _chained(before: bytes, since: int, until: int, number: int, digest: bytes) -> bytes:
    return keys().index("audit_seal", f"{before.hex()}|{since}|{until}|{number}|{digest.hex()}")


async def _digest(session: AsyncSession, since: int, until: int) -> tuple[int, bytes]:
    """How many events the span holds, and a hash over all of them in the order of transaction and id."""
    number, running = 0, blake2b(digest_size=32)
    async for event in _events(session, since, until):
        line = orjson.dumps(_canonical(event), option=orjson.OPT_SORT_KEYS)
        running.update(len(line).to_bytes(4, "big") + line)
        number += 1
    return number, running.digest()


async def _events(session: AsyncSession, since: int, until: int) -> AsyncIterator[Any]:
    table = AuditEvent.__table__  # type: ignore[attr-defined]
    query = (
        select(*table.columns)
        .where(table.c.xact >= literal_column(str(int(since)), BigInteger))
        .where(table.c.xact < literal_column(str(int(until)), BigInteger))
        .order_by(table.c.xact, table.c.id)
    )
    found = await session.stream(query, execution_options={"yield_per": _AT_ONCE})
    async for row in found:
        yield row


def _canonical(event: Any) -> list[Any]:
    return [
        event.id, event.xact, event.at.isoformat(), event.actor_kind.value, event.actor_id, event.address,
        event.request_id, event.action, event.object_kind, event.object_id, event.result, event.facts,
    ]  # fmt: skip
