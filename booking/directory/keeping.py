"""What staff may tell the directory about their own facility: commands."""

from datetime import time
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from booking.directory.kinds import FacilityState, Payment
from booking.inputs import Command, IsoDate, ShortText, Whole
from booking.text import clean, has_control


def _plain(raw: str) -> str:
    if has_control(raw.replace("\r\n", " ").replace("\n", " ")):
        raise PydanticCustomError("control_signs", "control signs are not taken")
    return clean(" ".join(raw.split()))


Words = Annotated[str, StringConstraints(max_length=399), AfterValidator(_plain)]
"""A sentence or two, on one line."""

Label = Annotated[str, StringConstraints(min_length=1, max_length=120), AfterValidator(_plain)]
"""A name that is shown."""

Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
"""A code of ours: what stands in addresses and files."""

Discreet = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 .-]{0,23}$")]
"""What an SMS calls a service: without accents, 24 signs at most."""

Minutes = Annotated[Whole, Field(ge=0, le=20_160)]
"""At most two weeks."""


NEVER: Final = "never"
"""What a form sends where a service is to send no such reminder."""

DAY_CLOCKS: Final = tuple(f"{half // 2:02}:{half % 2 * 30:02}" for half in range(14, 42))
"""When one can be reminded on the day before: each half hour that is not of the night, 07:00 to 20:30."""


def _clock(raw: object) -> object:
    if raw == NEVER:
        return None
    if raw not in DAY_CLOCKS:
        raise PydanticCustomError("clock_time", "a time is written as 07:30")
    return time.fromisoformat(str(raw))


def _none_for_never(raw: object) -> object:
    return None if raw == NEVER else raw


class KeepService(Command):
    """Make a service (without `seen`), or change the one that was seen."""

    facility: ShortText
    code: Code
    name: Label
    name_en: Label
    sms_label: Discreet
    duration_minutes: Whole = Field(ge=1, le=480)
    bring: Words
    bring_en: Words
    prepare: Words
    prepare_en: Words
    payment: Payment
    fee_vnd: Whole | None = Field(None, ge=0, le=100_000_000)
    lead_minutes: Minutes
    cancel_minutes: Minutes
    horizon_days: Whole = Field(ge=1, le=365)
    bookable: bool
    remind_day_at: Annotated[time | None, BeforeValidator(_clock)]
    remind_minutes: Annotated[Annotated[Whole, Field(ge=30, le=720)] | None, BeforeValidator(_none_for_never)]
    seen: ShortText = ""


class KeepPractitioner(Command):
    """Make a practitioner, or change the one that was seen. One who is not `active` is offered for no new session."""

    facility: ShortText
    code: Code
    name: Label
    active: bool
    seen: ShortText = ""


class KeepRoom(Command):
    """Make a room, or change the one that was seen. `day_limit`: visits a day the facility allows in it."""

    facility: ShortText
    code: Code
    name: Label
    day_limit: Whole | None = Field(None, ge=1, le=500)
    active: bool
    seen: ShortText = ""


class KeepNotice(Command):
    """Tell patients something, or tell it otherwise; `service` where it is about one service only."""

    facility: ShortText
    notice: Whole | None = None
    service: ShortText = ""
    text: Annotated[Words, StringConstraints(min_length=1)]
    text_en: Words = ""
    shown_from: IsoDate
    shown_until: IsoDate
    seen: ShortText = ""


class RemoveNotice(Command):
    """Tell it no longer."""

    facility: ShortText
    notice: Whole
    seen: ShortText


class SetState(Command):
    """Whether the facility takes bookings."""

    facility: ShortText
    state: FacilityState
    seen: ShortText


class Locate(Command):
    """Where a facility stands, in degrees: somewhere in Vietnam, so that the two are not taken for each other."""

    facility: ShortText
    latitude: float = Field(ge=8, le=24)
    longitude: float = Field(ge=102, le=110)
