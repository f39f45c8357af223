"""What a facility is made of: services, practitioners, rooms."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from booking.access.kinds import Right
from booking.access.queries import Desk
from booking.desk.calendar.addresses import EntryCode
from booking.desk.calendar.applying import Step, go, save
from booking.desk.calendar.typed import Typed, read, shown, typed_of
from booking.directory import marks, upkeep
from booking.directory import queries as directory
from booking.directory.keeping import DAY_CLOCKS, NEVER, KeepPractitioner, KeepRoom, KeepService
from booking.directory.kinds import Payment
from booking.directory.listing import entries, entry
from booking.directory.models import Practitioner, Room, Service
from booking.i18n import marked as _
from booking.i18n import translate
from booking.web import at_desk
from booking.web.at_desk import Place, Where, needs
from booking.web.dependencies import Ask, Asked
from booking.web.origin import check_origin
from booking.web.pages import page

router = APIRouter(prefix="/desk/{facility}/calendar", include_in_schema=False, dependencies=[Depends(check_origin)])

Keeper = Annotated[Desk, needs(Right.CALENDAR)]
Table = type[Service] | type[Practitioner] | type[Room]

_USUAL = {
    "duration_minutes": "30", "lead_minutes": "60", "cancel_minutes": "120", "horizon_days": "30",
    "payment": Payment.INSURANCE.value, "bookable": "1", "active": "1",
    "remind_day_at": "18:00", "remind_minutes": "120",
}  # fmt: skip


@router.get("/entries")
async def entries_page(request: Request, asked: Ask, desk: Keeper, where: Where) -> Response:
    """All of them."""
    async with asked.db.transaction() as session:
        place = await directory.facility(session, where.code, at_desk=True)
        lists: dict[str, Any] = {
            "services": await entries(session, Service, where.facility_id),
            "practitioners": await entries(session, Practitioner, where.facility_id),
            "rooms": await entries(session, Room, where.facility_id),
        }
    done = "done" in request.query_params
    return page(request, "desk_calendar_entries.html", personal=True, desk=desk, place=place, done=done, **lists)


async def _typed_row(asked: Asked, where: Place, table: Table, code: str) -> Typed:
    async with asked.db.transaction() as session:
        row: Any = await entry(session, table, where.facility_id, code)
    none = {name: NEVER for name in ("remind_day_at", "remind_minutes") if getattr(row, name, NEVER) is None}
    return shown(row, {"seen": marks.mark(row)} | none)


async def _show(
    request: Request, asked: Asked, desk: Desk, where: Place, typed: Typed, status: int = 200, *,
    sort: str, code: str = "",
) -> Response:  # fmt: skip
    async with asked.db.transaction() as session:
        place = await directory.facility(session, where.code, at_desk=True)
    template = "desk_calendar_service.html" if sort == "services" else "desk_calendar_entry.html"
    return page(
        request, template, status=status, personal=True, desk=desk, place=place, typed=typed, sort=sort, one=code,
        payments=list(Payment), clocks=DAY_CLOCKS, never=NEVER,
    )  # fmt: skip


async def _step(
    request: Request, asked: Asked, desk: Desk, where: Place, heading: str, *, sort: str, code: str = ""
) -> Step:
    typed, _form = await typed_of(request)
    return Step(
        request, asked, desk, where, f"{translate(asked.language, heading)}: {typed['name']}", typed,
        lambda shown, status: _show(request, asked, desk, where, shown, status, sort=sort, code=code),
        f"/desk/{where.code}/calendar/entries",
    )  # fmt: skip


@router.get("/services/new")
async def new_service_page(request: Request, asked: Ask, desk: Keeper, where: Where) -> Response:
    """The form of a new service."""
    return await _show(request, asked, desk, where, Typed(_USUAL), sort="services")


@router.post("/services/new")
async def add_service(request: Request, asked: Ask, desk: Keeper, where: Where) -> Response:
    """Make it."""
    step = await _step(request, asked, desk, where, _("A new service"), sort="services")
    return await go(step, lambda: read(KeepService, step.typed, asked, facility=where.code, seen=""))


@router.get("/services/{code}")
async def service_page(request: Request, asked: Ask, desk: Keeper, where: Where, code: EntryCode) -> Response:
    """One service."""
    typed = await _typed_row(asked, where, Service, code)
    return await _show(request, asked, desk, where, typed, sort="services", code=code)


@router.post("/services/{code}")
async def change_service(request: Request, asked: Ask, desk: Keeper, where: Where, code: EntryCode) -> Response:
    """Change it; its times follow."""
    await _typed_row(asked, where, Service, code)
    step = await _step(request, asked, desk, where, _("A service changes"), sort="services", code=code)
    return await go(step, lambda: read(KeepService, step.typed, asked, facility=where.code, code=code))


@router.get("/practitioners/new")
async def new_practitioner_page(request: Request, asked: Ask, desk: Keeper, where: Where) -> Response:
    """The form of somebody new who examines."""
    return await _show(request, asked, desk, where, Typed(_USUAL), sort="practitioners")


@router.post("/practitioners/new")
async def add_practitioner(request: Request, asked: Ask, desk: Keeper, where: Where) -> Response:
    """Make her."""
    step = await _step(request, asked, desk, where, "", sort="practitioners")
    return await save(step, _keeping(step, KeepPractitioner, upkeep.keep_practitioner, seen=""))


@router.get("/practitioners/{code}")
async def practitioner_page(request: Request, asked: Ask, desk: Keeper, where: Where, code: EntryCode) -> Response:
    """One who examines."""
    typed = await _typed_row(asked, where, Practitioner, code)
    return await _show(request, asked, desk, where, typed, sort="practitioners", code=code)


@router.post("/practitioners/{code}")
async def change_practitioner(request: Request, asked: Ask, desk: Keeper, where: Where, code: EntryCode) -> Response:
    """Another name, or no new sessions any more."""
    await _typed_row(asked, where, Practitioner, code)
    step = await _step(request, asked, desk, where, "", sort="practitioners", code=code)
    return await save(step, _keeping(step, KeepPractitioner, upkeep.keep_practitioner, code=code))


@router.get("/rooms/new")
async def new_room_page(request: Request, asked: Ask, desk: Keeper, where: Where) -> Response:
    """The form of a new room."""
    return await _show(request, asked, desk, where, Typed(_USUAL), sort="rooms")


@router.post("/rooms/new")
async def add_room(request: Request, asked: Ask, desk: Keeper, where: Where) -> Response:
    """Make it."""
    step = await _step(request, asked, desk, where, "", sort="rooms")
    return await save(step, _keeping(step, KeepRoom, upkeep.keep_room, seen=""))


@router.get("/rooms/{code}")
async def room_page(request: Request, asked: Ask, desk: Keeper, where: Where, code: EntryCode) -> Response:
    """One room."""
    typed = await _typed_row(asked, where, Room, code)
    return await _show(request, asked, desk, where, typed, sort="rooms", code=code)


@router.post("/rooms/{code}")
async def change_room(request: Request, asked: Ask, desk: Keeper, where: Where, code: EntryCode) -> Response:
    """Another name, another limit, or no new sessions any more."""
    await _typed_row(asked, where, Room, code)
    step = await _step(request, asked, desk, where, "", sort="rooms", code=code)
    return await save(step, _keeping(step, KeepRoom, upkeep.keep_room, code=code))


def _keeping(
    step: Step, kind: Any, verb: Callable[..., Awaitable[None]], **given: str
) -> Callable[[], Awaitable[None]]:
    async def work() -> None:
        command = read(kind, step.typed, step.asked, facility=step.where.code, **given)
        async with step.asked.db.transaction() as session:
            await verb(session, command, by=at_desk.actor(step.asked, step.desk), now=step.asked.now)

    return work
