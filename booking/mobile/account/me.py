"""The account's own page: the next visits, the people, what is waited for, invitations, and the way out."""

from collections.abc import Sequence
from datetime import date

from fastapi import APIRouter, Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from booking.appointments.waitlist import queries as waiting
from booking.clock import local_day
from booking.invitations import queries as invitations
from booking.patients import consents, queries
from booking.patients.queries import ProfileView
from booking.patients.sessions import SignedIn
from booking.records import visits
from booking.records.scope import scope_of
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
        reworded = await _reworded(session, who, people, today=today)
    return page(
        request, "me.html", personal=True, who=who, coming=coming, past=past, people=people, waits=waits,
        invitations=slips, reworded=reworded,
    )  # fmt: skip


async def _reworded(
    session: AsyncSession, who: SignedIn, people: Sequence[ProfileView], *, today: date
) -> list[ProfileView]:
    """Those for whom this account agreed to a text that says more now; who looks after herself answers elsewhere."""
    less = await consents.agreed_to_less(session, [one.patient_id for one in people])
    return [
        one
        for one in people
        if one.patient_id in less and (await scope_of(session, who.account_id, one.id, today=today)).whole
    ]
