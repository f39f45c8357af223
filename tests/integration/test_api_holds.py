"""Holds over JSON: two a device, five minutes by the database's clock, then somebody else's."""

from datetime import datetime, timedelta

import httpx
import pytest

from booking import clock
from booking.db import Database
from tests import people, seeds
from tests.asking import BOOK, HOLD, book, hold, new_key, opens, refused, slots
from tests.seeds import World

pytestmark = [pytest.mark.anyio, pytest.mark.postgres15]


async def _confirm(client: httpx.AsyncClient, held: dict[str, str], number: int = 1, **headers: str) -> httpx.Response:
    body = {"hold": held["code"], "patient": people.patient(number)}
    return await client.post(BOOK, json=body, headers=new_key() | opens(held) | headers)


async def _free(client: httpx.AsyncClient, world: World) -> int:
    free: int = (await slots(client, world))[0]["free"]
    return free


async def test_a_hold_keeps_a_place_and_is_confirmed_with_its_token(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db, capacities=[2])
    held = await hold(client, world, world.slots[0])
    assert held.status_code == 201
    assert (held.json()["state"], held.json()["patient"]) == ("held", None)
    left = datetime.fromisoformat(held.json()["expires_at"]) - clock.utc_now()
    assert timedelta() < left <= timedelta(minutes=5)
    assert await _free(client, world) == 1
    confirmed = await _confirm(client, held.json())
    assert confirmed.status_code == 201
    assert (confirmed.json()["code"], confirmed.json()["state"]) == (held.json()["code"], "booked")
    assert confirmed.json()["place"] == held.json()["place"]
    assert confirmed.json()["expires_at"] is None
    assert await _free(client, world) == 1
    assert await seeds.value(db, "SELECT count(*) FROM message") == 1


async def test_a_hold_can_be_read_as_the_document_says(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db)
    held = (await hold(client, world, world.slots[0])).json()
    found = (await client.get(f"{BOOK}/{held['code']}", headers=opens(held))).json()
    assert found == {name: value for name, value in held.items() if name not in ("token", "link")}


async def test_a_device_holds_two_places_and_no_third(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db)
    made = [await hold(client, world, slot) for slot in world.slots[:2]]
    assert [answer.status_code for answer in made] == [201, 201]
    third = await hold(client, world, world.slots[2])
    assert refused(third, 429, "too_many_holds")["most"] == 2
    assert third.headers["retry-after"] == "300"
    assert (await hold(client, world, world.slots[2], "device-2")).status_code == 201
    await client.post(f"{BOOK}/{made[0].json()['code']}/cancel", headers=opens(made[0].json()))
    assert (await hold(client, world, world.slots[2])).status_code == 201


async def test_expired_holds_count_against_nobody(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db, capacities=[2])
    for _ in range(2):
        assert (await hold(client, world, world.slots[0])).status_code == 201
    refused(await book(client, world, world.slots[0]), 409, "slot_full")
    await seeds.age_holds(db)
    assert (await hold(client, world, world.slots[0])).status_code == 201
    assert (await book(client, world, world.slots[0])).status_code == 201
    refused(await book(client, world, world.slots[0], 2), 409, "slot_full")


async def test_a_move_takes_the_place_of_an_expired_hold(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db, capacities=[1, 1])
    visit = (await book(client, world, world.slots[0])).json()
    await hold(client, world, world.slots[1])
    path = f"{BOOK}/{visit['code']}/reschedule"
    refused(await client.post(path, json={"slot": world.slots[1]}, headers=opens(visit)), 409, "slot_full")
    await seeds.age_holds(db)
    moved = await client.post(path, json={"slot": world.slots[1]}, headers=opens(visit))
    assert moved.status_code == 200
    assert moved.json()["slot"]["id"] == world.slots[1]


async def test_a_hold_that_is_let_go_frees_its_place_and_writes_no_text(
    client: httpx.AsyncClient, db: Database
) -> None:
    world = await seeds.seed(db, capacities=[1])
    held = (await hold(client, world, world.slots[0])).json()
    for _ in range(2):
        gone = await client.post(f"{BOOK}/{held['code']}/cancel", headers=opens(held))
        assert (gone.status_code, gone.json()["state"]) == (200, "lapsed")
    assert await _free(client, world) == 1
    assert await seeds.value(db, "SELECT count(*) FROM message") == 0


