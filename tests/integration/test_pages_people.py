"""The account's pages: its people, what is held about them, invitations; and that others' do not exist."""

import json
import re
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import event

from booking import ids
from booking.actor import Actor, ActorKind, system
from booking.clock import utc_now
from booking.db import Database
from booking.invitations import service as invitations
from booking.invitations.commands import ReceiveInvitation
from booking.patients import queries
from booking.patients import service as patients
from tests import people, seeds
from tests.asking import BOOK, new_key
from tests.households import TODAY, account, add
from tests.pages import Page, read, send
from tests.seeds import FACILITY, SERVICE, World
from tests.signing import code_to, sign_in

pytestmark = pytest.mark.anyio

NAME, PHONE = "Nguyễn Thị Mẫu", people.phone(1)
CARD = "077190000001"
FILLED = {"relation": "self", "name": NAME, "birth_day": "17", "birth_month": "5", "birth_year": "1990"}


async def _get(client: httpx.AsyncClient, path: str, status: int = 200) -> Page:
    answer = await client.get(path)
    assert answer.status_code == status, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return read(answer)


async def _add(client: httpx.AsyncClient, **typed: str) -> httpx.Response:
    page = await _get(client, "/me/people/new")
    return await send(client, page.form("/me/people/new"), **(FILLED | typed))


async def _only(db: Database, query: str) -> str:
    return str(await seeds.value(db, query))


async def _profile(db: Database) -> str:
    return await _only(db, "SELECT public_id FROM profile ORDER BY id DESC LIMIT 1")


async def _receive(db: Database, *, due: date) -> UUID:
    """A slip of the hospital for the person of this file."""
    slip = ReceiveInvitation(
        source="bv-mau", key="1", facility=FACILITY, service=SERVICE, name=NAME, birth_year=1990, citizen_ids=(CARD,),
        due=due,
    )  # fmt: skip
    async with db.transaction() as session:
        return await invitations.receive(session, slip, by=system("feed"), now=utc_now())


async def _first_profile(db: Database) -> str:
    return await _only(db, "SELECT public_id FROM profile ORDER BY id LIMIT 1")


async def _booked(client: httpx.AsyncClient, world: World, slot: int, **person: Any) -> dict[str, Any]:
    body = world.booking(slot, {"name": NAME, "birth_date": "1990-05-17", "phone": PHONE} | person)
    answer = await client.post(BOOK, json=body, headers=new_key())
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_whoever_is_not_signed_in_is_sent_to_sign_in_and_back(client: httpx.AsyncClient) -> None:
    for path in (
        "/me",
        "/me/people",
        "/me/data",
        f"/me/people/{ids.public_id()}",
        f"/me/invitations/{ids.public_id()}",
    ):
        answer = await client.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/sign-in?next=%2Fme")


async def test_a_person_is_added_corrected_and_taken_off_the_list(client: httpx.AsyncClient, db: Database) -> None:
    await sign_in(client, db, PHONE)
    added = read(await _add(client, citizen_id="077 190 000 001", consent_booking="yes", sex="male", ward="Thắng Nhì"))
    assert NAME in added.text
    assert "Cần xem lại số CCCD" in added.text
    answered = await seeds.rows(db, "SELECT purpose::text, granted FROM consent ORDER BY id")
    assert [(row["purpose"], row["granted"]) for row in answered] == [
        ("booking", True), ("sms", False), ("invitation", False),
    ]  # fmt: skip
    mine = f"/me/people/{await _profile(db)}"
    shown = await _get(client, mine)
    assert "Số CCCD ứng với giới tính khác" in shown.text
    form = shown.form(mine)
    assert (form.fields["citizen_id"], form.fields["birth_day"], form.fields["ward"]) == (CARD, "17", "Thắng Nhì")
    corrected = await send(client, form, name="Nguyễn Thị Đúng Mẫu", sex="female", priority="pregnant")
    assert corrected.url.path == "/me/people"
    assert "Cần xem lại" not in read(corrected).text
    assert await _only(db, "SELECT name_folded FROM patient") == "nguyen thi dung mau"
    asked = await _get(client, f"{mine}/remove")
    assert "Bỏ Nguyễn Thị Đúng Mẫu khỏi danh sách?" in asked.text
    for _ in range(2):  # a double tap
        gone = await send(client, asked.form("/remove"))
        assert gone.url.path == "/me/people"
    assert "Danh sách chưa có ai" in read(gone).text
    await _get(client, mine, 404)


