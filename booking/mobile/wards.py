"""Places in the order of wards: the new ones, with the old ones in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from booking.directory.kinds import FacilityKind
from booking.directory.queries import FacilityView
from booking.text import plain_sort_key


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
    stations = sorted(stations, key=lambda view: _old_order(view.ward_2023 or ""))
    old = dict.fromkeys(view.ward_2023 for view in stations if view.ward_2023 and view.ward_2023 != name)
    return Ward(name, stations, [_short(each) for each in old])


def _old_order(ward: str) -> tuple[int, str]:
    """Wards that are numbers by number, before those with names."""
    last = ward.rsplit(" ", 1)[-1]
    return (int(last), "") if last.isdecimal() else (1000, plain_sort_key(ward))


def _short(ward: str) -> str:
    return ward.removeprefix("Phường ").removeprefix("Xã ")
