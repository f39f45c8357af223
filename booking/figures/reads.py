"""Who of the staff read which record: for the auditor, by staff, person, facility and time, and what stands out.

People are named by their reference only: an auditor has no business with what stands in a record. A person who asks
who read hers brings a booking code, and its reference is found by that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from statistics import median
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Integer, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.access.kinds import Role
from booking.access.models import Staff
from booking.actor import Actor
from booking.appointments.models import Appointment
from booking.clock import ZONE, day_bounds
from booking.columns import Moment
from booking.figures.kinds import Oddity
from booking.figures.rules import NIGHT, Reading, Span, oddities
from booking.patients.models import Patient
from booking.text import clean
from booking.trail.service import record

SHOWN: Final = 200
TAKEN: Final = 50_000
"""Rows of a page, and of a file one takes away."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for; None is everything."""

    span: Span
    staff: UUID | None = None
    patient: UUID | None = None
    facility: str | None = None


@dataclass(frozen=True, slots=True)
class Who:
    """A member of staff."""

    id: UUID
    name: str
    username: str
    role: Role


@dataclass(frozen=True, slots=True)
class Read:
    """One reading of one record. `why` is the desk's word; `at_work`: the person has or had a visit there."""

    at: datetime
    who: Who | None
    patient: UUID
    facility: str | None
    why: str | None
    address: str | None
    at_work: bool


@dataclass(frozen=True, slots=True)
class Outstanding:
    """What one person read on one day at one facility, and why it stands out."""

    who: Who | None
    day: date
    facility: str
    reading: Reading
    why: tuple[Oddity, ...]


_KNOWN: Final = """
  EXISTS (SELECT FROM appointment a WHERE a.patient_id = coalesce(p.merged_into_id, p.id) AND a.facility_id = f.id)
  OR EXISTS (SELECT FROM queue_ticket t WHERE t.patient_id = coalesce(p.merged_into_id, p.id) AND t.facility_id = f.id)
"""

_FROM: Final = """
FROM audit_event e
LEFT JOIN patient p ON p.public_id = e.object_id::uuid
LEFT JOIN facility f ON f.code = e.facts ->> 'facility'
WHERE e.action = 'patient.read' AND e.actor_kind = 'staff' AND e.at >= :begins AND e.at < :ends
  AND (CAST(:staff AS text) IS NULL OR e.actor_id = :staff)
  AND (CAST(:patient AS text) IS NULL OR e.object_id = :patient)
  AND (CAST(:facility AS text) IS NULL OR e.facts ->> 'facility' = :facility)
"""

_TYPES: Final = (
    bindparam("begins", type_=Moment), bindparam("ends", type_=Moment), bindparam("staff", type_=Text),
    bindparam("patient", type_=Text), bindparam("facility", type_=Text),
)  # fmt: skip

_LIST: Final = text(f"""
SELECT e.at, e.actor_id, e.object_id, e.facts ->> 'facility', e.facts ->> 'reason', e.address, {_KNOWN}
{_FROM} ORDER BY e.at DESC, e.id DESC LIMIT :most
""").bindparams(*_TYPES, bindparam("most", type_=Integer))

_LISTS: Final = text("""
SELECT e.at, e.actor_id, p.public_id::text, e.object_id, coalesce(e.facts ->> 'reason', 'queue_list'), e.address, true
FROM patient p, audit_event e JOIN facility f ON f.code = e.object_id
WHERE p.public_id = CAST(:patient AS uuid) AND e.object_kind = 'facility' AND e.action IN ('sheet.read', 'queue.read')
  AND e.actor_kind = 'staff' AND e.at >= :begins AND e.at < :ends
  AND (CAST(:staff AS text) IS NULL OR e.actor_id = :staff)
  AND (CAST(:facility AS text) IS NULL OR e.object_id = :facility)
  AND EXISTS (
    SELECT FROM (
      SELECT a.patient_id, a.facility_id, a.day, a.service_id FROM appointment a
      UNION ALL
      SELECT t.patient_id, t.facility_id, t.day, queue.service_id
      FROM queue_ticket t JOIN queue ON queue.id = t.queue_id
    ) stood JOIN service ON service.id = stood.service_id
    WHERE stood.patient_id = coalesce(p.merged_into_id, p.id) AND stood.facility_id = f.id
      AND stood.day = coalesce(CAST(e.facts ->> 'day' AS date), CAST(e.at AT TIME ZONE :zone AS date))
      AND coalesce(e.facts ->> 'service', service.code) = service.code)
ORDER BY e.at DESC, e.id DESC LIMIT :most
""").bindparams(*_TYPES, bindparam("zone", type_=Text), bindparam("most", type_=Integer))
"""Lists with names on which one person stood: a facility's day sheet, the line of a service."""

