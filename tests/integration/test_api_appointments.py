"""Booking, reading, cancelling and moving over JSON."""

from datetime import time, timedelta
from typing import Any

import httpx
import pytest

from booking import clock
from booking.db import Database
from booking.errors import Busy
from tests import people, seeds
from tests.asking import BOOK, book, booked, hold, new_key, opens, refused, slots
from tests.races import trace

pytestmark = [pytest.mark.anyio]


async def test_a_booking_answers_with_all_its_holder_needs(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db)
    answer = await book(client, world, world.slots[0])
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{BOOK}/{made['code']}"
    assert answer.headers["cache-control"] == "no-store"
    assert made["link"] == f"http://127.0.0.1:8000/t/{made['code']}/{made['token']}"
    assert made["slot"]["start"] == f"{world.day}T07:30:00+07:00"
    assert made["change_until"] == f"{world.day}T05:30:00+07:00"
    assert made["patient"] == {"name": people.name(1)}
    told = {"told": ["booked"], "due": ["booked"], "done": ["book"]}
    assert await trace(db, made["code"]) == {"state": "booked", "slot": world.slots[0], "version": 1} | told


async def test_the_phone_is_stored_sealed(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db)
    await booked(client, world, world.slots[0])
    everything = str(await seeds.everything(db)) + str(await seeds.rows(db, "SELECT * FROM rate_counter"))
    for spelled in (people.phone(1), people.phone(1)[1:], people.phone(1)[1:].encode().hex()):
        assert spelled not in everything


