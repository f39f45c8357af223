"""The desk through its pages: signing in, one's own account, looking after accounts."""

import re

import httpx
import pyotp
import pytest

from booking import clock, ids
from booking.access.kinds import Role
from booking.db import Database
from tests import pages, places, seeds, staff
from tests.pages import Page
from tests.places import OTHER, STATION
from tests.staff import PASSWORD

pytestmark = pytest.mark.anyio
NEW = "hai ba con cua do bien"


@pytest.fixture(autouse=True)
async def _world(db: Database) -> None:
    async with db.transaction() as session:
        await places.make(session, clock.utc_now())
    await staff.add(db, "admin.mau", Role.CITY_ADMIN)
    await staff.add(db, "manager.mau", Role.MANAGER, [STATION])


async def _page(client: httpx.AsyncClient, path: str) -> Page:
    answer = await client.get(path, follow_redirects=True)
    assert answer.status_code == 200, answer.text
    return pages.read(answer)


async def _sign_in(client: httpx.AsyncClient, username: str, password: str = PASSWORD, **more: str) -> httpx.Response:
    form = (await _page(client, "/desk/sign-in")).form("/desk/sign-in")
    return await pages.send(client, form, username=username, password=password, **more)


async def test_nobody_gets_in_unsigned_and_everybody_comes_back_to_where_he_was(client: httpx.AsyncClient) -> None:
    answer = await client.get("/desk/staff")
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk/sign-in?next=%2Fdesk%2Fstaff")
    form = pages.read(await client.get(answer.headers["location"])).form("/desk/sign-in")
    back = await pages.send(client, form, username="admin.mau", password=PASSWORD)
    assert (back.status_code, back.url.path) == (200, "/desk/staff")


