"""What a feed says: everything about one hospital's export that is not the same everywhere.

Column names, states and doctors stand in TOML files only. `docs/feeds.md` explains every key; a test compares the two.
"""

from datetime import date, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BeforeValidator, Field, model_validator

from booking.clock import day_bounds
from booking.exchange.errors import FeedError
from booking.exchange.kinds import AbsenceMeaning
from booking.exchange.marks import SORTS
from booking.exchange.rules import Span
from booking.text import clean
from scheduler.exports import places
from scheduler.exports.encodings import ENCODINGS, encoding_named
from scheduler.exports.parts import Filled, Names, Part, Words, or_raise
from scheduler.exports.sources import HttpsSource, SftpSource, source_problems
from scheduler.exports.spelling import nearest, nearest_zone
from scheduler.exports.thresholds import Guards, Limits
from scheduler.exports.times import TimeFormat, clashes
from scheduler.exports.who import ResourceKey, also_problems

__all__ = ["Feed", "FeedError", "Hours", "folded"]

TABLES = ("csv", "xlsx", "html")
"""Formats that are rows of cells below a header."""

KEY_JOINT = " | "
"""Stands between the values of a resource key of several columns."""


def folded(text: str) -> str:
    """The form in which headers, states and resource keys are compared: NFC, without case, spaces folded."""
    return clean(clean(text).casefold())


Slug = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$")]
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _loads(zone: str) -> bool:
    try:
        return ZoneInfo(zone).key == zone
    except (ValueError, OSError):
        return False


class Source(Part):
    """Where files come from."""

    format: Literal["csv", "xlsx", "html", "hl7", "fhir", "ical", "xml130"]
    folder: str | None = None
    pattern: str = "*.csv"
    old_minutes: Annotated[int, Field(ge=5, le=10_080)] = 120
    every_minutes: Annotated[int, Field(ge=1, le=1440)] = 5
    fetch_seconds: Annotated[int, Field(ge=10, le=3600)] = 300
    sftp: SftpSource | None = None
    https: HttpsSource | None = None

    @model_validator(mode="after")
    def _sound(self) -> "Source":
        return or_raise(self, source_problems(self.folder, self.pattern, self.sftp, self.https))


class Csv(Part):
    """How text stands in the file."""

    encoding: Annotated[str, BeforeValidator(encoding_named)] = "utf-8"
    delimiter: Annotated[str, BeforeValidator(lambda value: "\t" if value == "tab" else value)] = ","
    quote: str = '"'
    skip_lines: Annotated[int, Field(ge=0, le=100)] = 0
    null: Words = ()
    last_line_end: Literal["required", "optional"] = "required"

    @model_validator(mode="after")
    def _sound(self) -> "Csv":
        problems = []
        if self.encoding not in ENCODINGS:
            problems.append(f"encoding: {nearest(self.encoding, ENCODINGS)}")
        if len(self.delimiter) != 1 or self.delimiter in "\r\n\0":
            problems.append('delimiter: is one character, or "tab"')
        if len(self.quote) > 1 or self.quote in {"\r", "\n", "\0", self.delimiter}:
            problems.append("quote: is one character other than the delimiter, or empty for none")
        return or_raise(self, problems)


class Sheet(Part):
    """Which sheet of a workbook, or which table of a page."""

    name: Filled | None = None
    number: Annotated[int, Field(ge=1, le=1000)] = 1
    skip_rows: Annotated[int, Field(ge=0, le=100)] = 0


_APART = ("id", "start", "start_date", "start_time", "end", "end_time", "duration", "state")
"""Fields that no column can hold two of; the dates of start and end may be one."""


