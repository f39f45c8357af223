"""A number that was silent for long: whose is it now? A birth date of the family opens it, or it begins anew."""

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from booking.appointments.waitlist import service as waitlist
from booking.clock import local_day
from booking.errors import OutcomeUnknown
from booking.mobile.account.coming_back import Back, back_to
from booking.mobile.account.signing_in import After
from booking.mobile.confirming import still_confirming
from booking.mobile.forms import birth_of
from booking.mobile.waiting.ending import leave_all
from booking.patients import numbers, sessions
from booking.patients.errors import BirthUnknown, SessionUnknown
from booking.patients.numbers import Opened
from booking.records import visits
from booking.web import signed_in
from booking.web.dependencies import Ask
from booking.web.form_values import text_of
from booking.web.limits import counted
from booking.web.origin import check_origin
from booking.web.pages import page, see_other
from booking.web.problems import sentence
from booking.web.signed_in import SignInNeeded

router = APIRouter(include_in_schema=False, dependencies=[Depends(check_origin), Depends(counted)])

FIELDS = ("birth_day", "birth_month", "birth_year")
_EMPTY = dict.fromkeys(FIELDS, "")


@router.get("/sign-in/birth")
async def birth_page(request: Request, asked: Ask, after: After = "") -> Response:
    """Whose birth date? Only for a session that waits for one."""
    back = await back_to(asked, after)
    found = await signed_in.current(request, asked)
    if found is None:
        return see_other(request, back.step("/sign-in"))
    return _show(request, back) if found.needs_birth else see_other(request, back.path)


def _show(
    request: Request,
    back: Back,
    *,
    typed: dict[str, str] = _EMPTY,
    error: str | None = None,
    left: int | None = None,
    over: bool = False,
) -> Response:
    return page(
        request, "sign_in_birth.html", status=422 if error else 200, personal=True, back=back, typed=typed, error=error,
        left=left, over=over,
    )  # fmt: skip


@router.post("/sign-in/birth")
async def name_birth(request: Request, asked: Ask, after: After = "") -> Response:
    """Look whether somebody of the family was born then; three tries a day."""
    form = await request.form()
    back = await back_to(asked, after)
    token = _token(request)
    typed = {name: text_of(form, name) for name in FIELDS}
    birth = birth_of(typed, today=local_day(asked.now), language=asked.language)
    if isinstance(birth, str):
        return _show(request, back, typed=typed, error=birth)

    async def work() -> Opened | BirthUnknown:
        async with asked.db.transaction() as session:
            return await numbers.name_birth(session, token, birth, by=asked.by, now=asked.now)

    here = back.step("/sign-in/birth")
    try:
        opened = await asked.db.until_known(work)
    except OutcomeUnknown:
        return still_confirming(request, form, action=here, check=here)
    except SessionUnknown:
        return see_other(request, here)  # it opened in another tab, or its time is over: the page knows which
    if isinstance(opened, BirthUnknown):
        left, over = int(str(opened.facts["left"])), opened.facts["in_all"] == 0
        said = " ".join(sentence(opened, asked.language))
        return _show(request, back, typed=typed, error=said, left=left, over=over)
    return _in(request, back, opened)


@router.get("/sign-in/new-number")
async def question(request: Request, asked: Ask, after: After = "") -> Response:
    """What ends, in numbers only: who asks may be a stranger. There is no way back, so it is asked first."""
    back = await back_to(asked, after)
    found = await signed_in.current(request, asked)
    if found is None or not found.needs_birth:
        return see_other(request, back.step("/sign-in/birth"))
    async with asked.db.transaction() as session:
        coming = await visits.coming(session, found.who.account_id, now=asked.now)
    return page(request, "sign_in_new_number.html", personal=True, back=back, coming=len(coming))


@router.post("/sign-in/new-number")
async def begin_anew(request: Request, asked: Ask, after: After = "") -> Response:
    """The number is newly hers: what was before is ended, unseen."""
    form = await request.form()
    back = await back_to(asked, after)
    token = _token(request)

    async def work() -> Opened:
        async with asked.db.transaction() as session:
            found = await sessions.current(session, token, now=asked.now)
            ends = found is not None and found.needs_birth
            waits = await waitlist.waits_of(session, account_id=found.who.account_id) if found and ends else []
        await leave_all(asked, waits, by=asked.by)
        async with asked.db.transaction() as session:
            return await numbers.begin_anew(session, token, by=asked.by, now=asked.now)

    here = back.step("/sign-in/birth")
    try:
        opened = await asked.db.until_known(work)
    except OutcomeUnknown:
        return still_confirming(request, form, action=back.step("/sign-in/new-number"), check=here)
    except SessionUnknown:
        return see_other(request, here)
    return _in(request, back, opened)


def _token(request: Request) -> str:
    token = signed_in.token_of(request)
    if token is None:
        raise SignInNeeded
    return token


def _in(request: Request, back: Back, opened: Opened) -> Response:
    answer = see_other(request, back.path)
    signed_in.remember(request, answer, opened.token, shared=opened.shared)
    return answer
