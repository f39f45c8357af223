"""Reads of the audit: who of the staff looked at a person."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.actor import ActorKind
from booking.trail.models import AuditEvent

PATIENT_READ = "patient.read"


@dataclass(frozen=True, slots=True)
class StaffRead:
    """A member of staff looked: when, where (a facility's code), what for (a word of the desk's)."""

    at: datetime
    staff: str | None
    facility: str | None
    reason: str | None


async def reads_of(session: AsyncSession, patient: UUID, *, most: int = 200) -> list[StaffRead]:
    """Who of the staff looked at a person, the latest first."""
    query = (
        select(AuditEvent)
        .where(
            col(AuditEvent.object_kind) == "patient",
            col(AuditEvent.object_id) == str(patient),
            col(AuditEvent.action) == PATIENT_READ,
            col(AuditEvent.actor_kind) == ActorKind.STAFF,
        )
        .order_by(col(AuditEvent.id).desc())
        .limit(most)
    )
    found = (await session.execute(query)).scalars()
    return [StaffRead(one.at, one.actor_id, one.facts.get("facility"), one.facts.get("reason")) for one in found]
