"""Dates and times by explicit format: a value is what one of the feed's formats says it is, whole, or it is nothing.

Python's own `strptime` is not used: it reads `%d` after `%m` out of `1112`, folds spaces, knows no Vietnamese forenoon
and depends on the process's locale.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

from scheduler.exports.serials import EPOCHS, moment_of

_ENGLISH = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: number for number, name in enumerate(_ENGLISH, 1)}
_MORNING = r"a\.?\s?m\.?|sa|sáng"
_EVENING = r"p\.?\s?m\.?|ch|chiều|tối"
_NOON = "trưa"
_OFFSET = r"(?:z|utc|gmt|ict)?\s?(?:[+-]\d{1,2}(?::?\d{2})?)?(?:\s?\([^()\d]{1,40}\))?"

# Every directive a format may hold: the pattern, and whether it is made of digits.
DIRECTIVES: dict[str, tuple[str, bool]] = {
    "Y": (r"(?P<Y>\d{4})", True),
    "y": (r"(?P<y>\d{2})", True),
    "m": (r"(?P<m>\d{1,2})", True),
    "d": (r"(?P<d>\d{1,2})", True),
    "H": (r"(?P<H>\d{1,2})", True),
    "I": (r"(?P<I>\d{1,2})", True),
    "M": (r"(?P<M>\d{2})", True),
    "S": (r"(?P<S>\d{2})", True),
    "f": (r"(?P<f>\d{1,9})", True),
    "p": (rf"(?P<p>{_MORNING}|{_EVENING}|{_NOON})", False),
    "z": (rf"(?P<z>(?=\S){_OFFSET})", False),
    "b": (r"(?P<b>[a-z]{3,9}\.?|(?:thg|tháng)\s?\d{1,2})", False),
    "a": (r"(?:[^\W\d_]+(?:\s(?:[^\W\d_]+|\d))?|t\d|cn)", False),
}
# Other spellings people know from elsewhere.
SAME_AS = {"Z": "z", "A": "a", "B": "b"}
# Directives of one digit or two; of two when they stand beside other digits.
_VARIABLE = {"m", "d", "H", "I"}
_ISO = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s?(Z|[+-]\d{2}(?::?\d{2})?)?)?",
    re.IGNORECASE,
)
_FIRST_DAYS = 1904
_EVENING_HOUR = 18
_MIDNIGHT = re.compile(r"(?<![\d:.,])24(?=\s?[:hg]\s?00(?:[:.]00)?'?(?![\d:]))", re.IGNORECASE)
"""The hour 24, at which only what ends can be."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a format found: a date, a clock time, an offset; each only when the format has it."""

    day: date | None
    clock: time | None
    offset: timedelta | None


class TimeFormat:
    """One format, compiled.

    Attributes:
        text: as the feed has it.
        has_date: whether it reads a date.
        has_clock: whether it reads a time of day.
    """

    def __init__(self, text: str) -> None:
        """Compile.

        Raises:
            ValueError: the format cannot be understood; the message says what is wrong.
        """
        self.text = text
        self.has_date = self.has_clock = True
        self._read: Callable[[str], Parsed | None]
        if text in EPOCHS:
            epoch = EPOCHS[text]
            self._read = lambda value: _excel(value, epoch)
        elif text == "iso":
            self._read = _iso
        else:
            text = re.sub(
                r"%(.)", lambda match: "%" + SAME_AS.get(match[1], match[1]), unicodedata.normalize("NFC", text)
            )
            names = re.findall(r"%(.)", text.replace("%%", ""))
            self.has_date = _complete(names)
            self.has_clock = "H" in names or "I" in names
            pattern = re.compile(_pattern(text), re.IGNORECASE)
            self._read = lambda value: _explicit(pattern, value)

    @property
    def is_plain_date(self) -> bool:
        """Whether a spreadsheet writes its real dates so: day and month cannot be taken for each other."""
        return self.text in EPOCHS or self.text == "iso" or self.text.startswith("%Y")

    @property
    def names_day_and_month(self) -> bool:
        """Whether it reads both as bare numbers, of which either may come first."""
        return not self.is_plain_date and "%d" in self.text and "%m" in self.text

    def parse(self, value: str) -> Parsed | None:
        """The value's parts; None when it is not wholly of this format, or no such day or time exists."""
        try:
            return self._read(value)
        except (ValueError, OverflowError):
            return None


