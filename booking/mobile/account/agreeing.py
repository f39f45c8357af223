"""A grown-up child has her own say: a code to her own number, entered here, lets the family go on booking for her."""

from datetime import timedelta

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from booking.clock import local_day
from booking.errors import BookingError, OutcomeUnknown
from booking.mobile.account.people import ProfileId
from booking.mobile.account.signing_in import asker, limits_of, reached
from booking.mobile.confirming import still_confirming
from booking.patients import codes, queries, service
from booking.patients.codes import Waiting
from booking.patients.errors import CodeRefused, NotMobile, OwnNumberNeeded, PhoneRefused
from booking.patients.kinds import CodePurpose
from booking.patients.queries import ProfileView
from booking.patients.rules import read_phone
from booking.patients.sessions import SignedIn
from booking.patients.signing_rules import bare, read_code
from booking.trail.errors import TriedTooOften
from booking.web.dependencies import Ask, Asked
from booking.web.form_values import text_of
from booking.web.limits import counted
from booking.web.origin import check_origin
from booking.web.pages import page, see_other
from booking.web.problems import sentence, status_of
from booking.web.signed_in import Known, actor

router = APIRouter(
    include_in_schema=False, prefix="/me/people/{profile}/agree", dependencies=[Depends(check_origin), Depends(counted)]
)


async def _person(asked: Asked, who: SignedIn, profile: ProfileId) -> ProfileView:
    async with asked.db.transaction() as session:
        return await queries.profile(session, who.account_id, profile, today=local_day(asked.now))


@router.get("")
async def number_page(request: Request, asked: Ask, who: Known, profile: ProfileId) -> Response:
    """Which is her own number?"""
    person = await _person(asked, who, profile)
    return _show_number(request, asked, person) if person.own_say else see_other(request, f"/me/people/{profile}")


def _show_number(
    request: Request, asked: Asked, person: ProfileView, *, typed: str = "", error: BookingError | None = None
) -> Response:
    said = sentence(error, asked.language) if error is not None else None
    return page(
        request, "people_agree.html", status=status_of(error) if error else 200, personal=True, person=person,
        typed=typed, error=said,
    )  # fmt: skip


@router.post("")
async def send_code(request: Request, asked: Ask, who: Known, profile: ProfileId) -> Response:
    """Send her a code. It is good in this browser only, for this person only."""
    form = await request.form()
    person = await _person(asked, who, profile)
    typed = text_of(form, "phone")
    try:
        waiting = await _ask(request, asked, who, profile, typed)
    except OutcomeUnknown:
        return still_confirming(request, form, action=request.url.path, check=f"{request.url.path}/code")
    except (PhoneRefused, NotMobile, OwnNumberNeeded, TriedTooOften) as error:
        return _show_number(request, asked, person, typed=typed, error=error)
    if waiting.refused is not None:
        return _show_code(request, asked, person, waiting, error=waiting.refused)
    return see_other(request, f"/me/people/{profile}/agree/code")


async def _ask(request: Request, asked: Asked, who: SignedIn, profile: ProfileId, typed: str) -> Waiting:
    phone = read_phone(bare(typed))
    if not phone.mobile:
        raise NotMobile(field="phone")
    if phone.e164 == who.phone:
        raise OwnNumberNeeded(field="phone")
    mine, limits = asker(request), limits_of(asked.settings)
    refused = await reached(asked)

    async def work() -> Waiting:
        async with asked.db.transaction() as session:
            return await codes.ask(
                session, phone, purpose=CodePurpose.AGREE, asker=mine, language=asked.language, limits=limits,
                by=actor(asked, who), now=asked.now, subject=profile, refused=refused,
            )  # fmt: skip

    return await asked.db.until_known(work)


@router.get("/code")
async def code_page(request: Request, asked: Ask, who: Known, profile: ProfileId) -> Response:
    """Which code did she get?"""
    person = await _person(asked, who, profile)
    async with asked.db.transaction() as session:
        waiting = await codes.waiting(session, purpose=CodePurpose.AGREE, asker=asker(request), now=asked.now)
    if not person.own_say:
        return see_other(request, f"/me/people/{profile}")
    if waiting is None:
        return see_other(request, f"/me/people/{profile}/agree")
    return _show_code(request, asked, person, waiting)


def _show_code(
    request: Request, asked: Asked, person: ProfileView, waiting: Waiting | None, *, error: BookingError | None = None
) -> Response:
    said = sentence(error, asked.language) if error is not None else None
    return page(
        request, "people_agree_code.html", status=status_of(error) if error else 200, personal=True, person=person,
        waiting=waiting, error=said,
    )  # fmt: skip


@router.post("/code")
async def agree(request: Request, asked: Ask, who: Known, profile: ProfileId) -> Response:
    """Use the code: the person agrees, and her number's own account has her as itself."""
    form = await request.form()
    person = await _person(asked, who, profile)
    mine = asker(request)

    async def work() -> bool:
        digits = read_code(text_of(form, "code"))
        async with asked.db.transaction() as session:
            by = actor(asked, who)
            proof = await codes.use(
                session, digits, purpose=CodePurpose.AGREE, asker=mine, by=by, now=asked.now, subject=profile
            )
            if proof is not None:
                await service.agree(
                    session, who.account_id, profile, read_phone(proof.phone), by=by, now=asked.now,
                    silent_after=timedelta(days=asked.settings.silent_days),
                )  # fmt: skip
            return proof is not None

    try:
        # The try is counted for good before it is refused. A person who has agreed meanwhile needs no code.
        if not await asked.db.until_known(work) and (await _person(asked, who, profile)).own_say:
            raise CodeRefused(field="code")
    except OutcomeUnknown:
        return still_confirming(request, form, action=request.url.path, check=request.url.path)
    except CodeRefused as error:
        async with asked.db.transaction() as session:
            waiting = await codes.waiting(session, purpose=CodePurpose.AGREE, asker=mine, now=asked.now)
        return _show_code(request, asked, person, waiting, error=error)
    return see_other(request, f"/me/people/{profile}")
