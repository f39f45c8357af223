"""What waits on the list under a number that is called wrong: left before `wrong_number.not_me` unhooks the number."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.appointments.models import Appointment
from booking.appointments.waitlist import service as waitlist
from booking.appointments.wrong_number import _told
from booking.patients.models import Account
from booking.sealed import keys


async def waits_told(session: AsyncSession, code: str, token: str) -> list[tuple[int, UUID]]:
    """Waits for the person in accounts of the number that says it is not she, to be left before `not_me`.

    Each as its account and public id; none where the link opens nothing, which `not_me` then says.
    """
    visit = (await session.execute(select(Appointment).where(col(Appointment.code) == code))).scalar_one_or_none()
    if visit is None or not keys().token_fits(token, str(visit.public_id), visit.token_version):
        return []
    phone = await _told(session, visit) if visit.patient_id is not None else None
    if phone is None:
        return []
    found = await waitlist.waits_of(session, patient_id=visit.patient_id)
    of_number = select(col(Account.id)).where(col(Account.phone_index) == keys().index("phone", phone))
    accounts = set((await session.execute(of_number)).scalars())
    return [wait for wait in found if wait[0] in accounts]
