"""Calling, and every step of a ticket: forms of the clerk's page, the doctor's list and the ticket's own page."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import FormData
from starlette.responses import Response

from booking import ids
from booking.actor import Actor
from booking.desk.forms import raw_of
from booking.desk.queue import answers
from booking.desk.queue.answers import Outcome, acted, refused, ticket_in, uuid_of
from booking.desk.queue.page import InQueue
from booking.errors import NotFound
from booking.patients.kinds import PriorityClass
from booking.queue import acts, commands, detours, service
from booking.queue.errors import ActUnknown, MinutesRefused
from booking.queue.rules import MOST_LATE
from booking.queue.views import TicketView
from booking.web import at_desk
from booking.web.at_desk import Place, Where
from booking.web.dependencies import Ask, Asked
from booking.web.origin import check_origin

router = APIRouter(prefix="/desk/{facility}/queue", include_in_schema=False, dependencies=[Depends(check_origin)])

_STEPS: Final[Mapping[str, tuple[Any, Any]]] = {
    "recall": (service.recall, commands.Recall),
    "enter": (service.enter, commands.Enter),
    "finish": (service.finish, commands.Finish),
    "skip": (service.skip, commands.Skip),
    "put_back": (service.put_back, commands.PutBack),
    "leave": (service.leave, commands.Leave),
    "to_tests": (detours.to_tests, commands.ToTests),
    "from_tests": (detours.from_tests, commands.FromTests),
    "transfer": (service.transfer, commands.Transfer),
    "verify": (service.verify_priority, commands.VerifyPriority),
}
_LONGEST: Final = 64


def _short(form: FormData, name: str) -> str:
    return raw_of(form, name)[:_LONGEST].strip()


def _more(step: str, form: FormData, said: str) -> dict[str, Any]:
    """What a step is told beside the ticket."""
    if step == "transfer":
        return {"service": _short(form, "to_service"), "room": _short(form, "to_room") or None}
    if step == "verify":
        chosen = _short(form, "priority") or said
        found = PriorityClass(chosen) if chosen in set(PriorityClass) else None
        return {"priority": found, "reason": _short(form, "reason") or "seen"}
    return {}


@router.post("/call")
async def call_next(request: Request, asked: Ask, desk: InQueue, where: Where) -> Response:
    """The next one, to the room chosen or to the desk."""
    form, by = await request.form(), at_desk.actor(asked, desk)
    command = commands.CallNext(
        facility=where.code, service=_short(form, "service"), room=_short(form, "room") or None,
        once=uuid_of(form, "once"),
    )  # fmt: skip

    async def work(session: AsyncSession) -> Outcome:
        return answers.of("call", await service.call_next(session, command, by=by, now=asked.now))

    return await acted(request, asked, where, form, work)


@router.post("/step/{step}")
async def take_step(request: Request, asked: Ask, desk: InQueue, where: Where, step: str) -> Response:
    """One step of one ticket."""
    if step not in _STEPS:
        raise NotFound
    form, by = await request.form(), at_desk.actor(asked, desk)
    verb, kind = _STEPS[step]
    once = uuid_of(form, "once")
    command = kind(
        facility=where.code, ticket=ticket_in(form), once=once, **_more(step, form, request.query_params.get("as", ""))
    )

    async def work(session: AsyncSession) -> Outcome:
        done = await acts.repeated(session, where.code, once, step, ticket=command.ticket)
        if done is not None:  # the same form again, or its answer was lost
            return Outcome(done.what, done.number or "", done.ticket)
        view: TicketView = await verb(session, command, by=by, now=asked.now)
        return answers.of(step, view)

    return await acted(request, asked, where, form, work)


@router.post("/emergency")
async def call_emergency(request: Request, asked: Ask, desk: InQueue, where: Where) -> Response:
    """An emergency: recorded and called in one press."""
    form, by = await request.form(), at_desk.actor(asked, desk)
    command = commands.CallEmergency(
        facility=where.code, service=_short(form, "service"), room=_short(form, "room") or None,
        ticket=uuid_of(form, "once") or ids.public_id(),
    )  # fmt: skip

    async def work(session: AsyncSession) -> Outcome:
        return answers.of("emergency", await detours.call_emergency(session, command, by=by, now=asked.now))

    return await acted(request, asked, where, form, work)


@router.post("/late")
async def say_late(request: Request, asked: Ask, desk: InQueue, where: Where) -> Response:
    """The session runs so many minutes late."""
    form, by = await request.form(), at_desk.actor(asked, desk)
    typed = _short(form, "minutes")
    minutes = int(typed) if typed.isascii() and typed.isdigit() else MOST_LATE + 1
    if minutes > MOST_LATE:
        return refused(request, MinutesRefused(most=MOST_LATE))
    command = commands.SayLate(
        facility=where.code, service=_short(form, "service"), room=_short(form, "room") or None, minutes=minutes,
        text=_short(form, "text") == "on", once=uuid_of(form, "once"),
    )  # fmt: skip

    async def work(session: AsyncSession) -> Outcome:
        texted = await service.say_late(session, command, by=by, now=asked.now)
        return Outcome("late_text" if texted else "late", str(minutes))

    return await acted(request, asked, where, form, work)


@router.post("/no-show")
async def mark_no_show(request: Request, asked: Ask, desk: InQueue, where: Where) -> Response:
    """A booked patient has not come."""
    form, by = await request.form(), at_desk.actor(asked, desk)
    command = commands.MarkNoShow(facility=where.code, code=_short(form, "code"), once=uuid_of(form, "once"))

    async def work(session: AsyncSession) -> Outcome:
        await detours.mark_no_show(session, command, by=by, now=asked.now)
        return Outcome("no_show", command.code)

    return await acted(request, asked, where, form, work)


@router.post("/undo")
async def undo(request: Request, asked: Ask, desk: InQueue, where: Where) -> Response:
    """Take back one act of the last five minutes; without a name, one's own newest."""
    form, by = await request.form(), at_desk.actor(asked, desk)
    act = uuid_of(form, "act")

    async def work(session: AsyncSession) -> Outcome:
        nonlocal act  # chosen once: a second try, the first one's end unknown, must not take back an older one
        act = act or await _newest(session, where, by, asked)
        done = await acts.undo(session, commands.Undo(facility=where.code, act=act), by=by, now=asked.now)
        return Outcome("undo", done.number or "")

    return await acted(request, asked, where, form, work)


async def _newest(session: AsyncSession, where: Place, by: Actor, asked: Asked) -> UUID:
    found = await acts.lately(session, where.facility_id, now=asked.now, most=100)
    mine = next((act for act in found if act.staff == by.id), None)
    if mine is None:
        raise ActUnknown
    return mine.id
