"""Clashes of bookings with the hospital's software: both sides, and four answers. Reading the list is in the audit."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import FormData
from starlette.responses import Response

from booking.desk.booking.work import Work, Working, rendered, slot_of
from booking.errors import BookingError, Conflict, RuleBroken
from booking.exchange import answering, clashes
from booking.exchange.errors import ConflictUnknown
from booking.patients.service import read_by_staff
from booking.web.form_values import text_of
from booking.web.origin import check_origin
from booking.web.pages import see_other
from booking.web.problems import status_of

router = APIRouter(prefix="/desk/{facility}/conflicts", include_in_schema=False, dependencies=[Depends(check_origin)])

_LARGEST = 2**63 - 1
_ANSWERS = ("keep", "move", "ask", "cancel", "told", "stands")


def number_of(raw: str, unknown: type[BookingError]) -> int:
    """The number of a row in an address; `unknown` when it can be none."""
    if not (raw.isascii() and raw.isdecimal() and int(raw[:20]) <= _LARGEST):
        raise unknown
    return int(raw[:20])


def _which(conflict: Annotated[str, Path()]) -> int:
    return number_of(conflict, ConflictUnknown)


Which = Annotated[int, Depends(_which)]


@router.get("")
async def list_page(request: Request, work: Working, done: Annotated[str, Query()] = "") -> Response:
    """Who is booked in a time that the hospital gave away; and of whom the hospital is still to be told."""
    return await _show(request, work, done=done if done in _ANSWERS else "")


async def _show(
    request: Request, work: Work, *, done: str = "", error: BookingError | None = None, at: int = 0
) -> Response:
    facility_id, now = work.where.facility_id, work.asked.now
    async with work.asked.db.transaction() as session:
        open_ones = await clashes.unanswered(session, facility_id, now=now)
        kept = await clashes.kept(session, facility_id, now=now)
        waiting = await clashes.asked(session, facility_id, now=now)
        free = await clashes.free_times(session, open_ones, now=now)
        for patient in {one.patient for one in (*open_ones, *kept, *waiting)}:
            read_by_staff(session, patient, by=work.by, now=now, facility=work.where.code, reason="clash")
    return await rendered(
        request, work, "desk_conflicts.html", status=status_of(error) if error else 200, clashes=open_ones,
        kept=kept, waiting=waiting, free=free, done=done, error=work.said(error), at=at,
    )  # fmt: skip


@router.post("/{conflict}")
async def answer(request: Request, work: Working, conflict: Which) -> Response:
    """One of the answers, or that the hospital was told. Sent twice it counts once."""
    form = await request.form()
    given = text_of(form, "answer")
    verb = _VERBS.get(given)
    if verb is None:
        raise ConflictUnknown

    async def go() -> None:
        async with work.asked.db.transaction() as session:
            await verb(session, work, conflict, form)

    try:
        await work.asked.db.until_known(go)
    except (Conflict, RuleBroken) as error:
        return await _show(request, work, error=error, at=conflict)
    return see_other(request, f"{work.path}/conflicts?done={given}")


async def _keep(session: AsyncSession, work: Work, conflict: int, _: FormData) -> None:
    await answering.keep(session, work.where.facility_id, conflict, by=work.by, now=work.asked.now)


async def _move(session: AsyncSession, work: Work, conflict: int, form: FormData) -> None:
    slot = slot_of(text_of(form, "slot"))
    await answering.move(session, work.where.facility_id, conflict, slot, by=work.by, now=work.asked.now)


async def _ask(session: AsyncSession, work: Work, conflict: int, _: FormData) -> None:
    await answering.ask(session, work.where.facility_id, conflict, by=work.by, now=work.asked.now)


async def _stands(session: AsyncSession, work: Work, conflict: int, _: FormData) -> None:
    await answering.keep_after_all(session, work.where.facility_id, conflict, by=work.by, now=work.asked.now)


async def _cancel(session: AsyncSession, work: Work, conflict: int, _: FormData) -> None:
    await answering.cancel(session, work.where.facility_id, conflict, by=work.by, now=work.asked.now)


async def _told(session: AsyncSession, work: Work, conflict: int, _: FormData) -> None:
    await answering.told(session, work.where.facility_id, conflict, by=work.by, now=work.asked.now)


_VERBS: dict[str, Callable[[AsyncSession, Work, int, FormData], Awaitable[None]]] = {
    "keep": _keep,
    "move": _move,
    "ask": _ask,
    "stands": _stands,
    "cancel": _cancel,
    "told": _told,
}
