"""Statements that are a whole transaction in themselves: compiled once at import, run by the driver in autocommit.

Building a select per request costs more than running it, and a unit of work more than both; so the two hot paths
(taking a place, listing slots) are written in SQLAlchemy Core, compiled here, and handed to asyncpg as text.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import ColumnElement, func, literal_column
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.sql import ClauseElement


class Hot(Protocol):
    """What a single-statement service may use of asyncpg's connection."""

    async def fetchrow(self, query: str, *args: object) -> Mapping[str, Any] | None:
        """The first row, or None."""

    async def fetch(self, query: str, *args: object) -> Sequence[Mapping[str, Any]]:
        """All rows."""

    async def fetchval(self, query: str, *args: object) -> Any:
        """The first value of the first row, or None."""


_PARAMETER = re.compile(r"\$(\d+)(::[A-Z]+(?: [A-Z]+)*)?")


class Statement:
    """A Core statement as text with numbered parameters, and the order of their names.

    Constants that SQLAlchemy made parameters of are written into the text again: fewer values travel, and the planner
    sees them.
    """

    def __init__(self, clause: ClauseElement) -> None:
        compiled: Any = clause.compile(dialect=dialect())  # type: ignore[no-untyped-call]
        positions: list[str] = list(compiled.positiontup or ())
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        self._names = tuple(name for name in positions if name not in constants)
        number = {name: index for index, name in enumerate(self._names, 1)}

        def written(found: re.Match[str]) -> str:
            name = positions[int(found[1]) - 1]
            cast = found[2] or ""
            return f"{_literal(constants[name])}{cast}" if name in constants else f"${number[name]}{cast}"

        self.sql = _PARAMETER.sub(written, compiled.string)

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """The values in the statement's order.

        Raises:
            KeyError: a parameter was left out: a programming error.
        """
        return [values[name] for name in self._names]


def json_object(**members: Any) -> ColumnElement[Any]:
    """`json_build_object` over columns; a nested dict of columns is a nested object."""
    parts: list[Any] = []
    for name, value in members.items():
        parts += [literal_column(_literal(name)), json_object(**value) if isinstance(value, dict) else value]
    return func.json_build_object(*parts)


def _literal(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise TypeError(f"no literal for {value!r}: pass it as a parameter")
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"
