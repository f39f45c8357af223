"""Sample accounts of the demo, one of each role, all with one password that everybody who starts the demo is told."""

from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.access import passwords, service
from booking.access.commands import AddStaff
from booking.access.kinds import Role
from booking.access.models import Staff
from booking.actor import system

PASSWORD: Final = "mau thu quay tiep don"  # noqa: S105  of sample data on one machine
_AT: Final = ("BVVT", "TYT-01")

ACCOUNTS: Final = (
    AddStaff(username="thu.mau", name="Thư Mẫu", role=Role.CLERK, facilities=_AT),
    AddStaff(username="bacsi.mau", name="Bác sĩ Mẫu", role=Role.DOCTOR, facilities=_AT, practitioner="BVVT/chau"),
    AddStaff(username="quanly.mau", name="Quản lý Mẫu", role=Role.MANAGER, facilities=_AT),
    AddStaff(username="thanhpho.mau", name="Thành phố Mẫu", role=Role.CITY_ADMIN),
    AddStaff(username="kiemtra.mau", name="Kiểm tra Mẫu", role=Role.AUDITOR),
)


async def add_missing(session: AsyncSession, *, now: datetime) -> None:
    """Make those that are not there yet."""
    known = set(await session.scalars(select(col(Staff.username))))
    by = system("demo")
    for command in ACCOUNTS:
        if command.username not in known:
            hashed = passwords.hash_password(PASSWORD)
            staff = await service.add(session, command, asker=None, password=hashed, by=by, now=now)
            staff.must_change = False  # nobody else reaches the demo
