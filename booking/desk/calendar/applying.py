"""From a form of the calendar over its preview to the change: the same three steps for every change of times."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import Request
from starlette.responses import Response

from booking.access.kinds import Right
from booking.access.queries import Desk
from booking.appointments.inside import Inside
from booking.availability.effect import FULL
from booking.desk.calendar.typed import APPLY, EDIT, FormWrong, Typed
from booking.directory import queries as directory
from booking.directory.errors import ChangedMeanwhile
from booking.directory.queries import FacilityView
from booking.errors import Conflict, RuleBroken
from booking.exchange import timetable
from booking.exchange.timetable import Change, Outcome
from booking.patients.service import read_by_staff
from booking.web import at_desk
from booking.web.at_desk import Place
from booking.web.dependencies import Asked
from booking.web.pages import page, see_other
from booking.web.problems import status_of

Show = Callable[[Typed, int], Awaitable[Response]]
"""Shows the form again, with what was typed, under a status."""

_LONGEST_LIST = 300
"""People listed by name on one page; how many there are is said in any case."""


@dataclass(frozen=True, slots=True)
class Step:
    """One request that wants to change times.

    Attributes:
        heading: what is about to happen, in a line, in the reader's language.
        where: the facility it is asked from.
        typed: the form.
        show: shows the form again.
        after: where to go when it is done.
    """

    request: Request
    asked: Asked
    desk: Desk
    where: Place
    heading: str
    typed: Typed
    show: Show
    after: str


async def go(step: Step, make: Callable[[], Change]) -> Response:
    """Show what would happen, or let it happen, as the form says."""
    wanted = step.typed["step"]
    if wanted == EDIT:
        return await step.show(step.typed, 200)
    try:
        command = make()
        await _ready(step, command)
        if wanted == APPLY:
            return await _apply(step, command)
        return await _preview(step, command)
    except FormWrong as wrong:
        return await step.show(step.typed.wrong(wrong.errors), 422)
    except (RuleBroken, Conflict) as error:
        return await step.show(step.typed.refused(error, step.asked), status_of(error))


async def _ready(step: Step, command: Change) -> None:
    asked = step.asked
    async with asked.db.transaction() as session:
        await timetable.ready(
            session, command, by=at_desk.actor(asked, step.desk), now=asked.now,
            horizon_days=asked.settings.horizon_days,
        )  # fmt: skip


async def _apply(step: Step, command: Change) -> Response:
    asked = step.asked

    async def work() -> Outcome:
        async with asked.db.transaction() as session:
            return await timetable.apply(
                session, command, step.typed["outcome"], by=at_desk.actor(asked, step.desk), now=asked.now,
                horizon_days=asked.settings.horizon_days,
            )  # fmt: skip

    try:
        done = await asked.db.until_known(work)
    except ChangedMeanwhile:
        return await _preview(step, command, meanwhile=True)
    path = f"/desk/{step.where.code}/calendar/inside?done=1" if done.excess else f"{step.after}?done=1"
    return see_other(step.request, path)


async def _preview(step: Step, command: Change, *, meanwhile: bool = False) -> Response:
    asked = step.asked
    async with asked.db.transaction() as session:
        outcome = await timetable.preview(
            session, command, by=at_desk.actor(asked, step.desk), now=asked.now,
            horizon_days=asked.settings.horizon_days,
        )  # fmt: skip
    async with asked.db.transaction() as session:
        place = await directory.facility(session, step.where.code, at_desk=True)
        people = named(step.desk, outcome.inside)
        for one in people:
            read_by_staff(
                session, one.patient, by=at_desk.actor(asked, step.desk), now=asked.now, facility=step.where.code,
                reason="calendar",
            )  # fmt: skip
    kept = [(name, value) for name, value in step.typed.values.items() if name not in ("step", "outcome")]
    return page(
        step.request, "desk_calendar_preview.html", status=409 if meanwhile else 200, personal=True, desk=step.desk,
        place=place, heading=step.heading[:1].upper() + step.heading[1:], outcome=outcome, people=people, kept=kept,
        meanwhile=meanwhile, full=FULL, counted=counted(outcome.inside),
    )  # fmt: skip


def named(desk: Desk, inside: tuple[Inside, ...] | list[Inside]) -> list[Inside]:
    """Those whose names may be shown to whoever sits there: all, or nobody."""
    return list(inside[:_LONGEST_LIST]) if desk.staff.may(Right.PATIENT) else []


def counted(inside: tuple[Inside, ...] | list[Inside]) -> list[tuple[object, int]]:
    """How many are inside on which day, in the order of days."""
    days: dict[object, int] = {}
    for one in inside:
        days[one.day] = days.get(one.day, 0) + 1
    return list(days.items())


async def save(step: Step, work: Callable[[], Awaitable[None]]) -> Response:
    """A change that touches no time needs no preview: do it, or show the form again with what is wrong."""
    try:
        await step.asked.db.until_known(work)
    except FormWrong as wrong:
        return await step.show(step.typed.wrong(wrong.errors), 422)
    except (RuleBroken, Conflict) as error:
        return await step.show(step.typed.refused(error, step.asked), status_of(error))
    return see_other(step.request, f"{step.after}?done=1")


async def place_of(asked: Asked, where: Place) -> FacilityView:
    """The facility a page is about."""
    async with asked.db.transaction() as session:
        return await directory.facility(session, where.code, at_desk=True)
