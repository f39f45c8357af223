"""When a kept place is gone: the times to choose from again; what was typed and ticked stays."""

from datetime import datetime

from fastapi import Request
from starlette.responses import Response

from booking import ids
from booking.appointments import refusals
from booking.appointments.errors import HoldLapsed, SlotClosed
from booking.errors import BookingError
from booking.i18n import marked as _
from booking.i18n import translate
from booking.mobile import reading
from booking.mobile.finding.calendar import Half
from booking.mobile.forms import Typed
from booking.mobile.reading import Visit
from booking.web.dependencies import Asked
from booking.web.pages import page
from booking.web.problems import sentence

_CLOSED = _("This time was closed meanwhile.")


def is_over(visit: Visit, now: datetime) -> bool:
    """Whether the time for which the place was kept has run out."""
    until = visit.view["expires_at"]
    return visit.state == "lapsed" or until is None or datetime.fromisoformat(until) <= now


async def lapsed(
    request: Request, asked: Asked, visit: Visit, typed: Typed, *, refused: BookingError | None = None
) -> Response:
    """The times of the same day or close to it, and why; the time that was kept is chosen while it is free still."""
    view = visit.view
    what = await reading.offered(asked, view["facility"]["code"], view["service"]["code"])
    day = datetime.fromisoformat(view["slot"]["start"]).date()
    shown: list[Half] = await reading.times(asked, what, day)
    near: list[dict[str, object]] = []
    if not any(half.free for half in shown):
        async with asked.db.hot() as hot:
            near = await refusals.nearest(hot, visit.slot_id, now=asked.now)
    closed = isinstance(refused, SlotClosed)
    title = translate(asked.language, _CLOSED) if closed else sentence(refused or HoldLapsed(), asked.language)[0]
    return page(
        request, "lapsed.html", status=409, personal=True, what=what, day=day, halves=shown, near=near,
        path=what.path, key=ids.opaque_key(), typed=typed, title=title, chosen=visit.slot_id,
    )  # fmt: skip