class Columns(Part):
    """Header names of each field, in any language; the first that the file has is taken."""

    id: Names | None = None
    start: Names | None = None
    start_date: Names | None = None
    start_time: Names | None = None
    end: Names | None = None
    end_date: Names | None = None
    end_time: Names | None = None
    duration: Names | None = None
    state: Names | None = None
    code: Names | None = None
    phone: Names | None = None
    citizen_id: Names | None = None
    insurance_number: Names | None = None
    resource: Annotated[dict[Slug, Names], Field(min_length=1)]

    @model_validator(mode="after")
    def _sound(self) -> "Columns":
        problems = []
        if (self.start is None) == (self.start_date is None):
            problems.append("start: give either start, or start_date and start_time")
        if (self.start_date is None) != (self.start_time is None):
            problems.append("start_time: start_date and start_time go together")
        if self.end is not None and (self.end_time is not None or self.duration is not None):
            problems.append("end: give only one of end, end_time, duration")
        if self.end_time is not None and self.duration is not None:
            problems.append("end_time: give only one of end, end_time, duration")
        if self.end_date is not None and self.end_time is None:
            problems.append("end_date: needs end_time beside it")
        owner: dict[str, str] = {}
        apart = [(field, name) for field in _APART for name in getattr(self, field) or ()]
        problems += [
            f"{field}: {name!r} is the column of {owner[folded(name)]} too"
            for field, name in apart
            if owner.setdefault(folded(name), field) != field
        ]
        return or_raise(self, problems)

    def aliases(self) -> dict[str, tuple[str, ...]]:
        """Field to header names; the columns of the resource as `resource.NAME`."""
        plain = {name: getattr(self, name) for name in type(self).model_fields if name != "resource"}
        found = {name: names for name, names in plain.items() if names is not None}
        return found | {f"resource.{name}": names for name, names in self.resource.items()}


class Times(Part):
    """How dates and times are written, and in which zone."""

    formats: Names
    zone: str

    @model_validator(mode="after")
    def _sound(self) -> "Times":
        problems = []
        forms = []
        for text in self.formats:
            try:
                forms.append(TimeFormat(text))
            except ValueError as error:
                problems.append(f"formats: {text!r}: {error}")
        if forms and not any(form.has_date for form in forms):
            problems.append("formats: none of them reads a date")
        for one, other in clashes(forms):
            problems.append(f"formats: {one!r} and {other!r} read the same text as different times; keep one")
        # Asking first: ZoneInfo would open any file that a name of the tree leads to.
        zones = available_timezones()
        if self.zone not in zones or not _loads(self.zone):
            problems.append(f"zone: {nearest_zone(self.zone, zones)}")
        return or_raise(self, problems)


class End(Part):
    """What to do when a row gives no usable end."""

    minutes: Annotated[int, Field(ge=1, le=1440)] | None = None


class States(Part):
    """Which words release a time; all others, known or not, close it."""

    closes: Words = ()
    releases: Words = ()
    free: Words = ()

    @model_validator(mode="after")
    def _sound(self) -> "States":
        seen: dict[str, str] = {}
        problems = []
        for name in ("closes", "releases", "free"):
            words = [(word, seen.setdefault(folded(word), name)) for word in getattr(self, name)]
            problems += [f"{name}: {word!r} stands in {first} too" for word, first in words if first != name]
        return or_raise(self, problems)


class Hours(Part):
    """A weekly session of a resource, in the facility's local time."""

    days: Annotated[tuple[Weekday, ...], Field(min_length=1)] = WEEKDAYS
    start: Clock
    end: Clock
    slot_minutes: Annotated[int, Field(ge=1, le=480)]

    @model_validator(mode="after")
    def _sound(self) -> "Hours":
        return or_raise(self, [] if self.start < self.end else ["end: is not after start"])


class Resource(Part):
    """One practitioner or room of ours, and the hospital's keys for it."""

    keys: Names
    slot_minutes: Annotated[int, Field(ge=1, le=480)]
    hours: tuple[Hours, ...] = ()


class Absence(Part):
    """What it says when the export does not list something."""

    meaning: Annotated[AbsenceMeaning, Field(strict=False)]
    ours_listed: bool = False


class Coverage(Part):
    """The period an export speaks about: fixed days, or days around the day it is read."""

    first_day: date | None = None
    last_day: date | None = None
    days_behind: Annotated[int, Field(ge=0, le=366)] | None = None
    days_ahead: Annotated[int, Field(ge=0, le=800)] | None = None

    @model_validator(mode="after")
    def _sound(self) -> "Coverage":
        problems = []
        fixed = self.first_day is not None and self.last_day is not None
        moving = self.days_behind is not None and self.days_ahead is not None
        if fixed == moving or (self.first_day is None) != (self.last_day is None):
            problems.append("days_ahead: give either days_behind and days_ahead, or first_day and last_day")
        elif self.first_day is not None and self.last_day is not None and self.first_day > self.last_day:
            problems.append("last_day: is before first_day")
        return or_raise(self, problems)

    def window(self, today: date) -> Span:
        """From the begin of the first local day to the end of the last, in UTC."""
        first = self.first_day or today - timedelta(days=self.days_behind or 0)
        last = self.last_day or today + timedelta(days=self.days_ahead or 0)
        return day_bounds(first)[0], day_bounds(last)[1]


