"""Whose number it is, at the desk: a number called wrong set right, and one vouched for after a long silence."""

import httpx
import pytest

from booking import clock
from booking.access.kinds import Role
from booking.db import Database
from booking.patients import numbers
from tests import households, pages, people, places, seeds, signing, staff
from tests.pages import Page
from tests.places import SERVICE, STATION
from tests.races import BOOK

pytestmark = pytest.mark.anyio

NAME, PHONE = people.name(1), people.phone(1)
AFTER = {"sec-fetch-site": "same-origin"}


@pytest.fixture
async def patient(client: httpx.AsyncClient, db: Database) -> str:
    """Somebody with a visit at the station, which a clerk of it has open; her public id."""
    async with db.transaction() as session:
        world = await places.make(session, clock.utc_now())
    person = {"name": NAME, "birth_year": 1958, "phone": PHONE}
    body = {"facility": STATION, "service": SERVICE, "slot": world.slots[world.far][0], "patient": person}
    made = await client.post(BOOK, json=body, headers={"idempotency-key": "key-of-this-test"})
    assert made.status_code == 201, made.text
    await staff.add(db, "thu.mau", Role.CLERK, [STATION])
    client.cookies.set("desk", await staff.sign_in(db, "thu.mau") or "")
    client.headers.update(AFTER)
    return str(await seeds.value(db, "SELECT public_id FROM patient"))


def _path(patient: str) -> str:
    return f"/desk/{STATION}/patients/{patient}/number"


async def _page(client: httpx.AsyncClient, patient: str) -> Page:
    answer = await client.get(_path(patient))
    assert answer.status_code == 200, answer.text
    return pages.read(answer)


async def test_a_clerk_sets_a_number_right_and_the_visit_is_told(
    client: httpx.AsyncClient, db: Database, patient: str
) -> None:
    await seeds.run(db, "UPDATE patient SET wrong_number_at = now()")
    await seeds.run(db, "UPDATE message SET state = 'suppressed', reason = 'wrong_number'")
    page = await _page(client, patient)
    assert "báo rằng không phải người bệnh này" in page.text
    refused = await pages.send(client, page.form("/number"), phone="12")
    assert refused.status_code == 422
    assert pages.read(refused).beside("phone")
    assert await seeds.value(db, "SELECT wrong_number_at IS NOT NULL FROM patient")
    for _ in range(2):
        done = pages.read(await pages.send(client, page.form("/number"), phone=people.phone(5)))
        assert "Đã ghi lại số điện thoại." in done.text
    assert "báo rằng không phải" not in done.text
    told = await seeds.rows(db, "SELECT state::text, version FROM message ORDER BY id")
    assert told == [{"state": "suppressed", "version": 1}, {"state": "due", "version": 2}]
    noted = "SELECT DISTINCT actor_kind::text FROM audit_event WHERE action = 'patient.right_number'"
    assert await seeds.rows(db, noted) == [{"actor_kind": "staff"}]
    reads = "SELECT count(*) FROM audit_event WHERE action = 'patient.read' AND object_id = :id"
    assert await seeds.value(db, reads, id=patient) >= 3


async def test_a_clerk_vouches_for_a_number_of_the_family_only(
    client: httpx.AsyncClient, db: Database, patient: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await _page(client, patient)
    assert "Số vẫn là của gia đình" not in page.text, "the number has no account"
    home = await households.account(db, PHONE)
    await households.add(db, home, people.name(2))
    await households.silence(db, 400)
    seen = "SELECT seen_at > now() - interval '1 day' FROM account"
    refused = await client.post(f"{_path(patient)}/vouch")
    assert (refused.status_code, await seeds.value(db, seen)) == (404, False), "she is none of that family"
    with monkeypatch.context() as open_to_all:
        anybody = numbers._of_family
        open_to_all.setattr(numbers, "_of_family", lambda index, of: anybody(index, of)[:2])
        assert (await client.post(f"{_path(patient)}/vouch")).status_code == 303, "the control"
    await households.silence(db, 400)
    await households.add(db, home, NAME, year=1958)
    page = await _page(client, patient)
    done = pages.read(await pages.send(client, page.form("/vouch")))
    assert "Đã xác nhận." in done.text
    assert await seeds.value(db, seen)
    client.cookies.clear()
    await signing.sign_in(client, db, PHONE)
    assert await signing.is_in(client), "a code alone opens it again"