def _complete(names: Sequence[str]) -> bool:
    """Whether the directives give a date; raises ValueError when they give half of one or contradict each other."""
    unknown = sorted(set(names) - set(DIRECTIVES))
    if unknown:
        raise ValueError(
            f"unknown %{unknown[0]}; known are {' '.join('%' + name for name in DIRECTIVES)}, iso, excel1900, excel1904"
        )
    if len(set(names)) != len(names):
        raise ValueError("a part stands twice")
    year, month, day = ("Y" in names or "y" in names, "m" in names or "b" in names, "d" in names)
    if len({year, month, day}) != 1:
        raise ValueError("a date needs year (%Y or %y), month (%m or %b) and day (%d)")
    if ("I" in names) != ("p" in names):
        raise ValueError("the 12-hour %I and the AM or PM %p go together; for 24 hours use %H")
    if "H" in names and "I" in names:
        raise ValueError("either %H or %I")
    if not year and "H" not in names and "I" not in names:
        raise ValueError("neither a date nor a time of day; write for example %d/%m/%Y %H:%M")
    return year


def _pattern(text: str) -> str:
    parts = re.findall(r"%.|\s+|.", text)
    out: list[str] = []
    for place, part in enumerate(parts):
        if part.isspace():
            # `7:30sa` is written as often as `7:30 SA`.
            out.append(r"\s*" if parts[place + 1 : place + 2] == ["%p"] else r"\s+")
        elif part == "%%":
            out.append("%")
        elif len(part) == 2:  # noqa: PLR2004 (a directive)
            pattern, _ = DIRECTIVES[part[1]]
            beside = (parts[place - 1] if place else "", parts[place + 1] if place + 1 < len(parts) else "")
            if part[1] in _VARIABLE and any(_digits(other) for other in beside):
                pattern = pattern.replace("{1,2}", "{2}")
            out.append(pattern)
        else:
            out.append(re.escape(part))
    return "".join(out)


def _digits(part: str) -> bool:
    return part.isdigit() or (part.startswith("%") and len(part) == 2 and DIRECTIVES.get(part[1], ("", False))[1])  # noqa: PLR2004


def _explicit(pattern: re.Pattern[str], value: str) -> Parsed | None:
    match = pattern.fullmatch(value)
    if match is None:
        return None
    found = match.groupdict()
    day = clock = None
    if found.get("d"):
        year = int(found["Y"]) if found.get("Y") else 2000 + int(found["y"])
        month = _month(found["b"]) if found.get("b") else int(found["m"])
        day = date(year, month, int(found["d"]))
    if found.get("H") or found.get("I"):
        hour = int(found["H"]) if found.get("H") else _twelve(int(found["I"]), found["p"])
        micro = int((found.get("f") or "0").ljust(6, "0")[:6])
        clock = time(hour, int(found.get("M") or 0), int(found.get("S") or 0), micro)
    return Parsed(day, clock, offset_of(found["z"]) if found.get("z") else None)


def _month(word: str) -> int:
    digits = re.sub(r"\D", "", word)
    if digits:
        return int(digits)
    full = {
        "january",
        "february",
        "march",
        "april",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    }
    folded = word.casefold().rstrip(".")
    if len(folded) > 3 and folded not in full and folded != "sept":  # noqa: PLR2004
        raise ValueError("no month")
    try:
        return _MONTHS[folded[:3]]
    except KeyError:
        raise ValueError("no month") from None


_LATE_MORNING = 10
"""From this hour on a time at noon is before one o'clock: `11:30 trưa`, `1:00 trưa`."""


def _twelve(hour: int, half: str) -> int:
    if not 1 <= hour <= 12:  # noqa: PLR2004
        raise ValueError("no hour of a 12-hour clock")
    if half.casefold() == _NOON:
        return hour if hour >= _LATE_MORNING else hour + 12
    late = re.fullmatch(_EVENING, half, re.IGNORECASE) is not None
    return hour % 12 + 12 * late


def offset_of(text: str) -> timedelta:
    """The offset a value names itself: `Z`, `+07:00`, `+0700`, `GMT`, `GMT+7`, `UTC+07:00`, `ICT`.

    The name of a zone in brackets behind it, as browsers write it, says nothing more.
    """
    folded = re.sub(r"\(.*\)$", "", text.casefold()).replace(" ", "")
    if not folded:
        raise ValueError("a name alone is no offset")
    name = re.match(r"[a-z]*", folded)
    start = name.end() if name else 0
    signed = folded[start:]
    if not signed:
        return timedelta(hours=7 if folded == "ict" else 0)
    digits = signed[1:].replace(":", "")
    hours, minutes = (int(digits), 0) if len(digits) <= 2 else (int(digits[:-2]), int(digits[-2:]))  # noqa: PLR2004
    if hours > 14 or minutes > 59 or folded[:start] in {"z", "ict"}:  # noqa: PLR2004
        raise ValueError("no offset")
    return timedelta(hours=hours, minutes=minutes) * (-1 if signed[0] == "-" else 1)


