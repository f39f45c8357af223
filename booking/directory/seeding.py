"""The first content of the directory: insert-only, so that what staff changed later is never overwritten."""

import csv
import tomllib
from datetime import datetime, time
from functools import cache
from importlib import resources
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Table, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col

from booking.actor import system
from booking.directory.kinds import FacilityKind, FacilityState, Payment
from booking.directory.models import Department, Facility, Practitioner, Room, SearchWord, Service
from booking.directory.rules import is_sms_name
from booking.directory.seed_words import word_rows
from booking.text import clean, fold, plain_sort_key
from booking.trail.service import record

_SEED = resources.files("booking.directory") / "seed"
_LEAD_MINUTES = {FacilityKind.HOSPITAL: 60, FacilityKind.MEDICAL_CENTRE: 30, FacilityKind.HEALTH_STATION: 30}
_HORIZON_DAYS = 30
_CANCEL_MINUTES = 120


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Words(_Entry):
    vi: str
    en: str


class _Department(_Entry):
    code: str
    name: str
    name_en: str


class _Service(_Entry):
    code: str
    name: str
    name_en: str
    sms_label: str
    duration_minutes: int
    bring: str
    prepare: str | None = None
    payment: Payment = Payment.INSURANCE
    department: _Department | None = None


class _Services(_Entry):
    bring: dict[str, _Words]
    prepare: dict[str, _Words]
    hospital: list[_Service]
    medical_centre: list[_Service]
    health_station: list[_Service]

    def of(self, kind: FacilityKind) -> list[_Service]:
        """What a facility of this kind offers."""
        by_kind = {
            FacilityKind.HOSPITAL: self.hospital,
            FacilityKind.MEDICAL_CENTRE: self.medical_centre,
            FacilityKind.HEALTH_STATION: self.health_station,
        }
        return by_kind[kind]


class Hours(_Entry):
    """From when to when."""

    starts: time
    ends: time


class SampleSessions(Hours):
    """Weekly sessions of a sample practitioner; weekday 0 is Monday."""

    weekdays: list[int]
    slot_minutes: int


class SamplePractitioner(_Entry):
    """An invented person, and when and for what one may see them."""

    facility: str
    code: str
    name: str
    service: str
    sessions: list[SampleSessions]


class SampleRoom(_Entry):
    """A room that every facility of a kind has, and the weekly sessions of one service in it."""

    kind: FacilityKind
    code: str
    name: str
    service: str
    weekdays: list[int]
    halves: list[str]
    slot_minutes: int
    capacity: int
    reserved: int


class Sample(_Entry):
    """The sample timetable; `halves` are the usual hours of a morning and an afternoon."""

    halves: dict[str, Hours]
    practitioner: list[SamplePractitioner]
    room: list[SampleRoom]


@cache
def sample() -> Sample:
    """The sample timetable of the repository."""
    return Sample.model_validate(tomllib.loads((_SEED / "sample.toml").read_text("utf-8")))


async def seed_directory(session: AsyncSession, now: datetime) -> int:
    """Insert the city's facilities, their departments and services, and plain words where they are missing.

    How many rows are new. A word that was removed counts as there.
    """
    made = await _seed_facilities(session)
    services = _Services.model_validate(tomllib.loads((_SEED / "services.toml").read_text("utf-8")))
    for facility in (await session.scalars(select(Facility).order_by(col(Facility.id)))).all():
        made += await _seed_services(session, facility, services)
    made += await _put(session, SearchWord, word_rows())
    if made:
        record(session, "directory.seed", "directory", "all", by=system("seed"), now=now, rows=made)
    return made


async def seed_sample_people(session: AsyncSession) -> int:
    """Insert the sample practitioners and rooms where they are missing; how many rows are new."""
    found = (await session.execute(select(col(Facility.id), col(Facility.code), col(Facility.kind)))).all()
    ids = {code: facility_id for facility_id, code, _ in found}
    people = [
        {"facility_id": ids[each.facility], "code": each.code, "name": each.name, "sample": True}
        for each in sample().practitioner
        if each.facility in ids
    ]
    rooms = {
        (facility_id, each.code): {"facility_id": facility_id, "code": each.code, "name": each.name}
        for facility_id, _, kind in found
        for each in sample().room
        if each.kind is kind
    }
    return await _put(session, Practitioner, people) + await _put(session, Room, list(rooms.values()))


