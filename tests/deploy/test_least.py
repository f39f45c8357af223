"""Web processes take away what pages take away, and no visit, no person, no text, whatever somebody makes them say."""

from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from booking import clock
from booking.db import Database
from booking.migrations.upgrading import grant, migrate
from booking.training import sample, service, wiping
from tests import postgres, practising
from tests.deploy import deleting
from tests.deploy.installed import database_as, make_roles
from tests.places import STATION
from tests.postgres import Cluster, apart

RECORDS = (
    "account", "appointment", "audit_event", "audit_seal", "consent", "data_request", "facility", "invitation",
    "message", "patient", "profile", "slot", "staff", "verification_code", "waitlist_entry",
)  # fmt: skip


@pytest.fixture(scope="module")
def roles() -> Iterator[Cluster]:
    """A database of the roles of deploy/postgresql/roles.sql, with a station and the place to practise."""
    with postgres.running() as made:
        make_roles(made)
        migrate(database_as(made, "owner"))
        practising.beside_a_station(database_as(made, "owner"))
        grant(database_as(made, "owner"))
        yield made


def _asked(roles: Cluster, role: str, statement: str, *values: Any) -> Any:
    async def go() -> Any:
        connection = await asyncpg.connect(database_as(roles, role))
        try:
            return await connection.fetchval(statement, *values)
        finally:
            await connection.close()

    return apart(go)


def test_every_place_of_the_code_that_takes_rows_away_says_who_comes_there() -> None:
    told = set(deleting.PAGES) | deleting.SCHEDULER | deleting.BY_FUNCTION
    assert deleting.found() - told == set(), "may web processes come there? Then grants.sql says so too"
    assert told - deleting.found() == set()


def test_web_processes_may_delete_what_pages_take_away_and_nothing_else(roles: Cluster) -> None:
    listed = (
        "SELECT array_agg(relname::text) FROM pg_class WHERE relkind IN ('r', 'p')"
        " AND relnamespace = 'public'::regnamespace AND has_table_privilege($1, oid, 'DELETE')"
    )
    may = set(_asked(roles, "owner", listed, "henkham_web"))
    assert may == frozenset().union(*deleting.PAGES.values())
    assert not may & set(RECORDS)
    assert set(_asked(roles, "owner", listed, "henkham_scheduler")) > may | {"appointment", "patient", "message"}
    assert _asked(roles, "owner", listed, "henkham_report") is None


@pytest.mark.parametrize("table", RECORDS)
def test_no_record_of_anybody_is_deleted_by_a_web_process(roles: Cluster, table: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        _asked(roles, "web", f"DELETE FROM {table} WHERE false")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        _asked(roles, "web", f"TRUNCATE {table} CASCADE")


def test_control_what_is_given_is_given(roles: Cluster) -> None:
    for table in sorted(frozenset().union(*deleting.PAGES.values())):
        _asked(roles, "web", f"DELETE FROM {table} WHERE false")
    _asked(roles, "scheduler", "DELETE FROM appointment WHERE false")


@pytest.mark.parametrize("role", ["web", "scheduler"])
def test_the_place_to_practise_is_begun_anew_without_that_right(roles: Cluster, role: str) -> None:
    invented = "SELECT count(*) FROM patient WHERE training"
    _asked(roles, "owner", "UPDATE patient SET name = 'Xóa Đi Mẫu' WHERE training")
    real = _asked(
        roles, "owner", "SELECT count(*) FROM slot s JOIN facility f ON f.id = facility_id WHERE NOT f.training"
    )

    async def go() -> None:
        database = Database(database_as(roles, role), pool=1)
        try:
            async with database.transaction() as session:
                await service.begin_anew(session, by=practising.BY, now=clock.utc_now())
        finally:
            await database.close()

    apart(go)
    assert _asked(roles, "owner", invented) == len(sample.BOOKED)
    assert _asked(roles, "owner", f"{invented} AND name = 'Xóa Đi Mẫu'") == 0
    assert real == _asked(
        roles, "owner", "SELECT count(*) FROM slot s JOIN facility f ON f.id = facility_id WHERE NOT f.training"
    )


WIPE = "SELECT practice_wipe((SELECT id FROM facility WHERE code = $1), '{}', '{}', '{}')"


def test_the_function_knows_no_place_but_the_one_to_practise(roles: Cluster) -> None:
    slots = "SELECT count(*) FROM slot s JOIN facility f ON f.id = s.facility_id WHERE f.code = $1"
    before = _asked(roles, "owner", slots, STATION)
    assert before
    for role in ("web", "scheduler", "owner"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="only what was practised"):
            _asked(roles, role, WIPE, STATION)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for function"):
        _asked(roles, "report", WIPE, sample.CODE)
    assert _asked(roles, "owner", slots, STATION) == before


def test_the_function_does_what_the_code_lists(roles: Cluster) -> None:
    source = _asked(roles, "owner", "SELECT prosrc FROM pg_proc WHERE proname = 'practice_wipe'")
    done = [line.strip() for line in source.splitlines() if line.strip().startswith("DELETE")]
    assert done == wiping.statements(), "a new line of WIPED needs a migration that makes the function anew"
