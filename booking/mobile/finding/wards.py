"""Places in the order of wards: the new ones, with the old ones in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from booking.directory.kinds import FacilityKind
from booking.directory.queries import FacilityView
from booking.text import plain_sort_key

_LARGE = (FacilityKind.HOSPITAL, FacilityKind.MEDICAL_CENTRE)
_AFTER_NUMBERS = 1000


@dataclass(frozen=True, slots=True)
class Ward:
    """A ward since 2025, None for places whose ward is not known, its stations, and the old wards they are named by."""

    name: str | None
    stations: list[FacilityView]
    old: list[str]


def large(views: Sequence[FacilityView]) -> list[FacilityView]:
    """The hospital and the centre."""
    return [view for view in views if view.kind is not FacilityKind.HEALTH_STATION]


def by_ward(views: Sequence[FacilityView]) -> list[Ward]:
    """Stations by new ward."""
    stations = [view for view in views if view.kind is FacilityKind.HEALTH_STATION]

    def ward(view: FacilityView) -> tuple[bool, str]:
        return view.ward_2025 is None, plain_sort_key(view.ward_2025 or "")

    return [_ward(list(group)) for _, group in groupby(sorted(stations, key=ward), ward)]


def _ward(stations: list[FacilityView]) -> Ward:
    name = stations[0].ward_2025
    stations = sorted(stations, key=in_order)
    old = dict.fromkeys(view.ward_2023 for view in stations if view.ward_2023 and view.ward_2023 != name)
    return Ward(name, stations, [_short(each) for each in old])


def in_order(view: FacilityView) -> tuple[int, str]:
    """The hospital and the centre, then stations of wards that are numbers by number, then those of names."""
    last = view.name.rsplit(" ", 1)[-1]
    if view.kind is not FacilityKind.HEALTH_STATION:
        return _LARGE.index(view.kind), ""
    return (len(_LARGE) + int(last), "") if last.isdecimal() else (_AFTER_NUMBERS, plain_sort_key(view.name))


def _short(ward: str) -> str:
    return ward.removeprefix("Phường ").removeprefix("Xã ")
