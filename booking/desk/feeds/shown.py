"""Showing an export: a file goes up, the scheduler's process has it read, the page says what it would do.

Nothing of it is applied, and this process never looks into it: it only cuts it into pieces and seals them.
"""

import re
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from starlette.datastructures import FormData, UploadFile
from starlette.responses import Response

from booking.access.queries import Desk
from booking.desk.feeds.feeds import Keeper
from booking.directory import queries as directory
from booking.errors import BookingError
from booking.exchange import hearing
from booking.exchange.errors import NothingShown, ShownTooMany, ShownUnknown
from booking.exchange.shown import listing, service
from booking.exchange.shown.models import ShownFile
from booking.exchange.shown.service import PIECE, Show
from booking.web import at_desk
from booking.web.at_desk import Place, Where
from booking.web.dependencies import Ask, Asked
from booking.web.form_values import text_of
from booking.web.origin import check_origin
from booking.web.pages import page, see_other
from booking.web.problems import sentence, status_of

router = APIRouter(prefix="/desk/{facility}/show-file", include_in_schema=False, dependencies=[Depends(check_origin)])
_LONGEST_NAME = 40


def _which(shown: Annotated[str, Path()]) -> UUID:
    try:
        return UUID(shown[:36])
    except ValueError:
        raise ShownUnknown from None


Which = Annotated[UUID, Depends(_which)]


@router.get("")
async def form_page(request: Request, asked: Ask, desk: Keeper, where: Where) -> Response:
    """Which file, and by which feed."""
    return await _form(request, asked, desk, where)


async def _form(
    request: Request, asked: Asked, desk: Desk, where: Place, *, feed: str = "", error: BookingError | None = None
) -> Response:
    async with asked.db.transaction() as session:
        place = await directory.facility(session, where.code, at_desk=True)
        known = {row.feed for row in await listing.of_facility(session, where.facility_id) if row.feed}
        known |= {age.feed for age in await hearing.ages(session, where.facility_id, now=asked.now)}
    said = sentence(error, asked.language) if error else None
    return page(
        request, "desk_show_file.html", status=status_of(error) if error else 200, personal=True, desk=desk,
        place=place, feeds=sorted(known), feed=feed, said=said, most=service.MOST_BYTES // 1_000_000,
    )  # fmt: skip


@router.post("")
async def show(request: Request, asked: Ask, desk: Keeper, where: Where) -> Response:
    """Take the file; the answer leads to its page."""
    async with request.form(max_files=1, max_fields=5) as form:
        feed = text_of(form, "feed")[:_LONGEST_NAME]
        file = _file_of(form)
        if file is None:
            return await _form(request, asked, desk, where, feed=feed, error=NothingShown(field="file"))

        async def go() -> UUID:
            return await _kept(asked, desk, where, feed, file)

        try:
            public_id = await asked.db.until_known(go)
        except (NothingShown, ShownTooMany) as error:
            return await _form(request, asked, desk, where, feed=feed, error=error)
    return see_other(request, f"/desk/{where.code}/show-file/{public_id}")


def _file_of(form: FormData) -> UploadFile | None:
    found = form.get("file")
    return found if isinstance(found, UploadFile) and found.filename else None


async def _kept(asked: Asked, desk: Desk, where: Place, feed: str, file: UploadFile) -> UUID:
    """The file in the database, piece by piece; all of it or nothing."""
    wanted = Show(feed, file.filename or "", file.size or 0)
    await file.seek(0)
    async with asked.db.transaction() as session:
        by = at_desk.actor(asked, desk)
        made = await service.begin(session, where.facility_id, wanted, by=by, now=asked.now)
        shown_id, public_id, number = made.id or 0, made.public_id, 0
        await session.flush()
        while piece := await file.read(PIECE):
            await service.add_piece(session, shown_id, number, piece)
            number += 1
    return public_id


@router.get("/{shown}")
async def shown_page(request: Request, asked: Ask, desk: Keeper, where: Where, shown: Which) -> Response:
    """How far it is; then what it would do."""
    async with asked.db.transaction() as session:
        place = await directory.facility(session, where.code, at_desk=True)
        found = await service.shown_at(session, where.facility_id, shown, now=asked.now)
    return page(
        request, "desk_shown_file.html", personal=True, desk=desk, place=place, file=found, told=_told(found),
        ends=found.shown_at + service.KEPT,
    )  # fmt: skip


_COUNTED = re.compile(r"(our codes|slot_minutes) of (all|\d{1,6}) resources")


def _missing(text: str) -> dict[str, Any]:
    """What a draft leaves open, for a page that says it in the reader's words."""
    if counted := _COUNTED.fullmatch(text):
        return {"kind": counted[1], "number": None if counted[2] == "all" else int(counted[2]), "text": text}
    return {"kind": "twice" if text.startswith("resources: one of ours") else "key", "number": None, "text": text}


_NOTHING: dict[str, Any] = {
    "problem": None, "unreadable": None, "facts": {}, "calendar": None, "why": None, "untold": (),
    "verdict": {"kind": "apply", "reasons": ()},
}  # fmt: skip


def _told(file: ShownFile) -> dict[str, Any]:
    """What was read; with the calendar's verdict, where the calendar could be asked."""
    told = _NOTHING | (file.told or {})
    told["untold"] = [_missing(one) for one in told["untold"]]
    calendar = told["calendar"]
    return told | {"verdict": calendar["verdict"]} if calendar else told
