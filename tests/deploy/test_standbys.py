"""Whether a commit would be confirmed is read by the role of web processes, while nothing can be committed."""

import subprocess
import time
from collections.abc import Iterator

import pytest

from booking.clock import utc_now
from booking.db import Database
from booking.migrations.upgrading import grant, migrate
from booking.watch import queries
from tests import postgres
from tests.deploy.installed import database_as, make_roles
from tests.postgres import Cluster, apart, binaries

_TRIES = 200


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with postgres.running() as made:
        make_roles(made)
        migrate(database_as(made, "owner"))
        grant(database_as(made, "owner"))
        yield made


def _wants(server: Cluster, names: str) -> None:
    server.hands.sql(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
    server.hands.sql("SELECT pg_reload_conf()")


def _read(server: Cluster) -> dict[str, float]:
    async def go() -> dict[str, float]:
        db = Database(database_as(server, "web"))
        try:
            async with db.transaction() as session:
                found = await queries.look(session, now=utc_now())
        finally:
            await db.close()
        return {one.name: one.value for one in found if one.name.startswith("sync_")}

    return apart(go)


def _becomes(server: Cluster, wanted: dict[str, float]) -> None:
    for _ in range(_TRIES):
        if (found := _read(server)) == wanted:
            return
        time.sleep(0.05)
    raise AssertionError(found)


def test_a_standby_that_confirms_is_seen_and_so_is_that_it_is_gone(server: Cluster) -> None:
    _becomes(server, {"sync_wanted": 0.0, "sync_standbys": 0.0})
    _wants(server, "*")
    _becomes(server, {"sync_wanted": 1.0, "sync_standbys": 0.0})
    found = binaries(server.major)
    assert found is not None
    with postgres.scratch() as folder:
        taken = folder / "wal"
        taken.mkdir()
        standby = subprocess.Popen(
            [str(found / "pg_receivewal"), "--synchronous", "-D", str(taken), "-d", server.server.url("postgres")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _becomes(server, {"sync_wanted": 1.0, "sync_standbys": 1.0})
        finally:
            standby.kill()
            standby.wait()
    _becomes(server, {"sync_wanted": 1.0, "sync_standbys": 0.0})


def test_control_a_role_that_may_not_look_says_no_number(server: Cluster) -> None:
    _wants(server, "")
    server.hands.sql("REVOKE pg_read_all_stats FROM henkham_web")
    _becomes(server, {"sync_wanted": 0.0})
    server.hands.sql("GRANT pg_read_all_stats TO henkham_web")
    _becomes(server, {"sync_wanted": 0.0, "sync_standbys": 0.0})
