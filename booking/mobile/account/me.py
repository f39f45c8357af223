"""The account's own page: the next visits, the people, what is waited for, invitations, and the way out."""

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from booking.appointments.waitlist import queries as waiting
from booking.clock import local_day
from booking.invitations import queries as invitations
from booking.patients import queries
from booking.records import visits
from booking.web.dependencies import Ask
from booking.web.origin import check_origin
from booking.web.pages import page
from booking.web.signed_in import Known

router = APIRouter(include_in_schema=False, dependencies=[Depends(check_origin)])

_PAST = 5
"""Visits that are over, on the page; the others stand with what is held about each person."""


@router.get("/me")
async def me_page(request: Request, asked: Ask, who: Known) -> Response:
    """Everything of the account at a glance. Its slips open without the link of a message."""
    today = local_day(asked.now)
    async with asked.db.transaction() as session:
        coming = await visits.coming(session, who.account_id, now=asked.now)
        past = await visits.past(session, who.account_id, now=asked.now, most=_PAST)
        people = await queries.profiles(session, who.account_id, today=today)
        waits = [one for one in await waiting.entries_of(session, who.account_id, now=asked.now) if one.waits]
        slips = await invitations.of_account(session, who.account_id, today=today)
    return page(
        request, "me.html", personal=True, who=who, coming=coming, past=past, people=people, waits=waits,
        invitations=slips,
    )  # fmt: skip
