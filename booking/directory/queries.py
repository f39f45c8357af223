"""Reads of the directory: frozen views for every door."""

from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from booking.directory.errors import FacilityUnknown, ServiceUnknown
from booking.directory.kinds import BOOKABLE, FacilityKind, FacilityState, Payment
from booking.directory.models import Department, Facility, Service
from booking.directory.rules import bare, names
from booking.text import fold, plain_sort_key


class FacilityView(BaseModel):
    """A facility as anyone may see it. Unknown contact data is null; `phone` falls back to the parent's."""

    model_config = ConfigDict(frozen=True)

    code: str
    kind: FacilityKind
    state: FacilityState
    name: str
    name_en: str
    address: str | None
    phone: str | None
    latitude: float | None
    longitude: float | None
    ward_2023: str | None
    ward_2025: str | None
    parent: str | None
    merged_into: str | None
    confirmed: bool

    @property
    def bookable(self) -> bool:
        """Whether places can be taken here now."""
        return self.state in BOOKABLE


class ServiceView(BaseModel):
    """A service of one facility as anyone may see it. Minutes count back from the start of the visit.

    `prepare` is what to do before the visit, such as fasting; null where nobody has said yet.
    """

    model_config = ConfigDict(frozen=True)

    code: str
    name: str
    name_en: str
    department: str | None
    department_en: str | None
    duration_minutes: int
    bring: str
    bring_en: str
    prepare: str | None
    prepare_en: str | None
    payment: Payment
    fee_vnd: int | None
    lead_minutes: int
    horizon_days: int
    cancel_minutes: int
    bookable: bool
    confirmed: bool


_PARENT = aliased(Facility)
_MERGED = aliased(Facility)
_FACILITIES = (
    select(Facility, _PARENT, _MERGED)
    .outerjoin(_PARENT, col(_PARENT.id) == col(Facility.parent_id))
    .outerjoin(_MERGED, col(_MERGED.id) == col(Facility.merged_into_id))
)
_KIND_ORDER = {FacilityKind.HOSPITAL: 0, FacilityKind.MEDICAL_CENTRE: 1, FacilityKind.HEALTH_STATION: 2}


def _facility_view(facility: Facility, parent: Facility | None, merged: Facility | None) -> FacilityView:
    return FacilityView(
        **facility.model_dump(include=set(FacilityView.model_fields) - {"parent", "merged_into", "phone"}),
        phone=facility.phone or (parent.phone if parent else None),
        parent=parent.code if parent else None,
        merged_into=merged.code if merged else None,
    )


async def facilities(
    session: AsyncSession, *, text: str | None = None, ward: str | None = None, kind: FacilityKind | None = None
) -> list[FacilityView]:
    """Facilities with a word, old or new, that begins as each word of `text` does, accents or not.

    A number must be the whole word: Phường 1 is not Phường 12.

    Where the words stand in a name as they are typed, that place comes first; then the hospital, the centre, and the
    stations in the order of the alphabet.
    """
    query = _FACILITIES.where(~col(Facility.training))
    for word in fold(text or "").split(" "):
        if word:
            query = query.where(col(Facility.search_key).contains(word, autoescape=True))
    if ward:
        query = query.where((col(Facility.ward_2025) == ward) | (col(Facility.ward_2023) == ward))
    if kind:
        query = query.where(col(Facility.kind) == kind)
    rows = (await session.execute(query.order_by(col(Facility.sort_key)))).all()
    wanted = bare(text or "")
    views = [_facility_view(*row) for row in rows if names(wanted, bare(row[0].search_key))]
    # Who types a name as it is wants that place first: "thang tam" is Thắng Tam before all of the ward Tam Thắng.
    phrase = fold(text or "")
    return sorted(views, key=lambda view: (phrase not in fold(view.name), _KIND_ORDER[view.kind]))


async def facility(session: AsyncSession, code: str, *, at_desk: bool = False) -> FacilityView:
    """The facility with this code; FacilityUnknown when there is none.

    A place to practise is there for desks only: for everybody else there is none of its code.
    """
    row = (await session.execute(_FACILITIES.where(col(Facility.code) == code))).first()
    if row is None or (row[0].training and not at_desk):
        raise FacilityUnknown(facility=code)
    return _facility_view(*row)


async def services(session: AsyncSession, facility_code: str, *, at_desk: bool = False) -> list[ServiceView]:
    """The services of a facility in the order of the alphabet; FacilityUnknown when there is no such facility."""
    await facility(session, facility_code, at_desk=at_desk)
    return await _services(session, facility_code)


async def service(session: AsyncSession, facility_code: str, code: str) -> ServiceView:
    """One service; ServiceUnknown when the facility has none of this code."""
    await facility(session, facility_code)
    found = await _services(session, facility_code, code)
    if not found:
        raise ServiceUnknown(facility=facility_code, service=code)
    return found[0]


async def _services(session: AsyncSession, facility_code: str, code: str | None = None) -> list[ServiceView]:
    query = (
        select(Service, Department)
        .join(Facility, col(Facility.id) == col(Service.facility_id))
        .outerjoin(Department, col(Department.id) == col(Service.department_id))
        .where(col(Facility.code) == facility_code)
        .order_by(col(Service.sort_key))
    )
    if code is not None:
        query = query.where(col(Service.code) == code)
    return [_service_view(*row) for row in await session.execute(query)]


def _service_view(found: Service, department: Department | None) -> ServiceView:
    return ServiceView(
        **found.model_dump(include=set(ServiceView.model_fields) - {"department", "department_en"}),
        department=department.name if department else None,
        department_en=department.name_en if department else None,
    )


async def wards(session: AsyncSession) -> list[str]:
    """The wards since 2025, in the order of the alphabet."""
    known = select(Facility.ward_2025).where(col(Facility.ward_2025).is_not(None), ~col(Facility.training))
    rows = await session.execute(known.distinct())
    return sorted((ward for (ward,) in rows if ward), key=plain_sort_key)
