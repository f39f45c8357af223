"""Booking for others through the pages of the desk, as a browser without scripts does it."""

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import literal

from booking import clock
from booking.access.kinds import Role
from booking.db import Database
from booking.records import finding
from booking.sealed import keys
from tests import households, pages, people, places, seeds, staff
from tests.pages import Page
from tests.places import OTHER, SERVICE, STATION, World

pytestmark = pytest.mark.anyio

DESK = f"/desk/{STATION}"
CARD = "079190000001|024123456|Lê Thị Hoa Mẫu|17051990|Nữ|12 đường Mẫu, Phường 9|01022021"


@pytest.fixture(autouse=True)
async def world(client: httpx.AsyncClient, db: Database) -> World:
    async with db.transaction() as session:
        made = await places.make(session, clock.utc_now())
    await staff.add(db, "thu.mau", Role.CLERK, [STATION])
    client.cookies.set("desk", await staff.sign_in(db, "thu.mau") or "")
    client.headers["sec-fetch-site"] = "same-origin"
    return made


async def _page(client: httpx.AsyncClient, path: str, status: int = 200) -> Page:
    answer = await client.get(path, follow_redirects=True)
    assert answer.status_code == status, answer.text
    return pages.read(answer)


async def _search(client: httpx.AsyncClient, typed: str) -> tuple[Page, httpx.Response]:
    form = (await _page(client, f"{DESK}/book")).form("/book")
    answer = await pages.send(client, form, q=typed)
    return pages.read(answer), answer


async def _visit(client: httpx.AsyncClient, world: World, patient: dict[str, Any], at: int = 0) -> str:
    """A visit booked through the JSON door at the station; its code."""
    slot = world.slots[world.near][at]
    body = {"facility": STATION, "service": SERVICE, "slot": slot, "patient": patient}
    key = f"key-{patient['phone'].replace(' ', '')}-{slot}"
    answer = await client.post("/api/v1/appointments", json=body, headers={"idempotency-key": key})
    assert answer.status_code == 201, answer.text
    code: str = answer.json()["code"]
    return code


async def _new_patient(client: httpx.AsyncClient, **more: str) -> httpx.Response:
    form = (await _page(client, f"{DESK}/patients/new")).form("/patients/new")
    typed = {"name": "Trần Văn Bình Mẫu", "birth_year": "1961", "consent_booking": "yes"} | more
    return await pages.send(client, form, **typed)


