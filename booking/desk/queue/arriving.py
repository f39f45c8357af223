"""Arriving: the field that takes a scan, and people who come without booking."""

from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import FormData
from starlette.responses import JSONResponse, Response

from booking import ids
from booking.access.queries import Desk
from booking.clock import local_day
from booking.desk.forms import raw_of
from booking.desk.queue import answers, words
from booking.desk.queue.answers import Outcome, acted, uuid_of, wants_words
from booking.desk.queue.page import InQueue, seat_of, shown
from booking.errors import BookingError
from booking.patients.errors import BirthRefused, NameRefused, PhoneRefused
from booking.patients.kinds import PriorityClass
from booking.patients.service import read_by_staff
from booking.queue import commands, finding, service
from booking.queue.finding import Found, Meant
from booking.queue.kinds import AWAY, TicketState
from booking.web import at_desk, problems
from booking.web.at_desk import Place, Where
from booking.web.dependencies import Ask, Asked
from booking.web.origin import check_origin
from booking.web.problems import sentence, status_of
from booking.web.streaming import fragment

router = APIRouter(prefix="/desk/{facility}/queue", include_in_schema=False, dependencies=[Depends(check_origin)])

_REFUSED: Final = (NameRefused, BirthRefused, PhoneRefused)
_LONGEST: Final = 64


@router.post("/scan")
async def scan(request: Request, asked: Ask, desk: InQueue, where: Where) -> Response:
    """Check in who was scanned; list who was meant where that is not certain."""
    form = await request.form()
    raw = raw_of(form, "scan")
    meant = finding.read(raw)
    found = await _find(asked, desk, where, meant)
    one = found[0] if len(found) == 1 else None
    chosen = raw_of(form, "check_in")[:_LONGEST]
    if chosen or (one is not None and one.sure and not one.there and one.code is not None):
        return await _check_in(request, asked, desk, where, form, chosen or (one.code if one and one.code else ""))
    there = _there(one.state, one.number or "", one.ticket) if one and one.sure and one.state else None
    if there is not None and one is not None and one.state not in AWAY:
        return answers.told(request, asked, where, form, there)
    said = "" if there is None else words.done(there.what, there.number, asked.language)
    return await _asked_who(request, asked, desk, where, form, meant, found, raw, said)


def _there(state: TicketState, number: str, ticket: UUID | None) -> Outcome:
    """She has checked in before; said with where she is now."""
    return Outcome(f"there_{state.value}", number, ticket)


async def _find(asked: Asked, desk: Desk, where: Place, meant: Meant) -> list[Found]:
    """Whoever is shown is read: each is noted."""
    async with asked.db.transaction() as session:
        found = await finding.find(session, where.facility_id, local_day(asked.now), meant, training=where.training)
        for one in found:
            if one.patient is not None:
                read_by_staff(
                    session, one.patient, by=at_desk.actor(asked, desk), now=asked.now, facility=where.code,
                    reason="queue",
                )  # fmt: skip
    return found


async def _check_in(request: Request, asked: Asked, desk: Desk, where: Place, form: FormData, code: str) -> Response:
    command = commands.CheckIn(facility=where.code, code=code)
    by = at_desk.actor(asked, desk)

    async def work(session: AsyncSession) -> Outcome:
        view = await service.check_in(session, command, by=by, now=asked.now)
        if view.state is not TicketState.WAITING:  # chosen from a list that is old by now
            return _there(view.state, view.label, view.public_id)
        return answers.of("check_in", view)

    return await acted(request, asked, where, form, work)


async def _asked_who(
    request: Request, asked: Asked, desk: Desk, where: Place, form: FormData, meant: Meant, found: list[Found],
    raw: str, said: str,
) -> Response:  # fmt: skip
    """The list to choose from; where nobody fits, the form for those without a booking, filled as far as known.

    `said`: where the one who was scanned is, when she has checked in and could be put back.
    """
    named = meant.name if meant.code is None and meant.name else ""
    typed = {"name": named, "birth_year": str(meant.birth_year or "")}
    if wants_words(request):
        html = fragment(
            request, "desk_queue_parts.html", "found", found=found, scanned="" if meant.citizen_id else raw,
            trouble=meant.trouble, facility=where.code,
        )  # fmt: skip
        return JSONResponse(
            {"found": html, "typed": typed, "many": len(found), "said": said}, headers={"Cache-Control": "no-store"}
        )
    seat = await seat_of(asked, where, raw_of(form, "service")[:_LONGEST], raw_of(form, "room")[:_LONGEST])
    return await shown(
        request, asked, desk, where, seat, found=found, typed=typed, scanned="" if meant.citizen_id else raw,
        trouble=meant.trouble, walking=not found, said=said,
    )  # fmt: skip


@router.post("/walk-in")
async def walk_in(request: Request, asked: Ask, desk: InQueue, where: Where) -> Response:
    """Somebody came without booking and gets a number."""
    form, by = await request.form(), at_desk.actor(asked, desk)
    typed = {name: raw_of(form, name).strip() for name in ("name", "birth_year", "phone", "priority")}
    try:
        command = _walk_in(form, where, typed)

        async def work(session: AsyncSession) -> Outcome:
            return answers.of("walk_in", await service.walk_in(session, command, by=by, now=asked.now))

        return await acted(request, asked, where, form, work)
    except _REFUSED as error:
        return await _walk_in_again(request, asked, desk, where, form, typed, error)


def _walk_in(form: FormData, where: Place, typed: dict[str, str]) -> commands.WalkIn:
    year = typed["birth_year"]
    if year and not (year.isascii() and year.isdigit() and len(year) == len("1958")):
        raise BirthRefused(field="birth_year", reason="missing")
    claimed = PriorityClass(typed["priority"]) if typed["priority"] in set(PriorityClass) else None
    if len(typed["phone"]) > _LONGEST:
        raise PhoneRefused(field="phone")
    return commands.WalkIn(
        facility=where.code, service=raw_of(form, "service")[:_LONGEST], room=raw_of(form, "room")[:_LONGEST] or None,
        ticket=uuid_of(form, "once") or ids.public_id(), priority_claimed=claimed, name=typed["name"] or None,
        birth_year=int(year) if year else None, phone=typed["phone"] or None,
    )  # fmt: skip


async def _walk_in_again(
    request: Request, asked: Asked, desk: Desk, where: Place, form: FormData, typed: dict[str, Any], error: BookingError
) -> Response:
    if wants_words(request):
        return problems.answer(request, error)
    field = str(error.facts.get("field", "name"))
    said = " ".join(sentence(error, asked.language))
    seat = await seat_of(asked, where, raw_of(form, "service")[:_LONGEST], raw_of(form, "room")[:_LONGEST])
    return await shown(
        request, asked, desk, where, seat, typed=typed, errors={field: said}, walking=True, status=status_of(error)
    )
