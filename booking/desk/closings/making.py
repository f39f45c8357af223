"""Making a closing, for a facility or for all: the form, the preview, the deed. Both doors show the same pages."""

from dataclasses import dataclass

from fastapi import Request
from starlette.responses import Response

from booking.access.kinds import Right
from booking.access.queries import Desk
from booking.appointments.closing import preview, service
from booking.appointments.closing.commands import CloseTimes
from booking.appointments.closing.errors import ClosingRefused
from booking.appointments.closing.kinds import ClosingAnswer
from booking.appointments.closing.rules import LONGEST, UNDO_FOR
from booking.appointments.errors import KeyReused
from booking.clock import ZONE
from booking.desk.calendar.typed import Typed, typed_of
from booking.desk.closings import typed as forms
from booking.directory import queries as directory
from booking.directory.queries import FacilityView
from booking.i18n import translate
from booking.messages.rules import is_quiet
from booking.patients.service import read_by_staff
from booking.web import at_desk
from booking.web.at_desk import Place
from booking.web.dependencies import Asked
from booking.web.pages import page, see_other
from booking.web.problems import status_of


@dataclass(frozen=True, slots=True)
class Door:
    """Where a closing is made: at a facility, or for all of them where `where` is None."""

    where: Place | None

    @property
    def facility_id(self) -> int | None:
        """The facility's row."""
        return self.where.facility_id if self.where else None

    @property
    def base(self) -> str:
        """The address of its closings."""
        return f"/desk/{self.where.code}/closings" if self.where else "/desk/closings"

    async def view(self, asked: Asked) -> FacilityView | None:
        """The facility, to be named on the page."""
        if self.where is None:
            return None
        async with asked.db.transaction() as session:
            return await directory.facility(session, self.where.code, at_desk=True)


async def show_form(
    request: Request, asked: Asked, desk: Desk, door: Door, typed: Typed, *, status: int = 200
) -> Response:
    """The form: what is closed, and what becomes of the people."""
    sessions, doctors = [], []
    async with asked.db.transaction() as session:
        if door.facility_id is not None:
            until = asked.now + LONGEST / 2
            sessions = await preview.sessions_ahead(session, door.facility_id, until=until, now=asked.now)
            doctors = await preview.practitioners(session, door.facility_id)
    return page(
        request, "desk_closing_form.html", status=status, personal=True, desk=desk, place=await door.view(asked),
        base=door.base, typed=typed, sessions=sessions, doctors=doctors, answers=list(ClosingAnswer),
        reasons=[(key, translate(asked.language, text)) for key, text in forms.REASONS.items()],
    )  # fmt: skip


async def submitted(request: Request, asked: Asked, desk: Desk, door: Door) -> Response:
    """The form sent: first what it would do, then, from there, do it."""
    typed, _ = await typed_of(request)
    if typed["step"] == "edit":
        return await show_form(request, asked, desk, door, forms.afresh(typed))
    try:
        command = forms.command_of(typed, city=door.where is None)
        if typed["step"] != "apply":
            return await _preview(request, asked, desk, door, typed, command)
        return await _apply(request, asked, desk, door, command)
    except ClosingRefused as refused:
        shown = forms.wrong(typed, refused, asked.language)
        return await show_form(request, asked, desk, door, shown, status=status_of(refused))


async def _preview(
    request: Request, asked: Asked, desk: Desk, door: Door, typed: Typed, command: CloseTimes
) -> Response:
    named = door.where is not None and desk.staff.may(Right.PATIENT)
    async with asked.db.transaction() as session:
        area = await service.area_of(session, door.facility_id, command.span, now=asked.now)
        found = await preview.preview(session, area, command.answer, now=asked.now)
        if not found.slots:
            raise ClosingRefused(reason="nothing", field="scope")
        try:
            await service.made_with(session, door.facility_id, command)
        except KeyReused:  # she went back to the form of a closing that was made, and changed it
            typed = forms.afresh(typed)
        if named and door.where is not None:
            by = at_desk.actor(asked, desk)
            for one in found.unreached:
                read_by_staff(session, one.patient, by=by, now=asked.now, facility=door.where.code, reason="closing")
    return page(
        request, "desk_closing_preview.html", personal=True, desk=desk, place=await door.view(asked), base=door.base,
        typed=typed, found=found, command=command, named=named, at_night=is_quiet(asked.now + UNDO_FOR, ZONE),
    )  # fmt: skip


async def _apply(request: Request, asked: Asked, desk: Desk, door: Door, command: CloseTimes) -> Response:
    async def work() -> None:
        async with asked.db.transaction() as session:
            await service.close(session, door.facility_id, command, by=at_desk.actor(asked, desk), now=asked.now)

    await asked.db.until_known(work)
    return see_other(request, f"{door.base}/{command.key}")
