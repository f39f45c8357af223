"""A wait that can never be served ends, or says why nothing comes; and it keeps nobody from waiting elsewhere."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from booking import clock, ids
from booking.appointments.waitlist import rules
from booking.appointments.waitlist.errors import AlreadyWaiting, EntryUnknown
from booking.db import Database
from booking.mobile.account import my_data, not_me, still_mine
from booking.mobile.account import people as people_pages
from booking.mobile.waiting import waits as pages_of_waits
from booking.patients import queries
from scheduler.jobs import make_offers
from tests import asking, households, pages, people, seeds, signing, statements, waiters
from tests.seeds import World
from tests.waiters import Waiter, offers_of, waits

pytestmark = pytest.mark.anyio
MUM = "0903 000 001"
"""The number of waiter 1."""
AFTER = {"sec-fetch-site": "same-origin"}


@pytest.fixture(autouse=True)
def _daytime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "telling", lambda *_: True)


@pytest.fixture
async def world(db: Database) -> World:
    return await seeds.seed(db, capacities=[1, 1])


async def states(db: Database) -> list[str]:
    found = await seeds.rows(db, "SELECT state::text AS state FROM waitlist_entry ORDER BY id")
    return [row["state"] for row in found]


async def _offered_too(db: Database) -> None:
    """The first who waits is told of a place, and the offer is live."""
    await make_offers.run(db)
    assert (await offers_of(db))[0]["state"] == "live"


@pytest.mark.parametrize("offered", [False, True])
async def test_taken_off_the_list_she_waits_no_longer(
    client: httpx.AsyncClient, db: Database, world: World, *, offered: bool
) -> None:
    waiter = await waits(db, world, 1)
    if offered:
        await _offered_too(db)
    await _taken_off(client, db, world, waiter)
    assert await states(db) == ["left"]
    assert [one["state"] for one in await offers_of(db)] == ["refused"] * offered
    assert await seeds.value(db, "SELECT sum(taken) FROM slot") == 0
    again = await client.post(f"/me/people/{waiter.who.id}/remove", headers=AFTER)
    assert again.status_code == 303


@pytest.mark.parametrize("offered", [False, True])
async def test_who_withdraws_agreement_to_booking_waits_no_longer(
    client: httpx.AsyncClient, db: Database, world: World, *, offered: bool
) -> None:
    waiter = await waits(db, world, 1)
    if offered:
        await _offered_too(db)
    await signing.sign_in(client, db, MUM)
    path = f"/me/data/{waiter.who.id}/consent"
    for purpose, answer in (("sms", "no"), ("sms", "yes"), ("booking", "yes")):
        await client.post(path, data={"purpose": purpose, "answer": answer}, headers=AFTER)
        assert await states(db) == ["offered" if offered else "waiting"], purpose
    await _withdrawn(client, db, world, waiter)
    assert await states(db) == ["left"]
    assert [one["state"] for one in await offers_of(db)] == ["refused"] * offered


async def test_who_says_not_me_ends_what_that_number_waits_for_her(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    waiter = await waits(db, world, 1)
    await waits(db, world, 2)
    ticket = await _slip_of(client, db, world, waiter)
    wrong = await client.post(f"{ticket[:-4]}AAAA/not-me", headers=AFTER)
    assert (wrong.status_code, await states(db)) == (404, ["waiting", "waiting"])
    assert (await client.post(f"{ticket}/not-me", headers=AFTER)).status_code == 303
    assert await states(db) == ["left", "waiting"]


async def test_whose_number_begins_anew_leaves_what_the_old_account_waits_for(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    waiter = await waits(db, world, 1)
    await waits(db, world, 2)
    await _begun_anew(client, db, world, waiter)
    assert await states(db) == ["left", "waiting"]


async def _taken_off(client: httpx.AsyncClient, db: Database, _: World, waiter: Waiter) -> None:
    await signing.sign_in(client, db, MUM)
    page = pages.read(await client.get(f"/me/people/{waiter.who.id}/remove"))
    assert "ra khỏi danh sách chờ" in page.text
    await pages.send(client, page.form("/remove"))


async def _withdrawn(client: httpx.AsyncClient, db: Database, _: World, waiter: Waiter) -> None:
    if "session" not in client.cookies:
        await signing.sign_in(client, db, MUM)
    wish = {"purpose": "booking", "answer": "no"}
    done = await client.post(f"/me/data/{waiter.who.id}/consent", data=wish, headers=AFTER)
    assert done.status_code == 303


async def _slip_of(client: httpx.AsyncClient, db: Database, world: World, waiter: Waiter) -> str:
    """The address of a slip of the one who waits."""
    made = await asking.booked(client, world, world.slots[0])
    await seeds.run(db, "UPDATE waitlist_entry SET patient_id = (SELECT patient_id FROM appointment) WHERE public_id = "
                    ":id", id=waiter.entry)  # fmt: skip
    return f"/t/{made['code']}/{made['token']}"


async def _called_wrong(client: httpx.AsyncClient, db: Database, world: World, waiter: Waiter) -> None:
    ticket = await _slip_of(client, db, world, waiter)
    assert (await client.post(f"{ticket}/not-me", headers=AFTER)).status_code == 303


async def _begun_anew(client: httpx.AsyncClient, db: Database, _: World, __: Waiter) -> None:
    await seeds.run(db, "UPDATE account SET seen_at = now() - interval '400 days'")
    asked = await signing.ask_code(client, MUM)
    await signing.enter_code(client, asked, await signing.code_to(db, MUM))
    await client.get("/sign-in/birth")
    assert "left" not in await states(db)
    assert (await client.post("/sign-in/new-number", headers=AFTER)).status_code == 303


WAYS = {"off the list": (people_pages, _taken_off), "withdrawn": (my_data, _withdrawn),
        "not me": (not_me, _called_wrong), "begun anew": (still_mine, _begun_anew)}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
async def test_control_a_way_out_that_forgets_the_wait_is_seen(
    client: httpx.AsyncClient, db: Database, world: World, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    async def forgotten(*_: Any, **__: Any) -> None:
        pass

    module, go = WAYS[way]
    waiter = await waits(db, world, 1)
    with monkeypatch.context() as broken:
        broken.setattr(module, "leave_all", forgotten)
        await go(client, db, world, waiter)
    assert await states(db) == ["waiting"], "the four tests above would fail"


SILENT = {
    "UPDATE profile SET ended_at = now()": "không còn trong danh sách của ông/bà",
    "UPDATE consent SET granted = false WHERE purpose = 'booking'": "rút lại đồng ý đặt lịch khám",
    "UPDATE profile SET as_child = true": "đã đủ 18 tuổi",
}


@pytest.mark.parametrize("spoil", SILENT)
async def test_a_wait_that_is_not_served_says_why(
    client: httpx.AsyncClient, db: Database, world: World, spoil: str
) -> None:
    waiter = await waits(db, world, 1)
    await signing.sign_in(client, db, MUM)
    path = f"/me/waiting/{waiter.entry}?new=1"
    before = pages.read(await client.get(path))
    assert "Không có ai chờ trước." in before.text
    await seeds.run(db, spoil)
    page = pages.read(await client.get(path))
    assert SILENT[spoil] in page.text
    assert "Chưa thể báo chỗ trống." in page.text
    assert "Không có ai chờ trước." not in page.text
    assert "Có chỗ là có tin nhắn" not in page.text


@pytest.mark.parametrize("spoil", [None, *SILENT])
async def test_a_wait_in_vain_keeps_nobody_from_waiting_herself(db: Database, world: World, spoil: str | None) -> None:
    waiter = await waits(db, world, 1)
    if spoil:
        await seeds.run(db, spoil)
    hers = await households.account(db, people.phone(2))
    await seeds.run(
        db, "INSERT INTO profile (public_id, account_id, patient_id, relation, as_child, created_at) "
        "VALUES (gen_random_uuid(), :account, :who, 'self', false, now())", account=hers, who=waiter.who.patient_id,
    )  # fmt: skip
    await seeds.run(
        db, "INSERT INTO consent (patient_id, account_id, purpose, granted, wording, language, channel, at) "
        "VALUES (:who, :account, 'booking', true, 1, 'vi', 'mobile', now())",
        account=hers, who=waiter.who.patient_id,
    )  # fmt: skip
    async with db.transaction() as session:
        (herself,) = await queries.profiles(session, hers, today=households.TODAY)
    wish = waiters.wish(world, herself)
    if spoil is None or "consent" in spoil:  # the first is served, or served again since she agreed anew
        with pytest.raises(AlreadyWaiting):
            await waiters.join(db, hers, wish)
        assert await states(db) == ["waiting"]
    else:
        await waiters.join(db, hers, wish)
        assert await states(db) == ["left", "waiting"]


async def test_a_slip_of_ours_is_not_taken_for_somebody_who_waits_already(
    db: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the key of person and service says so; any other constraint is an error, and is not hidden."""
    first = await waits(db, world, 1)
    account, who = await waiters.person(db, 2)
    monkeypatch.setattr(ids, "public_id", lambda: first.entry)
    with pytest.raises(Exception, match="waitlist_entry_public_id_key"):
        await waiters.join(db, account, waiters.wish(world, who))


