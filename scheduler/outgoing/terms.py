"""What a facility's software is told of our bookings, how it is written and where it is laid: a TOML file of its own.

`docs/feeds.md`, "Our bookings out", explains every key; a test compares the two.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BeforeValidator, Field, model_validator

from booking.clock import day_bounds
from booking.exchange.outgoing.kinds import PERSONAL
from booking.exchange.rules import Span
from scheduler.exports.feed import Clock, Slug
from scheduler.exports.parts import Filled, Names, Part, Words, as_tuple, or_raise
from scheduler.exports.servers import SftpServer
from scheduler.exports.spelling import nearest

STATES: Final = ("booked", "arrived", "fulfilled", "noshow", "cancelled")
EVENTS: Final = ("new", "moved", "changed", "cancelled", "noshow")
FIELDS: Final = (
    "code", "start", "start_date", "start_time", "end", "end_date", "end_time", "minutes", "resource", "practitioner",
    "practitioner_name", "room", "room_name", "service", "service_name", "state", "event", "version", "number",
)  # fmt: skip
"""What a column may hold of every visit; of a person only what `personal` names beside it."""

_TABLES: Final = ("csv", "xlsx")
_DIRECTIVES: Final = frozenset("YymdHMSIpz%")
Minutes = Annotated[int, Field(ge=1, le=1440)]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,59}$")]


class Out(Part):
    """How files are written, and where they are laid."""

    format: Literal["csv", "xlsx", "hl7", "fhir", "ndjson"]
    folder: Filled | None = None
    name: FileName | None = None


class Full(Part):
    """The file of every visit of a window of days, made at times of the day."""

    at: Annotated[tuple[Clock, ...], BeforeValidator(as_tuple), Field(min_length=1)] = ("04:30",)
    days_behind: Annotated[int, Field(ge=0, le=366)] = 0
    days_ahead: Annotated[int, Field(ge=0, le=800)] = 60

    def window(self, today: date) -> Span:
        """From the begin of the first local day to the end of the last, in UTC."""
        return _window(today, self.days_behind, self.days_ahead)

    def times(self) -> Sequence[time]:
        """Of the facility's clock."""
        return [time.fromisoformat(at) for at in self.at]


class Changes(Part):
    """The file of what is not as it was told; none is made where nothing changed."""

    every_minutes: Minutes = 5
    days_behind: Annotated[int, Field(ge=0, le=31)] = 2
    days_ahead: Annotated[int, Field(ge=1, le=800)] = 400

    def window(self, today: date) -> Span:
        """Visits told for the first time begin in it; of those told before every change is told."""
        return _window(today, self.days_behind, self.days_ahead)


def _window(today: date, behind: int, ahead: int) -> Span:
    return day_bounds(today - timedelta(days=behind))[0], day_bounds(today + timedelta(days=ahead))[1]


class Csv(Part):
    """How a separated text is written. It is always UTF-8, lines end in CR LF."""

    delimiter: Annotated[str, BeforeValidator(lambda value: "\t" if value == "tab" else value)] = ","
    mark: bool = True

    @model_validator(mode="after")
    def _sound(self) -> "Csv":
        sound = len(self.delimiter) == 1 and self.delimiter not in '\r\n\0"'
        return or_raise(self, [] if sound else ['delimiter: is one character other than a quote, or "tab"'])


class Times(Part):
    """How moments are written in a table."""

    format: Filled = "%Y-%m-%d %H:%M"
    date_format: Filled = "%Y-%m-%d"
    time_format: Filled = "%H:%M"
    zone: str = "Asia/Ho_Chi_Minh"

    @model_validator(mode="after")
    def _sound(self) -> "Times":
        problems = []
        for name in ("format", "date_format", "time_format"):
            text: str = getattr(self, name)
            unknown = [sign for sign in _directives(text) if sign not in _DIRECTIVES]
            if text != "iso" and unknown:
                problems.append(f"{name}: %{unknown[0]} is not written; {' '.join(sorted(_DIRECTIVES))} are")
        if self.zone not in available_timezones():
            problems.append(f"zone: {nearest(self.zone, available_timezones(), list_all=False)}")
        return or_raise(self, problems)

    def said(self, moment: datetime, text: str) -> str:
        """A moment on the clock of the zone."""
        here = moment.astimezone(ZoneInfo(self.zone))
        return here.isoformat(timespec="seconds") if text == "iso" else here.strftime(text)


