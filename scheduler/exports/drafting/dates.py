"""How dates and times are written: formats out of the values themselves, and how many values speak for each reading."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final

from scheduler.exports.times import Parsed, TimeFormat, clashes

_TIME: Final = re.compile(
    r"(?<![\d:.])(?P<hour>\d{1,2})"
    r"(?:(?P<colon>:)\d{2}(?::(?P<second>\d{2})(?P<fraction>[.,]\d{1,9})?)?"
    r"|(?P<word>\s?(?:h|giờ|g)\s?)(?P<minute>\d{2})?(?P<after>\s?(?:phút|ph|p)\b)?)"
    r"(?P<gap>\s?)(?P<half>a\.?\s?m\.?|p\.?\s?m\.?|sa|ch|sáng|chiều|tối)?(?![^\W\dz]|:|\d)",
    re.IGNORECASE,
)
_OFFSET: Final = re.compile(
    r"(\s?)((?:utc|gmt)\s?(?:[+-]\d{1,2}(?::?\d{2})?)?|ict|z|[+-]\d{2}:?\d{2}|\+\d{2})(?:\s?\([^()\d]{1,40}\))?$",
    re.IGNORECASE,
)
_RANGE: Final = re.compile(
    r"\d{1,2}\s?[:h]\s?\d{0,2}\s?(?:-|–|—|->|~|đến|tới|to)\s?\d{1,2}\s?[:h]\s?\d{0,2}(?!\d)", re.IGNORECASE
)
_WEEKDAY: Final = re.compile(
    r"^((?:thứ\s(?:hai|ba|tư|năm|sáu|bảy|[2-7])|chủ\snhật|cn|t[2-7]|mon|tue|wed|thu|fri|sat|sun)(?:[a-z]*day)?)(?=[\s,])",
    re.IGNORECASE,
)
_NUMBERS: Final = re.compile(r"(?<!\d)(\d{1,4})([/.\-])(\d{1,2})\2(\d{1,4})(?!\d)")
_NAMED: Final = re.compile(
    r"(?<!\d)(\d{1,2})([\s\-/.]*)((?:thg|tháng)\s?\d{1,2}|[a-z]{3,9}\.?)([\s\-/.,]*(?:năm\s)?)(\d{4}|\d{2})(?!\d)",
    re.IGNORECASE,
)
_NAMED_FIRST: Final = re.compile(r"([a-z]{3,9}\.?)(\s)(\d{1,2})(,?\s)(\d{4})(?!\d)", re.IGNORECASE)
_SOLID: Final = re.compile(r"(\d{8})(\d{4}(?:\d{2})?)?([+-]\d{4})?")
_SERIAL: Final = re.compile(r"(\d{5})(?:[.,]\d+)?")
_FRACTION: Final = re.compile(r"0?[.,]\d+")
_YEARS: Final = (1900, 2100)
_NEAR_YEARS: Final = 3
_DATE: Final = "\0"
_SHARE_NEEDED: Final = 0.01
_LONGEST: Final = 60


@dataclass(frozen=True, slots=True)
class Shape:
    """How one value is written.

    Attributes:
        dates: the readings its date may have; empty for a time of day alone.
        around: the whole format, with a mark where the date stands.
    """

    dates: tuple[str, ...]
    around: str

    def formats(self) -> tuple[str, ...]:
        """Every reading as a format of a feed."""
        return tuple(self.around.replace(_DATE, each) for each in self.dates) if self.dates else (self.around,)


@dataclass(frozen=True, slots=True)
class Formats:
    """What the values of the time columns tell.

    Attributes:
        told: formats that are certain.
        untold: groups of readings between which the values do not decide.
        evidence: lines with counts.
        unread: values that are written in no way known here.
    """

    told: tuple[str, ...]
    untold: tuple[tuple[str, ...], ...]
    evidence: tuple[str, ...]
    unread: int


@lru_cache(maxsize=512)
def compiled(text: str) -> TimeFormat | None:
    """The format; None when a feed would refuse it."""
    try:
        return TimeFormat(text)
    except ValueError:
        return None


def parsed(text: str, value: str, today: date) -> Parsed | None:
    """The value by a format, when its year can be meant."""
    form = compiled(text)
    found = form.parse(value) if form else None
    if found is None or found.day is None:
        return found
    near = "%y" in text or text.startswith("excel")  # two digits, or a number: only days near today are sure
    low, high = (today.year - _NEAR_YEARS, today.year + _NEAR_YEARS) if near else _YEARS
    return found if low <= found.day.year <= high else None


def is_range(value: str) -> bool:
    """`07:30 - 08:00`: two times in one cell, which no format reads."""
    return len(value) <= _LONGEST and _RANGE.search(value) is not None


@lru_cache(maxsize=20_000)
def shape(value: str) -> Shape | None:
    """How a value is written; None when it is no date or time."""
    if not value or len(value) > _LONGEST or is_range(value) or not any(sign.isdigit() for sign in value):
        return None
    iso = compiled("iso")
    if iso is not None and iso.parse(value):
        return Shape(("iso",), _DATE)
    if _FRACTION.fullmatch(value):
        return Shape((), "excel1900")
    if _SERIAL.fullmatch(value):
        return Shape(("excel1900", "excel1904"), _DATE)
    return _solid(value) or _parted(value)


def _solid(value: str) -> Shape | None:
    found = _SOLID.fullmatch(value)
    if found is None:
        return None
    clock = {None: "", 4: "%H%M", 6: "%H%M%S"}[len(found[2]) if found[2] else None]
    orders: tuple[str, ...] = ("%Y%m%d",) if found[1][:2] in {"19", "20"} and 1 <= int(found[1][4:6]) <= 12 else ()  # noqa: PLR2004
    if not clock:
        orders += ("%d%m%Y", "%m%d%Y")
    return Shape(orders, f"{_DATE}{clock}{'%z' if found[3] else ''}") if orders else None


def _parted(value: str) -> Shape | None:
    rest, text = "", value.replace("%", "%%")
    clock = _TIME.search(text)
    if clock is not None:
        head, tail = text[: clock.start()], text[clock.end() :]
        offset = _OFFSET.fullmatch(tail)
        rest = f"{offset[1]}%z" if offset else tail
        text = f"{head}\1{_clock(clock)}\1{rest}"
    dates, text = _day(text)
    weekday = _WEEKDAY.match(text)
    text = f"%a{text[weekday.end() :]}" if weekday else text
    text = text.replace("\1", "")
    literal = re.sub(r"%.", "", text.replace(_DATE, ""))
    if (not dates and clock is None) or any(sign.isdigit() for sign in literal) or not _harmless(literal):
        return None
    found = Shape(dates, re.sub(r"\s+", " ", text))
    return found if any(compiled(each) for each in found.formats()) else None


def _harmless(literal: str) -> bool:
    """Only words that stand beside dates: a format is printed, and a note beside a date is not ours to print."""
    words = re.findall(r"[^\W\d_]+", literal.casefold())
    return all(
        word in {"ngày", "lúc", "lúc:", "giờ", "năm", "h", "g", "phút", "ph", "p", "at", "on", "t"} for word in words
    )


def _clock(found: re.Match[str]) -> str:
    half = found["half"]
    text = "%I" if half else "%H"
    if found["colon"]:
        text += ":%M" + (":%S" if found["second"] else "")
        text += f"{found['fraction'][0]}%f" if found["fraction"] else ""
    else:
        text += found["word"] + ("%M" if found["minute"] else "") + (found["after"] or "")
    return text + found["gap"] + ("%p" if half else "")


def _day(text: str) -> tuple[tuple[str, ...], str]:
    """The readings of the date in a text, and the text with the mark in its place."""
    found = _NUMBERS.search(text)
    if found is not None:
        orders = _orders(found)
        return orders, text[: found.start()] + (_DATE if orders else found[0]) + text[found.end() :]
    found = _NAMED.search(text)
    if found is not None:
        short = len(found[5]) == 2  # noqa: PLR2004
        orders = (f"%d{found[2]}%b{found[4]}%y", f"%y{found[2]}%b{found[4]}%d")
        orders = orders if short else (f"%d{found[2]}%b{found[4]}%Y",)
        return orders, text[: found.start()] + _DATE + text[found.end() :]
    found = _NAMED_FIRST.search(text)
    if found is not None:
        return (f"%b{found[2]}%d{found[4]}%Y",), text[: found.start()] + _DATE + text[found.end() :]
    return (), text


def _orders(found: re.Match[str]) -> tuple[str, ...]:
    first, sign, _, last = found.groups()
    if len(first) == 4:  # noqa: PLR2004  a year
        return (f"%Y{sign}%m{sign}%d", f"%Y{sign}%d{sign}%m") if len(last) <= 2 else ()  # noqa: PLR2004
    if len(last) == 4:  # noqa: PLR2004
        return (f"%d{sign}%m{sign}%Y", f"%m{sign}%d{sign}%Y") if len(first) <= 2 else ()  # noqa: PLR2004
    if len(first) <= 2 and len(last) == 2:  # noqa: PLR2004
        return (f"%d{sign}%m{sign}%y", f"%m{sign}%d{sign}%y", f"%y{sign}%m{sign}%d")
    return ()


def formats_of(values: Iterable[str], today: date, *, clock_needed: bool) -> Formats:
    """The formats that read all these values, or what they leave open.

    Args:
        values: cells of the time columns, trimmed, none empty.
        today: for years of two digits and Excel's numbers.
        clock_needed: leave out formats without a time of day.
    """
    shapes: Counter[Shape] = Counter()
    votes: dict[tuple[str, ...], Counter[tuple[str, ...]]] = {}
    unread = 0
    for value, count in Counter(values).items():
        found = shape(value)
        able = tuple(
            order
            for order in (found.dates if found else ())
            if parsed(found.around.replace(_DATE, order), value, today)  # type: ignore[union-attr]
        )
        if found is None or (found.dates and not able):
            unread += count
            continue
        shapes[found] += count
        if found.dates:
            votes.setdefault(found.dates, Counter())[able] += count
    decided = {dates: _decide(dates, count) for dates, count in votes.items()}
    return _gathered(shapes, decided, unread, clock_needed=clock_needed)


def _decide(dates: tuple[str, ...], votes: Counter[tuple[str, ...]]) -> tuple[tuple[str, ...], str]:
    """The readings that are left (one, when the values tell), and the evidence."""
    total = votes.total()
    if len(dates) == 1:
        return dates, f"{total} values are written {_name(dates[0])}"
    alone = {order: sum(count for able, count in votes.items() if able == (order,)) for order in dates}
    able_to = {order: sum(count for able, count in votes.items() if order in able) for order in dates}
    against = {order: total - able_to[order] for order in dates}
    fitting = [order for order in dates if not against[order]]
    if len(fitting) == 1 and max(against[order] for order in dates if order != fitting[0]) >= _SHARE_NEEDED * total:
        weakest = min(against[order] for order in dates if order != fitting[0])
        if weakest >= max(1, _SHARE_NEEDED * total):
            return (fitting[0],), f"{_why(fitting[0], weakest)} of {total} values: {_name(fitting[0])}"
    if dates[0].startswith("%Y") and dates[0] in fitting:
        # The year first is followed by the month wherever it is written; the other order is a slip nobody exports.
        return (dates[0],), f"{total} values begin with the year, so the month follows: {_name(dates[0])}"
    if fitting:
        return tuple(
            fitting
        ), f"of {total} values none, or too few, tell whether it is {' or '.join(map(_name, fitting))}"
    mixed = ", ".join(f"{alone[order]} only as {_name(order)}" for order in dates if alone[order])
    return dates, f"{total} values contradict each other: {mixed}"


def _why(order: str, count: int) -> str:
    if order.startswith("excel"):
        return f"near today only by this count: {count}"
    if "%y" in order:
        return f"possible in no other order: {count}"
    return f"{'a day' if order.startswith('%d') else 'a second number'} above 12: {count}"


def _name(order: str) -> str:
    kind = {"%d": "day first", "%m": "month first", "%Y": "year first", "%y": "year first"}.get(order[:2])
    return f"{kind} ({order})" if kind else order


def _gathered(
    shapes: Counter[Shape],
    decided: dict[tuple[str, ...], tuple[tuple[str, ...], str]],
    unread: int,
    *,
    clock_needed: bool,
) -> Formats:
    told: list[str] = []
    untold: list[tuple[str, ...]] = []
    for each, _ in shapes.most_common():
        left = decided[each.dates][0] if each.dates else ()
        group = Shape(left, each.around).formats()
        form = compiled(group[0])
        if form is None or (clock_needed and not form.has_clock):
            continue
        if len(group) == 1:
            told += [group[0]] if group[0] not in told else []
        elif group not in untold:
            untold.append(group)
    forms = [form for text in told if (form := compiled(text))]
    if pairs := clashes(forms):
        untold += [pair for pair in pairs if pair not in untold]
        told = [text for text in told if all(text not in pair for pair in pairs)]
    evidence = tuple(dict.fromkeys(why for _, why in decided.values()))
    return Formats(tuple(told), tuple(untold), evidence, unread)


def kind_of(values: Sequence[str], today: date) -> str:
    """What a column holds: `moment`, `day`, `clock`, `range`, or `other`; nine of ten must be of it."""
    kinds: Counter[str] = Counter()
    midnight = 0
    for value in values:
        kind, at_midnight = _kind(value, today)
        kinds[kind] += 1
        midnight += at_midnight
    kind, count = kinds.most_common(1)[0] if kinds else ("other", 0)
    if count < 0.9 * len(values):
        return "mixed" if kinds["moment"] + kinds["day"] > 0.5 * len(values) else "other"
    # Workbooks give a date as the first moment of its day.
    return "day" if kind == "moment" and midnight == count else kind


def _kind(value: str, today: date) -> tuple[str, bool]:
    if is_range(value):
        return "range", False
    found = shape(value)
    for text in found.formats() if found else ():
        read = parsed(text, value, today)
        if read is not None:
            if read.day is None:
                return "clock", False
            if read.clock is None:
                return "day", False
            solid = text.startswith("excel") and value.isdigit()
            return "moment", solid or not (read.clock.hour or read.clock.minute)
    return "other", False
