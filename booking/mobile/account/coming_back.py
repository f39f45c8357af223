"""Where somebody who signs in comes from and goes back to, and the place that is kept for her meanwhile."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from booking.appointments.errors import AppointmentUnknown
from booking.directory import queries
from booking.mobile import reading
from booking.web.dependencies import Asked
from booking.web.pages import local_path

HOME = "/me"
"""Where signing in leads when nobody said where to."""

_HOLD = re.compile(r"/h/([A-Z0-9]{4,16})/([A-Za-z0-9_-]{20,64})")
_SIGNING = ("/sign-in", "/sign-out")


@dataclass(frozen=True, slots=True)
class Back:
    """The way back.

    Attributes:
        path: a path of ours.
        held: the view of the visit whose place is kept meanwhile; None without one.
        facility_phone: of the facility that is being booked, where known.
    """

    path: str
    held: Mapping[str, Any] | None = None
    facility_phone: str | None = None

    def step(self, path: str, **more: str) -> str:
        """The address of a step of signing in, which leads back in the end."""
        query = ({"next": self.path} if self.path != HOME else {}) | more
        return f"{path}?{urlencode(query)}" if query else path


async def back_to(asked: Asked, after: str) -> Back:
    """The way back to a path; to the account's first page where it is none of ours, or a step of signing in itself."""
    path = local_path(after) if after else HOME
    if path.startswith(_SIGNING):
        path = HOME
    hold = _HOLD.fullmatch(path)
    if hold is None:
        return Back(path)
    try:
        visit = await reading.visit(asked, hold[1], hold[2])
    except AppointmentUnknown:
        return Back(path)
    async with asked.db.transaction() as session:
        facility = await queries.facility(session, visit.view["facility"]["code"])
    until = visit.view["expires_at"]
    held = visit.state == "held" and until is not None and datetime.fromisoformat(until) > asked.now
    return Back(path, visit.view if held else None, facility.phone)
