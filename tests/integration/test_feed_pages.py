"""Clashes and files through the pages: one clerk wins, the other is told; an order is only written down."""

import httpx
import pytest

from booking.access.kinds import Role
from booking.clock import utc_now
from booking.db import Database
from booking.exchange.log_sign import log_sign
from booking.sealed import keys
from scheduler.jobs import follow_orders
from tests import clashing, people, places, staff
from tests.places import SERVICE, STATION
from tests.seeds import rows, run, value

pytestmark = pytest.mark.anyio
BASE = f"/desk/{STATION}"
HEADERS = {"sec-fetch-site": "same-origin", "accept-language": "en"}


async def _as(client: httpx.AsyncClient, db: Database, name: str) -> None:
    client.cookies.clear()
    client.cookies.set("desk", await staff.sign_in(db, name) or "")


@pytest.fixture
async def clash(client: httpx.AsyncClient, db: Database) -> int:
    """A clash of a station with two clerks and a manager."""
    async with db.transaction() as session:
        world = await places.make(session, utc_now())
    for name, role in (("one.mau", Role.CLERK), ("two.mau", Role.CLERK), ("manager.mau", Role.MANAGER)):
        await staff.add(db, name, role, [STATION])
    slot = world.slots[world.near][0]
    body = {"facility": STATION, "service": SERVICE, "slot": slot, "patient": people.patient(1)}
    made = await client.post("/api/v1/appointments", json=body, headers={"Idempotency-Key": "feed-pages-1"})
    assert made.status_code == 201
    file = await clashing.applied(db, STATION, "his-mau")
    return await clashing.clash(db, STATION, "his-mau", file)


async def test_one_clerk_wins_and_the_other_is_told(client: httpx.AsyncClient, db: Database, clash: int) -> None:
    await _as(client, db, "one.mau")
    shown = await client.get(f"{BASE}/conflicts", headers=HEADERS)
    assert "PK-2026-00417" in shown.text
    reads = "SELECT count(*) FROM audit_event WHERE action = 'patient.read' AND facts ->> 'reason' = 'clash'"
    assert await value(db, reads) == 1
    for _ in range(2):  # sent twice
        kept = await client.post(f"{BASE}/conflicts/{clash}", data={"answer": "keep"}, headers=HEADERS)
        assert (kept.status_code, kept.headers["location"]) == (303, f"{BASE}/conflicts?done=keep")
    await _as(client, db, "two.mau")
    late = await client.post(f"{BASE}/conflicts/{clash}", data={"answer": "cancel"}, headers=HEADERS)
    assert late.status_code == 409
    assert "A colleague has answered this clash already." in late.text
    assert await value(db, "SELECT state::text FROM appointment") == "booked"
    missing = await client.post(f"{BASE}/conflicts/{clash}", data={"answer": "other"}, headers=HEADERS)
    assert missing.status_code == 404


async def test_a_patient_is_asked_to_choose_and_reads_why(client: httpx.AsyncClient, db: Database, clash: int) -> None:
    await _as(client, db, "one.mau")
    asked = await client.post(f"{BASE}/conflicts/{clash}", data={"answer": "ask"}, headers=HEADERS)
    assert asked.headers["location"] == f"{BASE}/conflicts?done=ask"
    shown = (await client.get(f"{BASE}/conflicts?done=ask", headers=HEADERS)).text
    assert "The patient is asked by SMS to choose another time." in shown
    assert "Keep this time, with SMS" in shown
    visit = (await rows(db, "SELECT code, public_id, token_version FROM appointment"))[0]
    slip = f"/t/{visit['code']}/{keys().link_token(str(visit['public_id']), visit['token_version'])}"
    assert "Cơ sở không giữ được giờ khám này." in (await client.get(slip)).text
    times = (await client.get(f"{slip}/closed")).text
    assert "Cơ sở không giữ được giờ này." in times
    assert "nghỉ khám" not in times.split("<main")[1]
    assert 'name="slot"' in times
    kept = await client.post(f"{BASE}/conflicts/{clash}", data={"answer": "stands"}, headers=HEADERS)
    assert kept.headers["location"] == f"{BASE}/conflicts?done=stands"
    assert "Cơ sở không giữ được giờ khám này." not in (await client.get(slip)).text


async def test_a_time_that_can_be_none_is_refused_beside_the_clash(
    client: httpx.AsyncClient, db: Database, clash: int
) -> None:
    await _as(client, db, "one.mau")
    own = await value(db, "SELECT slot_id FROM appointment")
    refused = await client.post(f"{BASE}/conflicts/{clash}", data={"answer": "move", "slot": str(own)}, headers=HEADERS)
    assert refused.status_code == 409
    assert f'href="#clash-{clash}"' in refused.text


async def test_a_manager_orders_and_the_scheduler_does(client: httpx.AsyncClient, db: Database, clash: int) -> None:
    assert clash
    held = await clashing.held(db, STATION, "his-mau")
    await _as(client, db, "manager.mau")
    page = f"{BASE}/feeds/his-mau/files/{held}"
    before = await value(db, "SELECT count(*) FROM feed_file")
    for reason, status in ((" ", 422), ("looked at it", 303), ("looked at it", 303)):
        done = await client.post(page, data={"kind": "release", "reason": reason}, headers=HEADERS)
        assert done.status_code == status
    assert await value(db, "SELECT count(*) FROM feed_file") == before
    [order] = await rows(db, "SELECT name, reason, state::text FROM feed_order")
    assert (order["name"], order["reason"], order["state"]) == ("manager.mau Mẫu", "looked at it", "waiting")
    await follow_orders.run(db, now=utc_now())
    again = await client.post(page, data={"kind": "release", "reason": "once more"}, headers=HEADERS)
    assert again.status_code == 409
    assert (await client.get(f"{BASE}/feeds/other/files/{held}", headers=HEADERS)).status_code == 404
    named = await value(db, f"SELECT file_name FROM feed_file WHERE id = {held}")
    assert f"(in the log: {log_sign(named)})" in (await client.get(page, headers=HEADERS)).text
    assert (await client.get(f"{BASE}/feeds/his-mau", headers=HEADERS)).text.count("<tr>") > before
    assert "earlier closing" not in (await client.get(page, headers=HEADERS)).text
    await run(db, f"UPDATE feed_file SET report = report || '{{\"stay\": 3}}' WHERE id = {held}")
    assert "3 earlier closings stay" in (await client.get(page, headers=HEADERS)).text


async def test_patients_are_told_of_old_data_only(client: httpx.AsyncClient, db: Database, clash: int) -> None:
    assert clash
    client.cookies.clear()
    words = "last seen at"
    assert words not in (await client.get(f"/f/{STATION}/{SERVICE}", headers=HEADERS)).text
    await run(db, "UPDATE feed_heard SET heard_at = now() - interval '3 hours'")
    assert words in (await client.get(f"/f/{STATION}/{SERVICE}", headers=HEADERS)).text
    await run(db, "UPDATE feed_heard SET old_minutes = 240")
    assert words not in (await client.get(f"/f/{STATION}/{SERVICE}", headers=HEADERS)).text
