"""Column types all tables share: moments with a zone, enums as checked text."""

from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, DateTime, Dialect, Text
from sqlalchemy.types import TypeDecorator

Moment = DateTime(timezone=True)
"""`timestamptz`, everywhere."""


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
