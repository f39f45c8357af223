"""The place to practise: every table is emptied or excused, and whatever is of the whole city asks about it."""

import importlib
import pkgutil
from pathlib import Path

import sqlalchemy as sa
from sqlmodel import SQLModel

import booking
from booking.training.wiping import STAYS, WIPED

_ROOTS = {"facility", "patient", "account", "message"}


def _tables() -> dict[str, sa.Table]:
    for module in pkgutil.walk_packages(booking.__path__, "booking."):
        if module.name.endswith("models"):
            importlib.import_module(module.name)
    return dict(SQLModel.metadata.tables)


def _leading() -> set[str]:
    """Tables that refer to a place or a person, over however many others, or copy a place's id."""
    tables = _tables()
    found = {name for name, table in tables.items() if name in _ROOTS or "facility_id" in table.c}
    while True:
        more = {
            name
            for name, table in tables.items()
            if name not in found and any(key.column.table.name in found for key in table.foreign_keys)
        }
        if not more:
            return found
        found |= more


def test_every_table_that_leads_to_a_place_or_a_person_is_emptied_or_says_why_not() -> None:
    assert not set(WIPED) & set(STAYS)
    assert _leading() - set(WIPED) - set(STAYS) == set()
    assert (set(WIPED) | set(STAYS)) - set(_tables()) == set()


def test_what_refers_to_a_row_is_emptied_before_it() -> None:
    order = list(WIPED)
    for name in order:
        for key in _tables()[name].foreign_keys:
            parent = key.column.table.name
            if parent in WIPED and parent != name:
                assert order.index(name) < order.index(parent), (name, parent)


def test_every_other_use_of_the_city_s_scope_is_known() -> None:
    """Whoever asks at a facility's page whether somebody keeps the whole city must ask `over_city`."""
    doors = Path(booking.__file__).parent / "desk"
    asking = {
        path.relative_to(doors).as_posix()
        for path in doors.rglob("*.py")
        if "staff.everywhere" in path.read_text(encoding="utf-8")
    }
    assert asking == {"closings/city.py", "staff.py"}, "these have no facility in their address"
