"""What is written once the places of a booking are there: who is told, what is counted, what a key answers again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson
from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.actor import Actor
from booking.appointments.caps import Caps
from booking.appointments.changing import phone_limit
from booking.appointments.errors import KeyReused
from booking.appointments.models import Appointment
from booking.appointments.party import Party
from booking.appointments.service import Ticket
from booking.appointments.telling import facts_of, recipient_of
from booking.messages import service as messages
from booking.messages.kinds import MessageKind
from booking.messages.service import Notice
from booking.patients.models import Account, Patient
from booking.patients.sessions import SignedIn
from booking.sealed import keys
from booking.trail.errors import TriedTooOften
from booking.trail.keys import IdempotencyKey
from booking.trail.models import IdempotencyRecord, RateCounter
from booking.trail.service import record


@dataclass(frozen=True, slots=True)
class Asker:
    """Who books, in which browser, within which limits."""

    who: SignedIn
    device: bytes | None
    caps: Caps
    by: Actor
    now: datetime


async def tell(
    session: AsyncSession, group: Party, visit: Appointment, patient: Patient, account: Account, asker: Asker
) -> None:
    """The confirmation, and the audit."""
    facts = facts_of(visit, group.facility.sms_name)
    notice = Notice(
        visit.public_id, MessageKind.BOOKED, visit.version, visit.facility_id, facts, due_at=asker.now,
        useful_until=visit.starts_at,
    )  # fmt: skip
    await messages.write(session, [notice], recipient_of(visit, patient, account), now=asker.now)
    more = {"party": str(visit.party_id)} if visit.party_id else {}
    record(
        session, "appointment.book", "appointment", visit.public_id, by=asker.by, now=asker.now, slot=visit.slot_id,
        place=visit.place, **more,
    )  # fmt: skip


async def count(session: AsyncSession, account: Account, number: int, asker: Asker) -> None:
    """So many more for the number today, unless its day is full; undone with the booking when that fails.

    Counted last: whoever waits for the counter's row holds no lock that its holder still wants.
    """
    limit = phone_limit(asker.caps.per_day)
    refused = TriedTooOften(limit=limit.name, most=limit.most, retry_after=limit.retry_after(asker.now))
    if number > limit.most:
        raise refused
    made = upsert(RateCounter).values(
        limit_name=limit.name, subject=account.phone_index, window_start=limit.window(asker.now), tries=number
    )
    counted = made.on_conflict_do_update(
        index_elements=["limit_name", "subject", "window_start"],
        set_={"tries": col(RateCounter.tries) + number},
        where=col(RateCounter.tries) + number <= limit.most,
    )
    if await session.scalar(counted.returning(col(RateCounter.tries))) is None:
        raise refused


def remember(session: AsyncSession, key: IdempotencyKey, visits: Sequence[Appointment], *, now: datetime) -> None:
    """Keep what the key made. Its public ids only: what opens a ticket is rebuilt when it is asked for again."""
    answer = orjson.dumps([str(visit.public_id) for visit in visits]).decode()
    session.add(
        IdempotencyRecord(
            scope=key.scope, key=key.key, body_hash=key.body_hash, subject=visits[0].public_id, answer=answer,
            replays=0, created_at=now,
        )
    )  # fmt: skip


async def replayed(session: AsyncSession, key: IdempotencyKey) -> list[Ticket] | None:
    """The tickets the key made before. It writes, so that its commit waits for the standby like the first one did."""
    row = (
        await session.execute(
            update(IdempotencyRecord)
            .where(col(IdempotencyRecord.scope) == key.scope, col(IdempotencyRecord.key) == key.key)
            .values(replays=col(IdempotencyRecord.replays) + 1)
            .returning(col(IdempotencyRecord.answer), col(IdempotencyRecord.body_hash))
            .execution_options(synchronize_session=False)
        )
    ).first()
    if row is None:
        return None
    if row.body_hash != key.body_hash:
        raise KeyReused
    made = [UUID(one) for one in orjson.loads(row.answer)]
    found = (await session.execute(select(Appointment).where(col(Appointment.public_id).in_(made)))).scalars()
    return sorted((ticket(visit, replayed=True) for visit in found), key=lambda ticket: made.index(ticket.public_id))


def ticket(visit: Appointment, *, replayed: bool = False) -> Ticket:
    """A booked appointment in the hands of its holder."""
    token = keys().link_token(str(visit.public_id), visit.token_version)
    answer = orjson.dumps({"code": visit.code, "party": str(visit.party_id) if visit.party_id else None}).decode()
    return Ticket(visit.public_id, visit.code, token, answer, replayed)
