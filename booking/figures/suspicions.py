"""Suspicions of touting: notes that booking made about people, and what the manager of a facility makes of them.

A note has no facility. It is shown where the person has, or had, a visit: through that the manager finds it, and nobody
else. What was seen are counts; a telephone number or another person's name is in no note.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, func
from sqlalchemy import select as select_columns
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.actor import Actor
from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.figures.commands import AnswerSuspicion
from booking.figures.errors import SuspicionAnswered, SuspicionUnknown
from booking.figures.kinds import Verdict
from booking.figures.models import SuspicionAnswer
from booking.patients.kinds import FlagKind
from booking.patients.models import Patient, PatientFlag
from booking.patients.service import read_by_staff
from booking.trail.service import record

KINDS: Final = (FlagKind.CHANGED_HANDS, FlagKind.RENAMED)
"""Notes that may mean touting. A wrong number is the telephone's affair, and is settled elsewhere."""

MOST: Final = 100
_NO_VISIT: Final = (AppointmentState.HELD, AppointmentState.LAPSED)


@dataclass(frozen=True, slots=True)
class Coming:
    """A visit that lies ahead, by its code."""

    code: str
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A note about somebody. `facts` are counts: accounts, people and days, slips. `missed`: visits here she missed."""

    id: int
    kind: FlagKind
    facts: dict[str, Any]
    at: datetime
    patient: UUID
    name: str
    birth_year: int
    missed: int
    coming: tuple[Coming, ...]
    verdict: Verdict | None = None
    answered_at: datetime | None = None
    answered_by: str | None = None


async def open_at(session: AsyncSession, facilities: Sequence[int]) -> dict[int, int]:
    """How many notes nobody has answered, by facility; one about a person of two facilities counts at both."""
    query = (
        select_columns(col(Appointment.facility_id), func.count(func.distinct(col(PatientFlag.id))))
        .join(Appointment, col(Appointment.patient_id) == col(PatientFlag.patient_id))
        .where(
            col(PatientFlag.settled_at).is_(None),
            col(PatientFlag.kind).in_(KINDS),
            col(Appointment.facility_id).in_(facilities),
            col(Appointment.state).not_in(_NO_VISIT),
        )
        .group_by(col(Appointment.facility_id))
    )
    rows: list[Any] = [*(await session.execute(query)).all()]
    return dict(rows)


async def at_facility(
    session: AsyncSession, facility_id: int, facility: str, *, by: Actor, now: datetime
) -> list[Suspicion]:
    """The notes about people of a facility: open ones first, the latest first. Each person shown is in the audit."""
    query = (
        _scoped(facility_id)
        .add_columns(col(SuspicionAnswer.verdict), col(SuspicionAnswer.at), col(SuspicionAnswer.staff))
        .outerjoin(SuspicionAnswer, col(SuspicionAnswer.flag_id) == col(PatientFlag.id))
        .order_by(col(PatientFlag.settled_at).is_not(None), col(PatientFlag.id).desc())
        .limit(MOST)
    )
    rows: list[Any] = [*(await session.execute(query)).all()]
    visits = await _visits(session, facility_id, [row[1].id for row in rows], now)
    for patient in {row[1].public_id for row in rows}:
        read_by_staff(session, patient, by=by, now=now, facility=facility, reason="suspicion")
    return [
        Suspicion(
            flag.id, flag.kind, flag.facts, flag.created_at, patient.public_id, patient.name, patient.birth_year,
            *visits.get(patient.id, (0, ())), verdict, at, staff,
        )
        for flag, patient, verdict, at, staff in rows
    ]  # fmt: skip


def _scoped(facility_id: int) -> Select[PatientFlag, Patient]:
    """Notes of the kinds shown here about people who have or had a visit at the facility."""
    here = (
        select_columns(col(Appointment.id))
        .where(
            col(Appointment.patient_id) == col(PatientFlag.patient_id),
            col(Appointment.facility_id) == facility_id,
            col(Appointment.state).not_in(_NO_VISIT),
        )
        .exists()
    )
    joined = select_columns(PatientFlag, Patient).join(Patient, col(Patient.id) == col(PatientFlag.patient_id))
    return joined.where(col(PatientFlag.kind).in_(KINDS), here)


async def _visits(
    session: AsyncSession, facility_id: int, patients: Sequence[int], now: datetime
) -> dict[int, tuple[int, tuple[Coming, ...]]]:
    """Of each person: how many visits here she missed, and those that lie ahead."""
    query = (
        select(Appointment)
        .where(
            col(Appointment.patient_id).in_(patients),
            col(Appointment.facility_id) == facility_id,
            col(Appointment.state).in_((AppointmentState.BOOKED, AppointmentState.NOSHOW)),
        )
        .order_by(col(Appointment.starts_at))
    )
    missed: dict[int, int] = {}
    coming: dict[int, list[Coming]] = {}
    for visit in (await session.execute(query)).scalars():
        whose = visit.patient_id or 0
        if visit.state is AppointmentState.NOSHOW:
            missed[whose] = missed.get(whose, 0) + 1
        elif visit.starts_at > now:
            coming.setdefault(whose, []).append(Coming(visit.code, visit.starts_at))
    return {each: (missed.get(each, 0), tuple(coming.get(each, ()))) for each in patients}


async def answer(
    session: AsyncSession, facility_id: int, command: AnswerSuspicion, *, by: Actor, now: datetime
) -> None:
    """Say what a note means; it is settled with that. The same answer again changes nothing.

    Raises:
        SuspicionUnknown: no such note about anybody of this facility.
        SuspicionAnswered: somebody said something else.
    """
    query = _scoped(facility_id).where(col(PatientFlag.id) == command.flag).with_for_update(of=PatientFlag)
    row: Any = (await session.execute(query.execution_options(populate_existing=True))).first()
    if row is None:
        raise SuspicionUnknown
    flag, patient = row
    before = await session.scalar(
        select_columns(col(SuspicionAnswer.verdict)).where(col(SuspicionAnswer.flag_id) == flag.id)
    )
    if flag.settled_at is not None:
        if before is not command.verdict:
            raise SuspicionAnswered
        return
    flag.settled_at = now
    session.add(SuspicionAnswer(flag_id=flag.id, facility_id=facility_id, verdict=command.verdict, staff=by.id, at=now))
    record(
        session, "suspicion.answer", "patient", patient.public_id, by=by, now=now, kind=flag.kind.value,
        verdict=command.verdict.value,
    )  # fmt: skip
    await session.flush()
