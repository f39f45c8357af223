"""Reminders or none: a question behind the link, for the number that the texts go to."""

from fastapi import APIRouter, Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from booking.appointments import reminder_choice
from booking.mobile import reminding
from booking.mobile.addresses import Code, Token
from booking.web.dependencies import Ask
from booking.web.origin import check_origin

router = APIRouter(include_in_schema=False, dependencies=[Depends(check_origin)])


@router.get("/t/{code}/{token}/reminders")
async def reminders_page(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """How it stands, and the other way as a button."""
    async with asked.db.transaction() as session:
        choice = await reminder_choice.chosen(session, code, token)
    return reminding.shown(request, choice, code, of_slip=False)


@router.post("/t/{code}/{token}/reminders")
async def choose(request: Request, asked: Ask, code: Code, token: Token) -> Response:
    """Take them, or take none; `wanted` says which."""

    async def said(session: AsyncSession, wanted: bool) -> None:  # noqa: FBT001  its one fact
        await reminder_choice.choose(session, code, token, wanted=wanted, by=asked.by, now=asked.now)

    return await reminding.answered(request, asked, said)
