"""What each test would build anew and is the same each time: built once for a whole run.

Each test has a database of its own, and so an engine and an application of its own. An engine compiles every statement
it has not seen, and asks the server how it is set; a connection asks for the database's own types; an application reads
the signatures of all its handlers at its first request. For a test that signs somebody in this is more than all the
rest.
"""

from collections.abc import Collection
from types import SimpleNamespace
from typing import Any

from asyncpg import Connection
from fastapi import routing
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import LRUCache

_COMPILED: LRUCache[Any, Any] = LRUCache(4000)
_ROUTES: dict[tuple[int, str], Any] = {}
_TYPES: dict[Any, Any] = {}
_SETTINGS: dict[Any, dict[str, Any]] = {}
_read = routing._EffectiveRouteContext.from_api_route
_introspect = Connection._introspect_types


class _Alike(PGDialect_asyncpg):
    """A dialect that equals every other one of the same server version: dialects are part of a statement's key."""

    supports_statement_cache = True

    def _version(self) -> object:
        return self.__dict__.get("server_version_info")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Alike) and self._version() == other._version()

    def __hash__(self) -> int:
        return hash(_Alike)

    def initialize(self, connection: Any) -> None:
        """What SQLAlchemy asks of the server at an engine's first connection; of each server once."""
        key = _server(connection.connection.driver_connection)
        if key in _SETTINGS:
            self.__dict__ |= _SETTINGS[key]
            return
        before = dict(self.__dict__)
        super().initialize(connection)  # type: ignore[no-untyped-call]
        _SETTINGS[key] = {name: told for name, told in self.__dict__.items() if before.get(name, self) is not told}


def _server(connection: Connection) -> object:
    """A server: its port may be another's later, its password is its own."""
    return connection._addr, connection._params.password


async def introspected(connection: Connection, oids: Collection[int], timeout: float | None) -> Any:  # noqa: ASYNC109
    """The types of a database: their numbers are a server's, and never used twice; copies of a database share them."""
    key = _server(connection), frozenset(oids)
    if key not in _TYPES:
        _TYPES[key], _ = await _introspect(connection, oids, timeout)
    return _TYPES[key], SimpleNamespace(name="asked before")


def engine(*args: Any, **more: Any) -> AsyncEngine:
    """`create_async_engine`, compiling only what no engine of this run has compiled."""
    made = create_async_engine(*args, **more)
    made.dialect.__class__ = _Alike
    made.sync_engine._compiled_cache = _COMPILED
    return made


def route(*, original_route: Any, include_context: Any) -> Any:
    """A route of the product under its whole path, its handler's signature read once.

    It remembers the first application, for the sake of `dependency_overrides` alone, which nobody here uses.
    """
    key = id(original_route), include_context.path_for(original_route)
    if key not in _ROUTES:
        _ROUTES[key] = _read(original_route=original_route, include_context=include_context)
    return _ROUTES[key]
