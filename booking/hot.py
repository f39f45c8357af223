"""Statements that are a whole transaction in themselves: compiled once at import, run by the driver in autocommit.

Building a select per request costs more than running it, and a unit of work more than both; so the two hot paths
(taking a place, listing slots) are written in SQLAlchemy Core, compiled here, and handed to asyncpg as text.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

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


class Statement:
    """A Core statement as text with numbered parameters, and the order of their names."""

    def __init__(self, clause: ClauseElement) -> None:
        compiled: Any = clause.compile(dialect=dialect())
        self.sql: str = compiled.string
        self._names: tuple[str, ...] = tuple(compiled.positiontup or ())
        self._fixed: dict[str, Any] = {name: value for name, value in compiled.params.items() if value is not None}

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """The values in the statement's order; constants of the statement are filled in.

        Raises:
            KeyError: a parameter was left out: a programming error.
        """
        return [values[name] if name in values else self._fixed[name] for name in self._names]