_BY_DAY: Final = text(f"""
WITH one AS (
  SELECT e.actor_id, (e.at AT TIME ZONE :zone)::date AS day, f.code, e.object_id, p.id AS person, p.merged_into_id,
    f.id AS facility_id, count(*) FILTER (
      WHERE extract(hour FROM e.at AT TIME ZONE :zone) >= {NIGHT[0]}
         OR extract(hour FROM e.at AT TIME ZONE :zone) < {NIGHT[1]}) AS at_night
  {_FROM} GROUP BY e.actor_id, day, f.code, f.id, e.object_id, p.id, p.merged_into_id
)
SELECT actor_id, day, coalesce(code, ''), count(*), count(*) FILTER (WHERE NOT known), sum(at_night)::bigint
FROM (SELECT one.*, {
    _KNOWN.replace("coalesce(p.merged_into_id, p.id)", "coalesce(one.merged_into_id, one.person)").replace(
        "f.id", "one.facility_id"
    )
} AS known FROM one) AS told
GROUP BY actor_id, day, code ORDER BY day DESC, count(*) DESC
""").bindparams(*_TYPES, bindparam("zone", type_=Text))


async def listed(session: AsyncSession, wanted: Wanted, *, most: int = SHOWN) -> list[Read]:
    """The readings, the latest first; one more than `most` is never read.

    Of one person also the lists she stood on, such as the day's sheet: whoever looked at them may have read her name.
    """
    values = _values(wanted) | {"most": most}
    rows: list[Any] = [*(await session.execute(_LIST, values)).all()]
    if wanted.patient is not None:
        rows += (await session.execute(_LISTS, values | {"zone": str(ZONE)})).all()
        rows = sorted(rows, key=lambda row: row[0], reverse=True)[:most]
    people = await _staff(session, [row[1] for row in rows])
    return [
        Read(at, people.get(actor or ""), UUID(patient), facility, why, address, known)
        for at, actor, patient, facility, why, address, known in rows
    ]


async def standing_out(session: AsyncSession, wanted: Wanted) -> list[Outstanding]:
    """Days of somebody's reading that are to be asked about, the latest first."""
    values = _values(wanted) | {"zone": str(ZONE)}
    rows: list[Any] = [*(await session.execute(_BY_DAY, values)).all()]
    people = await _staff(session, [row[0] for row in rows])
    roles = {actor: who.role for actor, who in people.items()}
    found = []
    for actor, day, facility, read, strangers, night in rows:
        others = [row[3] for row in rows if row[0] != actor and roles.get(row[0]) is roles.get(actor)]
        reading = Reading(read, strangers, night, median(others) if others else None)
        if why := oddities(reading):
            found.append(Outstanding(people.get(actor or ""), day, facility, reading, why))
    return found


def _values(wanted: Wanted) -> dict[str, Any]:
    return {
        "begins": day_bounds(wanted.span.first)[0], "ends": day_bounds(wanted.span.last)[1],
        "staff": None if wanted.staff is None else str(wanted.staff),
        "patient": None if wanted.patient is None else str(wanted.patient), "facility": wanted.facility,
    }  # fmt: skip


async def everybody(session: AsyncSession) -> list[Who]:
    """Whose reading can be asked for: everybody who has or had an account."""
    rows = (await session.scalars(select(Staff).order_by(col(Staff.username)))).all()
    return [_who(row) for row in rows]


async def _staff(session: AsyncSession, actors: Sequence[str | None]) -> dict[str, Who]:
    wanted = {UUID(one) for one in actors if one}
    rows = (await session.scalars(select(Staff).where(col(Staff.public_id).in_(wanted)))).all()
    return {str(row.public_id): _who(row) for row in rows}


def _who(row: Staff) -> Who:
    return Who(row.public_id, row.name, row.username, row.role)


async def person_of(session: AsyncSession, said: str) -> UUID | None:
    """The reference of a person: as it stands in a list, or found by the code of one of her visits."""
    words = clean(said)
    try:
        return UUID(words)
    except ValueError:
        query = (
            select(Patient.public_id)
            .join(Appointment, col(Appointment.patient_id) == col(Patient.id))
            .where(col(Appointment.code) == words.upper())
        )
        return (await session.execute(query)).scalar_one_or_none()


def looked(session: AsyncSession, wanted: Wanted, *, by: Actor, now: datetime, taken: bool) -> None:
    """Write down that somebody looked at who looked; `taken`: as a file."""
    record(
        session, "audit.look", "audit", wanted.span.first.isoformat(), by=by, now=now,
        until=wanted.span.last.isoformat(), staff=None if wanted.staff is None else str(wanted.staff),
        patient=None if wanted.patient is None else str(wanted.patient), facility=wanted.facility, taken=taken,
    )  # fmt: skip
