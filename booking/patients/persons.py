"""A person as somebody gave her to us, read, and how she is written into a patient's row.

It is the half of `service` that knows columns: sealing, blind indexes, sort and match keys.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from booking.patients.commands import AddProfile
from booking.patients.identity import Mark, bhyt_mark, citizen_mark, read_bhyt, read_citizen_id
from booking.patients.kinds import PriorityClass, Sex
from booking.patients.models import Patient
from booking.patients.rules import (
    Birth,
    Phone,
    check_claim,
    match_text,
    read_birth,
    read_guardian,
    read_name,
    read_ward,
)
from booking.sealed import keys
from booking.text import fold, sort_key


@dataclass(frozen=True, slots=True)
class Person:
    """What was given about a person, checked."""

    name: str
    folded: str
    birth: Birth
    sex: Sex | None
    citizen_id: str | None
    bhyt_number: str | None
    ward: str | None
    guardian_name: str | None
    priority: PriorityClass | None


def read(command: AddProfile, *, today: date) -> Person:
    """Check what was given.

    Raises:
        NameRefused, BirthRefused, CitizenIdRefused, BhytRefused, PriorityRefused, GuardianNeeded: the first that is
            wrong; a form asks the rules one by one instead.
    """
    name = read_name(command.name)
    birth = read_birth(day=command.birth_date, year=command.birth_year, today=today)
    check_claim(command.priority)
    return Person(
        name=name,
        folded=fold(name),
        birth=birth,
        sex=command.sex,
        citizen_id=read_citizen_id(command.citizen_id).number if command.citizen_id else None,
        bhyt_number=read_bhyt(command.bhyt_number) if command.bhyt_number else None,
        ward=read_ward(command.ward),
        guardian_name=read_guardian(command.guardian_name, birth=birth, relation=command.relation, on=today),
        priority=command.priority,
    )


def realm(purpose: str, *, training: bool) -> str:
    """The purpose of a blind index, of real people or of invented ones.

    Two purposes never have an index in common. So whatever looks for a real number finds no sample, and a clerk who
    practises and types a real number finds nobody: no query can forget to ask.
    """
    return f"training-{purpose}" if training else purpose


def index_of(mark: Mark, *, training: bool = False) -> bytes:
    """The blind index of a number by which one person is the same in two systems."""
    return keys().index(realm(mark.purpose, training=training), mark.number)


def phone_index(e164: str, *, training: bool = False) -> bytes:
    """The blind index of a telephone."""
    return keys().index(realm("phone", training=training), e164)


def last4_index(last4: str, *, training: bool = False) -> bytes:
    """The blind index of its last four digits."""
    return keys().index(realm("phone_last4", training=training), last4)


def match_key(phone: Phone, folded: str, birth: Birth, *, apart: object = None, training: bool = False) -> bytes:
    """What makes two people one: phone, folded name and birth.

    `apart` (the patient's own public id) keeps a row out of reach: it is no longer, or never was, whom somebody means
    who only knows these three.
    """
    text = match_text(phone, folded, birth)
    return keys().index(realm("person", training=training), text if apart is None else f"{text}|{apart}")


def named(person: Person) -> dict[str, Any]:
    """The columns of name and birth, without the match key."""
    return {
        "name": person.name,
        "name_folded": person.folded,
        "name_sort": sort_key(person.name),
        "birth_date": person.birth.day,
        "birth_year": person.birth.year,
    }


def reached(phone: Phone, *, training: bool = False) -> dict[str, Any]:
    """The columns of the telephone, for the ORM, which seals."""
    return {
        "phone": phone.e164,
        "phone_index": phone_index(phone.e164, training=training),
        "phone_last4_index": last4_index(phone.last4, training=training),
    }


def optional(person: Person, *, training: bool = False) -> dict[str, Any]:
    """The columns that may be empty, with the blind indexes of the numbers."""
    citizen, bhyt = person.citizen_id, person.bhyt_number
    return {
        "sex": person.sex,
        "ward": person.ward,
        "guardian_name": person.guardian_name,
        "priority_claimed": person.priority,
        "citizen_id": citizen,
        "citizen_id_index": index_of(citizen_mark(citizen), training=training) if citizen else None,
        "bhyt_number": bhyt,
        "bhyt_index": index_of(bhyt_mark(bhyt), training=training) if bhyt else None,
    }


def write(patient: Patient, columns: dict[str, Any], *, keep_empty: bool) -> list[str]:
    """Set the columns that differ; which, for the audit. With `keep_empty` what was left out is left as it is."""
    changed = []
    for column, value in columns.items():
        if (value is None and keep_empty) or getattr(patient, column) == value:
            continue
        setattr(patient, column, value)
        changed.append(column)
    return told(changed)


def told(columns: Iterable[str]) -> list[str]:
    """Columns as the audit names them: each fact once, without its indexes and keys."""
    derived = {"name_folded", "name_sort", "citizen_id_index", "bhyt_index", "match_key"}
    return sorted(set(columns) - derived)
