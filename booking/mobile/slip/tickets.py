"""The ticket as it stands. Whoever has the link has the ticket; what she may do with it is in moving and attending."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from booking.appointments.closing import queries as closings
from booking.appointments.kinds import AppointmentState
from booking.appointments.rules import check_changeable
from booking.messages import service as messages
from booking.mobile import reading
from booking.mobile.addresses import Code, Token
from booking.mobile.reading import Offered, Visit
from booking.mobile.slip import offline
from booking.mobile.slip.standing import standing
from booking.mobile.slip.way import map_link
from booking.web.dependencies import Ask, Asked
from booking.web.pages import page, see_other
from booking.web.qr import qr_svg

router = APIRouter(include_in_schema=False)


@router.get("/t/{code}/{token}")
async def ticket_page(
    request: Request, asked: Ask, code: Code, token: Token, new: Annotated[str, Query()] = ""
) -> Response:
    """The ticket as it stands."""
    visit = await reading.visit(asked, code, token)
    if visit.state in ("held", "lapsed"):
        return see_other(request, f"/h/{code}/{token}")
    what = await _what(asked, visit)
    told = bool(new) and await _told(asked, visit)
    async with asked.db.transaction() as session:
        news = await closings.news_of(session, visit.public_id)
    stands, made = standing(visit.view, asked.now), offline.made_at(asked.now)
    answer = page(
        request, "ticket.html", personal=True, visit=visit, view=visit.view, what=what, stands=stands,
        qr=qr_svg(asked.link(code, token)), new=new if new in ("1", "moved") else "", way=map_link(what.facility),
        told=told, made=made, keeps=offline.keeps(request), news=news,
    )  # fmt: skip
    offline.stamp(request, answer, stands, made=made)
    return answer


async def _told(asked: Asked, visit: Visit) -> bool:
    async with asked.db.transaction() as session:
        return await messages.is_told(session, visit.public_id, visit.view["version"])


async def _what(asked: Asked, visit: Visit) -> Offered:
    return await reading.offered(asked, visit.view["facility"]["code"], visit.view["service"]["code"])


async def changeable(asked: Asked, code: str, token: str, *, until_start: bool = False) -> tuple[Visit, Offered]:
    """The visit, if its holder may still change it; with `until_start`, if she may still say that she will not come.

    Raises:
        NotChangeable, TooLateToChange: with the facility's telephone where it is known.
    """
    visit = await reading.visit(asked, code, token)
    what = await _what(asked, visit)
    state, start = AppointmentState(visit.state), datetime.fromisoformat(visit.view["slot"]["start"])
    minutes = 0 if until_start else what.service.cancel_minutes
    check_changeable(state, start, minutes, phone=what.facility.phone, now=asked.now)
    return visit, what
