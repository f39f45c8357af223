"""What is stored of a slip: places by our codes, a person by blind indexes."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.directory.errors import FacilityUnknown, ServiceUnknown
from booking.directory.models import Facility, Service
from booking.invitations import matching, rules
from booking.invitations.commands import ReceiveInvitation
from booking.patients.persons import index_of
from booking.patients.rules import read_birth, read_name
from booking.text import fold


@dataclass(slots=True)
class Places:
    """Facilities and services by their codes, each asked for once in a transaction."""

    session: AsyncSession
    _facilities: dict[str, int] = field(default_factory=dict)
    _services: dict[tuple[str, str], int] = field(default_factory=dict)

    async def facility(self, code: str) -> int:
        """Its id; raises FacilityUnknown."""
        if code not in self._facilities:
            found = await self.session.scalar(select(col(Facility.id)).where(col(Facility.code) == code))
            if found is None:
                raise FacilityUnknown(facility=code)
            self._facilities[code] = found
        return self._facilities[code]

    async def service(self, facility: str, code: str) -> int:
        """Its id; raises FacilityUnknown, ServiceUnknown."""
        if (facility, code) not in self._services:
            wanted = (col(Service.facility_id) == await self.facility(facility), col(Service.code) == code)
            found = await self.session.scalar(select(col(Service.id)).where(*wanted))
            if found is None:
                raise ServiceUnknown(facility=facility, service=code)
            self._services[facility, code] = found
        return self._services[facility, code]


async def columns_of(command: ReceiveInvitation, places: Places, *, today: date) -> dict[str, Any]:
    """The columns that a slip says.

    Raises:
        InvitationRefused: it can concern nobody, or its days are impossible.
        NameRefused, BirthRefused: no person has such a name or birth.
        FacilityUnknown, ServiceUnknown: nothing here has this code.
    """
    facility = await places.facility(command.facility)
    service = None if command.service is None else await places.service(command.facility, command.service)
    birth = read_birth(day=command.birth_date, year=command.birth_year, today=today)
    days = rules.window(command.due, first=command.first, last=command.last)
    found = rules.marks(command.citizen_ids, command.bhyt_numbers)
    return {
        "facility_id": facility,
        "service_id": service,
        "marks": sorted(index_of(mark) for mark in found),
        "name_index": matching.name_index(fold(read_name(command.name))),
        "birth_year": birth.year,
        "birth_day": birth.day.isoformat() if birth.day else None,
        "due": command.due,
        "first_day": days.first,
        "last_day": days.last,
    }
