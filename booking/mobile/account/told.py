"""The page behind the link of a text that told of a slip: where, when, and the way to the days."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from booking.clock import local_day
from booking.invitations import queries
from booking.mobile.addresses import Code, Token
from booking.web.dependencies import Ask
from booking.web.pages import page

router = APIRouter(include_in_schema=False)


@router.get("/i/{code}/{token}")
async def told_page(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """What the text said, as it stands now."""
    today = local_day(asked.now)
    async with asked.db.transaction() as session:
        found = await queries.of_link(session, code, token, today=today)
    place = f"/f/{found.facility}"
    way = f"{place}/{found.service}?start={max(found.first, today).isoformat()}" if found.service else place
    return page(request, "invitation_told.html", personal=True, invitation=found, way=way)
