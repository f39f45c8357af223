"""Reminders or none, behind the link of a text: the page and the answer, whatever the text told of."""

from collections.abc import Awaitable, Callable

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from booking.appointments.reminder_choice import Choice
from booking.errors import OutcomeUnknown
from booking.mobile.confirming import still_confirming
from booking.web.dependencies import Asked
from booking.web.limits import check_address
from booking.web.pages import page, see_other

Choose = Callable[[AsyncSession, bool], Awaitable[None]]
"""Writes down whether they are wanted."""


def shown(request: Request, choice: Choice, code: str, *, of_slip: bool) -> Response:
    """How it stands, and the other way as a button; `of_slip`: the link leads to an invitation, not to a visit."""
    behind = request.url.path.removesuffix("/reminders")
    return page(
        request, "reminders.html", personal=True, behind=behind, code=code, choice=choice, of_slip=of_slip,
        done="done" in request.query_params,
    )  # fmt: skip


async def answered(request: Request, asked: Asked, choose: Choose) -> Response:
    """Take them, or take none; `wanted` of the form says which."""
    form = await request.form()
    wanted = form.get("wanted") == "yes"

    async def work() -> None:
        async with asked.db.hot() as hot:
            await check_address(hot, asked)
        async with asked.db.transaction() as session:
            await choose(session, wanted)

    try:
        await asked.db.until_known(work)
    except OutcomeUnknown:
        return still_confirming(request, form, action=request.url.path, check=request.url.path)
    return see_other(request, f"{request.url.path}?done=1")
