"""The pages of the waiting list, as a browser without scripts sees them."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI

from booking import clock
from booking.actor import system
from booking.appointments.waitlist import rules
from booking.db import Database
from booking.invitations import service as invitations
from booking.invitations.commands import ReceiveInvitation
from booking.patients import consents
from booking.patients.kinds import ConsentPurpose
from scheduler.jobs import make_offers
from tests import households, pages, seeds, waiters
from tests.seeds import FACILITY, SERVICE, World
from tests.signing import sign_in
from tests.waiters import offers_of, waits

pytestmark = pytest.mark.anyio
JOIN = f"/wait/{FACILITY}/{SERVICE}"
MUM = "0903 000 001"
"""The number of waiter 1."""


@pytest.fixture(autouse=True)
def _daytime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "telling", lambda *_: True)


@pytest.fixture
async def world(db: Database) -> World:
    return await seeds.seed(db, capacities=[])


@pytest.fixture
async def other(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody else's browser."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://henkham.test") as made:
        yield made


async def joined(client: httpx.AsyncClient, **filled: str) -> httpx.Response:
    """Fill in the page and send it."""
    form = pages.read(await client.get(JOIN)).form("/wait/")
    values = form.fields | {"facility": FACILITY} | filled
    return await client.post(JOIN, data=values, follow_redirects=True)


NEW = {
    "relation": "self", "name": "Trần Thị Mẫu", "birth_year": "1980", "consent_booking": "yes", "consent_sms": "yes",
}  # fmt: skip


@pytest.mark.usefixtures("world")
async def test_joining_needs_signing_in_and_comes_back(client: httpx.AsyncClient) -> None:
    answer = await client.get(JOIN)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in?next=%2Fwait%2F")
    assert (await client.post(JOIN, data=NEW)).status_code in (303, 403)


async def test_somebody_new_joins_sees_where_she_stands_and_leaves(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    await waits(db, world, 7)
    await sign_in(client, db)
    form = pages.read(await client.get(JOIN))
    assert "1 người" in form.text
    sent = form.form("/wait/").fields
    today = clock.local_day(clock.utc_now())
    assert (sent["from"], sent["to"]) == (str(today), str(today + timedelta(days=13)))
    done = await joined(client, **NEW)
    page = pages.read(done)
    assert done.url.path.startswith("/me/waiting/")
    assert "Đã vào danh sách chờ." in page.text
    assert "Có 1 người chờ trước." in page.text
    again = await joined(client, who=await _profile(db))
    assert again.url.path == done.url.path, "a second tap finds the first wait"
    another = pages.read(await client.get(JOIN, params={"who": "new"})).form("/wait/")
    child = {"relation": "child", "name": "Trần Bé Mẫu", "guardian_name": "Trần Thị Mẫu", "birth_year": "2020"}
    third = await client.post(JOIN, data=another.fields | NEW | child | {"facility": FACILITY})
    assert third.status_code == 303, "somebody else of the family"
    left = await pages.send(client, page.form("/leave"))
    assert "Đã rời danh sách chờ này." in pages.read(left).text
    assert await seeds.value(db, "SELECT count(*) FROM waitlist_entry WHERE state = 'left'") == 1


async def _profile(db: Database) -> str:
    found = await seeds.value(db, "SELECT public_id FROM profile ORDER BY id DESC LIMIT 1")
    return str(found)


@pytest.mark.usefixtures("world")
async def test_everything_that_is_wrong_is_said_beside_its_field(client: httpx.AsyncClient, db: Database) -> None:
    await sign_in(client, db)
    today = clock.local_day(clock.utc_now())
    wrong = {"name": "", "birth_year": "", "from": str(today), "to": str(today - timedelta(days=1))}
    form = pages.read(await client.get(JOIN)).form("/wait/")
    answer = await client.post(JOIN, data=form.fields | NEW | wrong | {"facility": [], "consent_booking": ""})
    assert answer.status_code == 422
    page = pages.read(answer)
    assert "Ngày cuối đứng trước ngày đầu." in page.beside("to")
    assert page.beside("name")
    for text in ("Chọn ít nhất một cơ sở.", "Chưa đồng ý thì không đặt lịch khám tại đây được."):
        assert text in page.text
    assert await seeds.value(db, "SELECT count(*) FROM waitlist_entry") == 0
    assert await seeds.value(db, "SELECT count(*) FROM profile") == 0


async def test_an_account_waits_for_so_many_places(client: httpx.AsyncClient, db: Database, world: World) -> None:
    await waits(db, world, 1)
    await seeds.run(db, "UPDATE waitlist_entry SET service_code = 'x'")
    await seeds.run(
        db, "INSERT INTO waitlist_entry (public_id, account_id, patient_id, relation, service_code, language, "
        "day_from, day_to, state, created_at) SELECT gen_random_uuid(), account_id, patient_id, relation, 'x' || n, "
        "language, day_from, day_to, state, created_at FROM waitlist_entry, generate_series(1, 4) n",
    )  # fmt: skip
    await sign_in(client, db, MUM)
    answer = await joined(client, who=await _profile(db))
    assert answer.status_code == 422
    assert "Đang chờ 5 chỗ rồi." in pages.read(answer).text


async def test_who_refused_sms_is_told_why_nothing_comes(client: httpx.AsyncClient, db: Database, world: World) -> None:
    waiter = await waits(db, world, 1)
    await waiters.agreed(db, waiter.account, waiter.who, sms=False)
    await sign_in(client, db, MUM)
    page = pages.read(await client.get(f"/me/waiting/{waiter.entry}"))
    assert "Người này chưa đồng ý nhận tin nhắn." in page.text


async def test_the_offer_of_the_sms_is_taken_once(client: httpx.AsyncClient, db: Database, world: World) -> None:
    await waits(db, world, 1)
    await seeds.add_slot(db, world, capacity=1)
    await make_offers.run(db)
    (offer,) = await offers_of(db)
    path = f"/o/{offer['code']}/{offer['token']}"
    for way in ("/t", "/h", "/o"):  # every link that could be made of it leads there, and changes nothing
        shown = await client.get(f"{way}/{offer['code']}/{offer['token']}", follow_redirects=True)
        assert shown.url.path == path
    page = pages.read(shown)
    assert "Chỗ này được giữ đến" in page.text
    assert (await offers_of(db))[0]["state"] == "live"
    for _ in range(2):
        taken = await pages.send(client, page.form("/accept"))
        assert taken.url.path == f"/t/{offer['code']}/{offer['token']}"
    assert await seeds.value(db, "SELECT count(*) FROM message WHERE kind = 'booked'") == 1
    assert (await client.get(path)).headers["location"] == f"/t/{offer['code']}/{offer['token']}"


async def test_taking_an_offer_uses_the_slip_it_answers(client: httpx.AsyncClient, db: Database, world: World) -> None:
    waiter = await waits(db, world, 1)
    who, card = waiter.who, "077190000001"
    await households.add(db, waiter.account, who.name, year=who.birth.year, citizen_id=card)
    async with db.transaction() as session:
        await consents.give(
            session, who.patient_id, {ConsentPurpose.INVITATION: True}, account_id=waiter.account, language="vi",
            channel="mobile", by=households.actor(waiter.account), now=clock.utc_now(),
        )  # fmt: skip
        slip = ReceiveInvitation(
            source="bv-mau", key="1", facility=FACILITY, service=SERVICE, name=who.name, birth_year=who.birth.year,
            citizen_ids=(card,), due=world.day,
        )  # fmt: skip
        await invitations.receive(session, slip, by=system("feed"), now=clock.utc_now())
    await seeds.add_slot(db, world, capacity=1)
    await make_offers.run(db)
    (offer,) = await offers_of(db)
    page = pages.read(await client.get(f"/o/{offer['code']}/{offer['token']}"))
    assert await seeds.value(db, "SELECT state::text FROM invitation") == "open"
    for _ in range(2):
        await pages.send(client, page.form("/accept"))
    used = "SELECT i.state::text, a.code FROM invitation i JOIN appointment a ON a.id = i.appointment_id"
    assert await seeds.rows(db, used) == [{"state": "used", "code": offer["code"]}]


async def test_a_refused_offer_asks_whether_to_wait_on(client: httpx.AsyncClient, db: Database, world: World) -> None:
    await waits(db, world, 1)
    await waits(db, world, 2)
    await seeds.add_slot(db, world, capacity=1)
    await make_offers.run(db)
    offer = (await offers_of(db))[0]
    page = pages.read(await client.get(f"/o/{offer['code']}/{offer['token']}"))
    over = pages.read(await pages.send(client, page.form("/refuse")))
    assert "Vẫn còn tên trong danh sách chờ." in over.text
    assert [one["state"] for one in await offers_of(db)] == ["refused", "live"]
    gone = pages.read(await pages.send(client, over.form("/refuse")))
    assert "Đã rời danh sách chờ này." in gone.text
    assert (await offers_of(db))[0]["stands"] == "left"


async def test_too_late_is_said_and_she_waits_on(client: httpx.AsyncClient, db: Database, world: World) -> None:
    await waits(db, world, 1)
    await seeds.add_slot(db, world, capacity=1)
    await make_offers.run(db)
    (offer,) = await offers_of(db)
    page = pages.read(await client.get(f"/o/{offer['code']}/{offer['token']}"))
    await waiters.run_out(db)
    answer = await pages.send(client, page.form("/accept"))
    assert answer.status_code == 409
    assert "Vẫn còn tên trong danh sách chờ." in pages.read(answer).text
    assert "Chỗ không còn được giữ" in pages.read(await client.get(f"/o/{offer['code']}/{offer['token']}")).title


async def test_a_visit_on_another_day_is_named_and_stays(client: httpx.AsyncClient, db: Database, world: World) -> None:
    await waits(db, world, 1)
    await seeds.add_slot(db, world, capacity=1)
    await make_offers.run(db)
    first = (await offers_of(db))[0]
    page = pages.read(await client.get(f"/o/{first['code']}/{first['token']}"))
    await pages.send(client, page.form("/accept"))
    await seeds.run(
        db, "UPDATE waitlist_entry SET state = 'waiting', ended_at = NULL, day_from = day_from + 1, day_to = day_to + 1"
    )
    starts = await seeds.value(db, "SELECT starts_at FROM slot WHERE id = :id", id=world.slots[0])
    await seeds.add_slot(db, world, capacity=1, starts_at=starts + timedelta(days=1))
    await make_offers.run(db)
    second = (await offers_of(db))[1]
    page = pages.read(await client.get(f"/o/{second['code']}/{second['token']}"))
    assert page.link("/t/") == f"/t/{first['code']}/{first['token']}"
    await pages.send(client, page.form("/accept"))
    assert [one["visit"] for one in await offers_of(db)] == ["booked", "booked"]


async def test_somebody_elses_wait_is_not_there(
    client: httpx.AsyncClient, other: httpx.AsyncClient, db: Database, world: World
) -> None:
    hers = await waits(db, world, 1)
    await waits(db, world, 2)
    await sign_in(client, db, MUM)
    await sign_in(other, db, "0903 000 002")
    nobodys = "/me/waiting/00000000-0000-4000-8000-000000000000"
    for ask in (other.get, other.post):
        end = "/leave" if ask == other.post else ""
        strange, missing = await ask(f"/me/waiting/{hers.entry}{end}"), await ask(nobodys + end)
        assert (strange.status_code, missing.status_code) == (404, 404)
        assert _bare(strange, str(hers.entry)) == _bare(missing, nobodys.rsplit("/", 1)[1])
    assert (await client.get(f"/me/waiting/{hers.entry}")).status_code == 200, "the control: it is hers"
    assert await seeds.value(db, "SELECT count(*) FROM waitlist_entry WHERE state = 'left'") == 0


def _bare(answer: httpx.Response, mark: str) -> str:
    return answer.text.replace(mark, "")


async def test_a_wrong_link_of_an_offer_is_one_of_nothing(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    await waits(db, world, 1)
    await seeds.add_slot(db, world, capacity=1)
    await make_offers.run(db)
    (offer,) = await offers_of(db)
    wrong, nothing = f"/o/{offer['code']}/{'x' * 27}", f"/o/AAAAAAAA/{'x' * 27}"
    for end in ("", "/accept", "/refuse"):
        ask = client.post if end else client.get
        one, two = await ask(wrong + end), await ask(nothing + end)
        assert (one.status_code, two.status_code) == (404, 404)
        assert one.text == two.text
    assert (await client.get(f"/o/{offer['code']}/{offer['token']}")).status_code == 200, "the control: the right one"
    assert (await offers_of(db))[0]["state"] == "live"


async def test_an_offer_is_confirmed_by_no_other_form(client: httpx.AsyncClient, db: Database, world: World) -> None:
    """Whoever has the link cannot book the place for somebody else with the form of an ordinary hold."""
    await waits(db, world, 1)
    await seeds.add_slot(db, world, capacity=1)
    await make_offers.run(db)
    (offer,) = await offers_of(db)
    body = {"hold": offer["code"], "patient": {"name": "Lê Thị Mẫu", "birth_year": 1990, "phone": "0903 777 777"}}
    headers = {"Idempotency-Key": "other-way-1", "Authorization": f"Bearer {offer['token']}"}
    answer = await client.post("/api/v1/appointments", json=body, headers=headers)
    assert answer.status_code == 409
    assert [(one["state"], one["visit"]) for one in await offers_of(db)] == [("live", "held")]
