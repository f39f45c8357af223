"""Whether one column holds dates of two kinds, as a spreadsheet leaves it that took the month for the first number.

Opened by a program that writes the month first, `05/12/2026` (5 December) becomes a real date, 12 May, and
`25/12/2026` stays a text. So all real dates lie on days 1 to 12, and no text does. Day and month of the first are
swapped, and nothing in them tells.
"""

from typing import Final

from booking.exchange.kinds import NoteReason
from scheduler.exports.reader import Note
from scheduler.exports.times import Times

MONTHS: Final = 12
FEWEST: Final = 10
"""So many cells are needed: of fewer it may be chance that none says otherwise."""


def swapped(dates: int, late_dates: int, texts: int, early_texts: int) -> bool:
    """Whether it is so: real dates and texts, of those on days above 12, of these on days up to 12."""
    return dates > 0 < texts and not late_dates and not early_texts and dates + texts >= FEWEST


class MixedDates:
    """Counts the begins of one file."""

    def __init__(self, times: Times) -> None:
        self._real = [form for form in times.formats if form.is_plain_date]
        self._texts = [form for form in times.formats if form.names_day_and_month]
        self._both = bool(self._real and self._texts)
        self._dates = self._late = self._written = self._early = 0
        self._line = 0

    def look(self, line: int, text: str) -> None:
        """One more begin that can be read."""
        if not self._both:
            return
        for form in self._real:
            if (found := form.parse(text)) and found.day:
                self._dates += 1
                self._late += found.day.day > MONTHS
                self._line = self._line or line
                return
        for form in self._texts:
            if (found := form.parse(text)) and found.day:
                self._written += 1
                self._early += found.day.day <= MONTHS
                return

    def note(self) -> Note | None:
        """What is odd, once, at the first of the dates."""
        if not swapped(self._dates, self._late, self._written, self._early):
            return None
        return Note(self._line, NoteReason.DATES_MIXED, {"dates": self._dates, "texts": self._written})
