"""The slips of what was booked in one go for several people of an account."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from booking.appointments import parties
from booking.mobile import reading
from booking.web.dependencies import Ask
from booking.web.pages import page
from booking.web.signed_in import Known

router = APIRouter(include_in_schema=False)

_NONE = UUID(int=0)


@router.get("/me/party/{party}")
async def party_page(
    request: Request, asked: Ask, who: Known, party: str, new: Annotated[str, Query()] = ""
) -> Response:
    """The slips of a family; someone else's family is not there."""
    try:
        party_id = UUID(party)
    except ValueError:
        party_id = _NONE  # looked up all the same, so that every wrong address takes the same way
    async with asked.db.transaction() as session:
        found = await parties.party(session, who.account_id, party_id)
    what = await reading.offered(asked, found.facility_code, found.service_code)
    return page(request, "party.html", personal=True, found=found, what=what, new=new == "1")
