"""Due and not booked: the open dates of everybody's series at a facility, and telling the patients of them.

Who has a number of a paper on record and agreed to see her slips sees each open date among her own visits too
(booking/invitations), so that she may book it herself; once she does, it is on this list no more.
"""

from uuid import UUID

from fastapi import APIRouter, Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from booking import ids
from booking.appointments import due
from booking.appointments.due import MOST, Standing
from booking.desk.booking.work import Work, Working, rendered
from booking.invitations import service as invitations
from booking.invitations.commands import ReceiveInvitation
from booking.invitations.errors import InvitationUnknown
from booking.patients.models import Patient
from booking.patients.service import read_by_staff
from booking.web.origin import check_origin

router = APIRouter(prefix="/desk/{facility}/due", include_in_schema=False, dependencies=[Depends(check_origin)])

SOURCE = "desk-series"
"""By which an invitation is known as one of ours."""


@router.get("")
async def due_page(request: Request, work: Working) -> Response:
    """The list: what can be booked now, what is full, what waits for the calendar, and whose days are over."""
    async with work.asked.db.transaction() as session:
        found = await due.due_at(session, work.where.facility_id, now=work.asked.now, today=work.today)
        for patient in dict.fromkeys(one.patient for one in found[:MOST]):
            read_by_staff(session, patient, by=work.by, now=work.asked.now, facility=work.where.code, reason="due")
    parts = {standing: [one for one in found[:MOST] if one.standing is standing] for standing in Standing}
    return await rendered(
        request, work, "desk_due.html", parts=parts, more=len(found) > MOST, once=str(ids.public_id())
    )


async def invite(session: AsyncSession, work: Work, series: UUID, patient: Patient, *, ended: bool = False) -> None:
    """Tell the patient of the open dates of a series, in the transaction that made or changed it.

    A date that has a visit uses its invitation; one of a series that was ended has none any more.
    """
    if patient.training or (patient.citizen_id is None and patient.bhyt_number is None):
        return
    dates, service = await due.dates_of(session, series)
    by, now = work.by, work.asked.now
    for one in dates:
        key = f"{series}:{one.number}"
        if one.visit is not None:
            await invitations.use(session, one.visit, by=by, now=now)
        elif ended:
            try:
                await invitations.withdraw(session, SOURCE, key, by=by, now=now)
            except InvitationUnknown:
                continue
        elif one.last >= work.today:
            command = ReceiveInvitation(
                source=SOURCE, key=key, facility=work.where.code, service=service, name=patient.name,
                birth_date=patient.birth_date, birth_year=None if patient.birth_date else patient.birth_year,
                citizen_ids=(patient.citizen_id,) if patient.citizen_id else (),
                bhyt_numbers=(patient.bhyt_number,) if patient.bhyt_number else (), due=one.due, first=one.first,
                last=one.last,
            )  # fmt: skip
            await invitations.receive(session, command, by=by, now=now)
