"""A clerk corrects what is known of a person, her papers on the desk. A service file of patients, beside `service`.

Unlike at home, everything is replaced: a clerk sees the card. The telephone may change too, or be taken away; a number
that somebody called wrong is hers again only by being entered anew.
"""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.actor import Actor
from booking.clock import local_day
from booking.patients import matching, numbers, persons
from booking.patients.errors import PatientOvertaken
from booking.patients.flags import flag, flag_many_hands
from booking.patients.kinds import FlagKind
from booking.patients.models import Patient
from booking.patients.registering import RegisterPatient
from booking.patients.rules import Birth, read_phone
from booking.sealed import keys
from booking.trail.service import record


class CorrectPatient(RegisterPatient):
    """Everything as it should be from now on: what is left out is taken away."""


def mark_of(patient: Patient) -> str:
    """Of everything a clerk may correct: another clerk's correction makes another mark."""
    held = [patient.name, patient.birth_date, patient.birth_year, patient.sex, patient.ward, patient.guardian_name]
    held += [patient.citizen_id, patient.bhyt_number, patient.phone, patient.priority_claimed]
    return keys().index("record", "|".join(str(one or "") for one in held)).hex()[:32]


async def correct(
    session: AsyncSession, patient: Patient, command: CorrectPatient, mark: str, *, by: Actor, now: datetime
) -> list[str]:
    """Replace what is known of a person; which facts changed.

    Args:
        session: the caller's transaction.
        patient: through the scope of the desk.
        command: everything as it should be.
        mark: of the state the form showed.
        by: who corrects.
        now: the moment of the request.

    Raises:
        PatientOvertaken: somebody corrected her meanwhile.
        PersonClash: another person under her number has that name and birth.
        PhoneRefused and the refusals of `persons.read`.
    """
    person = persons.read(command, today=local_day(now))
    phone = read_phone(command.phone) if command.phone else None
    query = select(Patient).where(col(Patient.id) == patient.id).with_for_update(key_share=True)
    row: Patient = (await session.execute(query.execution_options(populate_existing=True))).scalar_one()
    wanted = {**persons.named(person), **persons.optional(person, training=row.training)}
    e164 = None if phone is None else phone.e164
    if row.phone == e164 and all(getattr(row, name) == value for name, value in wanted.items()):
        return []  # the same form again, or nothing was changed
    if mark_of(row) != mark:
        raise PatientOvertaken
    before = (row.name_folded, Birth(row.birth_year, row.birth_date))
    if (person.folded, person.birth) != before:
        await matching.rekey(session, row, person)
        if person.folded != before[0] and person.birth != before[1]:
            await flag(session, row, FlagKind.RENAMED, now=now, by_staff=True)
    changed = persons.write(row, wanted, keep_empty=False)
    if row.phone != e164:
        await _reach(session, row, command, by=by, now=now)
        changed = sorted({*changed, "phone"})
    record(session, "patient.correct", "patient", row.public_id, by=by, now=now, changed=changed)
    await session.flush()
    await flag_many_hands(session, row, now=now)
    return changed


async def _reach(session: AsyncSession, row: Patient, command: CorrectPatient, *, by: Actor, now: datetime) -> None:
    """Another telephone, or none."""
    if command.phone:
        await numbers.set_right(session, row, read_phone(command.phone), by=by, now=now)
        return
    nothing: dict[str, Any] = {"phone": None, "phone_index": None, "phone_last4_index": None}
    for column, value in nothing.items():
        setattr(row, column, value)
    row.match_key = keys().index(persons.realm("person", training=row.training), f"desk|{row.public_id}")