@pytest.mark.parametrize("after", ["https://elsewhere.example/", "//elsewhere.example", "/me", "/\\elsewhere"])
async def test_signing_in_leads_to_the_desk_and_nowhere_else(client: httpx.AsyncClient, after: str) -> None:
    await _page(client, "/desk/sign-in")
    answer = await client.post(
        "/desk/sign-in", params={"next": after}, data={"username": "admin.mau", "password": PASSWORD}
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk")


async def test_a_wrong_password_and_a_name_nobody_has_say_the_same(client: httpx.AsyncClient) -> None:
    wrong = await _sign_in(client, "admin.mau", "something else entirely")
    unknown = await _sign_in(client, "nobody.mau", "something else entirely")
    assert wrong.status_code == unknown.status_code == 403
    assert wrong.text.replace("admin.mau", "nobody.mau") == unknown.text
    assert "không đúng" in pages.read(wrong).text


async def test_many_failures_are_told_to_wait(client: httpx.AsyncClient) -> None:
    for _ in range(3):
        await _sign_in(client, "admin.mau", "wrong")
    delayed = await _sign_in(client, "admin.mau")
    assert delayed.status_code == 429
    assert int(delayed.headers["retry-after"]) in range(1, 7)


async def test_the_cookie_is_out_of_reach_of_scripts_and_gone_after_signing_out(client: httpx.AsyncClient) -> None:
    answer = await _sign_in(client, "admin.mau")
    cookie = next(found for found in answer.history[0].headers.get_list("set-cookie") if found.startswith("desk="))
    assert {"httponly", "samesite=lax", "path=/"} <= set(cookie.lower().split("; "))
    assert answer.headers["cache-control"] == "no-store"
    token = client.cookies["desk"]
    await pages.send(client, (await _page(client, "/desk")).form("/desk/sign-out"))
    client.cookies.set("desk", token)
    assert (await client.get("/desk")).status_code == 303


async def test_a_first_password_is_good_for_choosing_ones_own(client: httpx.AsyncClient, db: Database) -> None:
    await staff.add(db, "thu.mau", Role.CLERK, [STATION], must_change=True)
    answer = await _sign_in(client, "thu.mau")
    assert answer.url.path == "/desk/account/password"
    assert (await client.get("/desk")).headers["location"].startswith("/desk/account/password")
    form = pages.read(answer).form("/desk/account/password")
    short = await pages.send(client, form, old=PASSWORD, new="short")
    assert short.status_code == 422
    assert "14" in pages.read(short).beside("new")
    wrong = await pages.send(client, form, old="not it at all", new=NEW)
    assert "hiện tại không đúng" in pages.read(wrong).beside("old")
    done = await pages.send(client, form, old=PASSWORD, new=NEW)
    assert done.url.path == "/desk/account"
    assert (await client.get("/desk")).status_code == 200


async def test_an_authenticator_is_set_up_from_the_page(client: httpx.AsyncClient) -> None:
    await _sign_in(client, "manager.mau")
    shown = await _page(client, "/desk/account/authenticator")
    totp = pyotp.TOTP(_secret(shown))
    form = shown.form("/desk/account/authenticator")
    assert (await pages.send(client, form, old=PASSWORD, code="000")).status_code == 422
    done = await pages.send(client, form, old=PASSWORD, code=totp.at(clock.utc_now(), counter_offset=-1))
    assert done.url.path == "/desk/account"
    client.cookies.delete("desk")
    assert (await _sign_in(client, "manager.mau")).status_code == 403
    assert (await _sign_in(client, "manager.mau", code=totp.at(clock.utc_now()))).status_code == 200


def _secret(shown: Page) -> str:
    found = re.search(r"(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}", shown.text)
    assert found is not None
    return re.sub(r"\s", "", found[0])


async def test_a_browser_left_open_does_not_give_away_the_authenticator(
    client: httpx.AsyncClient, db: Database
) -> None:
    await _sign_in(client, "manager.mau")
    shown = await _page(client, "/desk/account/authenticator")
    first, form = pyotp.TOTP(_secret(shown)), shown.form("/desk/account/authenticator")
    early = first.at(clock.utc_now(), counter_offset=-1)
    wrong = await pages.send(client, form, old="not it at all", code=early)
    assert "hiện tại không đúng" in pages.read(wrong).beside("old")
    assert await _enrolled(db) is None
    await pages.send(client, form, old=PASSWORD, code=early)
    client.cookies.delete("desk")
    await _sign_in(client, "manager.mau", code=first.at(clock.utc_now()))
    shown = await _page(client, "/desk/account/authenticator")
    second, form = pyotp.TOTP(_secret(shown)), shown.form("/desk/account/authenticator")
    before = await _enrolled(db)
    fits = second.at(clock.utc_now())
    for present in ("000000", early):  # guessed, and used before
        refused = await pages.send(client, form, old=PASSWORD, present=present, code=fits)
        assert pages.read(refused).beside("present")
    assert await _enrolled(db) == before
    replaced = await pages.send(
        client, form, old=PASSWORD, present=first.at(clock.utc_now(), counter_offset=1), code=fits
    )
    assert replaced.url.path == "/desk/account"
    assert await _enrolled(db) != before


async def test_tries_at_replacing_an_authenticator_are_counted(client: httpx.AsyncClient, db: Database) -> None:
    await _sign_in(client, "manager.mau")
    form = (await _page(client, "/desk/account/authenticator")).form("/desk/account/authenticator")
    for _ in range(3):
        assert (await pages.send(client, form, old=PASSWORD, code="000")).status_code == 422
    assert (await pages.send(client, form, old=PASSWORD, code="000")).status_code == 429
    assert await _enrolled(db) is None


async def _enrolled(db: Database) -> object:
    return await seeds.value(db, "SELECT authenticator::text FROM staff WHERE username = 'manager.mau'")


async def test_other_browsers_are_listed_and_signed_out(client: httpx.AsyncClient, db: Database) -> None:
    other = await staff.sign_in(db, "manager.mau")
    await _sign_in(client, "manager.mau")
    page = await _page(client, "/desk/account")
    assert "a test" in page.text
    await pages.send(client, page.form("/end"))
    assert await staff.desk_of(db, other) is None
    assert (await client.get("/desk/account")).status_code == 200


async def test_an_administrator_makes_an_account_and_its_password_is_shown_once(
    client: httpx.AsyncClient, db: Database
) -> None:
    await _sign_in(client, "admin.mau")
    form = (await _page(client, "/desk/staff/new")).form("/desk/staff/new")
    made = await pages.send(client, form, username="lan.mau", name="Lan Mẫu", role="clerk", facilities=STATION)
    first = re.search(r"(?:[0-9a-z]{4}-){3}[0-9a-z]{4}", made.text)
    assert first is not None
    assert made.headers["cache-control"] == "no-store"
    assert "lan.mau" in (await _page(client, "/desk/staff")).text
    assert first[0] not in await seeds.value(db, "SELECT string_agg(a::text, ' ') FROM audit_event a")
    again = await pages.send(client, form, username="lan.mau", name="Lan Mẫu", role="clerk", facilities=STATION)
    assert again.status_code == 409
    assert "đã có người dùng" in pages.read(again).beside("username")
    client.cookies.delete("desk")
    assert (await _sign_in(client, "lan.mau", first[0])).url.path == "/desk/account/password"


async def test_a_form_of_an_account_tells_all_that_is_wrong_at_once(client: httpx.AsyncClient) -> None:
    await _sign_in(client, "admin.mau")
    form = (await _page(client, "/desk/staff/new")).form("/desk/staff/new")
    refused = await pages.send(client, form, username="Lan\tMẫu", name=" ", role="clerk")
    page = pages.read(refused)
    assert refused.status_code == 422
    assert "không đúng dạng" in page.beside("username")
    assert "Cần nhập họ tên" in page.beside("name")
    assert all(f'<a href="#{field}">' in refused.text for field in ("username", "name", "facilities"))
    taken = await pages.send(client, form, username="manager.mau", name="", role="auditor")
    assert "đã có người dùng" in pages.read(taken).beside("username")
    assert "Cần nhập họ tên" in pages.read(taken).beside("name")
    assert '<a href="#facilities">' not in taken.text


async def test_a_manager_sees_and_changes_accounts_of_his_facilities_only(
    client: httpx.AsyncClient, db: Database
) -> None:
    elsewhere = await staff.add(db, "elsewhere.mau", Role.CLERK, [OTHER])
    clerk = await staff.add(db, "thu.mau", Role.CLERK, [STATION])
    token = await staff.sign_in(db, "thu.mau")
    await _sign_in(client, "manager.mau")
    listed = (await _page(client, "/desk/staff")).text
    assert "thu.mau" in listed
    assert "elsewhere.mau" not in listed
    foreign, nobody = [await client.get(f"/desk/staff/{which}") for which in (elsewhere.public_id, ids.public_id())]
    assert foreign.status_code == nobody.status_code == 404
    assert foreign.text == nobody.text
    page = await _page(client, f"/desk/staff/{clerk.public_id}")
    await pages.send(client, page.form("/disable"))
    assert await staff.desk_of(db, token) is None
    state = "SELECT state FROM staff WHERE username = 'thu.mau'"
    assert await seeds.value(db, state) == "disabled"


async def test_a_scope_taken_away_holds_for_the_next_click(client: httpx.AsyncClient, db: Database) -> None:
    await staff.add(db, "thu.mau", Role.CLERK, [STATION])
    await _sign_in(client, "thu.mau")
    assert "Thắng Nhì" in (await _page(client, "/desk")).text
    await seeds.run(db, "UPDATE staff_scope SET facility_id = (SELECT id FROM facility WHERE code = :other) WHERE"
                    " staff_id = (SELECT id FROM staff WHERE username = 'thu.mau')", other=OTHER)  # fmt: skip
    text = (await _page(client, "/desk")).text
    assert "Thắng Nhì" not in text
    assert "Phường 12" in text


async def test_an_idle_desk_is_signed_out(client: httpx.AsyncClient, db: Database) -> None:
    await _sign_in(client, "manager.mau")
    assert (await client.get("/desk")).status_code == 200
    await seeds.run(db, "UPDATE staff_session SET seen_at = now() - interval '16 minutes'")
    assert (await client.get("/desk")).status_code == 303


async def test_a_form_from_elsewhere_is_refused(client: httpx.AsyncClient) -> None:
    await _sign_in(client, "admin.mau")
    answer = await client.post("/desk/sign-out", headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    assert (await client.get("/desk")).status_code == 200


async def test_one_who_examines_finds_the_room_of_the_day_on_the_first_page(
    client: httpx.AsyncClient, db: Database
) -> None:
    made = await seeds.rows(
        db, "INSERT INTO practitioner (facility_id, code, name, sample) SELECT id, code, 'Bác sĩ ' || code, true"
        " FROM facility RETURNING id, facility_id, code",
    )  # fmt: skip
    mine, foreign = (next(one for one in made if one["code"] == code) for code in (STATION, OTHER))
    doctor = await staff.add(db, "bacsi.mau", Role.DOCTOR, [STATION])
    await _sign_in(client, "manager.mau")
    form = (await _page(client, f"/desk/staff/{doctor.public_id}")).form(f"/desk/staff/{doctor.public_id}")
    refused = await pages.send(client, form, practitioner=f"{OTHER}/{foreign['code']}")
    assert refused.status_code == 422
    await pages.send(client, form, practitioner=f"{STATION}/{mine['code']}")
    page = await _page(client, f"/desk/staff/{doctor.public_id}")
    assert page.form(f"/desk/staff/{doctor.public_id}").fields["practitioner"] == f"{STATION}/{mine['code']}"
    await seeds.run(
        db, "UPDATE session SET practitioner_id = :who, day = :today, room_id = NULL WHERE id ="
        " (SELECT min(id) FROM session WHERE facility_id = :at)",
        who=mine["id"], at=mine["facility_id"], today=clock.local_day(clock.utc_now()),
    )  # fmt: skip
    client.cookies.delete("desk")
    await _sign_in(client, "bacsi.mau")
    assert f'href="/desk/{STATION}/queue?service=' in (await client.get("/desk")).text
    with_room = (
        "INSERT INTO room (facility_id, code, name) VALUES (:at, 'P1', 'Phòng 1')",
        "UPDATE session SET room_id = (SELECT min(id) FROM room) WHERE practitioner_id IS NOT NULL",
    )
    for statement in with_room:
        await seeds.run(db, statement, **({"at": mine["facility_id"]} if ":at" in statement else {}))
    assert f'href="/desk/{STATION}/room/P1?service=' in (await client.get("/desk")).text
