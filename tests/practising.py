"""What tests of the place to practise share: it beside a real station, and somebody real with a sample's very name."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from booking import clock, sealed
from booking.access.kinds import Role
from booking.actor import system
from booking.db import Database
from booking.migrations.upgrading import migrate
from booking.settings import load
from booking.training import sample, service
from tests import places, seeds, staff
from tests.conftest import assert_invariants, environment
from tests.places import SERVICE, STATION
from tests.postgres import Cluster

BY = system("tests")
PRACTICE = f"/desk/{sample.CODE}"


async def count(db: Database, table: str) -> int:
    """Rows of a table."""
    return int(await seeds.value(db, f"SELECT count(*) FROM {table}"))


async def place(db: Database) -> int:
    """The id of the place."""
    return int(await seeds.value(db, "SELECT id FROM facility WHERE training"))


async def signed_in(client: httpx.AsyncClient, db: Database, role: Role = Role.CLERK) -> None:
    """Sit down at the desk in a role."""
    scope = [] if role in (Role.CITY_ADMIN, Role.AUDITOR) else [STATION]
    await staff.add(db, f"{role.value.replace('_', '-')}.mau", role, scope)
    client.cookies.set("desk", await staff.sign_in(db, f"{role.value.replace('_', '-')}.mau") or "")
    client.headers["sec-fetch-site"] = "same-origin"


async def slot(db: Database) -> int:
    """A time of the place, from tomorrow on."""
    sql = "SELECT s.id FROM slot s JOIN facility f ON f.id = s.facility_id WHERE f.training AND s.open"
    return int(await seeds.value(db, f"{sql} AND s.starts_at > now() + interval '1 day' ORDER BY s.id LIMIT 1"))


async def real_visit(db: Database, client: httpx.AsyncClient, **of: str) -> str:
    """Somebody real, of the very name, birth and telephone of a sample, books at the real station."""
    one = sample.BOOKED[7]
    assert not isinstance(one.birth, int)
    slot = await seeds.value(db, "SELECT s.id FROM slot s JOIN facility f ON f.id = s.facility_id"
                                 " WHERE f.code = :code ORDER BY s.id LIMIT 1", code=STATION)  # fmt: skip
    who = {"name": one.name, "birth_date": one.birth.isoformat(), "phone": sample.phone_of(8)} | of
    body = {"facility": STATION, "service": SERVICE, "slot": slot, "patient": who}
    answer = await client.post("/api/v1/appointments", json=body, headers={"idempotency-key": "a-real-person-books"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["code"])


async def make(db: Database) -> None:
    """A real station, and the place to practise."""
    async with db.transaction() as session:
        await places.make(session, clock.utc_now())
        await service.begin_anew(session, by=BY, now=clock.utc_now())


def beside_a_station(url: str) -> None:
    """Fill a template database with what `make` makes: to begin a place takes longer than all that is tried in it."""

    async def fill() -> None:
        db = Database(url, pool=1)
        await make(db)
        await db.close()

    sealed.install(load(environment(url)).keyring())
    migrate(url)
    asyncio.run(fill())


@contextmanager
def database(cluster: Cluster) -> Iterator[str]:
    """A database of a test's own with both in it; its invariants are checked when the test is over."""
    with cluster.database(cluster.template(beside_a_station)) as url:
        yield url
        assert_invariants(url)
