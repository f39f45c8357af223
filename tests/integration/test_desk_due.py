"""Open dates of series on one list, ending a plan, telling the patient; and correcting a record at the desk."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from booking import clock
from booking.access.kinds import Role
from booking.db import Database
from booking.directory.plans import Plan
from booking.patients import correcting
from tests import pages, places, seeds, staff
from tests.pages import Form, Page
from tests.places import STATION, World

pytestmark = pytest.mark.anyio

DESK = f"/desk/{STATION}"


@pytest.fixture(autouse=True)
async def world(client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch) -> World:
    """A doctor, and a plan: two dates in the world's days, one beyond all that is published."""
    due = [{"days": days, "before": 0, "after": 0} for days in (2, 3)]
    plan = Plan.model_validate(
        {"code": "mau", "name": "Lịch mẫu", "name_en": "Sample plan", "anchor": "day", "services": ["kham-tong-quat"],
         "dates": [*due, {"months": 1, "before": 3, "after": 3}]}
    )  # fmt: skip
    for place in ("booking.desk.booking.series", "booking.appointments.series", "booking.appointments.due"):
        monkeypatch.setattr(f"{place}.plans", lambda: {"mau": plan})
    async with db.transaction() as session:
        found = await places.make(session, clock.utc_now(), capacity=1)
    await staff.add(db, "bac-si.mau", Role.DOCTOR, [STATION])
    client.cookies.set("desk", await staff.sign_in(db, "bac-si.mau") or "")
    client.headers["sec-fetch-site"] = "same-origin"
    return found


async def _registered(client: httpx.AsyncClient, **typed: str) -> str:
    """Somebody with a visit far ahead; the beginning of her addresses."""
    form = pages.read(await client.get(f"{DESK}/patients/new")).form("/patients/new")
    page = pages.read(await pages.send(client, form, **({"name": "Lê Mẫu", "birth_year": "1958"} | typed)))
    slip = await pages.send(client, page.form("/visits"), slot=page.form("/visits").choices["slot"][-1])
    visit = pages.read(await client.get(slip.url.path.removesuffix("/slip")))
    return visit.link("/series").removesuffix("/series")


async def _planned(client: httpx.AsyncClient, patient: str, **chosen: str) -> Page:
    page = pages.read(await client.get(f"{patient}/series"))
    today = clock.local_day(clock.utc_now()).isoformat()
    page = pages.read(await pages.send(client, page.form("/propose"), plan="mau", day=today))
    form = next(one for one in page.forms if "series" in one.fields)
    return pages.read(await pages.send(client, form, **chosen))


async def test_what_is_open_stands_on_one_list_and_is_booked_with_one_press(
    client: httpx.AsyncClient, db: Database
) -> None:
    patient = await _registered(client)
    await _planned(client, patient, **{"date-2": ""})
    page = pages.read(await client.get(f"{DESK}/due"))
    assert "Đặt được ngay (1)" in page.text
    assert "Chưa mở lịch (1)" in page.text
    assert "Lê Mẫu" in page.text
    read = "SELECT count(*) FROM audit_event WHERE action = 'patient.read' AND facts->>'reason' = 'due'"
    assert await seeds.value(db, read) == 1
    booked = await pages.send(client, page.form("/series/"))
    assert "đã đặt 2 trên 3 lần" in pages.read(booked).text
    assert "Đặt được ngay" not in pages.read(await client.get(f"{DESK}/due")).text


async def test_a_date_that_she_booked_herself_is_open_no_more(client: httpx.AsyncClient, db: Database) -> None:
    patient = await _registered(client)
    await _planned(client, patient, **{"date-1": "", "date-2": ""})
    assert "Đặt được ngay (2)" in pages.read(await client.get(f"{DESK}/due")).text
    page = pages.read(await client.get(f"{DESK}/book?patient={patient.rsplit('/', 1)[1]}"))
    await pages.send(client, page.form("/visits"))
    assert "Đặt được ngay (1)" in pages.read(await client.get(f"{DESK}/due")).text
    assert await seeds.value(db, "SELECT count(*) FROM series_date WHERE appointment_id IS NULL") == 3


async def test_a_plan_that_ended_asks_no_more_until_somebody_goes_on(client: httpx.AsyncClient, db: Database) -> None:
    patient = await _registered(client, citizen_id="077158000123", sex="female")
    page = await _planned(client, patient, **{"date-1": "", "date-2": ""})
    slips = "SELECT source, state, due FROM invitation ORDER BY due"
    told = await seeds.rows(db, slips)
    assert [(row["source"], row["state"]) for row in told] == [("desk-series", "open")] * 3
    done = pages.read(await pages.send(client, page.form("/end"), ended="yes"))
    assert "Đợt hẹn này đã dừng" in done.text
    assert "Lê Mẫu" not in pages.read(await client.get(f"{DESK}/due")).text
    assert {row["state"] for row in await seeds.rows(db, slips)} == {"withdrawn"}
    await pages.send(client, done.form("/end"), ended="no")
    assert "Lê Mẫu" in pages.read(await client.get(f"{DESK}/due")).text
    acts = "SELECT action FROM audit_event WHERE action LIKE 'series.%' ORDER BY id"
    assert [row["action"] for row in await seeds.rows(db, acts)] == ["series.plan", "series.end", "series.resume"]


