"""An invitation to a re-examination, and the way to the days on which it is good."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from booking.clock import local_day
from booking.invitations import queries
from booking.web.dependencies import Ask
from booking.web.origin import check_origin
from booking.web.pages import page
from booking.web.signed_in import Known

router = APIRouter(include_in_schema=False, dependencies=[Depends(check_origin)])


def _invitation(invitation: Annotated[str, Path()]) -> UUID:
    try:
        return UUID(invitation)
    except ValueError:
        return UUID(int=0)


@router.get("/me/invitations/{invitation}")
async def invitation_page(
    request: Request, asked: Ask, who: Known, invitation: Annotated[UUID, Depends(_invitation)]
) -> Response:
    """What the hospital asks her to come for, when, and the days to book."""
    today = local_day(asked.now)
    async with asked.db.transaction() as session:
        found = await queries.of_account_one(session, who.account_id, invitation, today=today)
    start = max(found.first, today).isoformat()
    place = f"/f/{found.facility}"
    way = f"{place}/{found.service}?start={start}" if found.service else place
    return page(request, "invitation.html", personal=True, invitation=found, way=way)
