"""The few sorts of column all tables are made of, so that a table reads as a list of facts."""

import re
from collections.abc import Collection, Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Dialect,
    ForeignKey,
    Identity,
    Integer,
    Text,
    TextClause,
    all_,
    literal,
    text,
)
from sqlalchemy.dialects.postgresql import ENUM
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped
from sqlalchemy.types import TypeDecorator

Moment = DateTime(timezone=True)
"""`timestamptz`, everywhere."""


LOCAL_DAY = "((starts_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date)"
"""The service day, for a stored generated column: between 00:00 and 07:00 local the UTC date is another."""


class Choice(TypeDecorator[StrEnum]):
    """A member of a StrEnum, stored as an enum of PostgreSQL's own, `appointment_state` for AppointmentState.

    A CHECK would do as well and cost more: PostgreSQL parses every CHECK of a table anew for each statement that writes
    to it, and a booking writes to six tables.
    """

    impl = ENUM
    cache_ok = True

    def __init__(self, kind: type[StrEnum]) -> None:
        super().__init__(*(member.value for member in kind), name=type_name(kind), create_type=False)
        self.kind = kind

    def process_bind_param(self, value: StrEnum | str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """A member or its text; anything else is a programming error and raises ValueError."""
        return None if value is None else self.kind(value).value

    def process_result_value(self, value: Any | None, dialect: Dialect) -> StrEnum | None:  # noqa: ARG002
        """The member."""
        return None if value is None else self.kind(value)


def type_name(kind: type[StrEnum]) -> str:
    """The name of an enum in the database."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower()


def key() -> Column[int]:
    """The row's own id: `bigint`, given by the database; never shown outside where it would tell something."""
    return Column(BigInteger, Identity(), primary_key=True)


def ref(target: str, *, name: str, optional: bool = False) -> Column[int]:
    """A foreign key to `table.id`, its constraint named by hand."""
    return Column(BigInteger, ForeignKey(target, name=name), nullable=optional)


def copied_ref(*, optional: bool = False) -> Column[int]:
    """An id copied from a row we refer to already (a visit's facility is its slot's).

    No foreign key of its own: each insert would put a shared lock on the one row of a busy facility, for nothing.
    """
    return Column(BigInteger, nullable=optional)


def words(*, optional: bool = False, bytewise: bool = False) -> Column[str]:
    """Text; `bytewise` for sort keys computed by us, which must not pass through the server's locale."""
    return Column(Text(collation="C") if bytewise else Text, nullable=optional)


def number(*, optional: bool = False) -> Column[int]:
    """An integer."""
    return Column(Integer, nullable=optional)


def flag() -> Column[bool]:
    """Yes or no."""
    return Column(Boolean, nullable=False)


def moment(*, optional: bool = False) -> Column[datetime]:
    """A moment with its zone."""
    return Column(Moment, nullable=optional)


def choice(kind: type[StrEnum]) -> Column[StrEnum]:
    """A member of an enum."""
    return Column(Choice(kind), nullable=False)


def optional_choice(kind: type[StrEnum]) -> Column[StrEnum]:
    """A member of an enum or nothing yet."""
    return Column(Choice(kind), nullable=True)


def state_in(states: Iterable[StrEnum]) -> TextClause:
    """`state IN (...)`, for partial indexes."""
    return text("state IN ({})".format(", ".join(f"'{state.value}'" for state in states)))


def none_of(column: Mapped[int | None], ids: Collection[int]) -> ColumnElement[bool]:
    """Whether an id is none of these, of which there may be more than a statement has parameters."""
    return column != all_(literal(list(ids), ARRAY(BigInteger)))


def constraint_of(problem: IntegrityError) -> str | None:
    """The name of the constraint or unique index that refused a statement; None where there is none."""
    cause = problem.orig.__cause__ if problem.orig else None
    name: str | None = getattr(cause, "constraint_name", None)
    return name
