"""Formats and zone of the columns that were chosen."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date

from scheduler.exports.drafting import dates
from scheduler.exports.drafting.finding import Findings, Table
from scheduler.exports.mixed_dates import MONTHS, swapped
from scheduler.exports.times import Parsed, TimeFormat

_ISO = TimeFormat("iso")

CITY = "Asia/Ho_Chi_Minh"
_MANY_UNREAD = 0.05
_A_YEAR = 366
_OF_A_PERIOD = ("full_snapshot", "free_list")
_TIMES = ("start", "end", "start_date", "start_time", "end_date", "end_time")


def say_formats(table: Table, places: dict[str, int], today: date, findings: Findings) -> list[str]:
    """Say or ask the formats; those that are certain are returned."""
    values = [value for name in _TIMES if name in places for value in table.column(places[name])]
    if not values or not {"start", "start_date"} & set(places):
        findings.ask("times.formats", [], "without a begin there is nothing to read them from")
        return []
    if mixed := _swapped(table, places):
        findings.ask("times.formats", [], mixed)
        return []
    found = dates.formats_of(values, today, clock_needed="start" in places)
    evidence = list(found.evidence)
    if found.unread:
        evidence.append(f"{found.unread} of {len(values)} values are no date that can be meant; they would be refused")
    if found.untold or not found.told or found.unread > _MANY_UNREAD * len(values):
        choices = [[*found.told, *group] for group in _each(found.untold)]
        findings.ask("times.formats", choices or [list(found.told)], *evidence)
        return []
    findings.say("times.formats", list(found.told), *evidence)
    return list(found.told)


def _swapped(table: Table, places: dict[str, int]) -> str:
    """What contradicts itself in a column whose real dates have day and month swapped; empty where none does."""
    for name in ("start", "start_date", "end", "end_date"):
        values = table.column(places[name]) if name in places else []
        found = [(value, shape) for value in values if (shape := dates.shape(value))]
        real = [_ISO.parse(value) for value, shape in found if shape.dates[:1] == ("iso",)]
        texts = [value for value, shape in found if shape.dates[:1] and shape.dates[0].startswith(("%d", "%m"))]
        late = sum(each is not None and each.day is not None and each.day.day > MONTHS for each in real)
        early = sum(all(int(number) <= MONTHS for number in re.findall(r"\d+", value)[:2]) for value in texts)
        if swapped(len(real), late, len(texts), early):
            return (
                f"{table.header[places[name]]!r} contradicts itself: {len(real)} cells are real dates, all on days 1 to"
                f" 12, and {len(texts)} are texts, all with a day above 12: a program that writes the month first"
                " opened the file, and swapped day and month of the real dates. Export again, and do not open the file"
            )
    return ""


def _each(untold: Sequence[tuple[str, ...]]) -> list[list[str]]:
    """The choices side by side: the first of every group, the second of every group."""
    longest = max(map(len, untold), default=0)
    return [[group[min(number, len(group) - 1)] for group in untold] for number in range(longest)]


def say_zone(table: Table, places: dict[str, int], formats: Sequence[str], today: date, findings: Findings) -> None:
    """An offset in every value is the only evidence that counts; hours of the day only order the proposals."""
    column = places.get("start", places.get("start_time"))
    values = table.column(column) if column is not None else []
    read = [found for value in values if (found := _first(formats, value, today))]
    offsets = sum(found.offset is not None for found in read)
    if read and offsets == len(read) == len(values):
        findings.say(
            "times.zone", CITY, f"all {offsets} begins name their offset; the zone would only count without one"
        )
        return
    hours = Counter(found.clock.hour for found in read if found.clock)
    if hours and max(hours) <= 12 and sum(hours[hour] for hour in range(1, 6)) > 0.1 * hours.total():  # noqa: PLR2004
        findings.notes.append(
            "no begin is after 12:59 and many are before 06:00: UTC, or a 12-hour clock whose AM and PM were left out; "
            "in the second case the export must be made with them"
        )
    findings.ask(
        "times.zone",
        (CITY, "UTC"),
        *_of_hours(hours),
        f"{offsets} of {len(values)} begins name an offset: nothing in the file tells the zone",
    )


def ask_coverage(table: Table, places: dict[str, int], formats: Sequence[str], today: date, findings: Findings) -> None:
    """The period its begins lie in, for whoever knows how far the export reaches: its rows may end before that."""
    meaning = findings.keys["absence.meaning"].value
    if meaning not in (None, *_OF_A_PERIOD):
        return
    column = places.get("start", places.get("start_date"))
    values = table.column(column) if column is not None else []
    days = [found.day for value in values if (found := _first(formats, value, today)) and found.day]
    near = [day for day in days if abs((day - today).days) <= _A_YEAR]
    behind = ahead = 0
    told = "no begin within a year of today could be read"
    if near:
        behind, ahead = max(0, (today - min(near)).days), max(0, (max(near) - today).days)
        told = f"the begins lie from {min(near):%d/%m/%Y} to {max(near):%d/%m/%Y}"
        told += f", and {len(days) - len(near)} more than a year away" if len(near) < len(days) else ""
    if meaning is None:
        findings.notes.append(
            f"a full_snapshot or a free_list needs [coverage]; {told}" + f": {_days(behind, ahead)}" * bool(near)
        )
        return
    why = "the file cannot tell how far the export reaches: rows beyond the coverage apply nothing, and what is missing"
    findings.ask("coverage.days_behind", [behind] * bool(near), f"days before today. {told}")
    findings.ask("coverage.days_ahead", [ahead] * bool(near), why, "inside it opens. Days after today, as exported")


def _days(behind: int, ahead: int) -> str:
    return f"days_behind = {behind} and days_ahead = {ahead} would hold them"


def _first(formats: Iterable[str], value: str, today: date) -> Parsed | None:
    return next((found for text in formats if (found := dates.parsed(text, value, today))), None)


def _of_hours(hours: Counter[int]) -> list[str]:
    total = hours.total()
    if not total:
        return []
    night = sum(count for hour, count in hours.items() if hour < 6) / total  # noqa: PLR2004  o'clock
    usual = sorted(hour for hour, count in hours.items() if count >= 0.01 * total)
    told = f"the hours of the begins go from {usual[0]:02} to {usual[-1]:02}; {night:.0%} are before 06:00"
    likelier = "UTC is likelier" if night > 0.2 else "local time is likelier"  # noqa: PLR2004
    return [f"{told}: {likelier}, but compare the first begin with the hospital's screen"]
