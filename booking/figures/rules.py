"""Spans, shares, what counts as few, what stands out. Pure: plain values in, a value out or a refusal raised.

What is measured, in one place:
- a visit belongs to the local day it is booked for now: one that was moved counts on its new day only;
- a visit that was cancelled is no visit; it is counted apart;
- came: checked in. Did not come: somebody said so, no clock ever does; what nobody settled is shown as that;
- waiting: from check-in, or from the start of the booked time for who came before it, to the first call. Emergencies
  wait in no line and are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from booking.availability.spans import SpanRefused
from booking.figures.kinds import Oddity, SpanKind

TARGET_MINUTES: Final = 120
"""A clinical examination is to be over within two hours (decision 1313/QĐ-BYT, Ministry of Health)."""

MOST_DAYS: Final = 92
"""A quarter."""

FEW: Final = 20
"""With fewer people than that a share or a percentile says little, and the page says so."""

STRANGERS: Final = 5
"""So many records of one day without any visit at the facility are to be looked at: one or two are mistyped numbers."""

MANY_TIMES: Final = 4
"""So many times what colleagues of the role read on their days (the median), and ..."""

MANY_LEAST: Final = 60
"""... at least so many: a clerk on a busy day reads that often."""

NIGHT: Final = (22, 5)
"""From, until: hours of the local clock at which no facility receives patients by appointment."""

_DAYS: Final = {SpanKind.TODAY: 1, SpanKind.WEEK: 7, SpanKind.MONTH: 30}


@dataclass(frozen=True, slots=True)
class Span:
    """Local days, both included."""

    kind: SpanKind
    first: date
    last: date

    @property
    def days(self) -> int:
        """How many."""
        return (self.last - self.first).days + 1

    @property
    def one_day(self) -> bool:
        """Whether it is a single day."""
        return self.first == self.last


def span_of(kind: str, first: str, last: str, *, today: date) -> Span:
    """The days somebody asks for; those of a kind we do not know are today's.

    Raises:
        SpanRefused: the own span is no pair of days, reversed, or longer than `MOST_DAYS`; `field` is at fault.
    """
    known = SpanKind(kind) if kind in set(SpanKind) else SpanKind.TODAY
    if known is not SpanKind.OWN:
        return Span(known, today - timedelta(days=_DAYS[known] - 1), today)
    begins, ends = _day(first, "from"), _day(last, "to")
    if not 0 <= (ends - begins).days < MOST_DAYS:
        raise SpanRefused(most=MOST_DAYS, field="to")
    return Span(known, begins, ends)


def _day(raw: str, field: str) -> date:
    try:
        day = date.fromisoformat(raw)
    except ValueError:
        raise SpanRefused(most=MOST_DAYS, field=field) from None
    if not date(2000, 1, 1) <= day <= date(2999, 1, 1):
        raise SpanRefused(most=MOST_DAYS, field=field)
    return day


def share(part: int, whole: int) -> float | None:
    """Per cent, to a tenth; None of nothing: no visits are not 0 % of anything."""
    return None if whole <= 0 else round(100 * part / whole, 1)


def is_few(number: int) -> bool:
    """Whether a share or percentile of so many says little."""
    return 0 < number < FEW


def ceiling(values: Sequence[float], *, least: int = 5) -> int:
    """Where an axis ends: the least round number (1, 2 or 5 times a power of ten) that all values fit under."""
    highest = max((*values, least))
    power = 1
    while True:
        for step in (1, 2, 5):
            if step * power >= highest:
                return step * power
        power *= 10


@dataclass(frozen=True, slots=True)
class Reading:
    """What one member of staff read on one local day at one facility.

    Attributes:
        people: different records.
        strangers: those of them without a visit or a ticket at the facility, before or since.
        at_night: reads between 22:00 and 05:00.
        usual: the median of `people` over such days of others of the role; None where there are no others.
    """

    people: int
    strangers: int
    at_night: int
    usual: float | None


def oddities(reading: Reading) -> tuple[Oddity, ...]:
    """Why it stands out; mostly for nothing. It proves nothing: it says where to ask."""
    found = []
    if reading.strangers >= STRANGERS:
        found.append(Oddity.NO_VISIT)
    if reading.usual is not None and reading.people >= max(MANY_LEAST, MANY_TIMES * reading.usual):
        found.append(Oddity.MANY)
    if reading.at_night:
        found.append(Oddity.NIGHT)
    return tuple(found)


def at_night(hour: int) -> bool:
    """Whether an hour of the local clock lies in the night."""
    return hour >= NIGHT[0] or hour < NIGHT[1]