async def test_reading_needs_the_token_and_knows_what_the_reader_has(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db)
    made = await booked(client, world, world.slots[0])
    path = f"{BOOK}/{made['code']}"
    found = await client.get(path, headers=opens(made))
    assert found.json() == {name: value for name, value in made.items() if name not in ("token", "link")}
    again = await client.get(path, headers=opens(made) | {"If-None-Match": found.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    await client.post(f"{path}/cancel", headers=opens(made))
    changed = await client.get(path, headers=opens(made) | {"If-None-Match": found.headers["etag"]})
    assert changed.json()["state"] == "cancelled"


async def test_a_code_alone_a_wrong_token_and_no_such_code_are_one_answer(
    client: httpx.AsyncClient, db: Database
) -> None:
    world = await seeds.seed(db)
    made, other = [await booked(client, world, world.slots[0], number) for number in (1, 2)]
    tries = [
        await client.get(f"{BOOK}/{made['code']}"),
        await client.get(f"{BOOK}/{made['code']}", headers=opens(other)),
        await client.get(f"{BOOK}/{made['code']}", headers={"Authorization": f"Basic {made['token']}"}),
        await client.get(f"{BOOK}/{made['code']}", headers={"Authorization": f"Bearer {made['token']}x"}),
        await client.get(f"{BOOK}/ZZZZZZZZ", headers=opens(made)),
    ]
    tries += [
        await client.post(f"{BOOK}/{made['code']}/{verb}", json={"slot": 1}, headers=opens(other))
        for verb in ("reschedule",)
    ]
    tries += [await client.post(f"{BOOK}/{made['code']}/cancel", headers=opens(other))]
    bodies = {answer.content.replace(answer.json()["request_id"].encode(), b"-") for answer in tries}
    assert {answer.status_code for answer in tries} == {404}
    assert len(bodies) == 1
    assert (await trace(db, made["code"]))["state"] == "booked"


async def test_cancelling_frees_the_place_and_again_changes_nothing(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db, capacities=[1])
    made = await booked(client, world, world.slots[0])
    path = f"{BOOK}/{made['code']}/cancel"
    gone = await client.post(path, json={"reason": "Bận việc"}, headers=opens(made) | {"If-None-Match": "*"})
    assert (gone.status_code, gone.json()["state"], gone.json()["version"]) == (200, "cancelled", 2)
    first = await seeds.everything(db)
    assert (await client.post(path, headers=opens(made))).json() == gone.json()
    assert await seeds.everything(db) == first
    found = await trace(db, made["code"])
    assert (found["due"], found["done"]) == (["cancelled"], ["book", "cancel"])
    refused(await book(client, world, world.slots[0]), 409, "just_given_up")
    await seeds.run(
        db, "UPDATE appointment SET cancelled_at = cancelled_at - interval '11 min' WHERE cancelled_at < now()"
    )
    assert (await book(client, world, world.slots[0])).status_code == 201  # after a while the same person may again


async def test_a_place_moved_away_from_is_kept_from_the_same_number(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db, capacities=[1, 3])
    made = await booked(client, world, world.slots[0])
    path = f"{BOOK}/{made['code']}/reschedule"
    moved = await client.post(path, json={"slot": world.slots[1]}, headers=opens(made))
    assert moved.status_code == 200
    another: dict[str, Any] = {"name": "Trần Thị Mẫu", "birth_year": 1991}  # under the same number
    refused(await book(client, world, world.slots[0], **another), 409, "just_given_up")
    await seeds.run(db, "UPDATE place_left SET left_at = left_at - interval '11 min'")
    assert (await book(client, world, world.slots[0], **another)).status_code == 201


async def test_too_late_to_cancel_or_move_is_refused_with_the_telephone(
    client: httpx.AsyncClient, db: Database
) -> None:
    world = await seeds.seed(db)
    made = await booked(client, world, world.slots[0])
    await seeds.run(db, "UPDATE service SET cancel_minutes = 10080")
    before = await seeds.everything(db)
    late = await client.post(f"{BOOK}/{made['code']}/cancel", headers=opens(made))
    assert refused(late, 422, "too_late_to_change")["phone"] == "0254 3000 000"
    moved = await client.post(f"{BOOK}/{made['code']}/reschedule", json={"slot": world.slots[1]}, headers=opens(made))
    refused(moved, 422, "too_late_to_change")
    assert await seeds.everything(db) == before


async def test_moving_takes_the_new_place_and_frees_the_old(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db, capacities=[1, 1])
    made = await booked(client, world, world.slots[0])
    path = f"{BOOK}/{made['code']}/reschedule"
    moved = await client.post(path, json={"slot": world.slots[1]}, headers=opens(made))
    assert (moved.json()["slot"]["id"], moved.json()["version"]) == (world.slots[1], 2)
    assert [slot["free"] for slot in await slots(client, world)] == [1, 0]
    found = await trace(db, made["code"])
    assert (found["told"], found["due"], found["done"]) == (["booked", "moved"], ["moved"], ["book", "move"])
    before = await seeds.everything(db)
    again = await client.post(path, json={"slot": world.slots[1]}, headers=opens(made))
    assert again.json() == moved.json()
    assert await seeds.everything(db) == before


async def test_a_move_that_cannot_be_keeps_the_old_place(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db, capacities=[1, 1, 2])
    made = await booked(client, world, world.slots[0])
    await booked(client, world, world.slots[1], 2)
    closed = await seeds.add_slot(db, world, capacity=1, open=False)
    past = await seeds.add_slot(db, world, capacity=1, bookable_until=clock.utc_now() - timedelta(seconds=1))
    before = await seeds.everything(db)
    path = f"{BOOK}/{made['code']}/reschedule"
    for slot, status, code in [
        (world.slots[1], 409, "slot_full"),
        (closed, 409, "slot_closed"),
        (past, 422, "slot_past"),
        (world.other_slot, 422, "slot_mismatch"),
        (999_999, 404, "slot_unknown"),
    ]:
        refused(await client.post(path, json={"slot": slot}, headers=opens(made)), status, code)
    assert await seeds.everything(db) == before


async def test_a_cancelled_visit_cannot_be_moved(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db)
    made = await booked(client, world, world.slots[0])
    await client.post(f"{BOOK}/{made['code']}/cancel", headers=opens(made))
    moved = await client.post(f"{BOOK}/{made['code']}/reschedule", json={"slot": world.slots[1]}, headers=opens(made))
    assert refused(moved, 409, "not_changeable")["state"] == "cancelled"


async def test_one_visit_a_person_service_and_day(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db)
    await booked(client, world, world.slots[0])
    refused(await book(client, world, world.slots[1]), 409, "already_booked")
    # However the same name and number are written.
    spelled = await book(client, world, world.slots[1], name=people.name(1).upper(), phone="+84 " + people.phone(1)[1:])
    refused(spelled, 409, "already_booked")
    assert (await book(client, world, world.slots[1], name="Nguyễn Văn Khác Mẫu")).status_code == 201


async def test_a_move_onto_a_day_one_has_already_is_refused(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db)
    first = await booked(client, world, world.slots[0])
    tomorrow = clock.at_local(world.day + timedelta(days=1), time(8))
    later = await seeds.add_slot(db, world, capacity=2, starts_at=tomorrow)
    await booked(client, world, later)
    before = await seeds.everything(db)
    moved = await client.post(f"{BOOK}/{first['code']}/reschedule", json={"slot": later}, headers=opens(first))
    refused(moved, 409, "already_booked")
    assert await seeds.everything(db) == before


async def test_a_full_slot_names_the_nearest_free_ones(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db, capacities=[2, 1, 2, 2])
    await booked(client, world, world.slots[1])
    problem = refused(await book(client, world, world.slots[1], 2), 409, "slot_full")
    assert [slot["id"] for slot in problem["nearest"]] == [world.slots[0], world.slots[2], world.slots[3]]
    assert problem["nearest"][0]["free"] == 2


async def test_one_key_and_one_body_give_one_answer(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db)
    key, body = new_key(), world.booking(world.slots[0], people.patient(1))
    first = await client.post(BOOK, json=body, headers=key)
    spaced = body | {"patient": body["patient"] | {"name": f"  {people.name(1)} "}}
    for again in (body, spaced):
        answer = await client.post(BOOK, json=again, headers=key)
        assert (answer.status_code, answer.content) == (201, first.content)
        assert answer.headers["idempotent-replayed"] == "true"
    refused(await client.post(BOOK, json=body | {"slot": world.slots[1]}, headers=key), 422, "key_reused")
    assert await seeds.value(db, "SELECT count(*) FROM appointment") == 1


async def test_a_refusal_is_not_remembered(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db, capacities=[1])
    other = await booked(client, world, world.slots[0])
    key, body = new_key(), world.booking(world.slots[0], people.patient(2))
    refused(await client.post(BOOK, json=body, headers=key), 409, "slot_full")
    await client.post(f"{BOOK}/{other['code']}/cancel", headers=opens(other))
    assert (await client.post(BOOK, json=body, headers=key)).status_code == 201


async def test_a_paused_facility_or_service_takes_no_bookings(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db)
    await seeds.run(db, "UPDATE service SET bookable = false")
    refused(await book(client, world, world.slots[0]), 409, "facility_not_open")
    await seeds.run(db, "UPDATE service SET bookable = true")
    await seeds.run(db, "UPDATE facility SET state = 'paused'")
    refused(await book(client, world, world.slots[0]), 409, "facility_not_open")


async def test_a_fixed_line_is_booked_and_its_text_suppressed(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db)
    assert (await book(client, world, world.slots[0], phone="0254 3852 123")).status_code == 201
    found = await seeds.rows(db, "SELECT state, reason FROM message")
    assert found == [{"state": "suppressed", "reason": "not_a_mobile"}]


async def test_the_kept_answer_names_nobody_and_the_given_one_does(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db)
    tricky = 'Trạm "patient" : null Mẫu'
    await seeds.run(db, "UPDATE facility SET name = :name", name=tricky)
    key, body = new_key(), world.booking(world.slots[0], people.patient(1))
    held = (await hold(client, world, world.slots[1])).json()
    confirm = {"hold": held["code"], "patient": people.patient(2)}
    for sent, headers in ((body, key), (confirm, new_key() | opens(held))):
        answers = [await client.post(BOOK, json=sent, headers=headers) for _ in range(2)]
        assert [answer.json()["patient"] for answer in answers] == [{"name": sent["patient"]["name"]}] * 2
        assert answers[0].content == answers[1].content
        assert answers[0].json()["facility"]["name"] == tricky
    kept = str(await seeds.rows(db, "SELECT answer FROM idempotency_record"))
    for number in (1, 2):
        assert people.name(number) not in kept
        # The control: that search finds a name where there is one.
        assert people.name(number) in str(await seeds.rows(db, "SELECT name FROM patient"))


async def test_the_audit_says_that_the_holder_of_a_link_moved_and_cancelled(
    client: httpx.AsyncClient, db: Database
) -> None:
    world = await seeds.seed(db)
    made = await booked(client, world, world.slots[0])
    path = f"{BOOK}/{made['code']}"
    await client.post(f"{path}/reschedule", json={"slot": world.slots[1]}, headers=opens(made))
    await client.post(f"{path}/cancel", headers=opens(made))
    found = await seeds.rows(db, "SELECT action, actor_kind FROM audit_event ORDER BY id")
    assert [(row["action"], row["actor_kind"]) for row in found] == [
        ("appointment.book", "anyone"),
        ("appointment.move", "link"),
        ("appointment.cancel", "link"),
    ]


async def test_a_move_to_a_full_or_closed_slot_names_the_nearest_free_ones(
    client: httpx.AsyncClient, db: Database
) -> None:
    world = await seeds.seed(db, capacities=[1, 1, 2])
    made = await booked(client, world, world.slots[0])
    await booked(client, world, world.slots[1], 2)
    closed = await seeds.add_slot(db, world, capacity=1, open=False)
    for slot, code in ((world.slots[1], "slot_full"), (closed, "slot_closed")):
        answer = await client.post(f"{BOOK}/{made['code']}/reschedule", json={"slot": slot}, headers=opens(made))
        assert [free["id"] for free in refused(answer, 409, code)["nearest"]] == [world.slots[2]]


async def test_a_read_that_cannot_be_answered_is_busy_like_every_other_read(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await seeds.seed(db)
    made = await booked(client, world, world.slots[0])

    async def lost(*_: object, **__: object) -> None:
        raise Busy(retry_after=2)

    monkeypatch.setattr(Database, "reading", lost)
    refused(await client.get(f"{BOOK}/{made['code']}", headers=opens(made)), 503, "busy")