async def test_my_data_says_who_agreed_for_a_child_and_asks_her_anew_when_she_is_of_age(
    client: httpx.AsyncClient, db: Database
) -> None:
    await sign_in(client, db, PHONE)
    born = {"birth_day": "1", "birth_month": "1", "birth_year": str(TODAY.year - 10)}
    await _add(client, relation="child", consent_booking="yes", **born)
    hers = f"/me/data/{await _profile(db)}"
    page = await _get(client, hers)
    assert "Người giám hộ và trẻ đã cùng đồng ý." in page.text
    whole = json.loads((await client.get(f"{hers}/download")).content)
    assert {one["who_agreed"] for one in whole["agreements"]} == {"guardian_and_child"}
    # Eight years pass; she was her own in this account, as a pupil with a telephone is.
    await seeds.run(db, "UPDATE profile SET relation = 'self', as_child = false")
    await seeds.run(db, "UPDATE patient SET birth_year = birth_year - 8, birth_date = birth_date - interval '8 years'")
    page = await _get(client, hers)
    assert "Nay cần trả lời lại" in page.text
    await send(client, next(form for form in page.forms if form.fields.get("purpose") == "booking"), answer="yes")
    assert "Đã đồng ý." in (await _get(client, hers)).text
    newest = "SELECT consenter FROM consent WHERE purpose = 'booking' ORDER BY id DESC LIMIT 1"
    assert await seeds.value(db, newest) == "person"


async def test_typing_somebody_known_again_takes_no_agreement_back(client: httpx.AsyncClient, db: Database) -> None:
    await sign_in(client, db, PHONE)
    await _add(client, consent_booking="yes", consent_sms="yes")
    asked = "SELECT purpose::text, granted FROM consent ORDER BY id"
    before = await seeds.rows(db, asked)
    await _add(client, relation="other")
    assert await seeds.rows(db, asked) == before
    assert await seeds.value(db, "SELECT no_sms FROM patient") is False
    await _add(client, relation="other", consent_invitation="yes")  # a yes is heard
    assert await seeds.rows(db, asked) == [*before, {"purpose": "invitation", "granted": True}]


async def test_what_is_wrong_stands_beside_its_field_and_nothing_typed_is_lost(
    client: httpx.AsyncClient, db: Database
) -> None:
    await sign_in(client, db, PHONE)
    answer = await _add(
        client, relation="other", name="Mẫu 1", birth_day="31", birth_month="2", birth_year="2020",
        citizen_id="273456789", bhyt_number="XX", ward="Phường 5",
    )  # fmt: skip
    page = read(answer)
    assert answer.status_code == 422
    assert page.title.startswith("Chưa đúng:")
    for field, said in (
        ("name", "chữ số hoặc ký hiệu"), ("birth_year", "Không có ngày này"), ("citizen_id", "9 số đã hết giá trị"),
        ("bhyt_number", "Số thẻ BHYT chưa đúng"),
    ):  # fmt: skip
        assert said in page.beside(field), field
    assert page.form("/me/people/new").fields["ward"] == "Phường 5"
    minor = read(await _add(client, relation="other", birth_year=str(TODAY.year - 5)))
    assert "Chưa có tên người giám hộ" in minor.beside("guardian_name")
    whole = await send(client, minor.form("/me/people/new"), guardian_name="Trần Thị Mẫu")
    assert whole.url.path == "/me/people"
    assert await _only(db, "SELECT guardian_name FROM patient") == "Trần Thị Mẫu"


async def test_the_home_of_an_account_shows_its_visits_with_links_that_open_them(
    client: httpx.AsyncClient, db: Database
) -> None:
    world = await seeds.seed(db)
    await sign_in(client, db, PHONE)
    assert "Chưa có lịch hẹn nào" in (await _get(client, "/me")).text
    visit = await _booked(client, world, world.slots[0])
    assert visit["token"] not in (await client.get("/me")).text  # booked by number, before the person is in the list
    await _add(client)
    home = await _get(client, "/me")
    link = home.link("/t/")
    assert link == f"/t/{visit['code']}/{visit['token']}"
    assert (await client.get(link)).status_code == 200
    assert "07:30" in home.text
    for path in ("/me/people/new", "/me/data", "/me/sessions"):
        assert home.link(path)
    assert home.form("/sign-out").method == "post"


