"""Somebody new at a desk, or somebody the desk knows by her papers. A service file of patients, beside `service`.

A clerk has seen the card, or hears the person herself. So, unlike at home, the number of a citizen ID or an insurance
card with the same name and birth is proof that two rows are one person. A telephone is not needed: without one a person
is known by her card, and without a card by nothing that anybody could name.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, or_
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking import ids
from booking.actor import Actor
from booking.clock import local_day
from booking.inputs import ShortText
from booking.patients import matching, persons
from booking.patients.commands import AddProfile
from booking.patients.models import Patient
from booking.patients.persons import Person
from booking.patients.rules import Birth, Phone, read_phone
from booking.sealed import keys
from booking.trail.service import record


class RegisterPatient(AddProfile):
    """Somebody who stands at the desk; `phone` may be empty."""

    phone: ShortText | None = None


async def register(
    session: AsyncSession, command: RegisterPatient, *, by: Actor, now: datetime, training: bool = False
) -> Patient:
    """The person: the row she has, with what was empty in it filled, or a new one.

    `training`: at the place to practise. Nobody real is found then, whatever was typed, and whoever is made is not.

    Raises:
        PhoneRefused, NameRefused and the other refusals of `persons.read`.
    """
    person = persons.read(command, today=local_day(now))
    phone = read_phone(command.phone) if command.phone else None
    found = await _by_papers(session, person, training=training)
    if found is None:
        found = await _by_key(session, phone, person, now=now, training=training)
    reached = persons.reached(phone, training=training) if phone and found.phone is None else {}
    columns = persons.optional(person, training=training) | reached
    empty = {name: value for name, value in columns.items() if getattr(found, name) is None}
    changed = persons.write(found, empty, keep_empty=True)
    record(session, "patient.register", "patient", found.public_id, by=by, now=now, changed=changed)
    await session.flush()
    return found


async def _by_papers(session: AsyncSession, person: Person, *, training: bool) -> Patient | None:
    """Who carries the same number, name and birth."""
    marks = persons.optional(person, training=training)
    wanted = [col(getattr(Patient, name)) == marks[name] for name in ("citizen_id_index", "bhyt_index") if marks[name]]
    if not wanted:
        return None
    query = (
        select(Patient)
        .where(
            or_(*wanted), col(Patient.name_folded) == person.folded, col(Patient.birth_year) == person.birth.year,
            col(Patient.erased_at).is_(None),
        )
        .order_by(col(Patient.merged_into_id).is_not(None), col(Patient.id))
        .with_for_update(key_share=True)
    )  # fmt: skip
    rows: Sequence[Patient] = (await session.execute(query)).scalars().all()
    same = [row for row in rows if _agree(Birth(row.birth_year, row.birth_date), person.birth)]
    return await matching.signposted(session, same[0]) if same else None


def _agree(one: Birth, other: Birth) -> bool:
    """Whether two births may be one: a year alone fits any day in it."""
    return one.year == other.year and (one.day is None or other.day is None or one.day == other.day)


async def _by_key(
    session: AsyncSession, phone: Phone | None, person: Person, *, now: datetime, training: bool
) -> Patient:
    """Who has this telephone, name and birth; else a new row."""
    public_id = ids.public_id()
    key = _key(phone, person, public_id, training=training)
    found = (await session.execute(_keyed(key))).scalar_one_or_none()
    if found is not None and found.wrong_number_at is None:
        return await matching.signposted(session, found)
    if found is not None:  # its number was somebody else's: whoever gives it now is another
        key = _named_by_nothing(public_id, training=training)
    reached = persons.reached(phone, training=training) if phone else {}
    made = upsert(Patient).values(
        public_id=public_id, match_key=key, created_at=now, **persons.named(person), **reached,
        **persons.optional(person, training=training), training=training,
    )  # fmt: skip
    await session.execute(made.on_conflict_do_nothing(constraint="patient_match_key"))
    return (await session.execute(_keyed(key))).scalar_one()


def _keyed(key: bytes) -> Select[Patient]:
    return select(Patient).where(col(Patient.match_key) == key).with_for_update(key_share=True)


def _key(phone: Phone | None, person: Person, public_id: object, *, training: bool) -> bytes:
    if phone is not None:
        return persons.match_key(phone, person.folded, person.birth, training=training)
    if person.citizen_id is not None:
        by_card = f"card|{person.citizen_id}|{person.folded}|{person.birth}"
        return keys().index(persons.realm("person", training=training), by_card)
    return _named_by_nothing(public_id, training=training)


def _named_by_nothing(public_id: object, *, training: bool) -> bytes:
    return keys().index(persons.realm("person", training=training), f"desk|{public_id}")
