"""The page of a place that is kept for somebody who waited: take it, or let it go to the next. No sign-in is needed.

Whoever has the link of the SMS has the offer. A GET changes nothing: link previewers open links too.
"""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from booking.appointments.caps import caps_of
from booking.appointments.errors import FacilityNotOpen, SlotClosed
from booking.appointments.waitlist import answering, queries
from booking.appointments.waitlist.errors import OfferOver
from booking.errors import OutcomeUnknown
from booking.invitations import service as invitations
from booking.mobile import reading
from booking.mobile.addresses import Code, Token
from booking.mobile.confirming import still_confirming
from booking.web import device, metrics
from booking.web.dependencies import Ask, Asked
from booking.web.form_values import text_of
from booking.web.limits import check_address
from booking.web.origin import check_origin
from booking.web.pages import page, see_other

router = APIRouter(include_in_schema=False, prefix="/o/{code}/{token}", dependencies=[Depends(check_origin)])

_NOT_BOOKED = ("held", "lapsed")


@router.get("")
async def offer_page(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """The offer as it stands; the slip, once the place was taken."""
    return await _shown(request, asked, code, token)


async def _shown(
    request: Request, asked: Asked, code: str, token: str, *, status: int = 200, closed: bool = False
) -> Response:
    visit = await reading.visit(asked, code, token)
    if visit.state not in _NOT_BOOKED:
        return see_other(request, visit.path)
    async with asked.db.transaction() as session:
        standing = await queries.standing(session, code, now=asked.now)
    if standing is None:  # a place somebody keeps while she types
        return see_other(request, f"/h/{code}/{token}")
    what = await reading.offered(asked, visit.view["facility"]["code"], visit.view["service"]["code"])
    template = "offer.html" if standing.live and not closed else "offer_over.html"
    return page(
        request, template, status=status, personal=True, visit=visit, view=visit.view, what=what, standing=standing,
        path=f"/o/{code}/{token}", closed=closed,
    )  # fmt: skip


@router.post("/accept")
async def accept(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """Take the place. The same again, in any way, shows the slip."""

    async def work() -> None:
        async with asked.db.hot() as hot:
            await check_address(hot, asked)
        async with asked.db.transaction() as session:
            visit = await answering.accept(
                session, code, token, by=asked.by, now=asked.now, caps=caps_of(asked.settings),
                device=device.index(request) if device.mark(request) is not None else None,
            )  # fmt: skip
            await invitations.use(session, visit, by=asked.by, now=asked.now)

    try:
        await asked.db.until_known(work)
    except OutcomeUnknown:
        return await _unknown(request, code, token)
    except OfferOver:
        return await _shown(request, asked, code, token, status=409)
    except (SlotClosed, FacilityNotOpen):
        return await _shown(request, asked, code, token, status=409, closed=True)
    metrics.booked("offer")
    return see_other(request, f"/t/{code}/{token}?new=1")


@router.post("/refuse")
async def refuse(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """Let the place go to the next one; with `stays=no` she waits no longer."""
    stays = text_of(await request.form(), "stays") != "no"
    try:
        await asked.db.until_known(_refusing(asked, code, token, stays=stays))
    except OutcomeUnknown:
        return await _unknown(request, code, token)
    return see_other(request, f"/o/{code}/{token}")


def _refusing(asked: Asked, code: str, token: str, *, stays: bool) -> Callable[[], Awaitable[None]]:
    async def work() -> None:
        async with asked.db.hot() as hot:
            await check_address(hot, asked)
        async with asked.db.transaction() as session:
            await answering.refuse(session, code, token, by=asked.by, now=asked.now, stays=stays)

    return work


async def _unknown(request: Request, code: str, token: str) -> Response:
    return still_confirming(request, await request.form(), action=request.url.path, check=f"/o/{code}/{token}")


@router.get("/accept")
@router.get("/refuse")
async def answer_page(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """Whoever comes here by an address sees the offer."""
    return await _shown(request, asked, code, token)
