"""How a visit stands for its patient at one moment, and what she may do about it. Pure: members in, a view out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from booking.clock import day_bounds, local_day

Phase = Literal["booked", "begun", "late", "arrived", "over", "missed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Standing:
    """What is true of a visit now.

    Attributes:
        phase: `booked` before it begins, `begun` while it goes on, `late` from its end to the end of that day: nobody
            checked her in. `arrived` on the day; `over`, `missed` and `cancelled` for good.
        today: it is the day of the visit.
        close: today or tomorrow, so that the patient is asked whether she comes.
        changeable: it may be moved or cancelled here.
        keep_until: until when a phone may keep a copy (the midnight after the visit); None where none is to be kept.
    """

    phase: Phase
    today: bool
    close: bool
    changeable: bool
    keep_until: datetime | None

    @property
    def live(self) -> bool:
        """Whether the slip still opens a door: it is to be shown on arrival, or was."""
        return self.phase in ("booked", "begun", "late", "arrived")

    @property
    def asked(self) -> bool:
        """Whether the patient is asked if she will come."""
        return self.phase == "booked" and self.close


def standing(view: Mapping[str, Any], now: datetime) -> Standing:
    """How a visit stands at `now`, UTC. `view` are its members as the API has them."""
    start, end = (datetime.fromisoformat(view["slot"][edge]) for edge in ("start", "end"))
    days = (local_day(start) - local_day(now)).days
    phase = _phase(view["state"], start=start, end=end, past=days < 0, now=now)
    midnight = day_bounds(local_day(start))[1]
    return Standing(
        phase=phase,
        today=days == 0,
        close=days in (0, 1),
        changeable=phase == "booked" and now < datetime.fromisoformat(view["change_until"]),
        keep_until=midnight if phase in ("booked", "begun", "late", "arrived") else None,
    )


def _phase(state: str, *, start: datetime, end: datetime, past: bool, now: datetime) -> Phase:
    if state == "cancelled":
        return "cancelled"
    if state == "fulfilled" or (state == "arrived" and past):
        return "over"
    if state == "noshow" or past:
        return "missed"
    if state == "arrived":
        return "arrived"
    if now < start:
        return "booked"
    return "begun" if now < end else "late"