async def test_an_invitation_leads_to_the_days_it_is_good_for(client: httpx.AsyncClient, db: Database) -> None:
    await seeds.seed(db)
    await sign_in(client, db, PHONE)
    await _add(client, citizen_id=CARD, consent_invitation="yes")
    received = await _receive(db, due=TODAY + timedelta(days=6))
    home = await _get(client, "/me")
    assert "Lời mời khám lại" in home.text
    page = await _get(client, home.link(f"/me/invitations/{received}"))
    way = page.link(f"/f/{FACILITY}/{SERVICE}")
    assert way == f"/f/{FACILITY}/{SERVICE}?start={TODAY + timedelta(days=3)}"
    landed = await client.get(way)
    assert landed.status_code == 200
    assert "Khám ngày nào?" in read(landed).text
    await seeds.run(db, "UPDATE service SET bookable = false")
    page = await _get(client, f"/me/invitations/{received}")
    assert page.link("/f/") == f"/f/{FACILITY}", "the place says what else can be done"
    assert (await client.get(f"/f/{FACILITY}")).status_code == 200


async def test_booking_uses_the_slip_and_goes_on_without_messages(client: httpx.AsyncClient, db: Database) -> None:
    """One way: she refuses messages, is shown a slip, books a day of it; the slip is used in the same transaction."""
    world = await seeds.seed(db)
    await sign_in(client, db, PHONE)
    await _add(client, citizen_id=CARD, consent_booking="yes", consent_invitation="yes")
    await _receive(db, due=world.day)
    times = read(await client.get(f"/f/{FACILITY}/{SERVICE}/{world.day}"))
    held = await send(client, times.form(str(world.day)), slot=str(world.slots[0]))
    booked = await send(client, read(held).form("/h/"), who=await _profile(db))
    assert booked.url.path.startswith("/t/"), booked.text
    assert await seeds.rows(db, "SELECT state::text FROM invitation") == [{"state": "used"}]
    assert "Lời mời khám lại" not in (await _get(client, "/me")).text
    told = await seeds.rows(db, "SELECT state::text, reason FROM message WHERE subject_kind = 'appointment'")
    assert told == [{"state": "suppressed", "reason": "no_consent"}]


async def test_a_grown_up_child_agrees_with_a_code_to_her_own_number(client: httpx.AsyncClient, db: Database) -> None:
    await sign_in(client, db, PHONE)
    listed = read(await _add(client, relation="child", birth_year=str(TODAY.year - 20), citizen_id=CARD))
    assert "cần tự đồng ý" in listed.text
    mine = f"/me/people/{await _profile(db)}"
    asked = await _get(client, f"{mine}/agree")
    own = await send(client, asked.form("/agree"), phone=PHONE)
    assert "Đây là số điện thoại đang đặt lịch giúp người này" in read(own).beside("phone")
    page = read(await send(client, asked.form("/agree"), phone=people.phone(2)))
    code = await code_to(db, people.phone(2))
    wrong = await send(client, page.form("/agree/code"), code="000000" if code != "000000" else "000001")
    assert wrong.status_code == 422
    assert "cần tự đồng ý" in (await _get(client, mine)).text
    agreed = await send(client, page.form("/agree/code"), code=code)
    assert agreed.url.path == mine
    assert "cần tự đồng ý" not in read(agreed).text
    assert CARD not in agreed.text
    held = (await client.get(f"/me/data/{await _first_profile(db)}/download")).json()["person"][0]
    assert (held["name"], held["citizen_id"], held["telephone"]) == (NAME, None, None)
    hers = await seeds.rows(db, "SELECT relation::text FROM profile ORDER BY id")
    assert [row["relation"] for row in hers] == ["child", "self"]


