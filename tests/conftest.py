"""Fixtures all tests share: servers, databases cloned from the migrated template, the app, its clients.

Tests in tests/integration run on PostgreSQL 18 and, where its binaries are present, on 15 too: those marked
`postgres15` always, the others in `make test-all`. Every database a test used is asked at the end whether an invariant
is broken. With `-n` each worker has servers of its own.
"""

import contextlib
import gc
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import asyncpg
import httpx
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI, routing

from booking import db as db_module
from booking import sealed
from booking.access import passwords
from booking.appointments import invariants
from booking.db import Database
from booking.main import create_app
from booking.migrations.upgrading import migrate
from booking.sealed import Keyring
from booking.settings import Settings, load
from tests import once, postgres
from tests.markup import faults
from tests.postgres import Cluster, apart
from tests.sharing import shared_out

FULL = os.environ.get("HENKHAM_TESTS_FULL") == "1"
"""Whether everything runs at its full count (`make test-all`)."""
TEST_KEYS = {
    "HENKHAM_SEAL_KEY": "for-tests-only-6f1c0b9e5a7d4832-seal",
    "HENKHAM_INDEX_KEY": "for-tests-only-91d2e3f4a5b6c7d8-index",
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Integration tests run once for each PostgreSQL that is present: all in a full run, else those that are marked."""
    if "major" in metafunc.fixturenames:
        integration = "integration" in Path(metafunc.definition.path).parts
        both = integration and (FULL or metafunc.definition.get_closest_marker("postgres15") is not None)
        metafunc.parametrize("major", postgres.present() if both else [postgres.WHEEL], ids=lambda m: f"pg{m}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests begin; see tests/sharing.py."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    items[:] = shared_out(items, workers, folder=lambda one: one.path.parent.name, file=lambda one: str(one.path))


@pytest.fixture(scope="session")
def clusters() -> Iterator[Callable[[int], Cluster]]:
    """The running server of a major version, started when first asked for."""
    with ExitStack() as stack:
        running: dict[int, Cluster] = {}

        def cluster(major: int) -> Cluster:
            if major not in running:
                running[major] = stack.enter_context(postgres.running(major))
            return running[major]

        yield cluster


@pytest.fixture
def cluster(clusters: Callable[[int], Cluster], major: int) -> Cluster:
    """The server this test runs on."""
    return clusters(major)


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    """A migrated, empty database of this test's own; its invariants are checked when the test is over."""
    with cluster.database(cluster.template(migrate)) as url:
        yield url
        assert_invariants(url)


def assert_invariants(url: str) -> None:
    """No rule of booking/appointments/invariants.sql is broken in this database."""

    async def ask() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(url)
        try:
            (filled,) = await connection.fetchrow(_which_are_filled())
            asked = [query for table, query in _every_rule() if table in filled]
            found: list[asyncpg.Record] = await connection.fetch(" UNION ALL ".join(asked)) if asked else []
        finally:
            await connection.close()
        return found

    found = [tuple(row) for row in apart(ask)]
    assert not found, f"invariants broken: {found}"


@cache
def _every_rule() -> list[tuple[str, str]]:
    """Each rule's first table, and a query for what breaks it; where that table is empty nothing does.

    They go in one, without our engine: after every test, to a database that never saw them before, so that to plan them
    is the most of it.
    """
    ever = f"timestamptz '{invariants.EVER.isoformat()}'"
    rules = []
    for name, query in invariants.invariants().items():
        (table,) = re.findall(r"^FROM (\w+)", query, re.MULTILINE)
        asked = re.sub(r"(?<!:):since\b", ever, query)
        rules.append((table, f"(SELECT '{name}', row_to_json(broken)::text FROM ({asked}) AS broken LIMIT 10)"))
    return rules


@cache
def _which_are_filled() -> str:
    """A query for those of the first tables that hold any row."""
    tables = sorted({table for table, _ in _every_rule()})
    return f"SELECT ARRAY[{', '.join(f'CASE WHEN EXISTS (TABLE {table}) THEN {table!r} END' for table in tables)}]"


def environment(url: str, **more: str) -> dict[str, str]:
    """What a process of the service needs to run on a test's database."""
    return {
        "DATABASE_URL": url,
        "PUBLIC_BASE_URL": "http://127.0.0.1:8000",
        "HENKHAM_ENVIRONMENT": "test",
        "HENKHAM_SMS_PROVIDER": "console",
        "HENKHAM_LIMIT_ADDRESS_PER_10_MINUTES": "1000000",
        "HENKHAM_LIMIT_HOLDS_PER_10_MINUTES": "1000000",
        **({"HENKHAM_TESTS_FULL": "1"} if FULL else {}),
        **TEST_KEYS,
        **more,
    }


@pytest.fixture
def settings(database_url: str) -> Settings:
    """Settings of this test; its keys are installed."""
    made = load(environment(database_url))
    sealed.install(made.keyring())
    return made


@pytest.fixture(autouse=True)
def _keys() -> None:
    """Every test has keys: sealing is not an option of the product."""
    sealed.install(_keyring())


@cache
def _keyring() -> Keyring:
    return load(environment("postgresql://nobody@127.0.0.1/none")).keyring()


@pytest.fixture(autouse=True, scope="session")
def _built_once() -> Iterator[None]:
    """Applications of a run share their routes and engines the SQL they compiled.

    What was imported stays until the end: the collector of garbage need not look through it again and again.
    """
    gc.collect()
    gc.freeze()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(db_module, "create_async_engine", once.engine)
        patch.setattr(asyncpg.Connection, "_introspect_types", once.introspected)
        patch.setattr(routing._EffectiveRouteContext, "from_api_route", once.route)
        yield


@pytest.fixture(autouse=True)
def _cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing costs a tenth of a second on purpose; a test that signs in forty times has no use for that."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio, like the product."""
    return "asyncio"


@pytest.fixture
async def db(settings: Settings) -> AsyncIterator[Database]:
    """The database as a process has it."""
    database = Database(settings.database_url, pool=8)
    yield database
    await database.close()


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    """The web application on this test's database."""
    return create_app(settings)


async def judged(answer: httpx.Response) -> None:
    """Refuse a page whose HTML has a fault, in whichever test it is fetched."""
    if answer.request.method != "HEAD" and answer.headers.get("content-type", "").startswith("text/html"):
        found = faults((await answer.aread()).decode())
        assert not found, f"{answer.request.method} {answer.request.url.path}: {found}"


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the app, without sockets. It judges the HTML of every page it fetches."""
    transport = httpx.ASGITransport(app=app)
    hooks = {"response": [judged]}
    async with httpx.AsyncClient(transport=transport, base_url="http://henkham.test", event_hooks=hooks) as made:
        yield made
    with contextlib.suppress(RuntimeError):
        await app.state.db.close()
