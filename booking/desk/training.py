"""The way into the place to practise, and the button that begins it anew. Open to everybody who works here.

What is done there is done on the same pages as everywhere, with the rights of one's own role.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from booking.training import sample, service
from booking.web import at_desk
from booking.web.at_desk import AtDesk, Place
from booking.web.dependencies import Ask
from booking.web.origin import check_origin
from booking.web.pages import page, see_other

router = APIRouter(prefix="/desk/training", include_in_schema=False, dependencies=[Depends(check_origin)])


@router.get("")
async def practice_page(
    request: Request, asked: Ask, desk: AtDesk, done: Annotated[str, Query(max_length=8)] = ""
) -> Response:
    """What one can practise, and with whom."""
    request.state.training = True
    async with asked.db.transaction() as session:
        begun = await service.begun_at(session)
    code = next(iter(desk.staff.practice), None)
    place = Place(code, desk.staff.practice[code], training=True) if code is not None else None
    return page(
        request, "desk_training.html", personal=True, desk=desk, place=place, begun=begun, done=done == "anew",
        exercises=sample.exercises(), examination=sample.EXAMINATION,
    )  # fmt: skip


@router.post("/anew")
async def begin_anew(asked: Ask, desk: AtDesk, request: Request) -> Response:
    """Take everything away that was practised and begin with a fresh day."""
    by = at_desk.actor(asked, desk)

    async def work() -> None:
        async with asked.db.transaction() as session:
            await service.begin_anew(session, by=by, now=asked.now)

    await asked.db.until_known(work)
    return see_other(request, "/desk/training?done=anew")
