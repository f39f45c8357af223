"""The tables and the small words the hot statements of bookings are written with."""

from typing import Any

from sqlalchemy import ColumnElement, Text, bindparam, func, literal_column
from sqlmodel import SQLModel

import booking.appointments.models
import booking.messages.models
import booking.patients.models
import booking.trail.models  # noqa: F401  makes the tables known

appointment = SQLModel.metadata.tables["appointment"]
place_left = SQLModel.metadata.tables["place_left"]
patient = SQLModel.metadata.tables["patient"]
message = SQLModel.metadata.tables["message"]
audit_event = SQLModel.metadata.tables["audit_event"]
rate_counter = SQLModel.metadata.tables["rate_counter"]
idempotency_record = SQLModel.metadata.tables["idempotency_record"]

BOOKED: ColumnElement[Any] = literal_column("'booked'")
HELD: ColumnElement[Any] = literal_column("'held'")


def given(name: str, kind: Any = Text) -> ColumnElement[Any]:
    """A parameter of the statement."""
    return bindparam(name, type_=kind)


def minutes(number: ColumnElement[Any]) -> ColumnElement[Any]:
    """An interval of so many minutes."""
    none: ColumnElement[Any] = literal_column("0")
    return func.make_interval(none, none, none, none, none, number)
