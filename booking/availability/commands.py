"""What one can ask of the timetable."""

import re
from datetime import time
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from booking.availability.kinds import DayKind
from booking.inputs import Command, IsoDate, ShortText, Whole

_CLOCK = re.compile(r"([01]?\d|2[0-3])[:hg.]([0-5]\d)(:00)?")


def _clock_time(raw: object) -> object:
    if isinstance(raw, time):
        return raw
    found = _CLOCK.fullmatch(raw.strip().lower()) if isinstance(raw, str) else None
    if found is None:
        raise PydanticCustomError("clock_time", "a time is written as 07:30")
    return time(int(found[1]), int(found[2]))


ClockTime = Annotated[time, BeforeValidator(_clock_time)]
"""A time of the day on the facility's clock, to the minute."""


class PublishSlots(Command):
    """Make the sessions and slots of the coming days: of one facility, or of all."""

    facility: ShortText | None = None
    horizon_days: int = Field(30, ge=1, le=365)


class KeepWeekly(Command):
    """Make a weekly session (without `weekly`), or change one from the day `since` on; `until` is its last day.

    `practitioner` and `room` are codes, or empty. `seen` is the mark of what was seen.
    """

    facility: ShortText
    weekly: Whole | None = None
    service: ShortText
    practitioner: ShortText = ""
    room: ShortText = ""
    weekday: Whole = Field(ge=0, le=6)
    starts: ClockTime
    ends: ClockTime
    slot_minutes: Whole = Field(ge=1, le=480)
    capacity: Whole = Field(ge=1, le=500)
    reserved: Whole = Field(0, ge=0, le=500)
    release_minutes: Whole = Field(0, ge=0, le=20_160)
    since: IsoDate
    until: IsoDate | None = None
    seen: ShortText = ""


class EndWeekly(Command):
    """Let a weekly session take place no more from the day `since` on."""

    facility: ShortText
    weekly: Whole
    since: IsoDate
    seen: ShortText


class ChangeSession(Command):
    """Let a session be otherwise on one day, or (not `held`) not take place."""

    facility: ShortText
    weekly: Whole
    day: IsoDate
    held: bool
    starts: ClockTime
    ends: ClockTime
    slot_minutes: Whole = Field(ge=1, le=480)
    capacity: Whole = Field(ge=1, le=500)
    reserved: Whole = Field(0, ge=0, le=500)
    note: Annotated[ShortText, StringConstraints(max_length=64)] = ""
    seen: ShortText = ""


class RestoreSession(Command):
    """Let a session be on this day as in all other weeks."""

    facility: ShortText
    weekly: Whole
    day: IsoDate
    seen: ShortText


class MarkDay(Command):
    """Say what a day is, for one facility, or (`facility` None) for all."""

    facility: ShortText | None
    day: IsoDate
    kind: DayKind
    works_as: Whole | None = Field(None, ge=0, le=6)
    name: Annotated[ShortText, StringConstraints(min_length=1)]
    name_en: ShortText = ""
    seen: ShortText = ""


class ClearDay(Command):
    """Let a day be what its weekday says (or what it is for all facilities)."""

    facility: ShortText | None
    day: IsoDate
    seen: ShortText
