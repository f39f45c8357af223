"""How often one number and one address may book."""

import asyncio
import re
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from booking import sealed
from booking.appointments import service, statements
from booking.db import Database
from booking.hot import Statement
from booking.main import create_app
from booking.sealed import keys
from booking.settings import load
from booking.web.limits import network
from tests import people, seeds
from tests.asking import BOOK, book, booked, hold, new_key, opens, refused
from tests.conftest import environment
from tests.races import until

pytestmark = [pytest.mark.anyio]


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


async def _move(client: httpx.AsyncClient, made: dict[str, Any], slot: int) -> httpx.Response:
    return await client.post(f"{BOOK}/{made['code']}/reschedule", json={"slot": slot}, headers=opens(made))


async def test_each_move_counts_like_a_booking_and_a_cancel_is_free(db: Database, database_url: str) -> None:
    world = await seeds.seed(db, capacities=[2, 2])
    client, database = await _client(database_url, HENKHAM_LIMIT_PHONE_PER_DAY="3")
    made = await booked(client, world, world.slots[0])
    there, back = world.slots[1], world.slots[0]
    assert [(await _move(client, made, slot)).status_code for slot in (there, there, back)] == [200] * 3
    before = await seeds.everything(db)
    fourth = await _move(client, made, there)
    assert refused(fourth, 429, "tried_too_often")["limit"] == "phone"
    assert 0 < int(fourth.headers["retry-after"]) <= 86_400
    assert await seeds.everything(db) == before
    assert await seeds.value(db, "SELECT tries FROM rate_counter WHERE limit_name = 'phone'") == 3
    refused(await book(client, world, there, 1, name="Nguyễn Văn Khác Mẫu"), 429, "tried_too_often")
    assert (await client.post(f"{BOOK}/{made['code']}/cancel", headers=opens(made))).status_code == 200
    await client.aclose()
    await database.close()


async def test_control_with_a_wide_limit_one_may_move_to_and_fro(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db, capacities=[2, 2])
    made = await booked(client, world, world.slots[0])
    assert [(await _move(client, made, world.slots[turn % 2])).status_code for turn in range(1, 8)] == [200] * 7


async def test_a_move_and_a_cancel_are_tries_of_an_address(db: Database, database_url: str) -> None:
    world = await seeds.seed(db, capacities=[2, 2])
    client, database = await _client(database_url, HENKHAM_LIMIT_ADDRESS_PER_10_MINUTES="1")
    made = await booked(client, world, world.slots[0])
    ours, ticket = {"Origin": "http://127.0.0.1:8000"}, f"/t/{made['code']}/{made['token']}"
    before = await seeds.everything(db)
    for answer in (
        await _move(client, made, world.slots[1]),
        await client.post(f"{BOOK}/{made['code']}/cancel", headers=opens(made)),
    ):
        assert refused(answer, 429, "tried_too_often")["limit"] == "address"
    for path, form in ((f"{ticket}/cancel", {}), (f"{ticket}/move/{world.day}", {"slot": str(world.slots[1])})):
        assert (await client.post(path, data=form, headers=ours)).status_code == 429
    assert await seeds.everything(db) == before
    await client.aclose()
    await database.close()


async def test_an_address_holds_so_often_whatever_device_it_says_it_is(db: Database, database_url: str) -> None:
    world = await seeds.seed(db, capacities=[9])
    client, database = await _client(database_url, HENKHAM_LIMIT_HOLDS_PER_10_MINUTES="2")
    made = [await hold(client, world, world.slots[0], f"made-up-{number}") for number in range(3)]
    assert [answer.status_code for answer in made] == [201, 201, 429]
    assert refused(made[2], 429, "tried_too_often")["limit"] == "hold"
    assert (await book(client, world, world.slots[0])).status_code == 201
    await client.aclose()
    await database.close()


async def test_control_without_the_limit_made_up_devices_hold_every_place(
    client: httpx.AsyncClient, db: Database
) -> None:
    world = await seeds.seed(db, capacities=[9])
    made = [await hold(client, world, world.slots[0], f"made-up-{number}") for number in range(9)]
    assert [answer.status_code for answer in made] == [201] * 9


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("a:b", "a:b"),
        ("unknown", "unknown"),
    ],
)
def test_an_ipv6_line_is_one_address(address: str, counted: str) -> None:
    assert network(address) == counted