@pytest.mark.usefixtures("world")
async def test_joining_locks_the_account_before_its_people(
    app: FastAPI, client: httpx.AsyncClient, db: Database
) -> None:
    _, who = await waiters.person(db, 1)
    await seeds.run(db, "DELETE FROM consent")
    await signing.sign_in(client, db, MUM)
    today = clock.local_day(clock.utc_now())
    form = {"who": str(who.id), "facility": seeds.FACILITY, "from": str(today), "to": str(today),
            "consent_booking": "yes", "consent_sms": "yes"}  # fmt: skip
    with statements.seen_by(app.state.db) as asked:
        answer = await client.post(f"/wait/{seeds.FACILITY}/{seeds.SERVICE}", data=form, headers=AFTER)
    assert answer.headers["location"].startswith("/me/waiting/")
    locks = [sql for sql in asked if "FOR NO KEY UPDATE" in sql]
    assert "FROM account" in locks[0]
    assert any("FROM patient" in sql for sql in locks[1:])


async def test_somebody_elses_wait_is_looked_for_as_one_that_never_was(
    app: FastAPI, client: httpx.AsyncClient, db: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One answer and one way to it: another's wait, one that never was, and what cannot be one."""
    await waits(db, world, 1)
    other = await waits(db, world, 2)
    await signing.sign_in(client, db, MUM)
    wrong = [str(other.entry), "00000000-0000-4000-8000-000000000000", "no-such-wait"]
    for end in ("", "/leave"):
        found = await _refused(app, client, [f"/me/waiting/{one}{end}" for one in wrong], wrong)
        assert [one[0] for one in found] == [404] * 3
        assert all(one == found[0] for one in found)
        assert found[0][2], "the control: something was asked"
    assert await states(db) == ["waiting", "waiting"]
    monkeypatch.setattr(pages_of_waits, "_id", lambda raw: UUID(raw) if raw != "no-such-wait" else _missing())
    paths = [f"/me/waiting/{one}" for one in wrong]
    early = await _refused(app, client, paths, wrong)
    assert early[2][2] != early[0][2], "the control: who refuses before it looks is seen"


def _missing() -> None:
    raise EntryUnknown


async def test_a_wrong_link_of_an_offer_is_looked_for_as_one_of_nothing(
    app: FastAPI, client: httpx.AsyncClient, db: Database, world: World
) -> None:
    await waits(db, world, 1)
    await make_offers.run(db)
    offer = (await offers_of(db))[0]
    wrong = [f"{offer['code']}/{'x' * 27}", f"AAAA2222/{'x' * 27}", f"AAAA2222/{offer['token']}"]
    await client.get("/")
    for end in ("", "/accept", "/refuse"):
        found = await _refused(app, client, [f"/o/{one}{end}" for one in wrong], wrong)
        assert [one[0] for one in found] == [404] * 3
        assert all(one == found[0] for one in found)
        assert found[0][2], "the control: something was asked"
    assert (await offers_of(db))[0]["state"] == "live"


async def _refused(
    app: FastAPI, client: httpx.AsyncClient, paths: list[str], marks: list[str]
) -> list[tuple[int, str, list[str]]]:
    """Status, page without the address, and every statement of both engines; those that end in a verb are posted."""
    found = []
    for path, mark in zip(paths, marks, strict=True):
        with statements.seen_by(app.state.db) as asked:
            post = path.endswith(("/leave", "/accept", "/refuse"))
            answer = await (client.post(path, headers=AFTER) if post else client.get(path))
        found.append((answer.status_code, answer.text.replace(mark, "…"), list(asked)))
    return found
