"""What people ask about their data: taken at the counter by whoever serves there, answered by the manager.

The list names nobody; opening a request is reading about a person, and stands in the audit as such.
"""

from collections.abc import Mapping
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from booking import ids
from booking.access.kinds import Right
from booking.access.queries import Desk
from booking.clock import local_day
from booking.desk.calendar.typed import Typed
from booking.desk.forms import raw_of
from booking.directory import queries as directory
from booking.directory.errors import FacilityUnknown
from booking.errors import BookingError
from booking.i18n import marked as _
from booking.i18n import translate
from booking.patients.errors import PhoneRefused
from booking.patients.models import Patient
from booking.patients.rules import read_phone
from booking.patients.service import read_by_staff
from booking.records.at_facility import staff_names
from booking.requests import queries, service
from booking.requests.commands import EndRequest, MakeRequest
from booking.requests.errors import RequestAnswered, RequestRefused, RequestUnknown
from booking.requests.kinds import RequestDoor, RequestKind, RequestState
from booking.requests.rules import DAYS
from booking.text import clean
from booking.trail.service import record
from booking.web import at_desk
from booking.web.at_desk import Place, Where, needs
from booking.web.dependencies import Ask, Asked
from booking.web.origin import check_origin
from booking.web.pages import page, see_other
from booking.web.problems import status_of

KINDS: Final[Mapping[RequestKind, str]] = {
    RequestKind.SEE: _("See what is held, or have a copy"),
    RequestKind.CORRECT: _("Have something corrected"),
    RequestKind.WITHDRAW: _("Withdraw an agreement"),
    RequestKind.DELETE: _("Have data deleted"),
    RequestKind.OBJECT: _("Object to a use of the data"),
}


def _real(where: Where) -> Place:
    """The facility; the place to practise takes no requests, because they are the law's."""
    if where.training:
        raise FacilityUnknown(facility=where.code)
    return where


Real = Annotated[Place, Depends(_real)]
Taker = Annotated[Desk, needs(Right.PATIENT)]
Officer = Annotated[Desk, needs(Right.REQUESTS)]


def _request(request_id: Annotated[str, Path(alias="request")]) -> UUID:
    try:
        return UUID(request_id)
    except ValueError:
        raise RequestUnknown from None


Which = Annotated[UUID, Depends(_request)]

router = APIRouter(prefix="/desk/{facility}/requests", include_in_schema=False, dependencies=[Depends(check_origin)])


async def _typed(request: Request) -> Typed:
    """The form; its long text a sign longer than is taken, so that too much is refused and never cut."""
    form = await request.form()
    return Typed({name: raw_of(form, name, longest=service.LONGEST + 1).strip() for name in form})


def _kinds(asked: Asked) -> dict[str, str]:
    return {kind.value: translate(asked.language, text) for kind, text in KINDS.items()}


@router.get("")
async def requests_page(request: Request, asked: Ask, desk: Officer, where: Real) -> Response:
    """The register: what is open, and what was answered."""
    async with asked.db.transaction() as session:
        place = await directory.facility(session, where.code, at_desk=True)
        waiting, ended = await queries.listed(session, where.facility_id, today=local_day(asked.now))
    return page(
        request, "desk_requests.html", personal=True, desk=desk, place=place, waiting=waiting, ended=ended,
        kinds=_kinds(asked), done=request.query_params.get("done", ""),
    )  # fmt: skip


@router.get("/new")
async def new_page(request: Request, asked: Ask, desk: Taker, where: Real) -> Response:
    """A request that somebody makes at the counter, or that came in a letter."""
    taken = _request(request.query_params["taken"]) if "taken" in request.query_params else None
    return await _show_new(request, asked, desk, where, Typed({"id": str(ids.public_id())}), taken=taken)


async def _show_new(
    request: Request, asked: Asked, desk: Desk, where: Place, typed: Typed, *, status: int = 200,
    taken: UUID | None = None,
) -> Response:  # fmt: skip
    async with asked.db.transaction() as session:
        place = await directory.facility(session, where.code, at_desk=True)
    return page(
        request, "desk_request_new.html", status=status, personal=True, desk=desk, place=place, typed=typed,
        kinds=_kinds(asked), days={kind.value: days for kind, days in DAYS.items()}, most=service.LONGEST,
        taken=str(taken)[:8].upper() if taken else "",
    )  # fmt: skip