def _iso(value: str) -> Parsed | None:
    match = _ISO.fullmatch(value)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    clock = None
    if hour is not None:
        clock = time(int(hour), int(minute), int(second or 0), int((fraction or "0").ljust(6, "0")[:6]))
    return Parsed(date(int(year), int(month), int(day)), clock, offset_of(offset) if offset else None)


def _excel(value: str, epoch: datetime) -> Parsed | None:
    found = moment_of(value, epoch)
    return None if found is None else Parsed(*found, None)


class Times:
    """All formats of a feed, tried in order, and the zone of values that name none."""

    def __init__(self, formats: Sequence[str], zone: str) -> None:
        self.formats = [TimeFormat(text) for text in formats]
        self.zone = ZoneInfo("UTC") if zone == "UTC" else ZoneInfo(zone)

    def moment(self, value: str, *, on: date | None = None) -> datetime | None:
        """The moment in UTC, or None. `on` lends its date to a value that is a time of day alone."""
        for form in self.formats:
            parsed = form.parse(value)
            if parsed is None or parsed.clock is None:
                continue
            # Spreadsheets write a time of day with the first day they know.
            day = parsed.day if on is None or (parsed.day and parsed.day.year > _FIRST_DAYS) else on
            if day is None:
                continue
            zone = self.zone if parsed.offset is None else timezone(parsed.offset)
            try:
                return datetime.combine(day, parsed.clock, zone).astimezone(UTC)
            except OverflowError:
                return None
        return None

    def in_two(self, day: str, clock: str) -> datetime | None:
        """The moment of a date and a time in two cells: by one format over both, or by one for each."""
        together = self.moment(f"{day} {clock}".strip())
        if together is not None or not day or not clock:
            return together
        found = next((parsed.day for form in self.formats if (parsed := form.parse(day)) and parsed.day), None)
        return None if found is None else self.moment(clock, on=found)

    def end_in_two(self, day: str, clock: str) -> datetime | None:
        """The same of an end, which may be at 24:00."""
        found = self.in_two(day, clock)
        return self._next_day(self.in_two, day, clock) if found is None else found

    def end(self, value: str, *, on: date | None = None) -> datetime | None:
        """A moment that something ends at: 24:00 is the midnight after."""
        found = self.moment(value, on=on)
        return self._next_day(lambda text: self.moment(text, on=on), value) if found is None else found

    def midnight_after(self, start: datetime, end: datetime) -> datetime:
        """Of an end without a date of its own: midnight behind an evening's start is that of the next day."""
        evening = start.astimezone(self.zone).hour >= _EVENING_HOUR
        midnight = end.astimezone(self.zone).time() == time()
        return end + timedelta(days=1) if evening and midnight else end

    @staticmethod
    def _next_day(read: Callable[..., datetime | None], *texts: str) -> datetime | None:
        """Read with the hour 0 for 24, a day later; nothing where no such hour stands."""
        earlier = [_MIDNIGHT.sub("00", text) for text in texts]
        found = read(*earlier) if tuple(earlier) != texts else None
        return None if found is None else found + timedelta(days=1)

    def day_of(self, moment: datetime) -> date:
        """The date the feed's clock shows at that moment."""
        return moment.astimezone(self.zone).date()


def clashes(formats: Sequence[TimeFormat]) -> list[tuple[str, str]]:
    """Pairs of formats that read one text as two different times: a feed must say whether day or month comes first."""
    probes = {"excel1900": "46349.3125", "excel1904": "44887.3125", "iso": "2026-02-03 04:05:06"}
    sample = {
        "Y": "2026",
        "y": "26",
        "m": "02",
        "d": "03",
        "H": "04",
        "I": "04",
        "M": "05",
        "S": "06",
        "f": "0",
        "p": "AM",
        "z": "+07:00",
        "b": "Feb",
        "a": "Mon",
    }
    found: list[tuple[str, str]] = []
    for place, form in enumerate(formats):
        text = probes.get(form.text) or re.sub(r"%(.)", lambda match: sample.get(match[1], match[1]), form.text)
        mine = form.parse(text)
        for other in formats[:place]:
            theirs = other.parse(text)
            if mine is not None and theirs is not None and theirs != mine:
                found.append((other.text, form.text))
    return found
