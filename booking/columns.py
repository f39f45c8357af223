"""The few sorts of column all tables are made of, so that a table reads as a list of facts."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Identity,
    Integer,
    Text,
    TextClause,
    text,
)
from sqlalchemy.types import TypeDecorator

Moment = DateTime(timezone=True)
"""`timestamptz`, everywhere."""


LOCAL_DAY = "((starts_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date)"
"""The service day, for a stored generated column: between 00:00 and 07:00 local the UTC date is another."""


class EnumText(TypeDecorator[StrEnum]):
    """A StrEnum stored as text. Its CHECK constraint is named by hand in the table (`one_of`)."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: type[StrEnum]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: StrEnum | str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """A member or its text; anything else is a programming error and raises ValueError."""
        return None if value is None else self.kind(value).value

    def process_result_value(self, value: Any | None, dialect: Dialect) -> StrEnum | None:  # noqa: ARG002
        """The member."""
        return None if value is None else self.kind(value)


def one_of(column: str, kind: type[StrEnum], *, name: str) -> CheckConstraint:
    """`CHECK (column IN (...))` over the members of an enum."""
    members = ", ".join(f"'{member.value}'" for member in kind)
    return CheckConstraint(f"{column} IN ({members})", name=name)


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
    """A member of an enum, as text; the table adds `one_of`."""
    return Column(EnumText(kind), nullable=False)


def optional_choice(kind: type[StrEnum]) -> Column[StrEnum]:
    """A member of an enum or nothing yet."""
    return Column(EnumText(kind), nullable=True)


def state_in(states: Iterable[StrEnum]) -> TextClause:
    """`state IN (...)`, for partial indexes."""
    return text("state IN ({})".format(", ".join(f"'{state.value}'" for state in states)))
