"""One message: its text, what became of it, what the carrier said, and sending it once more."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from booking.access.kinds import Right
from booking.access.queries import Desk
from booking.appointments.told import queries, service
from booking.appointments.told.commands import SendAgain
from booking.appointments.told.errors import MessageUnknown, ResendRefused
from booking.appointments.told.kinds import Group
from booking.desk.calendar.typed import typed_of
from booking.desk.messages.standing import standing
from booking.directory import queries as directory
from booking.messages import numbers
from booking.messages.models import Message
from booking.messages.preparing import body_of
from booking.messages.texts import MissingFactError
from booking.patients.service import read_by_staff
from booking.web import at_desk
from booking.web.at_desk import Place, Where, needs
from booking.web.dependencies import Ask, Asked
from booking.web.origin import check_origin
from booking.web.pages import page, see_other
from booking.web.problems import sentence, status_of

router = APIRouter(prefix="/desk/{facility}/messages", include_in_schema=False, dependencies=[Depends(check_origin)])

_DIGITS = 2


async def _reader(desk: Annotated[Desk, needs(Right.MESSAGES)]) -> Desk:
    """One message is a patient's: whoever only sees to the channel does not read it."""
    desk.staff.check(Right.PATIENT)
    return desk


Reader = Annotated[Desk, Depends(_reader)]


def _message(message: Annotated[str, Path()]) -> UUID:
    try:
        return UUID(message)
    except ValueError:
        raise MessageUnknown from None


Which = Annotated[UUID, Depends(_message)]


@router.get("/{message}")
async def message_page(request: Request, asked: Ask, desk: Reader, where: Where, message: Which) -> Response:
    """What went to whom, and what may be done."""
    return await _show(request, asked, desk, where, message)


async def _show(
    request: Request, asked: Asked, desk: Desk, where: Place, which: UUID, *, error: ResendRefused | None = None,
    why: str = "",
) -> Response:  # fmt: skip
    async with asked.db.transaction() as session:
        place = await directory.facility(session, where.code, at_desk=True)
        one = await queries.one(session, where.facility_id, which)
        row = await queries.row(session, where.facility_id, which)
        heard = await queries.heard(session, row)
        copies, by_staff = await queries.copies(session, row), await queries.by_staff(session, row)
        number = await numbers.of_phone(session, row.phone)
        stands = await standing(session, asked, where)
        if one.patient is not None:
            read_by_staff(
                session, one.patient, by=at_desk.actor(asked, desk), now=asked.now, facility=where.code,
                reason="messages",
            )  # fmt: skip
    said = " ".join(sentence(error, asked.language)) if error else ""
    return page(
        request, "desk_message.html", status=status_of(error) if error else 200, personal=True, desk=desk, place=place,
        base=f"/desk/{where.code}/messages", one=one, heard=heard, copies=copies, body=_body(row, asked), error=said,
        field="why" if error and error.facts.get("field") == "why" else "", why=why, number=number, stands=stands,
        again=one.kind in service.AGAIN and one.group is not Group.WAITING and by_staff < service.COPIES_MOST
        and not (number.stopped_at is not None and one.kind in numbers.REMINDING),
        done="done" in request.query_params,
    )  # fmt: skip


def _body(row: Message, asked: Asked) -> str:
    """The text without its link, which opens the visit for whoever has it."""
    try:
        text = body_of(row, base_url=asked.settings.public_base_url)
    except (MissingFactError, LookupError, ValueError):
        return ""
    return " ".join(part if "://" not in part else "…" for part in text.split(" "))


@router.post("/{message}")
async def send_again(request: Request, asked: Ask, desk: Reader, where: Where, message: Which) -> Response:
    """Send it once more."""
    typed, _ = await typed_of(request)
    raw = typed["copy"]
    number = int(raw) if raw.isascii() and raw.isdecimal() and len(raw) <= _DIGITS else 0
    command = SendAgain(message=message, copy_number=max(1, number), why=typed["why"][:200])

    async def work() -> None:
        async with asked.db.transaction() as session:
            await service.send_again(session, where.facility_id, command, by=at_desk.actor(asked, desk), now=asked.now)

    try:
        await asked.db.until_known(work)
    except ResendRefused as error:
        return await _show(request, asked, desk, where, message, error=error, why=typed["why"])
    return see_other(request, f"/desk/{where.code}/messages/{message}?done=1")
