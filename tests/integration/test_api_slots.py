"""What is free, over JSON."""

from datetime import timedelta

import httpx
import pytest

from booking import clock
from booking.db import Database
from tests import seeds
from tests.asking import BASE, BOOK, book, booked, opens, refused, slots, span

pytestmark = [pytest.mark.anyio, pytest.mark.postgres15]


async def test_slots_say_when_they_are_and_how_many_places_are_free(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db, capacities=[3, 1])
    await booked(client, world, world.slots[1])
    first, second = await slots(client, world)
    assert first == {
        "id": world.slots[0],
        "start": f"{world.day}T07:30:00+07:00",
        "end": f"{world.day}T07:45:00+07:00",
        "free": 3,
        "status": "free",
        "practitioner": None,
        "room": None,
    }
    assert (second["free"], second["status"]) == (0, "full")


async def test_closed_slots_are_listed_as_closed_and_past_ones_not_at_all(
    client: httpx.AsyncClient, db: Database
) -> None:
    world = await seeds.seed(db, capacities=[2])
    await seeds.add_slot(db, world, capacity=2, open=False)
    await seeds.add_slot(db, world, capacity=2, bookable_until=clock.utc_now() - timedelta(seconds=1))
    assert [(slot["status"], slot["free"]) for slot in await slots(client, world)] == [("free", 2), ("closed", 0)]


async def test_places_kept_for_walk_ins_are_not_offered_from_home_until_they_are_released(
    client: httpx.AsyncClient, db: Database
) -> None:
    world = await seeds.seed(db, capacities=[3], reserved=2)
    (slot,) = await slots(client, world)
    assert slot["free"] == 1
    await seeds.run(db, "UPDATE slot SET release_at = now() - interval '1 s'")
    (slot,) = await slots(client, world)
    assert slot["free"] == 3


async def test_days_add_up_their_slots(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db, capacities=[3, 2])
    found = (await client.get(f"{BASE}/slots/days", params=span(world))).json()
    assert found == {"items": [{"day": world.day.isoformat(), "free": 5, "slots": 2, "open": True}]}


async def test_a_span_without_slots_is_an_empty_list(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db)
    later = (world.day + timedelta(days=20)).isoformat()
    answer = await client.get(f"{BASE}/slots", params=span(world, **{"from": later, "to": later}))
    assert answer.json() == {"items": []}


async def test_an_unknown_facility_or_service_is_said_to_be_unknown(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db)
    refused(await client.get(f"{BASE}/slots", params=span(world, facility="NOPE")), 404, "facility_unknown")
    refused(await client.get(f"{BASE}/slots", params=span(world, service="nope")), 404, "service_unknown")
    refused(await client.get(f"{BASE}/facilities/NOPE/services"), 404, "facility_unknown")


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2026-12-02", "2026-12-01"),
        ("2026-01-01", "2026-12-31"),
        ("9999-12-31", "9999-12-31"),
        ("0001-01-01", "0001-01-02"),
    ],
)
async def test_a_span_that_cannot_be_is_refused(client: httpx.AsyncClient, db: Database, first: str, last: str) -> None:
    world = await seeds.seed(db)
    refused(await client.get(f"{BASE}/slots", params=span(world, **{"from": first, "to": last})), 422, "span_refused")


async def test_an_unchanged_list_is_304_and_a_changed_one_is_not(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db)
    for path in (f"{BASE}/slots", f"{BASE}/slots/days"):
        first = await client.get(path, params=span(world))
        known = {"If-None-Match": first.headers["etag"]}
        again = await client.get(path, params=span(world), headers=known)
        assert (again.status_code, again.content) == (304, b"")
        number = 1 if path.endswith("slots") else 2
        await booked(client, world, world.slots[0], number)
        assert (await client.get(path, params=span(world), headers=known)).status_code == 200


async def test_facilities_are_found_with_and_without_accents(client: httpx.AsyncClient, db: Database) -> None:
    await seeds.seed(db)
    for words in ("tram y te mau", "Trạm Y tế", "phường mẫu mới", "MAU"):
        found = (await client.get(f"{BASE}/facilities", params={"q": words})).json()["items"]
        assert [facility["code"] for facility in found] == [seeds.FACILITY], words
    assert (await client.get(f"{BASE}/facilities", params={"q": "xa lạ"})).json() == {"items": []}
    services = (await client.get(f"{BASE}/facilities/{seeds.FACILITY}/services")).json()["items"]
    assert {service["code"] for service in services} == {seeds.SERVICE, seeds.OTHER_SERVICE}


async def test_connections_cut_between_two_requests_are_noticed_by_nobody(
    client: httpx.AsyncClient, db: Database
) -> None:
    world = await seeds.seed(db, capacities=[20])
    cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'henkham-web%'"
    visit = await booked(client, world, world.slots[0], 900)
    path = f"{BOOK}/{visit['code']}"
    for number in range(3):
        for read in (f"{BASE}/slots", f"{BASE}/slots/days", f"{BASE}/facilities"):
            assert (await client.get(read, params=span(world))).status_code == 200
            assert await seeds.value(db, cut)
            assert (await client.get(read, params=span(world))).status_code == 200
        assert (await client.get(path, headers=opens(visit))).status_code == 200
        assert await seeds.value(db, cut)
        assert (await book(client, world, world.slots[0], number)).status_code == 201
        assert await seeds.value(db, cut)
        assert (await client.get(path, headers=opens(visit))).status_code == 200
    assert await seeds.value(db, cut)
    assert (await client.post(f"{path}/cancel", headers=opens(visit))).status_code == 200
