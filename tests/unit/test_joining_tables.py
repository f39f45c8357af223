"""Joining two records forgets no table: what refers to a patient follows the kept one, or says why it stays."""

import importlib
import pkgutil
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel

import booking
from booking.records.joining import FOLLOWS, STAYS


def _leading_to_a_patient() -> set[str]:
    for module in pkgutil.walk_packages(booking.__path__, "booking."):
        if module.name.endswith("models"):
            importlib.import_module(module.name)

    def leads(table: sa.Table) -> bool:
        return any(key.column.table.name == "patient" for key in table.foreign_keys)

    return {name for name, table in SQLModel.metadata.tables.items() if leads(table)}


def test_every_table_that_leads_to_a_patient_follows_or_says_why_not() -> None:
    assert _leading_to_a_patient() == set(FOLLOWS) | set(STAYS)
    for name in FOLLOWS:
        columns: Any = SQLModel.metadata.tables[name].c
        assert {"id", "patient_id"} <= set(columns.keys())