@router.post("/new")
async def take(request: Request, asked: Ask, desk: Taker, where: Real) -> Response:
    """Put it into the register."""
    typed = await _typed(request)
    try:
        command = _command(typed)
        await asked.db.until_known(lambda: _make(asked, desk, where, command))
    except (RequestRefused, PhoneRefused) as error:
        field = "phone" if isinstance(error, PhoneRefused) else str(error.facts.get("field", ""))
        return await _show_new(request, asked, desk, where, _refused(typed, error, asked, field), status=422)
    return see_other(request, f"/desk/{where.code}/requests/new?taken={command.id}")


def _refused(typed: Typed, error: BookingError, asked: Asked, field: str) -> Typed:
    return typed.wrong({field: " ".join(typed.refused(error, asked).errors.values())})


def _command(typed: Typed) -> MakeRequest:
    if typed["kind"] not in set(RequestKind):
        raise RequestRefused(field="kind", reason="kind")
    phone = read_phone(typed["phone"]).e164 if typed["phone"] else None
    return MakeRequest(
        id=_request(typed["id"]), kind=RequestKind(typed["kind"]), door=RequestDoor.DESK, name=clean(typed["name"]),
        phone=phone, said=typed["said"],
    )  # fmt: skip


async def _make(asked: Asked, desk: Desk, where: Place, command: MakeRequest) -> None:
    async with asked.db.transaction() as session:
        await service.make(session, where.facility_id, command, by=at_desk.actor(asked, desk), now=asked.now)


@router.get("/{request}")
async def request_page(request: Request, asked: Ask, desk: Officer, where: Real, which: Which) -> Response:
    """Who asks what, and the form of the answer."""
    return await _show(request, asked, desk, where, which, Typed())


async def _show(
    request: Request, asked: Asked, desk: Desk, where: Place, which: UUID, typed: Typed, *, status: int = 200
) -> Response:
    by = at_desk.actor(asked, desk)
    async with asked.db.transaction() as session:
        place = await directory.facility(session, where.code, at_desk=True)
        row = await service.found(session, where.facility_id, which)
        ended_day = local_day(row.ended_at) if row.ended_at else None
        one = queries.line(row, local_day(asked.now), ended_day)
        names = await staff_names(session, [who for who in (row.received_by, row.ended_by) if who])
        patient = await session.get(Patient, row.patient_id) if row.patient_id is not None else None
        record(session, "request.read", "data_request", which, by=by, now=asked.now)
        if patient is not None:
            read_by_staff(session, patient.public_id, by=by, now=asked.now, facility=where.code, reason="request")
    return page(
        request, "desk_request.html", status=status, personal=True, desk=desk, place=place, one=one, row=row,
        kinds=_kinds(asked), names=names, patient=patient, typed=typed, most=service.LONGEST,
    )  # fmt: skip


@router.post("/{request}")
async def answer(request: Request, asked: Ask, desk: Officer, where: Real, which: Which) -> Response:
    """Note that she was told that it was received, or what became of it."""
    typed = await _typed(request)

    async def work() -> None:
        by = at_desk.actor(asked, desk)
        async with asked.db.transaction() as session:
            if typed["step"] == "reply":
                await service.reply(session, where.facility_id, which, by=by, now=asked.now)
                return
            row = await service.found(session, where.facility_id, which)  # before anything is said about the form
            state = typed["state"] if typed["state"] in set(RequestState) else RequestState.OPEN
            command = EndRequest(state=RequestState(state), answer=typed["answer"])
            await service.end(session, where.facility_id, row.public_id, command, by=by, now=asked.now)

    try:
        await asked.db.until_known(work)
    except (RequestRefused, RequestAnswered) as error:
        wrong = _refused(typed, error, asked, str(error.facts.get("field", "")))
        return await _show(request, asked, desk, where, which, wrong, status=status_of(error))
    if typed["step"] == "reply":
        return see_other(request, f"/desk/{where.code}/requests/{which}")
    return see_other(request, f"/desk/{where.code}/requests?done={str(which)[:8].upper()}")