async def test_everything_is_shown_and_taken_away_as_a_file(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db)
    await sign_in(client, db, PHONE)
    visit = await _booked(client, world, world.slots[0])
    await _add(client, citizen_id=CARD, consent_booking="yes")
    profile = await _profile(db)
    patient = UUID(await _only(db, "SELECT public_id FROM patient"))
    async with db.transaction() as session:
        staff = Actor(ActorKind.STAFF, id="c0ffee00-staff", address="192.0.2.7")
        patients.read_by_staff(session, patient, by=staff, now=utc_now(), facility=FACILITY, reason="check_in")
    page = await _get(client, f"/me/data/{profile}")
    for said in (CARD, "Trạm Y tế Mẫu", "nhân viên y tế c0ffee00", "1 lịch hẹn", "1 tin nhắn"):
        assert said in page.text, said
    answer = await client.get(page.link("/download"))
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["cache-control"] == "no-store"
    held = answer.json()
    assert held["person"][0]["name"] == NAME
    assert held["person"][0]["citizen_id"] == CARD
    assert held["visits"][0]["booking_code"] == visit["code"]
    assert held["visits"][0]["facility"] == "Trạm Y tế Mẫu"
    assert [one["what"] for one in held["what_was_done"] if one["by_whom"] == "staff"] == ["patient.read"]
    assert "192.0.2.7" not in answer.text
    assert visit["token"] not in answer.text


async def test_withdrawing_from_messages_stops_what_waits_and_books_all_the_same(
    client: httpx.AsyncClient, db: Database
) -> None:
    world = await seeds.seed(db)
    await sign_in(client, db, PHONE)
    await _add(client, consent_booking="yes", consent_sms="yes")
    await _booked(client, world, world.slots[0])
    states = "SELECT state || ' ' || coalesce(reason, '') FROM message WHERE subject_kind = 'appointment'"
    assert await _only(db, states) == "due "
    page = await _get(client, f"/me/data/{await _profile(db)}")
    sms = next(form for form in page.forms if form.fields.get("purpose") == "sms")
    await send(client, sms, answer="no")
    assert await _only(db, states) == "suppressed no_consent"
    assert await seeds.value(db, "SELECT no_sms FROM patient") is True
    assert await seeds.value(db, "SELECT state::text FROM appointment") == "booked"
    kept = await seeds.rows(db, "SELECT granted FROM consent WHERE purpose = 'sms' ORDER BY id")
    assert [row["granted"] for row in kept] == [True, False]


async def test_deleting_gives_up_what_comes_and_leaves_no_name_of_one_who_never_came(
    client: httpx.AsyncClient, db: Database
) -> None:
    world = await seeds.seed(db, capacities=[1])
    await sign_in(client, db, PHONE)
    await _add(client, citizen_id=CARD, ward="Thắng Nhì", consent_booking="yes")
    await _booked(client, world, world.slots[0])
    asked = await _get(client, f"/me/data/{await _profile(db)}/delete")
    for said in (f"Xóa thông tin của {NAME}?", "Các lịch hẹn này bị hủy", "Hủy hẹn và xóa"):
        assert said in asked.text
    for _ in range(2):  # a double tap
        assert (await send(client, asked.form("/delete"))).url.path == "/me/data"
    row = (await seeds.rows(db, "SELECT * FROM patient"))[0]
    assert (row["name"], row["name_folded"], row["birth_date"], row["ward"]) == ("—", "—", None, None)
    assert [row[column] for column in ("citizen_id", "citizen_id_index", "bhyt_index")] == [None] * 3
    assert row["erased_at"] is not None
    assert await seeds.value(db, "SELECT state::text FROM appointment") == "cancelled"
    assert await seeds.value(db, "SELECT count(*) FROM message WHERE state = 'due'") == 0
    assert await seeds.value(db, "SELECT array_length(free_places, 1) FROM slot WHERE id = :id", id=world.slots[0]) == 1
    everything = json.dumps(await seeds.rows(db, "SELECT p::text FROM patient p"), default=str)
    assert "Mẫu" not in everything
    await _add(client)  # the same person again is somebody new
    assert await seeds.value(db, "SELECT count(*) FROM patient") == 2


