"""The figures as tables to take away, in the reader's language. The same numbers as on the page, not rounded for it."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from booking.directory.queries import FacilityView
from booking.figures.queries import City, Counts, Figures
from booking.figures.reads import Outstanding, Read
from booking.i18n import Language, translate
from booking.i18n import marked as _
from booking.sheets import Cell, Sheet
from booking.web.pages import named

WEEKDAYS: Final = (
    _("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"), _("Saturday"), _("Sunday"),
)  # fmt: skip

TITLES: Final[Mapping[str, str]] = {
    "total": _("In all"), "service": _("By service"), "hour": _("By hour"), "weekday": _("By weekday"),
    "day": _("By day"), "cell": _("By weekday and hour"),
}  # fmt: skip
"""The tables of a facility, by the name they have in an address."""

_COLUMNS: Final = (
    (_("Booked"), "booked"), (_("Came as booked"), "came"), (_("Did not come"), "missed"),
    (_("Did not come, per cent"), "missed_share"), (_("Not noted whether they came"), "unsettled"),
    (_("Still to come"), "ahead"),
    (_("Cancelled by patients"), "cancelled"), (_("Cancelled by the facility"), "cancelled_by_us"),
    (_("Came without booking"), "walk_ins"), (_("Emergencies"), "emergencies"),
    (_("Went away before being called"), "gave_up"), (_("People whose waiting is known"), "called"),
    (_("Waiting, median, minutes"), "wait_median"), (_("Waiting, 90th percentile, minutes"), "wait_90"),
    (_("Waited longer than 2 hours"), "too_long"), (_("People whose whole stay is known"), "stays"),
    (_("Whole stay, median, minutes"), "stay_median"), (_("Whole stay, 90th percentile, minutes"), "stay_90"),
    (_("Places"), "places"), (_("Places not booked"), "unused"), (_("Places not booked, per cent"), "unused_share"),
    (_("Places still free"), "free"), (_("Places closed"), "closed"),
)  # fmt: skip


def _headings(language: Language, *first: str) -> list[str]:
    return [translate(language, one) for one in (*first, *(title for title, _name in _COLUMNS))]


def _cells(counts: Counts) -> list[Cell]:
    found = [getattr(counts, name) for _title, name in _COLUMNS]
    return [round(one, 1) if isinstance(one, float) else one for one in found]


def table(figures: Figures, which: str, services: Mapping[int, Any], language: Language) -> Sheet:
    """One table of a facility."""
    title = translate(language, TITLES[which])
    if which == "total":
        more = [translate(language, _("SMS that did not arrive")), translate(language, _("Open suspicions"))]
        row = [*_cells(figures.total), figures.lost, figures.suspicions]
        return Sheet(title, [*_headings(language), *more], [row])
    if which == "cell":
        rows = [
            [translate(language, WEEKDAYS[day - 1]), f"{hour:02}:00", *_cells(figures.of("cell", (day, hour)))]
            for day, hour in figures.keys("cell")
        ]
        return Sheet(title, _headings(language, _("Weekday"), _("Hour")), rows)
    named_by = {"service": _("Service"), "hour": _("Hour"), "weekday": _("Weekday"), "day": _("Day")}[which]
    rows = [[_label(which, key, services, language), *_cells(figures.of(which, key))] for key in figures.keys(which)]
    return Sheet(title, _headings(language, named_by), rows)


def tables(figures: Figures, services: Mapping[int, Any], language: Language) -> list[Sheet]:
    """All tables of a facility."""
    return [table(figures, which, services, language) for which in TITLES]


def _label(which: str, key: Any, services: Mapping[int, Any], language: Language) -> Cell:
    if which == "service":
        return named(services[key], language) if key in services else str(key)
    if which == "weekday":
        return translate(language, WEEKDAYS[key - 1])
    if which == "hour":
        return f"{key:02}:00"
    return key if isinstance(key, date) else str(key)


def city(found: City, facilities: Mapping[int, FacilityView], language: Language) -> Sheet:
    """The facilities side by side, and all together."""
    more = [translate(language, _("SMS that did not arrive")), translate(language, _("Open suspicions"))]
    rows: list[list[Cell]] = [
        [facilities[row.facility_id].code, named(facilities[row.facility_id], language), *_cells(row.counts),
         row.lost, row.suspicions]
        for row in found.rows
    ]  # fmt: skip
    rows.append(["", translate(language, _("In all")), *_cells(found.total), found.lost, found.suspicions])
    return Sheet(
        translate(language, _("All facilities")), [*_headings(language, _("Code"), _("Facility")), *more], rows
    )


def reads(found: Sequence[Read], words: Mapping[str, str], language: Language) -> Sheet:
    """Who read which record."""
    headings = (
        _("Time"), _("Staff"), _("User name"), _("Role"), _("Reference of the record"), _("Facility"), _("What for"),
        _("Has a visit there"), _("Network address"),
    )  # fmt: skip
    yes, no = translate(language, _("yes")), translate(language, _("no"))
    rows: list[list[Cell]] = [
        [one.at, one.who.name if one.who else "", one.who.username if one.who else "",
         one.who.role.value if one.who else "", str(one.patient), one.facility or "",
         translate(language, words.get(one.why or "", one.why or "")), yes if one.at_work else no, one.address or ""]
        for one in found
    ]  # fmt: skip
    return Sheet(translate(language, _("Records read")), [translate(language, one) for one in headings], rows)


def outstanding(found: Sequence[Outstanding], words: Mapping[str, str], language: Language) -> Sheet:
    """What stands out."""
    headings = (
        _("Day"), _("Staff"), _("User name"), _("Facility"), _("Records read"), _("Without a visit there"),
        _("At night"), _("Usual for the role"), _("Why it stands out"),
    )  # fmt: skip
    rows: list[list[Cell]] = [
        [one.day, one.who.name if one.who else "", one.who.username if one.who else "", one.facility,
         one.reading.people, one.reading.strangers, one.reading.at_night, one.reading.usual,
         "; ".join(translate(language, words[why.value]) for why in one.why)]
        for one in found
    ]  # fmt: skip
    return Sheet(translate(language, _("Stands out")), [translate(language, one) for one in headings], rows)
