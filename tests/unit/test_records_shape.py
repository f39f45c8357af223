"""The file a person takes away is complete: every column of every table that leads to her is shown or left out why."""

import importlib
import pkgutil
from collections.abc import Collection

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel

import booking
from booking.records.shape import APART, SECTIONS

BY_NUMBER = frozenset({"verification_code", "message", "message_receipt", "audit_event", "number_standing"})
"""Found by a number or a public id, not by a foreign key."""

TELLING = frozenset({"patient_id", "account_id", "phone_index", "name_folded", "profile_id"})
"""A column of such a name in a table without foreign keys leads to a person all the same."""


def _load_all_models() -> None:
    for module in pkgutil.walk_packages(booking.__path__, "booking."):
        if module.name.endswith("models"):
            importlib.import_module(module.name)


def leading(tables: sa.MetaData) -> set[str]:
    """Tables from which foreign keys lead to a patient or an account, or whose columns name one."""
    found = {"patient", "account"} | {
        name for name, table in tables.tables.items() if TELLING & {column.name for column in table.columns}
    }
    while True:
        more = {
            name
            for name, table in tables.tables.items()
            if name not in found and any(key.column.table.name in found for key in table.foreign_keys)
        }
        if not more:
            return found
        found |= more


def missing(tables: sa.MetaData, wanted: Collection[str]) -> list[str]:
    """Columns that are neither shown nor left out, and tables nobody thought of."""
    gaps = []
    for name in sorted(wanted):
        if name in APART:
            continue
        section = SECTIONS.get(name)
        if section is None:
            gaps.append(name)
            continue
        known = {*section.shown, *section.left_out}
        gaps += [f"{name}.{column.name}" for column in tables.tables[name].columns if column.name not in known]
    return gaps


@pytest.fixture
def tables() -> sa.MetaData:
    _load_all_models()
    return SQLModel.metadata


def test_every_column_that_leads_to_a_person_is_shown_or_left_out_with_a_reason(tables: sa.MetaData) -> None:
    assert missing(tables, leading(tables) | BY_NUMBER) == []


def test_control_a_new_column_or_table_is_missed(tables: sa.MetaData) -> None:
    copy = sa.MetaData()
    for table in tables.tables.values():
        table.to_metadata(copy)
    copy.tables["patient"].append_column(sa.Column("blood_group", sa.Text))
    sa.Table("allergy", copy, sa.Column("id", sa.Integer), sa.Column("of", sa.ForeignKey("patient.id")))
    assert missing(copy, leading(copy) | BY_NUMBER) == ["allergy", "patient.blood_group"]


def test_nothing_is_shown_that_is_not_there_nor_shown_and_left_out_at_once(tables: sa.MetaData) -> None:
    for name, section in SECTIONS.items():
        columns = {column.name for column in tables.tables[name].columns}
        assert {*section.shown, *section.left_out} <= columns, name
        assert not {*section.shown} & {*section.left_out}, name
        assert len(set(section.shown.values())) == len(section.shown), name
    assert len({section.name for section in SECTIONS.values()}) == len(SECTIONS)


def test_no_hash_and_no_secret_is_shown() -> None:
    for name, section in SECTIONS.items():
        for column in section.shown:
            assert not column.endswith(("_index", "_hash", "_key")) or column == "source_key", (name, column)
            assert column not in {"secret", "token_version", "device", "marks", "asker"}, (name, column)
