"""A re-examination slip as a reader hands it on: who, until when, and nothing of why."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

YEARS: Final = range(2000, 2200)
"""Of a day on a slip, and of a file: no computer wrote an earlier one, and none of these is near the end of time."""

NUMBER: Final = re.compile(r"[0-9A-Za-z .-]{1,60}")
"""Signs of a number as people write it; whether a paper can have it is asked later."""


@dataclass(frozen=True, slots=True)
class ReexamSlip:
    """One slip. It is personal data on its way to blind indexes: never logged, never in a report.

    Attributes:
        line: number of the record in the file, from 1.
        key: what names it for good at the hospital: the MA_LK of its visit, else its own number.
        cancelled: the hospital took it back; then only `key` and `made` count.
        name: as written.
        birth_day: None where only the year is known.
        birth_year: four digits.
        citizen_ids: as written; those no paper can have are left out later.
        bhyt_numbers: likewise.
        due: the day on the slip.
        service: our code of what the visit is for, where the feed tells.
        made: when the file says it was made, UTC; None where it does not.
    """

    line: int
    key: str
    cancelled: bool
    name: str = ""
    birth_day: date | None = None
    birth_year: int = 0
    citizen_ids: tuple[str, ...] = ()
    bhyt_numbers: tuple[str, ...] = ()
    due: date | None = None
    service: str | None = None
    made: datetime | None = None
