"""How often one number and one address may book."""

import httpx
import pytest

from booking import sealed
from booking.db import Database
from booking.main import create_app
from booking.settings import load
from tests import people, seeds
from tests.asking import BOOK, book, hold, new_key, refused
from tests.conftest import environment

pytestmark = pytest.mark.anyio


async def _client(url: str, **settings: str) -> tuple[httpx.AsyncClient, Database]:
    made = load(environment(url, **settings))
    sealed.install(made.keyring())
    app = create_app(made)
    database: Database = app.state.db
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://henkham.test"), database


async def test_a_number_may_be_booked_for_so_often_a_day(db: Database, database_url: str) -> None:
    world = await seeds.seed(db, capacities=[9])
    client, database = await _client(database_url, HENKHAM_LIMIT_PHONE_PER_DAY="3")
    key = new_key()
    for number in range(3):
        person = people.patient(number, phone=people.phone(1))
        answer = await client.post(
            BOOK, json=world.booking(world.slots[0], person), headers=key if number == 0 else new_key()
        )
        assert answer.status_code == 201
    before = await seeds.everything(db)
    fourth = await book(client, world, world.slots[0], 4, phone="+84" + people.phone(1)[1:])
    problem = refused(fourth, 429, "tried_too_often")
    assert (problem["limit"], problem["most"]) == ("phone", 3)
    assert 0 < int(fourth.headers["retry-after"]) <= 86_400
    assert await seeds.everything(db) == before
    # A repeat is not one more, and another number is not meant.
    again = await client.post(
        BOOK, json=world.booking(world.slots[0], people.patient(0, phone=people.phone(1))), headers=key
    )
    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    assert (await book(client, world, world.slots[0], 5)).status_code == 201
    # A held place does not help past the limit either.
    held = (await hold(client, world, world.slots[0])).json()
    confirm = {"hold": held["code"], "patient": people.patient(6, phone=people.phone(1))}
    token = {"Authorization": f"Bearer {held['token']}"}
    refused(await client.post(BOOK, json=confirm, headers=new_key() | token), 429, "tried_too_often")
    await client.aclose()
    await database.close()


async def test_an_address_may_try_so_often(db: Database, database_url: str) -> None:
    world = await seeds.seed(db, capacities=[9])
    client, database = await _client(database_url, HENKHAM_LIMIT_ADDRESS_PER_10_MINUTES="3")
    assert [(await book(client, world, world.slots[0], number)).status_code for number in (1, 2, 3)] == [201] * 3
    before = await seeds.everything(db)
    for answer in (await book(client, world, world.slots[0], 4), await hold(client, world, world.slots[0])):
        assert refused(answer, 429, "tried_too_often")["limit"] == "address"
        assert 0 < int(answer.headers["retry-after"]) <= 600
    assert await seeds.everything(db) == before
    assert (await client.get("/api/v1/facilities")).status_code == 200
    await client.aclose()
    await database.close()


async def test_control_with_wide_limits_nothing_is_refused(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db, capacities=[9])
    person = {"phone": people.phone(1)}
    assert [(await book(client, world, world.slots[0], n, **person)).status_code for n in range(6)] == [201] * 6
