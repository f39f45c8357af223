"""Those who examine, named across facilities as "facility/code"."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select as select_columns
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.directory.models import Facility, Practitioner


@dataclass(frozen=True, slots=True)
class Examining:
    """One who examines; `id` is "facility/code", `at` the facility's code."""

    id: str
    name: str
    at: str


async def practitioners_at(session: AsyncSession, facilities: Collection[str]) -> list[Examining]:
    """Those who examine at the facilities, by facility and name."""
    query = (
        select_columns(col(Facility.code), col(Practitioner.code), col(Practitioner.name))
        .join(Facility, col(Facility.id) == col(Practitioner.facility_id))
        .where(col(Facility.code).in_(facilities), col(Practitioner.active))
        .order_by(col(Facility.sort_key), col(Facility.code), col(Practitioner.name))
    )
    return [Examining(f"{at}/{code}", name, at) for at, code, name in (await session.execute(query)).all()]


async def practitioner_named(session: AsyncSession, practitioner_id: int) -> str:
    """One as "facility/code"; empty where no list has that id."""
    query = (
        select_columns(col(Facility.code), col(Practitioner.code))
        .join(Facility, col(Facility.id) == col(Practitioner.facility_id))
        .where(col(Practitioner.id) == practitioner_id)
    )
    row = (await session.execute(query)).first()
    return "" if row is None else f"{row[0]}/{row[1]}"