async def test_an_account_without_people_forgets_its_number(client: httpx.AsyncClient, db: Database) -> None:
    await sign_in(client, db, PHONE)
    form = (await _get(client, "/me/data")).form("/me/data/close")
    await _add(client)
    assert (await client.post(form.action)).status_code == 409
    await send(client, (await _get(client, f"/me/people/{await _profile(db)}/remove")).form("/remove"))
    for _ in range(2):  # a double tap
        closed = await client.post(form.action)
        assert closed.status_code == 303
    assert closed.headers["location"] in ("/", "/sign-in?next=%2Fme%2Fdata%2Fclose")
    assert (await client.get("/me")).status_code == 303
    assert await seeds.value(db, "SELECT count(*) FROM account WHERE ended_at IS NULL") == 0
    await sign_in(client, db, PHONE)
    assert "Danh sách chưa có ai" in (await _get(client, "/me/people")).text


async def test_the_record_of_a_visit_that_took_place_stays_without_a_telephone(
    client: httpx.AsyncClient, db: Database
) -> None:
    world = await seeds.seed(db)
    await sign_in(client, db, PHONE)
    await _add(client, citizen_id=CARD, ward="Thắng Nhì")
    await _booked(client, world, world.slots[0])
    await seeds.run(db, "UPDATE appointment SET state = 'fulfilled'")
    asked = await _get(client, f"/me/data/{await _profile(db)}/delete")
    assert "hồ sơ khám bệnh của cơ sở y tế" in asked.text
    await send(client, asked.form("/delete"))
    row = (await seeds.rows(db, "SELECT * FROM patient"))[0]
    assert (row["name"], row["ward"]) == (NAME, None)
    assert row["citizen_id_index"] is not None
    assert await seeds.value(db, "SELECT count(*) FROM profile WHERE ended_at IS NULL") == 0


THEIRS = 1
"""The row of the other account, the first that is made."""

PATHS = (
    "/me/people/{profile}", "/me/people/{profile}/remove", "/me/people/{profile}/agree", "/me/data/{profile}",
    "/me/people/{profile}/agree/code", "/me/data/{profile}/download", "/me/data/{profile}/delete",
)  # fmt: skip
POSTS = ("/me/people/{profile}", "/me/people/{profile}/remove", "/me/people/{profile}/agree",
         "/me/people/{profile}/agree/code", "/me/data/{profile}/consent", "/me/data/{profile}/delete")  # fmt: skip


async def _asked(app: FastAPI, client: httpx.AsyncClient, method: str, path: str) -> tuple[int, str, list[str]]:
    """Status, body without what differs by request, and the statements that were executed."""
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    engine = app.state.db.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        answer = await client.request(method, path, data=FILLED | {"purpose": "sms", "phone": people.phone(7)})
    finally:
        event.remove(engine, "before_cursor_execute", note)
    body = re.sub(r'name="key" value="[^"]+"', "", answer.text)
    return answer.status_code, body, said


@pytest.fixture
async def strangers(client: httpx.AsyncClient, db: Database) -> tuple[UUID, UUID]:
    """Somebody else's profile, and an id nobody has; the client is signed in as a third."""
    other = await account(db, people.phone(2))
    theirs = await add(db, other, people.name(2), citizen_id=CARD)
    await sign_in(client, db, PHONE)
    return theirs.id, ids.public_id()


async def test_a_profile_of_somebody_else_is_answered_like_one_that_does_not_exist(
    app: FastAPI, client: httpx.AsyncClient, strangers: tuple[UUID, UUID]
) -> None:
    theirs, nobody = strangers
    for method, paths in (("GET", PATHS), ("POST", POSTS)):
        for path in paths:
            first = await _asked(app, client, method, path.format(profile=theirs))
            second = await _asked(app, client, method, path.format(profile=nobody))
            assert first[0] == 404, (method, path, first[1])
            assert first == second, (method, path)


async def test_control_a_read_that_forgets_the_account_is_seen(
    app: FastAPI, client: httpx.AsyncClient, strangers: tuple[UUID, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, nobody = strangers
    real = queries._of_account
    monkeypatch.setattr(queries, "_of_account", lambda _account, today: real(THEIRS, today))
    first = await _asked(app, client, "GET", PATHS[0].format(profile=theirs))
    second = await _asked(app, client, "GET", PATHS[0].format(profile=nobody))
    assert first != second