async def test_a_known_patient_is_found_by_name_phone_and_last_digits_and_booked(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    patient = people.patient(7, name="Nguyễn Thị Hồng Mẫu", phone="0903 555 111")
    await _visit(client, world, patient)
    for typed in ("hong mau", "NGUYEN", "0903555111", "84 903 555 111", "5111", "Hồng"):
        page, _ = await _search(client, typed)
        assert "Nguyễn Thị Hồng Mẫu" in page.text, typed
        assert "…5111" in page.text
    page, _ = await _search(client, "hong")
    done = await pages.send(client, page.form("/visits"))
    assert done.url.path.endswith("/slip")
    slip = pages.read(done)
    assert "Nguyễn Thị Hồng Mẫu" in slip.text
    found = await seeds.rows(db, "SELECT channel, state, account_id FROM appointment ORDER BY id DESC LIMIT 1")
    assert found == [{"channel": "desk", "state": "booked", "account_id": None}]
    told = await seeds.value(db, "SELECT state FROM message ORDER BY id DESC LIMIT 1")
    assert told == "due"


async def test_the_same_form_twice_books_once(client: httpx.AsyncClient, db: Database, world: World) -> None:
    await _visit(client, world, people.patient(1))
    form = (await _search(client, people.phone(1)))[0].form("/visits")
    first, again = await pages.send(client, form), await pages.send(client, form)
    assert first.url.path == again.url.path
    assert await seeds.value(db, "SELECT count(*) FROM appointment WHERE channel = 'desk'") == 1


async def test_every_person_shown_is_written_into_the_audit(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    await _visit(client, world, people.patient(1, name="An Mẫu"))
    await _visit(client, world, people.patient(2, name="Anh Mẫu"))
    await _search(client, "an")
    reads = await seeds.rows(db, "SELECT actor_kind, facts FROM audit_event WHERE action = 'patient.read'")
    assert [row["facts"] for row in reads] == [{"facility": STATION, "reason": "search"}] * 2
    assert {row["actor_kind"] for row in reads} == {"staff"}


@pytest.fixture
async def elsewhere(client: httpx.AsyncClient, db: Database, world: World) -> str:
    """A desk of the other facility; the code of a visit at the station."""
    code = await _visit(client, world, people.patient(7, name="Nguyễn Thị Hồng Mẫu", phone="0903 555 111"))
    await staff.add(db, "there.mau", Role.CLERK, [OTHER])
    client.cookies.set("desk", await staff.sign_in(db, "there.mau") or "")
    return code


async def _typed(client: httpx.AsyncClient, typed: str) -> Page:
    form = (await _page(client, f"/desk/{OTHER}/book")).form("/book")
    return pages.read(await pages.send(client, form, q=typed))


async def test_a_patient_of_another_facility_is_not_found_by_name_digits_or_code(
    client: httpx.AsyncClient, db: Database, elsewhere: str
) -> None:
    for typed in ("hong", "5111", elsewhere):
        page = await _typed(client, typed)
        assert "Hồng" not in page.text
        assert "Chưa tìm thấy" in page.text
    assert (await client.get(f"/desk/{OTHER}/appointments/{elsewhere}")).status_code == 404
    assert (await client.get(f"{DESK}/appointments/{elsewhere}")).status_code == 404
    public_id = await seeds.value(db, "SELECT public_id FROM patient")
    for mark in ("", f"&mark={'0' * 32}"):
        assert (await client.get(f"/desk/{OTHER}/book?patient={public_id}{mark}")).status_code == 404
    assert (await client.get(f"/desk/{OTHER}/patients/{public_id}/series")).status_code == 404
    assert await seeds.value(db, "SELECT count(*) FROM audit_event WHERE action = 'patient.read'") == 0


async def test_control_without_the_scope_she_would_be_found(
    client: httpx.AsyncClient, elsewhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert elsewhere
    monkeypatch.setattr(finding, "within", lambda *_: literal(True))
    assert "Hồng" in (await _typed(client, "hong")).text


async def test_who_tells_her_whole_number_is_found_but_not_where_she_was(
    client: httpx.AsyncClient, elsewhere: str
) -> None:
    page = await _typed(client, "0903 555 111")
    assert "Nguyễn Thị Hồng Mẫu" in page.text
    assert elsewhere[:4] not in page.text


async def test_who_told_her_number_is_booked_by_this_desk_and_by_no_guess(
    client: httpx.AsyncClient, db: Database
) -> None:
    home = await households.account(db, "0903 555 111")
    await households.add(db, home, "Nguyễn Thị Hồng Mẫu")
    form = (await _search(client, "0903 555 111"))[0].form("/visits")
    forged = {"who": form.fields["who"].split(":")[0] + ":" + "0" * 32}
    assert (await pages.send(client, form, **forged)).status_code == 404
    assert (await pages.send(client, form)).status_code == 200
    assert await seeds.value(db, "SELECT count(*) FROM appointment WHERE channel = 'desk'") == 1


async def test_a_code_and_the_link_of_a_slip_open_the_visit(client: httpx.AsyncClient, world: World) -> None:
    code = await _visit(client, world, people.patient(1))
    for typed in (code, f"{code[:4]} {code[4:].lower()}", f"https://dat.example/t/{code}/some-token"):
        _, answer = await _search(client, typed)
        assert answer.url.path == f"{DESK}/appointments/{code}"


async def test_a_new_patient_without_a_telephone_has_no_sms(client: httpx.AsyncClient, db: Database) -> None:
    answer = await _new_patient(client, citizen_id="079 061 000 001", sex="male")
    page = pages.read(answer)
    assert "Trần Văn Bình Mẫu" in page.text
    await pages.send(client, page.form("/visits"))
    row = (await seeds.rows(db, "SELECT phone, phone_index, citizen_id_index FROM patient"))[0]
    assert (row["phone"], row["phone_index"]) == (None, None)
    assert row["citizen_id_index"] is not None
    assert await seeds.rows(db, "SELECT state, reason, phone FROM message") == [
        {"state": "suppressed", "reason": "no_consent", "phone": None}
    ]
    consents = await seeds.rows(db, "SELECT purpose, granted, channel, account_id FROM consent ORDER BY purpose")
    assert consents == [
        {"purpose": "booking", "granted": True, "channel": "desk", "account_id": None},
        {"purpose": "sms", "granted": False, "channel": "desk", "account_id": None},
    ]
    page, _ = await _search(client, "079061000001")
    assert "Trần Văn Bình Mẫu" in page.text


async def test_the_desk_asks_guardian_and_child_and_writes_down_who_agreed(
    client: httpx.AsyncClient, db: Database
) -> None:
    today = clock.local_day(clock.utc_now())
    for years, who in ((3, "guardian"), (10, "guardian_and_child")):
        page = await _page(client, f"{DESK}/patients/new")
        assert "Từ 7 đến 17 tuổi: hãy giải thích cho trẻ" in page.text
        child = {"name": f"Trần {'Bé' if years < 7 else 'Lớn'} Mẫu", "birth_year": str(today.year - years)}
        agreed = {"consent_booking": "yes", "guardian_name": "Trần Thị Mẹ Mẫu"}
        await pages.send(client, page.form("/patients/new"), **child, **agreed)
        rows = await seeds.rows(db, "SELECT purpose, granted, consenter FROM consent ORDER BY id DESC LIMIT 2")
        assert [row["consenter"] for row in rows] == [who, who]


async def test_who_wants_messages_and_has_no_telephone_gets_none_for_that_reason(
    client: httpx.AsyncClient, db: Database
) -> None:
    page = pages.read(await _new_patient(client, consent_sms="yes"))
    await pages.send(client, page.form("/visits"))
    assert await seeds.value(db, "SELECT reason FROM message") == "no_phone"


async def test_the_same_card_is_the_same_person_and_one_without_anything_is_new_each_time(
    client: httpx.AsyncClient, db: Database
) -> None:
    await _new_patient(client, citizen_id="079061000001")
    await _new_patient(client, citizen_id="079061000001", birth_day="2", birth_month="9")
    assert await seeds.value(db, "SELECT count(*) FROM patient") == 1
    await _new_patient(client, name="Lê Mẫu")
    await _new_patient(client, name="Lê Mẫu")
    assert await seeds.value(db, "SELECT count(*) FROM patient") == 3


async def test_a_card_fills_the_form_of_a_new_patient(client: httpx.AsyncClient) -> None:
    page, _ = await _search(client, CARD)
    assert "Chưa tìm thấy" in page.text
    filled = pages.read(await pages.send(client, page.form("/patients/new"), fill="1"))
    fields = filled.form("/patients/new").fields
    assert fields["name"] == "Lê Thị Hoa Mẫu"
    assert (fields["citizen_id"], fields["sex"]) == ("079190000001", "female")
    assert (fields["birth_day"], fields["birth_month"], fields["birth_year"]) == ("17", "5", "1990")


async def test_a_mangled_card_is_told_with_what_to_do_and_still_finds_by_its_number(client: httpx.AsyncClient) -> None:
    await _new_patient(client, name="Lê Thị Hoa Mẫu", birth_year="1990", citizen_id="079190000001")
    page, _ = await _search(client, CARD.replace("Lê Thị Hoa", "Lee Thij Hoa"))
    assert "tiếng Anh" in page.text
    assert "Lê Thị Hoa Mẫu" in page.text


async def test_records_that_look_alike_are_shown_before_a_new_one_is_made(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    await _visit(client, world, people.patient(1, name="Trần Văn Bình Mẫu", birth_year=1961))
    answer = await _new_patient(client, phone="0903 777 888")
    assert answer.status_code == 409
    assert await seeds.value(db, "SELECT count(*) FROM patient") == 1
    page = pages.read(answer)
    assert page.link("book?patient=")
    await pages.send(client, page.form("/patients/new"), sure="yes")
    assert await seeds.value(db, "SELECT count(*) FROM patient") == 2


async def test_a_wrong_telephone_and_a_minor_without_guardian_are_told_beside_the_field(
    client: httpx.AsyncClient, db: Database
) -> None:
    answer = await _new_patient(client, phone="12345", birth_year=str(clock.utc_now().year - 3))
    page = pages.read(answer)
    assert answer.status_code == 422
    assert "10 chữ số" in page.beside("phone")
    assert "guardian_name" in page.form("/patients/new").fields
    assert await seeds.value(db, "SELECT count(*) FROM patient") == 0


async def test_a_time_that_filled_up_is_told_with_what_is_left(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    await _visit(client, world, people.patient(1))
    await seeds.run(db, "UPDATE appointment SET state = 'fulfilled'")
    form = (await _search(client, people.phone(1)))[0].form("/visits")
    await _visit(client, world, people.patient(2))
    answer = await pages.send(client, form)
    assert answer.status_code == 409
    left = pages.read(answer).form("/visits")
    assert left.fields["slot"] != form.fields["slot"]


async def test_staff_move_and_cancel_after_the_patients_limit_with_a_reason(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    code = await _visit(client, world, people.patient(1))
    await seeds.run(
        db, "UPDATE appointment SET starts_at = :at, ends_at = :until",
        at=clock.utc_now() + timedelta(minutes=10), until=clock.utc_now() + timedelta(minutes=40),
    )  # fmt: skip
    page = await _page(client, f"{DESK}/appointments/{code}/move")
    moved = await pages.send(client, page.forms[-1], reason="patient_ill")
    assert moved.url.params["done"] == "moved"
    shown = pages.read(moved)
    assert "thu.mau" in shown.text
    assert "Người bệnh ốm" in shown.text
    page = await _page(client, f"{DESK}/appointments/{code}/cancel")
    cancelled = await pages.send(client, page.forms[-1], reason="practitioner_away")
    assert cancelled.url.params["done"] == "cancelled"
    row = (await seeds.rows(db, "SELECT state, cancelled_by, cancel_reason FROM appointment"))[0]
    assert row == {"state": "cancelled", "cancelled_by": "facility", "cancel_reason": "practitioner_away"}
    kinds = await seeds.rows(db, "SELECT kind FROM message ORDER BY id")
    assert [one["kind"] for one in kinds][-2:] == ["moved", "cancelled"]
    again = await client.post(f"{DESK}/appointments/{code}/cancel", data={"reason": "other"}, follow_redirects=True)
    assert again.status_code == 200
    assert await seeds.value(db, "SELECT sum(taken) FROM slot") == 0


async def test_places_kept_for_walk_ins_are_not_booked_at_the_desk(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    await _visit(client, world, people.patient(1))
    form = (await _search(client, people.phone(1)))[0].form("/visits")
    await seeds.run(db, "UPDATE slot SET reserved = capacity WHERE id = :id", id=int(form.fields["slot"]))
    assert (await pages.send(client, form)).status_code == 409
    await seeds.run(db, "UPDATE slot SET reserved = 0")
    assert (await pages.send(client, form)).status_code == 200


async def test_the_slip_remembers_its_paper(client: httpx.AsyncClient, world: World) -> None:
    code = await _visit(client, world, people.patient(1))
    plain = await client.get(f"{DESK}/appointments/{code}/slip")
    assert 'class="sheet-slip roll"' in plain.text
    await client.get(f"{DESK}/appointments/{code}/slip?paper=a5")
    assert 'class="sheet-slip a5"' in (await client.get(f"{DESK}/appointments/{code}/slip")).text


async def test_a_code_is_read_out_and_the_audit_knows_by_whom(client: httpx.AsyncClient, db: Database) -> None:
    form = (await _page(client, f"{DESK}/code")).form("/code")
    nobody = await pages.send(client, form, phone="0903 123 456")
    assert nobody.status_code == 404
    page = pages.read(await client.get("/sign-in"))
    await pages.send(client, page.form("/sign-in"), phone="0903 123 456")
    shown = await pages.send(client, form, phone="0903.123.456")
    code = re.search(r"<code>(\d{3}) (\d{3})</code>", shown.text)
    assert code is not None
    assert shown.headers["cache-control"] == "no-store"
    row = (await seeds.rows(db, "SELECT actor_kind, facts::text FROM audit_event WHERE action = 'code.read_out'"))[0]
    assert row["actor_kind"] == "staff"
    assert code[1] + code[2] not in row["facts"]
    told = await seeds.rows(db, "SELECT kind, state, facts::text, secret FROM message WHERE subject_kind = 'read_out'")
    assert [(one["kind"], one["state"], one["secret"]) for one in told] == [("code_read_out", "due", None)]
    assert code[1] + code[2] not in told[0]["facts"]


async def test_no_code_is_read_out_for_people_who_were_never_here(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    await _visit(client, world, people.patient(7, phone="0903 123 456"))
    page = pages.read(await client.get("/sign-in"))
    await pages.send(client, page.form("/sign-in"), phone="0903 123 456")
    here = (await _page(client, f"{DESK}/code")).form("/code")
    mine = client.cookies["desk"]
    await staff.add(db, "elsewhere.mau", Role.CLERK, [OTHER])
    client.cookies.set("desk", await staff.sign_in(db, "elsewhere.mau") or "")
    form = (await _page(client, f"/desk/{OTHER}/code")).form("/code")
    refused = await pages.send(client, form, phone="0903 123 456")
    assert refused.status_code == 403
    assert "chưa từng đến cơ sở này" in pages.read(refused).beside("phone")
    assert await seeds.value(db, "SELECT count(*) FROM audit_event WHERE action = 'code.read_out'") == 0
    assert await seeds.value(db, "SELECT count(*) FROM verification_code WHERE read_out") == 0
    assert await seeds.value(db, "SELECT count(*) FROM message WHERE subject_kind = 'read_out'") == 0
    client.cookies.set("desk", mine)  # the control: she was here
    assert (await pages.send(client, here, phone="0903 123 456")).status_code == 200
    read = "SELECT count(*) FROM audit_event WHERE action = 'patient.read' AND facts ->> 'reason' = 'code'"
    assert await seeds.value(db, read) == 1, "it opens her records, so it counts as a reading"


async def test_the_link_of_a_visit_without_a_telephone_cannot_report_a_wrong_number(
    client: httpx.AsyncClient, db: Database
) -> None:
    page = pages.read(await _new_patient(client))
    await pages.send(client, page.form("/visits"))
    visit = (await seeds.rows(db, "SELECT public_id, code FROM appointment"))[0]
    ticket = f"/t/{visit['code']}/{keys().link_token(str(visit['public_id']), 1)}"
    assert (await client.get(ticket)).status_code == 200
    assert (await client.post(f"{ticket}/not-me")).status_code == 404
    assert (await client.get(ticket)).status_code == 200