async def test_a_date_whose_days_are_over_is_for_the_telephone(client: httpx.AsyncClient, db: Database) -> None:
    patient = await _registered(client)
    await _planned(client, patient, **{"date-1": "", "date-2": ""})
    gone = clock.local_day(clock.utc_now()) - timedelta(days=3)
    await seeds.run(
        db, "UPDATE series_date SET due = :gone, first_day = :gone, last_day = :gone WHERE number = 1", gone=gone
    )
    assert "Đã quá hạn: gọi điện (1)" in pages.read(await client.get(f"{DESK}/due")).text


async def _record(client: httpx.AsyncClient, patient: str) -> Form:
    return pages.read(await client.get(f"{patient}/record")).form("/record")


async def _row(db: Database) -> dict[str, Any]:
    return (await seeds.rows(db, "SELECT * FROM patient ORDER BY id"))[0]


async def test_a_record_is_corrected_with_its_telephone_and_the_audit_says_what(
    client: httpx.AsyncClient, db: Database
) -> None:
    patient = await _registered(client, phone="0903 111 222")
    form = await _record(client, patient)
    assert (form.fields["name"], form.fields["phone"]) == ("Lê Mẫu", "0903 111 222")
    new = {"name": "Lê Thị Mẫu", "birth_day": "2", "birth_month": "3", "phone": "0903 111 333", "sex": "female"}
    answer = await pages.send(client, form, **new, citizen_id="077158000123")
    assert "Đã sửa hồ sơ." in pages.read(answer).text
    row = await _row(db)
    assert (row["name"], row["birth_date"].isoformat(), row["sex"]) == ("Lê Thị Mẫu", "1958-03-02", "female")
    told = "SELECT facts FROM audit_event WHERE action = 'patient.correct'"
    changed = [
        "birth_date", "citizen_id", "name", "phone", "sex",
    ]  # fmt: skip
    assert [one["facts"]["changed"] for one in await seeds.rows(db, told)] == [changed]
    await pages.send(client, form, **new, citizen_id="077158000123")
    assert len(await seeds.rows(db, told)) == 1, "the same form again changes nothing"
    found = await pages.send(client, pages.read(await client.get(f"{DESK}/book")).form("/book"), q="0903111333")
    assert "Lê Thị Mẫu" in found.text
    kept = await _record(client, patient)
    await pages.send(client, kept, phone="")
    row = await _row(db)
    assert (row["phone"], row["phone_index"], row["phone_last4_index"]) == (None, None, None)


async def test_what_cannot_be_is_said_beside_its_field_and_nothing_is_changed(
    client: httpx.AsyncClient, db: Database
) -> None:
    patient = await _registered(client, phone="0903 111 222")
    answer = await pages.send(
        client, await _record(client, patient), name="Lê 5", birth_year="3000", phone="12", citizen_id="9"
    )
    page = pages.read(answer)
    assert answer.status_code == 422
    for name in ("name", "birth_year", "phone", "citizen_id"):
        assert "Chưa đúng:" in page.beside(name), name
    assert page.form("/record").fields["name"] == "Lê 5"
    assert (await _row(db))["name"] == "Lê Mẫu"


async def test_somebody_else_with_that_name_birth_and_telephone_leads_to_joining(client: httpx.AsyncClient) -> None:
    await _registered(client, name="Trần Mẫu", phone="0903 111 222")
    patient = await _registered(client, phone="0903 111 222")
    answer = await pages.send(client, await _record(client, patient), name="Trần Mẫu")
    assert answer.status_code == 409
    assert pages.read(answer).link("/duplicates")


async def test_two_clerks_correct_one_record_and_the_second_is_told(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = await _registered(client)
    form = await _record(client, patient)
    await pages.send(client, form, ward="Thắng Nhì")
    late = await pages.send(client, form, sex="female")
    assert late.status_code == 409
    assert (await _row(db))["ward"] == "Thắng Nhì"
    assert (await pages.send(client, pages.read(late).form("/record"))).status_code == 200
    assert (await _row(db))["ward"] is None, "who was told and saves again decides"
    form = await _record(client, patient)
    await pages.send(client, form, ward="Thắng Nhì")
    monkeypatch.setattr(correcting, "mark_of", lambda _: form.fields["mark"])
    assert (await pages.send(client, form, sex="male")).status_code == 200
    assert (await _row(db))["ward"] is None, "the control: without the mark the first correction is lost unseen"