def _directives(text: str) -> list[str]:
    found, rest = [], text
    while "%" in rest:
        _, _, rest = rest.partition("%")
        found.append(rest[:1])
        rest = rest[1:]
    return found


Sign = Annotated[str, Field(pattern=r"^[^|^~\\&\r\n]{1,60}$")]


class Hl7(Part):
    """Names in the envelope of HL7 messages."""

    sending_application: Sign = "HENKHAM"
    sending_facility: Sign | None = None
    receiving_application: Sign = "HIS"
    receiving_facility: Sign | None = None
    processing: Literal["P", "T", "D"] = "P"
    batch: bool = True


class Fhir(Part):
    """Names of FHIR identifiers."""

    system: Annotated[str, Field(pattern=r"^(https?://|urn:)\S{1,190}$")] = "urn:henkham"


class AnswerColumns(Part):
    """Headers of a table of answers."""

    code: Names
    state: Names
    reason: Names | None = None
    number: Names | None = None


class Answers(Part):
    """What the hospital's software hands back about our files."""

    folder: Filled
    format: Literal["csv", "hl7"]
    pattern: str = "*"
    delimiter: Annotated[str, BeforeValidator(lambda value: "\t" if value == "tab" else value)] = ","
    columns: AnswerColumns | None = None
    accepted: Words = ("AA", "CA")

    @model_validator(mode="after")
    def _sound(self) -> "Answers":
        problems = []
        if self.format == "csv" and self.columns is None:
            problems.append("columns: is missing: a table of answers needs its headers")
        if len(self.delimiter) != 1:
            problems.append('delimiter: is one character, or "tab"')
        return or_raise(self, problems)


class Outgoing(Part):
    """What one facility's software is told."""

    code: Slug
    facility: Slug
    personal: Words = ()
    out: Out
    sftp: SftpServer | None = None
    full: Full | None = None
    changes: Changes | None = None
    columns: dict[Filled, Filled] = Field(default_factory=dict)
    csv: Csv = Csv()
    times: Times = Times()
    states: dict[str, Filled] = Field(default_factory=dict)
    events: dict[str, Filled] = Field(default_factory=dict)
    resources: dict[Slug, Filled] = Field(default_factory=dict)
    services: dict[Slug, Filled] = Field(default_factory=dict)
    hl7: Hl7 = Hl7()
    fhir: Fhir = Fhir()
    answers: Answers | None = None

    @property
    def old_minutes(self) -> int:
        """After so long without being up to date, somebody should look: three looks, or a day and a half."""
        return 36 * 60 if self.changes is None else max(30, 3 * self.changes.every_minutes)

    @model_validator(mode="after")
    def _sound(self) -> "Outgoing":
        problems = [f"personal: {nearest(name, PERSONAL)}" for name in self.personal if name not in PERSONAL]
        problems += [f"states.{name}: {nearest(name, STATES)}" for name in self.states if name not in STATES]
        problems += [f"events.{name}: {nearest(name, EVENTS)}" for name in self.events if name not in EVENTS]
        if self.full is None and self.changes is None:
            problems.append("full: give [full], [changes] or both")
        if (self.out.folder is None) == (self.sftp is None):
            problems.append("out.folder: give either out.folder or [sftp]: where files are laid")
        table = self.out.format in _TABLES
        if table and not self.columns:
            problems.append("columns: is missing: a table needs its headers, each with what stands under it")
        if self.columns and not table:
            problems.append(f"columns: {self.out.format} has no headers")
        problems += [problem for header, name in self.columns.items() if (problem := self._column(header, name))]
        return or_raise(self, problems)

    def _column(self, header: str, name: str) -> str | None:
        if name in FIELDS or name in self.personal:
            return None
        if name in PERSONAL:
            return f"columns.{header}: {name!r} is told of a person only where `personal` names it"
        return f"columns.{header}: {nearest(name, (*FIELDS, *PERSONAL))}"