async def test_no_address_is_written_down_where_tries_are_counted(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db)
    await book(client, world, world.slots[0])
    for _ in range(3):
        await hold(client, world, world.slots[1])
    rows = await seeds.rows(db, "SELECT limit_name, subject FROM rate_counter")
    indexes = [row["subject"] for row in rows if row["limit_name"] in ("address", "hold")]
    assert {bytes(one) for one in indexes} <= {keys().index("address", "127.0.0.1")}
    assert b"127.0.0.1" not in {bytes(row["subject"]) for row in rows}


async def test_a_number_and_a_device_have_so_many_visits_ahead(db: Database, database_url: str) -> None:
    world = await seeds.seed(db, capacities=[9])
    client, database = await _client(
        database_url,
        HENKHAM_LIMIT_PHONE_UPCOMING="2",
        HENKHAM_LIMIT_DEVICE_UPCOMING="3",
        HENKHAM_LIMIT_PHONE_PER_DAY="9",
    )
    phone = {"phone": people.phone(1)}
    assert [(await book(client, world, world.slots[0], n, **phone)).status_code for n in (1, 2)] == [201] * 2
    before = await seeds.everything(db)
    third = refused(await book(client, world, world.slots[0], 3, **phone), 409, "too_many_upcoming")
    assert (third["reason"], third["most"]) == ("phone", 2)
    held = (await hold(client, world, world.slots[0], "device-9")).json()
    confirm = {"hold": held["code"], "patient": people.patient(4, **phone)}
    token = {"Authorization": f"Bearer {held['token']}"}
    refused(await client.post(BOOK, json=confirm, headers=new_key() | token), 409, "too_many_upcoming")
    assert await seeds.value(db, "SELECT count(*) FROM patient") == len(before["patient"])
    # Of whom somebody said that the number is not hers counts for another, and visits that are over count no more.
    await seeds.run(db, "UPDATE patient SET wrong_number_at = now()")
    fourth = await book(client, world, world.slots[0], 5, **phone)
    assert fourth.status_code == 201
    await seeds.run(db, "UPDATE patient SET wrong_number_at = NULL")
    await seeds.run(db, "UPDATE appointment SET state = 'fulfilled' WHERE state = 'booked'")
    assert (await client.post(BOOK, json=confirm, headers=new_key() | token)).status_code == 201
    device = {"Henkham-Device": "device-1"}
    bodies = [world.booking(world.slots[0], people.patient(number)) for number in range(10, 15)]
    answers = [await client.post(BOOK, json=body, headers=new_key() | device) for body in bodies[:4]]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 409]
    assert answers[3].json()["reason"] == "device"
    assert (await client.post(BOOK, json=bodies[4], headers=new_key())).status_code == 201  # says not which it is
    await client.aclose()
    await database.close()


@pytest.mark.parametrize("guarded", [True, False])
async def test_bookings_of_a_number_at_once_do_not_pass_its_day(
    db: Database, database_url: str, monkeypatch: pytest.MonkeyPatch, *, guarded: bool
) -> None:
    world = await seeds.seed(db, capacities=[1] * 20)
    if not guarded:  # the control: what the statement saw when it began is all that counts
        loose = Statement.__new__(Statement)
        loose._names = statements.BOOK_SLOT._names
        loose.sql = re.sub(
            r"CASE WHEN \(rate_counter\.tries < .*? ELSE 0(::INTEGER)? END", "1", statements.BOOK_SLOT.sql
        )
        assert loose.sql != statements.BOOK_SLOT.sql
        monkeypatch.setattr(service, "BOOK_SLOT", loose)
    client, database = await _client(database_url, HENKHAM_LIMIT_PHONE_PER_DAY="3", HENKHAM_LIMIT_PHONE_UPCOMING="99")
    asked = [book(client, world, slot, number, phone=people.phone(1)) for number, slot in enumerate(world.slots)]
    async with db.transaction() as session:  # nobody goes on before all have looked at the counter
        await session.execute(text("LOCK TABLE rate_counter IN SHARE MODE"))
        tasks = [asyncio.ensure_future(one) for one in asked]
        waiting = "wait_event_type = 'Lock' AND datname = current_database()"
        await until(db, f"SELECT count(*) >= 16 FROM pg_stat_activity WHERE {waiting}")
    answers = await asyncio.gather(*tasks)
    booked = [answer for answer in answers if answer.status_code == 201]
    assert {answer.json()["code"] for answer in answers if answer not in booked} <= {"tried_too_often"}
    assert (len(booked) == 3) if guarded else (len(booked) > 3)
    await client.aclose()
    await database.close()
