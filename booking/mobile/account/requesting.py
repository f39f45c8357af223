"""What a person asks a facility about her data where these pages cannot do it at once; and what became of it."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from booking import ids
from booking.clock import local_day
from booking.errors import OutcomeUnknown
from booking.i18n import marked as _
from booking.i18n import translate
from booking.mobile.account.people import ProfileId
from booking.mobile.confirming import still_confirming
from booking.patients.sessions import SignedIn
from booking.records import scope
from booking.records.visits import facilities_of
from booking.requests import queries, service
from booking.requests.commands import MakeRequest
from booking.requests.errors import RequestRefused, RequestUnknown
from booking.requests.kinds import RequestDoor, RequestKind
from booking.requests.rules import DAYS
from booking.web.dependencies import Ask, Asked
from booking.web.form_values import text_of
from booking.web.limits import counted
from booking.web.origin import check_origin
from booking.web.pages import page, see_other
from booking.web.problems import sentence
from booking.web.signed_in import Known, actor

router = APIRouter(include_in_schema=False, prefix="/me/data", dependencies=[Depends(check_origin), Depends(counted)])

KINDS: Final[Mapping[RequestKind, str]] = {
    RequestKind.DELETE: _("Delete what the facility still keeps"),
    RequestKind.CORRECT: _("Correct something I cannot correct here"),
    RequestKind.OBJECT: _("Stop using my data for something"),
    RequestKind.WITHDRAW: _("Withdraw an agreement given on paper"),
    RequestKind.SEE: _("See what the facility holds besides this"),
}

_FIELDS: Final = ("id", "kind", "facility", "said")


@router.get("/{profile}/request")
async def request_page(request: Request, asked: Ask, who: Known, profile: ProfileId) -> Response:
    """The form, and what was asked before."""
    return await _show(request, asked, who, profile, dict.fromkeys(_FIELDS, ""))


async def _show(
    request: Request, asked: Asked, who: SignedIn, profile: UUID, typed: Mapping[str, str], *,
    error: RequestRefused | None = None,
) -> Response:  # fmt: skip
    today = local_day(asked.now)
    async with asked.db.transaction() as session:
        seen = await scope.scope_of(session, who.account_id, profile, today=today)
        places = await facilities_of(session, seen)
        before = await queries.of_account(session, who.account_id, seen.patient_id, today=today)
    wrong = {str(error.facts.get("field", "")): " ".join(sentence(error, asked.language))} if error else {}
    kinds = {kind.value: translate(asked.language, text) for kind, text in KINDS.items()}
    return page(
        request, "my_data_request.html", status=422 if error else 200, personal=True, person=seen.view, places=places,
        kinds=kinds, days={kind.value: days for kind, days in DAYS.items()}, before=before, typed=typed, wrong=wrong,
        id=typed["id"] or str(ids.public_id()), most=service.LONGEST, sent="sent" in request.query_params,
    )  # fmt: skip


@router.post("/{profile}/request")
async def ask(request: Request, asked: Ask, who: Known, profile: ProfileId) -> Response:
    """Put it into the facility's register."""
    form = await request.form()
    # A sign longer than is taken, so that too much is refused and never cut.
    typed = {name: text_of(form, name, longest=service.LONGEST + 1) for name in _FIELDS}
    try:
        await asked.db.until_known(lambda: _ask(asked, who, profile, typed))
    except RequestRefused as error:
        return await _show(request, asked, who, profile, typed, error=error)
    except OutcomeUnknown:
        return still_confirming(request, form, action=request.url.path, check=request.url.path)
    return see_other(request, f"/me/data/{profile}/request?sent=1")


async def _ask(asked: Asked, who: SignedIn, profile: UUID, typed: Mapping[str, str]) -> None:
    async with asked.db.transaction() as session:
        seen = await scope.scope_of(session, who.account_id, profile, today=local_day(asked.now))
        places = {place.code: place for place in await facilities_of(session, seen)}
        if typed["kind"] not in set(RequestKind):
            raise RequestRefused(field="kind", reason="kind")
        if typed["facility"] not in places:
            raise RequestRefused(field="facility", reason="facility")
        command = MakeRequest(
            id=_id(typed["id"]), kind=RequestKind(typed["kind"]), door=RequestDoor.MOBILE, name=seen.patient.name,
            phone=seen.account.phone, said=typed["said"].strip(), patient_id=seen.patient_id,
            account_id=who.account_id,
        )  # fmt: skip
        place = places[typed["facility"]].id
        assert place is not None
        await service.make(session, place, command, by=actor(asked, who), now=asked.now)


def _id(raw: str) -> UUID:
    try:
        return UUID(raw)
    except ValueError:
        raise RequestUnknown from None