async def _seed_facilities(session: AsyncSession) -> int:
    listed = list(csv.DictReader((_SEED / "facilities.csv").read_text("utf-8").splitlines()))
    made = await _put(session, Facility, [_facility(row, None) for row in listed if not row["parent_code_2023"]])
    parents = dict((await session.execute(select(col(Facility.code), col(Facility.id)))).all())
    children = [_facility(row, parents[row["parent_code_2023"]]) for row in listed if row["parent_code_2023"]]
    return made + await _put(session, Facility, children)


def _facility(row: dict[str, str], parent_id: int | None) -> dict[str, Any]:
    text = {name: clean(value) or None for name, value in row.items()}
    if not is_sms_name(text["sms_name"] or ""):
        raise ValueError(f"{text['code']}: no name for texts: {text['sms_name']}")
    searched = [text[name] for name in ("name", "name_en", "ward_2023", "ward_2025", "address", "code")]
    same = ("code", "kind", "name", "name_en", "sms_name", "address", "phone", "ward_2023", "gso_ward_code_2023",
            "ward_2025", "ma_cskcb")  # fmt: skip
    return {
        **{name: text[name] for name in same},
        "latitude": float(row["latitude"]) if row["latitude"] else None,
        "longitude": float(row["longitude"]) if row["longitude"] else None,
        "parent_id": parent_id,
        # Nothing is open until the city confirms it. Pilot and open both take bookings, so the line can be tried whole.
        "state": FacilityState.PILOT,
        "confirmed": False,
        "search_key": fold(" ".join(part for part in searched if part)),
        "sort_key": plain_sort_key(text["name"] or ""),
    }


async def _seed_services(session: AsyncSession, facility: Facility, services: _Services) -> int:
    offered = services.of(facility.kind)
    departments = [{"facility_id": facility.id, **each.department.model_dump()} for each in offered if each.department]
    made = await _put(session, Department, departments)
    known = select(col(Department.code), col(Department.id)).where(col(Department.facility_id) == facility.id)
    ids = dict((await session.execute(known)).all())
    rows = []
    for each in offered:
        row = each.model_dump(exclude={"department", "bring", "prepare"})
        bring = services.bring[each.bring]
        prepare = services.prepare[each.prepare] if each.prepare else None
        row |= {
            "facility_id": facility.id,
            "department_id": ids[each.department.code] if each.department else None,
            "bring": bring.vi,
            "bring_en": bring.en,
            "prepare": prepare.vi if prepare else None,
            "prepare_en": prepare.en if prepare else None,
            "fee_vnd": None,
            "lead_minutes": _LEAD_MINUTES[facility.kind],
            "horizon_days": _HORIZON_DAYS,
            "cancel_minutes": _CANCEL_MINUTES,
            "bookable": True,
            "confirmed": False,
            "sort_key": plain_sort_key(each.name),
        }
        rows.append(row)
    made += await _put(session, Service, rows)
    return made + await _seed_prepare(session, rows)


async def _seed_prepare(session: AsyncSession, rows: list[dict[str, Any]]) -> int:
    """Services from before there was a word on preparing get theirs; what staff wrote, or emptied, stays."""
    changed = 0
    for row in rows:
        if row["prepare"] is None:
            continue
        fill = (
            update(Service)
            .where(col(Service.facility_id) == row["facility_id"], col(Service.code) == row["code"])
            .where(col(Service.prepare).is_(None), col(Service.confirmed).is_(False))
            .values(prepare=row["prepare"], prepare_en=row["prepare_en"])
            .returning(col(Service.id))
        )
        changed += len((await session.execute(fill)).all())
    return changed


async def _put(session: AsyncSession, table: type[SQLModel], rows: list[dict[str, Any]]) -> int:
    """Insert rows that are missing; how many are new."""
    if not rows:
        return 0
    target: Table = SQLModel.metadata.tables[str(table.__tablename__)]
    put = insert(target).on_conflict_do_nothing().returning(target.c.id)
    return len((await session.execute(put, rows)).all())
