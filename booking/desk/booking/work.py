"""Who works where: what every page of booking for others begins with."""

import hmac
from dataclasses import dataclass
from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from booking.access.kinds import Right
from booking.access.queries import Desk
from booking.actor import Actor
from booking.appointments.commands import LARGEST_SLOT
from booking.appointments.errors import KeyMissing, SlotUnknown
from booking.clock import local_day
from booking.directory import queries as directory
from booking.directory.queries import FacilityView, ServiceView
from booking.errors import BookingError
from booking.patients.errors import PatientUnknown
from booking.records.finding import Looking
from booking.sealed import keys
from booking.trail.keys import KEY_PATTERN
from booking.web import at_desk
from booking.web.at_desk import AtDesk, Place, Where
from booking.web.dependencies import Ask, Asked
from booking.web.pages import page
from booking.web.problems import sentence

_LONGEST_CODE = 20
_SIGNS = 32


@dataclass(frozen=True, slots=True)
class Work:
    """A request of somebody who may book for patients at a facility of hers."""

    asked: Asked
    desk: Desk
    where: Place

    @property
    def by(self) -> Actor:
        """Who acts, for the audit."""
        return at_desk.actor(self.asked, self.desk)

    @property
    def path(self) -> str:
        """The beginning of this facility's addresses."""
        return f"/desk/{self.where.code}"

    @property
    def today(self) -> date:
        """The local day."""
        return local_day(self.asked.now)

    def looking(self, reason: str) -> Looking:
        """Who looks at people, and what for."""
        where, staff = self.where, self.desk.staff
        scope = (where.facility_id,) if where.training else tuple(staff.facilities.values())
        return Looking(where.code, where.facility_id, scope, self.by, self.asked.now, reason, where.training)

    def mark(self, patient: UUID) -> str:
        """Says that this desk was shown a person: good in this session only."""
        return keys().index("desk_shown", f"{self.desk.session}:{patient}").hex()[:_SIGNS]

    def was_shown(self, patient: UUID, mark: str) -> bool:
        """Whether a mark is one of ours."""
        return mark.isascii() and hmac.compare_digest(self.mark(patient), mark)

    def said(self, error: BookingError | None) -> tuple[str, str] | None:
        """An error in the reader's language."""
        return sentence(error, self.asked.language) if error is not None else None


async def rendered(
    request: Request, work: Work, template: str, *, status: int = 200, echo: bool = True, **context: object
) -> Response:
    """A page of a facility; `echo` is false where its address answers no GET, for the language switch."""
    async with work.asked.db.transaction() as session:
        place = await directory.facility(session, work.where.code, at_desk=True)
    return page(
        request, template, status=status, personal=True, echo=echo, desk=work.desk, place=place, work=work, **context
    )


async def _work(asked: Ask, desk: AtDesk, where: Where) -> Work:
    # Whoever books for somebody reads her record: both rights are needed, and a city administrator has one.
    desk.staff.check(Right.BOOK)
    desk.staff.check(Right.PATIENT)
    return Work(asked, desk, where)


Working = Annotated[Work, Depends(_work)]


@dataclass(frozen=True, slots=True)
class Offered:
    """What a facility has to book."""

    facility: FacilityView
    services: list[ServiceView]

    def chosen(self, *codes: str | None) -> ServiceView | None:
        """The first of these that can be booked, else the first of all."""
        bookable = {one.code: one for one in self.services if one.bookable}
        return next((bookable[code] for code in codes if code in bookable), next(iter(bookable.values()), None))


async def offered(session: AsyncSession, work: Work) -> Offered:
    """The facility and its services."""
    facility = await directory.facility(session, work.where.code, at_desk=True)
    return Offered(facility, await directory.services(session, work.where.code, at_desk=True))


def _patient(patient: Annotated[str, Path()]) -> UUID:
    return uuid_of(patient)


def uuid_of(raw: str) -> UUID:
    """A patient's id; PatientUnknown when it can be none."""
    try:
        return UUID(raw)
    except ValueError:
        raise PatientUnknown from None


WhichPatient = Annotated[UUID, Depends(_patient)]


def _code(code: Annotated[str, Path()]) -> str:
    return code[:_LONGEST_CODE].upper()


WhichCode = Annotated[str, Depends(_code)]


def day_of(raw: str) -> date | None:
    """A day as a browser's field sends it; None for anything else."""
    try:
        return date.fromisoformat(raw) if len(raw) == len("2026-11-30") else None
    except ValueError:
        return None


def slot_of(raw: str) -> int:
    """A chosen time; SlotUnknown when it can be none."""
    if not raw.isascii() or not raw.isdecimal() or not 1 <= int(raw) <= LARGEST_SLOT:
        raise SlotUnknown
    return int(raw)


def key_of(raw: str) -> str:
    """The key minted into a form; KeyMissing when it is none."""
    if not KEY_PATTERN.fullmatch(raw):
        raise KeyMissing
    return raw
