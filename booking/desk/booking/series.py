"""Follow-ups and series: choose a plan, see the earliest fitting time in each window, book them in one go."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select
from starlette.datastructures import FormData
from starlette.responses import Response

from booking import ids
from booking.appointments import due as due_dates
from booking.appointments import series
from booking.appointments.errors import SeriesUnknown
from booking.appointments.series import Proposal
from booking.desk.booking import due
from booking.desk.booking.work import (
    Offered,
    WhichPatient,
    Work,
    Working,
    day_of,
    offered,
    rendered,
    slot_of,
)
from booking.directory.models import Service
from booking.directory.plans import Anchor, Plan, Window, plans, windows
from booking.patients.models import Patient
from booking.patients.rules import Birth
from booking.records import finding
from booking.web.form_values import text_of
from booking.web.origin import check_origin
from booking.web.pages import see_other

router = APIRouter(
    prefix="/desk/{facility}/patients/{patient}/series", include_in_schema=False, dependencies=[Depends(check_origin)]
)


def _which(which: Annotated[str, Path()]) -> UUID:
    try:
        return UUID(which)
    except ValueError:
        raise SeriesUnknown from None


WhichSeries = Annotated[UUID, Depends(_which)]


@router.get("")
async def plans_page(request: Request, work: Working, patient: WhichPatient) -> Response:
    """The series there are, and the plans for a new one."""
    async with work.asked.db.transaction() as session:
        row, found = await finding.one(session, patient, work.looking("series"))
        mine = await series.of_patient(
            session, row, facility_id=work.where.facility_id, now=work.asked.now, today=work.today
        )
        what = await offered(session, work)
    return await rendered(
        request,
        work,
        "desk_series.html",
        found=found,
        mine=mine,
        plans=_offered(what),
        today=work.today,
        born=found.birth.day,
    )


def _offered(what: Offered) -> list[Plan]:
    """The plans for which the facility has a service."""
    here = {one.code for one in what.services if one.bookable}
    return [plan for plan in plans().values() if here & set(plan.services)]


@router.post("/propose")
async def propose(request: Request, work: Working, patient: WhichPatient) -> Response:
    """The windows of a plan, with the earliest fitting time in each. Changes nothing."""
    form = await request.form()
    plan = _plan(form)
    async with work.asked.db.transaction() as session:
        row, found = await finding.one(session, patient, work.looking("series"))
        what = await offered(session, work)
        service = what.chosen(text_of(form, "service"), *plan.services)
        anchor = _anchor(plan, row, form)
        if service is None or anchor is None:
            return see_other(request, f"{work.path}/patients/{patient}/series")
        dates = windows(plan, anchor, today=work.today)
        proposals = await _proposals(session, work, dates, service.code, row)
    return await rendered(
        request,
        work,
        "desk_series_dates.html",
        echo=False,
        found=found,
        plan=plan,
        service=service,
        anchor=anchor,
        services=[one for one in what.services if one.bookable],
        proposals=proposals,
        series=ids.public_id(),
    )


def _plan(form: FormData) -> Plan:
    plan = plans().get(text_of(form, "plan"))
    if plan is None:
        raise SeriesUnknown
    return plan


def _anchor(plan: Plan, patient: Patient, form: FormData) -> date | None:
    """The day the dates are counted from; None where it is not known."""
    typed = day_of(text_of(form, "day"))
    if plan.anchor is not Anchor.BIRTH:
        return typed
    return typed or Birth(patient.birth_year, patient.birth_date).day


async def _proposals(
    session: AsyncSession, work: Work, dates: list[Window], service: str, patient: Patient
) -> list[Proposal]:
    of_facility = (col(Service.facility_id) == work.where.facility_id, col(Service.code) == service)
    service_id = await session.scalar(select(col(Service.id)).where(*of_facility))
    assert service_id is not None
    assert patient.id is not None
    return await series.propose(session, dates, service_id, patient_id=patient.id, now=work.asked.now)


@router.post("")
async def plan_series(request: Request, work: Working, patient: WhichPatient) -> Response:
    """Make the series and book what can be; the form sent twice makes one."""
    form = await request.form()
    plan, made = _plan(form), _which(text_of(form, "series"))

    async def go() -> None:
        async with work.asked.db.transaction() as session:
            row, _ = await finding.one(session, patient, work.looking("series"))
            anchor = _anchor(plan, row, form)
            if anchor is None:
                raise SeriesUnknown
            await series.plan(
                session, made, plan, windows(plan, anchor, today=work.today), _slots(form), patient=row,
                service=text_of(form, "service"), facility_id=work.where.facility_id, by=work.by, now=work.asked.now,
            )  # fmt: skip
            await due.invite(session, work, made, row)

    await work.asked.db.until_known(go)
    return see_other(request, f"{work.path}/patients/{patient}/series/{made}")


def _slots(form: FormData) -> dict[int, int]:
    """Number of a date → the slot chosen for it; a date that is not ticked is left out."""
    found = {}
    for name in form:
        number = name.removeprefix("date-")
        if name.startswith("date-") and number.isdecimal() and (raw := text_of(form, name)):
            found[int(number)] = slot_of(raw)
    return found


@router.get("/{which}")
async def series_page(request: Request, work: Working, patient: WhichPatient, which: WhichSeries) -> Response:
    """A series: its visits, and what is open still."""
    async with work.asked.db.transaction() as session:
        row, found = await finding.one(session, patient, work.looking("series"))
        view = await series.view(
            session, which, patient=row, facility_id=work.where.facility_id, now=work.asked.now, today=work.today
        )
    return await rendered(request, work, "desk_series_one.html", found=found, view=view)


@router.post("/{which}")
async def book_open(request: Request, work: Working, patient: WhichPatient, which: WhichSeries) -> Response:
    """Book the open dates that are ticked."""
    form = await request.form()

    async def go() -> None:
        async with work.asked.db.transaction() as session:
            row, _ = await finding.one(session, patient, work.looking("series"))
            await series.book_open(
                session, which, _slots(form), patient=row, facility_id=work.where.facility_id, by=work.by,
                now=work.asked.now,
            )  # fmt: skip
            await due.invite(session, work, which, row)

    await work.asked.db.until_known(go)
    return see_other(request, f"{work.path}/patients/{patient}/series/{which}")


@router.post("/{which}/end")
async def end(request: Request, work: Working, patient: WhichPatient, which: WhichSeries) -> Response:
    """Ask for the open dates no more, or again: the treatment ended, or somebody pressed by mistake."""
    ended = text_of(await request.form(), "ended") != "no"

    async def go() -> None:
        async with work.asked.db.transaction() as session:
            row, _ = await finding.one(session, patient, work.looking("series"))
            await due_dates.end(
                session, which, patient=row, facility_id=work.where.facility_id, ended=ended, by=work.by,
                now=work.asked.now,
            )  # fmt: skip
            await due.invite(session, work, which, row, ended=ended)

    await work.asked.db.until_known(go)
    return see_other(request, f"{work.path}/patients/{patient}/series/{which}")