async def test_a_lapsed_hold_is_409_with_the_nearest_free_times(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db, capacities=[1, 2])
    held = (await hold(client, world, world.slots[0])).json()
    await seeds.age_holds(db)
    problem = refused(await _confirm(client, held), 409, "hold_lapsed")
    assert world.slots[1] in [slot["id"] for slot in problem["nearest"]]
    assert await seeds.value(db, "SELECT count(*) FROM appointment WHERE state = 'booked'") == 0


async def test_a_hold_opens_with_its_own_token_only(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db)
    held, other = [(await hold(client, world, slot)).json() for slot in world.slots[:2]]
    body = {"hold": held["code"], "patient": people.patient(1)}
    for headers in ({}, opens(other), {"Authorization": "Bearer " + "a" * 27}, {"Authorization": held["token"]}):
        refused(await client.post(BOOK, json=body, headers=new_key() | headers), 404, "appointment_unknown")
    assert (await _confirm(client, held)).status_code == 201


async def test_a_second_confirmation_under_another_key_says_that_it_is_booked(
    client: httpx.AsyncClient, db: Database
) -> None:
    world = await seeds.seed(db)
    held = (await hold(client, world, world.slots[0])).json()
    key = new_key()
    first = await _confirm(client, held, 1, **key)
    again = await _confirm(client, held, 1, **key)
    assert (again.status_code, again.content) == (201, first.content)
    refused(await _confirm(client, held), 409, "already_booked")
    assert await seeds.value(db, "SELECT count(*) FROM message") == 1


async def test_a_hold_of_a_closed_full_or_foreign_slot_is_refused(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db, capacities=[1])
    closed = await seeds.add_slot(db, world, capacity=1, open=False)
    refused(await hold(client, world, closed), 409, "slot_closed")
    refused(await hold(client, world, world.other_slot), 422, "slot_mismatch")
    refused(await hold(client, world, 999_999), 404, "slot_unknown")
    await book(client, world, world.slots[0])
    refused(await hold(client, world, world.slots[0]), 409, "slot_full")
    refused(await client.post(HOLD, json=world.hold(world.slots[0])), 400, "key_missing")


async def test_a_hold_of_a_slot_closed_since_is_not_confirmed(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db)
    held = (await hold(client, world, world.slots[0])).json()
    await seeds.run(db, "UPDATE slot SET open = false WHERE id = :slot", slot=world.slots[0])
    closure = "INSERT INTO slot_closure (slot_id, source, reason, created_at) VALUES (:slot, 'test', 'x', now())"
    await seeds.run(db, closure, slot=world.slots[0])
    before = await seeds.everything(db)
    problem = refused(await _confirm(client, held), 409, "slot_closed")
    assert world.slots[1] in [slot["id"] for slot in problem["nearest"]]
    assert await seeds.everything(db) == before
    # The control: the same hold is confirmed once the slot is open again.
    await seeds.run(db, "DELETE FROM slot_closure")
    await seeds.run(db, "UPDATE slot SET open = true WHERE id = :slot", slot=world.slots[0])
    assert (await _confirm(client, held)).status_code == 201


@pytest.mark.parametrize(
    ("pause", "resume"),
    [
        ("UPDATE facility SET state = 'paused'", "UPDATE facility SET state = 'open'"),
        ("UPDATE service SET bookable = false", "UPDATE service SET bookable = true"),
    ],
)
async def test_a_hold_at_a_place_paused_since_is_not_confirmed(
    client: httpx.AsyncClient, db: Database, pause: str, resume: str
) -> None:
    world = await seeds.seed(db)
    held = (await hold(client, world, world.slots[0])).json()
    await seeds.run(db, pause)
    refused(await _confirm(client, held), 409, "facility_not_open")
    assert await seeds.value(db, "SELECT count(*) FROM appointment WHERE state = 'booked'") == 0
    await seeds.run(db, resume)
    assert (await _confirm(client, held)).status_code == 201
