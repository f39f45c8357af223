"""Records that look like one person: joining two, and taking that back."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from booking.desk.booking.work import Work, Working, rendered, uuid_of
from booking.errors import BookingError
from booking.patients.errors import MergeClash, MergeUnknown
from booking.records import at_facility, joining
from booking.web.form_values import text_of
from booking.web.origin import check_origin
from booking.web.pages import see_other
from booking.web.problems import status_of

router = APIRouter(prefix="/desk/{facility}/duplicates", include_in_schema=False, dependencies=[Depends(check_origin)])


@router.get("")
async def pairs_page(request: Request, work: Working) -> Response:
    """Pairs, and what was joined lately."""
    return await _show(request, work)


async def _show(request: Request, work: Work, error: BookingError | None = None) -> Response:
    async with work.asked.db.transaction() as session:
        pairs = await joining.pairs(session, work.looking("duplicate"))
        joins = await joining.joins(session, work.looking("duplicate"))
        names = await at_facility.staff_names(session, [one.made_by for one in joins])
    return await rendered(
        request,
        work,
        "desk_duplicates.html",
        status=status_of(error) if error else 200,
        pairs=pairs,
        joins=joins,
        names=names,
        error=work.said(error),
        full=len(pairs) >= joining.MOST_PAIRS,
    )


@router.post("")
async def join(request: Request, work: Working) -> Response:
    """Make two records one: `keep` is the one that stays."""
    form = await request.form()
    kept, merged = uuid_of(text_of(form, "keep")), uuid_of(text_of(form, "other"))

    async def go() -> None:
        async with work.asked.db.transaction() as session:
            await joining.join(session, kept, merged, work.looking("merge"))

    try:
        await work.asked.db.until_known(go)
    except MergeClash as error:
        return await _show(request, work, error)
    return see_other(request, f"{work.path}/duplicates")


@router.post("/{merge}/undo")
async def part(request: Request, work: Working, merge: Annotated[str, Path()]) -> Response:
    """Take a join back."""
    try:
        which = UUID(merge)
    except ValueError:
        raise MergeUnknown from None

    async def go() -> None:
        async with work.asked.db.transaction() as session:
            await joining.part(session, which, work.looking("merge"))

    try:
        await work.asked.db.until_known(go)
    except MergeClash as error:
        return await _show(request, work, error)
    return see_other(request, f"{work.path}/duplicates")
