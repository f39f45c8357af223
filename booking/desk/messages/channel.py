"""Whether texts go, since when they do not, why, and what to do. The city's administrator lets them go on."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from booking.access.errors import RightMissing
from booking.access.kinds import Right
from booking.access.queries import Desk
from booking.desk.messages.standing import standing
from booking.directory import queries as directory
from booking.messages.channel import service
from booking.messages.texts import unapproved
from booking.web import at_desk
from booking.web.at_desk import Where, needs
from booking.web.dependencies import Ask
from booking.web.origin import check_origin
from booking.web.pages import page, see_other

router = APIRouter(
    prefix="/desk/{facility}/messages/channel", include_in_schema=False, dependencies=[Depends(check_origin)]
)

Reader = Annotated[Desk, needs(Right.MESSAGES)]


async def _mender(desk: Reader, where: Where) -> Desk:
    """One channel serves the whole city, so only who sees to the city lets it go on."""
    if not (at_desk.over_city(desk, where) and desk.staff.may(Right.CLOSE)):
        raise RightMissing(right=Right.MESSAGES.value)
    return desk


Mender = Annotated[Desk, Depends(_mender)]


@router.get("")
async def channel_page(request: Request, asked: Ask, desk: Reader, where: Where) -> Response:
    """How it stands, in words."""
    async with asked.db.transaction() as session:
        place = await directory.facility(session, where.code, at_desk=True)
        stands = await standing(session, asked, where)
    settings = asked.settings
    registered = settings.environment == "production" and settings.gateway_name != "console"
    return page(
        request, "desk_messages_channel.html", personal=True, desk=desk, place=place,
        base=f"/desk/{where.code}/messages", stands=stands, done="done" in request.query_params,
        may_resume=at_desk.over_city(desk, where) and desk.staff.may(Right.CLOSE),
        texts=unapproved(settings.registered_texts) if registered else [],
    )  # fmt: skip


@router.post("")
async def resume(request: Request, asked: Ask, desk: Mender, where: Where) -> Response:
    """Let texts go on now: a refused configuration is tried at once, budget and breaker stay aside for the day."""

    async def work() -> None:
        async with asked.db.transaction() as session:
            await service.resume(session, asked.settings.gateway_name, by=at_desk.actor(asked, desk), now=asked.now)

    await asked.db.until_known(work)
    return see_other(request, f"/desk/{where.code}/messages/channel?done=1")
