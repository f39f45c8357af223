"""Two records that are one person: suggested, joined, taken back; what stands in the way is named."""

import httpx
import pytest

from booking import clock
from booking.access.kinds import Role
from booking.db import Database
from booking.records import service
from booking.records.joining import FOLLOWS
from tests import households, pages, places, seeds, staff
from tests.pages import Page
from tests.places import OTHER, SERVICE, STATION, World

pytestmark = pytest.mark.anyio

DESK = f"/desk/{STATION}"
NAME = "Nguyễn Thị Mẫu"


@pytest.fixture(autouse=True)
async def world(client: httpx.AsyncClient, db: Database) -> World:
    async with db.transaction() as session:
        found = await places.make(session, clock.utc_now())
    await staff.add(db, "thu.mau", Role.CLERK, [STATION])
    client.cookies.set("desk", await staff.sign_in(db, "thu.mau") or "")
    client.headers["sec-fetch-site"] = "same-origin"
    return found


async def _visit(client: httpx.AsyncClient, world: World, phone: str, at: int = 0, day: int = 0) -> httpx.Response:
    slot = list(world.slots.values())[day][at]
    body = {
        "facility": STATION, "service": SERVICE, "slot": slot,
        "patient": {"name": NAME, "birth_year": 1958, "phone": phone},
    }  # fmt: skip
    return await client.post("/api/v1/appointments", json=body, headers={"idempotency-key": f"key-{phone}-{slot}"})


async def _pairs(client: httpx.AsyncClient) -> Page:
    return pages.read(await client.get(f"{DESK}/duplicates"))


async def _owners(db: Database) -> list[int]:
    return [row["patient_id"] for row in await seeds.rows(db, "SELECT patient_id FROM appointment ORDER BY id")]


async def test_a_pair_is_joined_and_parted_and_everything_goes_back(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    assert (await _visit(client, world, "0903111111")).status_code == 201
    assert (await _visit(client, world, "0903222222", day=1)).status_code == 201
    home = await households.account(db, "0903 222 222")
    await households.add(db, home, NAME, year=1958)
    before = {table: await seeds.rows(db, f"SELECT id, patient_id FROM {table} ORDER BY id") for table in FOLLOWS}
    one, other = await _owners(db)
    page = await _pairs(client)
    assert page.text.count(NAME) == 2
    await pages.send(client, page.form("/duplicates"))
    assert await _owners(db) == [one, one]
    assert await seeds.value(db, "SELECT merged_into_id FROM patient WHERE id = :id", id=other) == one
    assert await seeds.value(db, "SELECT patient_id FROM profile") == one
    joined = await _pairs(client)
    assert "Gộp, giữ hồ sơ này" not in joined.text
    events = await seeds.rows(db, "SELECT actor_kind, facts FROM audit_event WHERE action = 'patient.merge'")
    assert sorted(row["facts"]["role"] for row in events) == ["kept", "merged"]
    await pages.send(client, joined.form("/undo"))
    after = {table: await seeds.rows(db, f"SELECT id, patient_id FROM {table} ORDER BY id") for table in FOLLOWS}
    assert after == before
    assert await seeds.value(db, "SELECT merged_into_id FROM patient WHERE id = :id", id=other) is None
    assert await seeds.value(db, "SELECT count(*) FROM audit_event WHERE action = 'patient.part'") == 2
    await pages.send(client, joined.form("/undo"))
    assert await seeds.value(db, "SELECT count(*) FROM audit_event WHERE action = 'patient.part'") == 2


async def test_whoever_books_with_the_merged_name_and_number_books_for_the_kept_person(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    await _visit(client, world, "0903111111")
    await _visit(client, world, "0903222222", day=1)
    one, _ = await _owners(db)
    await pages.send(client, (await _pairs(client)).form("/duplicates"))
    assert (await _visit(client, world, "0903222222", day=2)).status_code == 201
    assert await _owners(db) == [one] * 3
    refused = await _visit(client, world, "0903222222", day=0, at=1)
    assert (refused.status_code, refused.json()["code"]) == (409, "already_booked")
    form = pages.read(await client.get(f"{DESK}/book")).form("/book")
    found = pages.read(await pages.send(client, form, q="0903 222 222"))
    assert "Tìm thấy 1 người" in found.text


async def test_visits_of_one_day_stand_in_the_way_and_are_named(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    codes = [
        (await _visit(client, world, phone, at)).json()["code"] for phone, at in (("0903111111", 0), ("0903222222", 1))
    ]
    before = await seeds.everything(db)
    answer = await pages.send(client, (await _pairs(client)).form("/duplicates"))
    assert answer.status_code == 409
    assert all(code in pages.read(answer).text for code in codes)
    after = await seeds.everything(db)
    assert {**after, "audit_event": []} == {**before, "audit_event": []}


async def test_a_record_of_another_facility_is_neither_suggested_nor_joined(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    await _visit(client, world, "0903111111")
    await _visit(client, world, "0903222222", day=1)
    await staff.add(db, "there.mau", Role.CLERK, [OTHER])
    client.cookies.set("desk", await staff.sign_in(db, "there.mau") or "")
    page = pages.read(await client.get(f"/desk/{OTHER}/duplicates"))
    assert NAME not in page.text
    ids = [str(row["public_id"]) for row in await seeds.rows(db, "SELECT public_id FROM patient")]
    answer = await client.post(f"/desk/{OTHER}/duplicates", data={"keep": ids[0], "other": ids[1]})
    assert answer.status_code == 404
    assert await seeds.value(db, "SELECT count(*) FROM patient_merge") == 0


async def test_a_joined_record_is_not_joined_again_and_saying_it_twice_is_once(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    for number, phone in enumerate(("0903111111", "0903222222", "0903333333")):
        await _visit(client, world, phone, day=number)
    form = (await _pairs(client)).form("/duplicates")
    first = await pages.send(client, form)
    again = await pages.send(client, form)
    assert (first.status_code, again.status_code) == (200, 200)
    assert await seeds.value(db, "SELECT count(*) FROM patient_merge") == 1
    same = await pages.send(client, form, other=form.fields["keep"])
    assert same.status_code == 409


async def test_whoever_is_erased_is_erased_in_the_record_that_was_joined_too(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    for number, phone in enumerate(("0903111111", "0903222222")):
        code = (await _visit(client, world, phone, day=number)).json()["code"]
        await client.post(f"{DESK}/appointments/{code}/cancel", data={"reason": "other"})
    home = await households.account(db, "0903 111 111")
    person = await households.add(db, home, NAME, year=1958)
    await pages.send(client, (await _pairs(client)).form("/duplicates"))
    async with db.transaction() as session:
        await service.erase(session, home, person.id, by=households.actor(home), now=clock.utc_now())
    rows = await seeds.rows(db, "SELECT name, birth_year, citizen_id, erased_at FROM patient")
    assert len(rows) == 2
    assert not any(row["name"] == NAME or row["birth_year"] or row["erased_at"] is None for row in rows)
    assert NAME not in (await _pairs(client)).text
