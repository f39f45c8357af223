"""Reads for whoever does not know the place yet: words, services wherever they are, places by distance.

Beside queries.py, which it would make too long.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.directory import queries
from booking.directory.errors import ServiceUnknown
from booking.directory.kinds import BOOKABLE, WordKind
from booking.directory.models import Department, Facility, SearchWord, Service
from booking.directory.queries import FacilityView
from booking.directory.rules import Position, Word, bare, distance_km, names


class ServiceName(BaseModel):
    """A service by the name it has everywhere, and at which bookable facilities it is offered."""

    model_config = ConfigDict(frozen=True)

    code: str
    name: str
    name_en: str
    facilities: tuple[str, ...]
    searched: str


@dataclass(frozen=True, slots=True)
class Near:
    """A facility and how far away it is, in kilometres as the crow flies."""

    facility: FacilityView
    km: float


async def words(session: AsyncSession) -> list[Word]:
    """The table of words, in the order in which they were entered."""
    rows = await session.execute(
        select(SearchWord.kind, SearchWord.phrase, SearchWord.target)
        .where(col(SearchWord.active))
        .order_by(col(SearchWord.id))
    )
    return [Word(WordKind(kind), phrase, target) for kind, phrase, target in rows]


async def services(session: AsyncSession) -> list[ServiceName]:
    """What can be booked anywhere: those offered at most places first, then in the order of the alphabet."""
    rows = await session.execute(
        select(
            Service.code, Service.name, Service.name_en, Service.sort_key, Facility.code, Department.name,
            Department.name_en,
        )  # type: ignore[call-overload]
        .join(Facility, col(Facility.id) == col(Service.facility_id))
        .outerjoin(Department, col(Department.id) == col(Service.department_id))
        .where(col(Service.bookable), col(Facility.state).in_(BOOKABLE))
        .order_by(col(Service.id))
    )  # fmt: skip
    found: dict[str, ServiceName] = {}
    order: dict[str, str] = {}
    for code, name, name_en, sort_key, facility, *department in rows:
        first = found.get(code)
        order.setdefault(code, sort_key)
        said = " ".join(part for part in (name, name_en, *department) if part)
        found[code] = ServiceName(
            code=code, name=first.name if first else name, name_en=first.name_en if first else name_en,
            facilities=(*(first.facilities if first else ()), facility),
            searched=f"{first.searched} {bare(said)}" if first else bare(said),
        )  # fmt: skip
    return sorted(found.values(), key=lambda each: (-len(each.facilities), order[each.code]))


async def service_anywhere(session: AsyncSession, code: str) -> tuple[ServiceName, list[FacilityView]]:
    """A service and the bookable facilities that offer it, the hospital first.

    Raises:
        ServiceUnknown: nobody offers it.
    """
    found = next((each for each in await services(session) if each.code == code), None)
    if found is None:
        raise ServiceUnknown(service=code)
    offering = set(found.facilities)
    return found, [view for view in await queries.facilities(session) if view.code in offering]


def called(text: str, offered: Iterable[ServiceName]) -> list[ServiceName]:
    """The services whose name or department has each word of a text, which is in bare letters."""
    return [each for each in offered if text and names(text, each.searched)]


def by_distance(views: Sequence[FacilityView], here: Position) -> list[Near]:
    """The facilities whose place is known, the nearest first."""
    found = [
        Near(view, distance_km(here, Position(view.latitude, view.longitude)))
        for view in views
        if view.latitude is not None and view.longitude is not None
    ]
    return sorted(found, key=lambda each: each.km)
