"""One file of a feed: what it changed or would change; releasing it, or going back to before it, with a reason.

The order is only written down here. The scheduler carries it out within seconds.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from booking.access.queries import Desk
from booking.desk.calendar.typed import typed_of
from booking.desk.feeds.answers import number_of
from booking.desk.feeds.feeds import FeedName, Keeper
from booking.directory import queries as directory
from booking.errors import BookingError
from booking.exchange import orders, showing
from booking.exchange.errors import FeedFileUnknown, FileObsolete, OrderedAlready, ReasonMissing
from booking.exchange.kinds import OrderKind
from booking.exchange.orders import Ordered
from booking.web import at_desk
from booking.web.at_desk import Place, Where
from booking.web.dependencies import Ask, Asked
from booking.web.origin import check_origin
from booking.web.pages import page, see_other
from booking.web.problems import sentence, status_of

router = APIRouter(
    prefix="/desk/{facility}/feeds/{feed}/files/{file}",
    include_in_schema=False,
    dependencies=[Depends(check_origin)],
)


def _which(file: Annotated[str, Path()]) -> int:
    return number_of(file, FeedFileUnknown)


Which = Annotated[int, Depends(_which)]


@router.get("")
async def file_page(
    request: Request,
    asked: Ask,
    desk: Keeper,
    where: Where,
    feed: FeedName,
    file: Which,
    done: Annotated[str, Query()] = "",
) -> Response:
    """What the file said, and the times it closed and opened."""
    return await _show(request, asked, desk, where, feed, file, done=bool(done))


async def _show(
    request: Request,
    asked: Asked,
    desk: Desk,
    where: Place,
    feed: str,
    file: int,
    *,
    done: bool = False,
    reason: str = "",
    error: BookingError | None = None,
) -> Response:
    async with asked.db.transaction() as session:
        place = await directory.facility(session, where.code, at_desk=True)
        found, run = await orders.file_at(session, where.facility_id, file)
        if found.feed != feed:
            raise FeedFileUnknown
        changes = await showing.differences(session, run)
        may = await showing.possible(session, found, run)
        given = await showing.ordered(session, file)
    said = sentence(error, asked.language) if error else None
    return page(
        request, "desk_feed_file.html", status=status_of(error) if error else 200, personal=True, desk=desk,
        place=place, feed=feed, file=showing.of_run(found, run), changes=changes, may=may, orders=given, done=done,
        reason=reason, said=said, missing=isinstance(error, ReasonMissing),
    )  # fmt: skip


@router.post("")
async def order(request: Request, asked: Ask, desk: Keeper, where: Where, feed: FeedName, file: Which) -> Response:
    """Write the order down, with the name of whoever gives it."""
    typed, _ = await typed_of(request)
    known = typed["kind"] in set(OrderKind)
    kind = OrderKind(typed["kind"]) if known else OrderKind.RELEASE
    wanted = Ordered(kind, typed["reason"] if known else "", desk.staff.name)  # nothing is ordered by a guess

    async def go() -> None:
        async with asked.db.transaction() as session:
            found, _ = await orders.file_at(session, where.facility_id, file)
            if found.feed != feed:
                raise FeedFileUnknown
            await orders.give(session, where.facility_id, file, wanted, by=at_desk.actor(asked, desk), now=asked.now)

    try:
        await asked.db.until_known(go)
    except (FileObsolete, OrderedAlready, ReasonMissing) as error:
        return await _show(request, asked, desk, where, feed, file, reason=wanted.reason, error=error)
    return see_other(request, f"/desk/{where.code}/feeds/{feed}/files/{file}?done=ordered")