class Feed(Part):
    """One export of one facility."""

    code: Slug
    facility: Slug
    source: Source
    csv: Csv = Csv()
    sheet: Sheet = Sheet()
    columns: Columns
    resource_key: ResourceKey = ResourceKey()
    times: Times
    end: End = End()
    states: States = States()
    resources: Annotated[dict[Slug, Resource], Field(min_length=1)]
    absence: Absence
    coverage: Coverage | None = None
    limits: Limits = Limits()
    guards: Guards = Guards()

    @property
    def ways(self) -> tuple[tuple[str, ...], ...]:
        """Ways to name the resource, best first, each a list of names of `columns.resource`."""
        also = {name for way in self.resource_key.also for name in way}
        return self.resource_key.columns or (tuple(name for name in self.columns.resource if name not in also),)

    @property
    def marks_people(self) -> bool:
        """Whether a personal value is named, by which a booking of ours without our code is known again."""
        return any(getattr(self.columns, sort) is not None for sort in SORTS)

    @property
    def numbered(self) -> bool:
        """Whether a row, message or resource names all who examine: beside the first they are numbered."""
        return self.source.format in ("hl7", "fhir") or (self.source.format in TABLES and self.columns.id is not None)

    def window(self, today: date) -> Span | None:
        """The stated period, when the feed states one."""
        return self.coverage.window(today) if self.coverage else None

    def slot_minutes(self) -> dict[str, int]:
        """Per resource, the length of a visit where no calendar tells."""
        return {code: resource.slot_minutes for code, resource in self.resources.items()}

    def resource_by_key(self) -> dict[str, str]:
        """Folded key to our code."""
        return {
            form: code
            for code, resource in self.resources.items()
            for key in resource.keys
            for form in self.forms_of(key)
        }

    def forms_of(self, key: str) -> tuple[str, ...]:
        """A key of the hospital's as it may stand in a row: of a FHIR reference the whole address is cut."""
        return tuple(dict.fromkeys(map(folded, places.forms_of(self.source.format, key, KEY_JOINT))))

    @model_validator(mode="after")
    def _sound(self) -> "Feed":
        known = set(self.columns.resource)
        strangers = {name for way in self.ways for name in way} - known
        problems = [f"resource_key.columns: {nearest(name, known)}" for name in strangers]
        problems += also_problems(self.resource_key.also, self.ways, known, self.source.format in TABLES)
        owner: dict[str, str] = {}
        keys = [(code, key) for code, resource in self.resources.items() for key in resource.keys]
        owners = [(code, key, owner.setdefault(form, code)) for code, key in keys for form in self.forms_of(key)]
        doubled = {(code, key): first for code, key, first in reversed(owners) if first != code}
        problems += [f"resources.{code}.keys: {key!r} belongs to {first} too" for (code, key), first in doubled.items()]
        ignored = [(key, form) for key in self.resource_key.ignore for form in self.forms_of(key) if form in owner]
        problems += [f"resource_key.ignore: {key!r} is a key of {owner[form]}" for key, form in ignored]
        named = self.states.closes + self.states.releases + self.states.free
        if named and self.columns.state is None:
            problems.append("columns.state: is missing, while [states] names states")
        free_list = self.absence.meaning is AbsenceMeaning.FREE_LIST
        if self.source.format == "ical" and (free_list or self.states.free):
            problems.append("source.format: a calendar adds closings and never opens: no free_list and no states.free")
        if free_list and self.columns.state is not None and not self.states.free:
            problems.append(
                "states.free: is missing: a free_list with a state column must say which states offer a time"
            )
        if self.source.format == "xml130":
            problems.append("source.format: 'xml130' holds slips and no calendar: give [slips] instead of [columns]")
        if self.resource_key.separator and self.source.format not in TABLES:
            problems.append("resource_key.separator: parts cells of tables only: csv, xlsx, html")
        problems += places.problems(self.source.format, self.columns.aliases())
        if self.absence.ours_listed and self.absence.meaning is not AbsenceMeaning.FULL_SNAPSHOT:
            problems.append("absence.ours_listed: only a full_snapshot says something by what it leaves out")
        if self.absence.ours_listed and self.columns.code is None and not self.marks_people:
            problems.append("absence.ours_listed: needs columns.code, or phone, citizen_id or insurance_number")
        if self.absence.meaning.decides and self.coverage is None:
            problems.append(f"coverage: is missing: {self.absence.meaning} speaks about a stated period")
        return or_raise(self, sorted(problems))
