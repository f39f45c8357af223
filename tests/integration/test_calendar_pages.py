"""The calendar at the desk through its pages: what is shown before is what happens, and nobody inside is dropped."""

from datetime import timedelta

import httpx
import pytest

from booking import clock
from booking.access.kinds import Role
from booking.actor import system
from booking.availability.commands import PublishSlots
from booking.db import Database
from booking.exchange import service
from scheduler.jobs import plan_reminders
from tests import pages, people, seeds, staff
from tests.pages import Page
from tests.seeds import FACILITY, SERVICE, World

pytestmark = pytest.mark.anyio
BASE = f"/desk/{FACILITY}/calendar"


@pytest.fixture
async def world(client: httpx.AsyncClient, db: Database) -> World:
    """The sample session: 07:30 to 16:30, 36 slots of three places, published; a manager signed in."""
    made = await seeds.seed(db, capacities=[3, 3])
    async with db.transaction() as session:
        await service.publish(session, PublishSlots(), by=system("test"), now=clock.utc_now())
    await staff.add(db, "manager.mau", Role.MANAGER, [FACILITY])
    client.cookies.set("desk", await staff.sign_in(db, "manager.mau") or "")
    return made


async def _page(client: httpx.AsyncClient, path: str, status: int = 200) -> Page:
    answer = await client.get(path)
    assert answer.status_code == status, answer.text
    return pages.read(answer)


async def _book(client: httpx.AsyncClient, world: World, slot: int, *numbers: int) -> None:
    for number in numbers:
        answer = await client.post(
            "/api/v1/appointments", json=world.booking(slot, people.patient(number)),
            headers={"Idempotency-Key": f"calendar-{slot}-{number}"},
        )  # fmt: skip
        assert answer.status_code == 201, answer.text


async def _weekly(db: Database) -> int:
    found: int = await seeds.value(db, "SELECT weekly_session_id FROM session ORDER BY id LIMIT 1")
    return found


async def _slot(db: Database, slot: int) -> dict[str, object]:
    [row] = await seeds.rows(
        db, "SELECT open, capacity, taken, reserved, free_places, withdrawn_places FROM slot WHERE id = :slot",
        slot=slot,
    )  # fmt: skip
    return row


def _one_day(world: World, weekly: int) -> str:
    return f"{BASE}/days/{world.day.isoformat()}/sessions/{weekly}"


async def test_lowering_below_what_is_booked_drops_nobody(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    await _book(client, world, world.slots[0], 1, 2, 3)
    await _book(client, world, world.slots[1], 4)
    form = (await _page(client, _one_day(world, await _weekly(db)))).form("/sessions/")
    before = await seeds.everything(db)
    answer = await pages.send(client, form, capacity="1", reserved="0")
    assert answer.status_code == 200
    shown = pages.read(answer)
    assert "2 người vẫn giữ lịch hẹn" in shown.text
    assert people.patient(1)["name"] in shown.text  # a manager may know who
    after = await seeds.everything(db)
    assert {name: rows for name, rows in after.items() if name != "audit_event"} == {
        name: rows for name, rows in before.items() if name != "audit_event"
    }
    done = await pages.send(client, shown.form("/sessions/"), step="apply")
    assert done.url.path == f"{BASE}/inside"
    assert "3" in pages.read(done).text
    full, other = await _slot(db, world.slots[0]), await _slot(db, world.slots[1])
    assert (full["open"], full["capacity"], full["taken"], full["free_places"]) == (False, 3, 3, [])
    assert (other["open"], other["capacity"], other["taken"], other["free_places"]) == (True, 1, 1, [])
    assert other["withdrawn_places"] == [2, 3]
    assert await seeds.value(db, "SELECT count(*) FROM appointment WHERE state = 'booked'") == 4


async def test_what_happened_in_between_is_shown_first(client: httpx.AsyncClient, db: Database, world: World) -> None:
    form = (await _page(client, _one_day(world, await _weekly(db)))).form("/sessions/")
    shown = pages.read(await pages.send(client, form, cancel="1"))
    await _book(client, world, world.slots[0], 1)
    again = await pages.send(client, shown.form("/sessions/"), step="apply")
    assert again.status_code == 409
    assert (await _slot(db, world.slots[0]))["open"] is True
    done = await pages.send(client, pages.read(again).form("/sessions/"), step="apply")
    assert done.url.path == f"{BASE}/inside"
    assert (await _slot(db, world.slots[0]))["open"] is False
    assert (await _slot(db, world.slots[1]))["taken"] == 0


async def test_of_two_managers_the_second_is_told(client: httpx.AsyncClient, db: Database, world: World) -> None:
    path = f"{BASE}/weekly/{await _weekly(db)}"
    first, second = [(await _page(client, path)).form("/weekly/") for _ in range(2)]
    shown = pages.read(await pages.send(client, first, capacity="5"))
    done = await pages.send(client, shown.form("/weekly/"), step="apply")
    assert done.url.path == f"{BASE}/weekly"
    assert (await _slot(db, world.slots[0]))["capacity"] == 5
    late = await pages.send(client, second, capacity="9")
    assert late.status_code == 409
    assert "Vừa có người khác sửa" in pages.read(late).text
    assert (await _slot(db, world.slots[0]))["capacity"] == 5


async def test_a_change_from_a_later_day_keeps_everybody_where_she_is(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    await _book(client, world, world.slots[0], 1)
    later = world.day + timedelta(days=7)
    form = (await _page(client, f"{BASE}/weekly/{await _weekly(db)}")).form("/weekly/")
    shown = pages.read(await pages.send(client, form, capacity="8", since=later.isoformat()))
    await pages.send(client, shown.form("/weekly/"), step="apply")
    near = await _slot(db, world.slots[0])
    assert (near["open"], near["capacity"], near["taken"]) == (True, 3, 1)
    capacity = "SELECT DISTINCT capacity FROM slot JOIN session ON session.id = session_id WHERE session.day = :day"
    assert await seeds.rows(db, f"{capacity} AND slot.service_id = :service", day=later, service=world.service_id) == [
        {"capacity": 8}
    ]
    assert "Chưa có" not in (await _page(client, f"{BASE}/weekly")).text


async def test_a_day_off_closes_and_an_ordinary_day_opens_again(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    await _book(client, world, world.slots[0], 1)
    path = f"{BASE}/days/{world.day.isoformat()}/mark"
    form = (await _page(client, path)).form("/mark")
    shown = pages.read(await pages.send(client, form, name="Nghỉ bão", kind="local_closure"))
    assert "1 người vẫn giữ" in shown.text
    await pages.send(client, shown.form("/mark"), step="apply")
    assert (await _slot(db, world.slots[0]))["open"] is False
    month = await _page(client, f"{BASE}?month={world.day:%Y-%m}")
    assert "Nghỉ bão" in month.text
    assert "1 người" in month.text
    shown = pages.read(await pages.send(client, (await _page(client, path)).form("/mark"), clear="1"))
    await pages.send(client, shown.form("/mark"), step="apply")
    assert (await _slot(db, world.slots[0]))["open"] is True
    assert "Không ai có lịch hẹn vào giờ nghỉ" in (await _page(client, f"{BASE}/inside")).text


async def test_only_who_keeps_the_city_closes_all_facilities(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    path = f"{BASE}/days/{world.day.isoformat()}/mark"
    await _page(client, f"{path}?scope=all", 403)
    refused = await client.post(path, data={"scope": "all", "kind": "holiday", "name": "Lễ", "step": "apply"})
    assert refused.status_code == 403
    await staff.add(db, "admin.mau", Role.CITY_ADMIN)
    client.cookies.set("desk", await staff.sign_in(db, "admin.mau") or "")
    await _book(client, world, world.slots[0], 1)
    form = (await _page(client, f"{path}?scope=all")).form("/mark")
    shown = pages.read(await pages.send(client, form, kind="holiday", name="Ngày lễ mẫu"))
    assert "1 người" in shown.text
    assert people.patient(1)["name"] not in shown.text  # no business with patients' names
    await pages.send(client, shown.form("/mark"), step="apply")
    assert await seeds.value(db, "SELECT facility_id IS NULL FROM calendar_day") is True


async def test_a_room_gets_no_fuller_than_its_facility_allows(client: httpx.AsyncClient, world: World) -> None:
    new = (await _page(client, f"{BASE}/rooms/new")).form("/rooms/new")
    await pages.send(client, new, code="P1", name="Phòng số 1", day_limit="60")
    again = await pages.send(client, new, code="P1", name="Phòng khác")
    assert again.status_code == 409
    assert "đã có mục mang mã" in pages.read(again).beside("code")
    form = (await _page(client, f"{BASE}/weekly/new")).form("/weekly/new")
    fields = {"service": SERVICE, "room": "P1", "starts": "07:30", "ends": "11:30", "slot_minutes": "30"}
    weekday = str(world.day.weekday())
    refused = await pages.send(client, form, **fields, weekday=weekday, capacity="8")
    assert refused.status_code == 422
    assert "64 lượt" in pages.read(refused).text
    shown = pages.read(await pages.send(client, form, **fields, weekday=weekday, capacity="7"))
    assert "Trên 50 lượt cho một phòng" in shown.text
    done = await pages.send(client, shown.form("/weekly/new"), step="apply")
    assert "56 chỗ" in pages.read(done).text


@pytest.mark.parametrize(
    ("typed", "beside", "said"),
    [
        ({"ends": "07:40"}, "ends", "không đủ cho một khung giờ"),
        ({"reserved": "9"}, "reserved", "nhiều hơn số chỗ"),
        ({"since": "2020-01-06"}, "since", "đã qua"),
        ({"capacity": "viele"}, "capacity", "số nguyên"),
        ({"starts": "25:00"}, "starts", "07:30"),
    ],
)
@pytest.mark.usefixtures("world")
async def test_what_is_wrong_is_said_beside_its_field(
    client: httpx.AsyncClient, typed: dict[str, str], beside: str, said: str
) -> None:
    form = (await _page(client, f"{BASE}/weekly/new")).form("/weekly/new")
    refused = await pages.send(client, form, **{"service": SERVICE, "weekday": "0", **typed})
    assert refused.status_code == 422
    assert said in pages.read(refused).beside(beside)


async def test_a_service_changes_and_its_times_follow(client: httpx.AsyncClient, db: Database, world: World) -> None:
    form = (await _page(client, f"{BASE}/services/{SERVICE}")).form("/services/")
    shown = pages.read(await pages.send(client, form, lead_minutes="120", bring="", bring_en=""))
    await pages.send(client, shown.form("/services/"), step="apply")
    lead = "SELECT DISTINCT starts_at - bookable_until AS lead FROM slot WHERE service_id = :service"
    assert await seeds.rows(db, lead, service=world.service_id) == [{"lead": timedelta(minutes=120)}]


async def test_a_service_says_when_its_reminders_go(client: httpx.AsyncClient, db: Database, world: World) -> None:
    typed = (await _page(client, f"{BASE}/services/{SERVICE}")).form("/services/")
    assert (typed.fields["remind_day_at"], typed.fields["remind_minutes"]) == ("18:00", "120")
    shown = pages.read(await pages.send(client, typed, remind_day_at="never", remind_minutes="240", bring=""))
    await pages.send(client, shown.form("/services/"), step="apply")
    again = (await _page(client, f"{BASE}/services/{SERVICE}")).form("/services/")
    assert (again.fields["remind_day_at"], again.fields["remind_minutes"]) == ("never", "240")
    kept = "SELECT facts->'values' AS values FROM audit_event WHERE action = 'service.keep'"
    (said,) = await seeds.rows(db, kept)
    assert (said["values"]["remind_day_at"], said["values"]["remind_minutes"]) == (None, 240)
    slots = "SELECT id FROM slot WHERE service_id = :service AND session_id = :session ORDER BY starts_at DESC LIMIT 1"
    last = await seeds.value(db, slots, service=world.service_id, session=world.session_id)
    await _book(client, world, last, 1)
    assert await plan_reminders.run(db) == 1
    found = await seeds.rows(db, "SELECT kind, state, reason FROM message WHERE kind = 'reminder_day'")
    assert found == [{"kind": "reminder_day", "state": "suppressed", "reason": "not_offered"}]
    hours = (
        "SELECT a.starts_at - m.due_at AS ahead FROM message m JOIN appointment a ON a.public_id = m.subject_id"
        " WHERE m.kind = 'reminder_hours'"
    )
    assert await seeds.rows(db, hours) == [{"ahead": timedelta(hours=4)}]


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("name", "value"), [("remind_day_at", "22:00"), ("remind_minutes", "5"), ("remind_day_at", "")]
)
async def test_a_reminder_at_night_or_at_the_door_is_refused(client: httpx.AsyncClient, name: str, value: str) -> None:
    typed = (await _page(client, f"{BASE}/services/{SERVICE}")).form("/services/")
    refused = await pages.send(client, typed, bring="", **{name: value})
    assert refused.status_code == 422
    assert pages.read(refused).beside(name)


@pytest.mark.usefixtures("world")
async def test_patients_read_a_notice_while_it_is_shown(client: httpx.AsyncClient) -> None:
    form = (await _page(client, f"{BASE}/notices/new")).form("/notices/new")
    told = await pages.send(client, form, text="Hết vắc-xin sởi.", service=SERVICE)
    assert told.url.path == f"{BASE}/notices"
    tomorrow = (clock.local_day(clock.utc_now()) + timedelta(days=1)).isoformat()
    await pages.send(client, form, text="Tuần sau có đoàn khám.", shown_from=tomorrow)
    place, days = await _page(client, f"/f/{FACILITY}"), await _page(client, f"/f/{FACILITY}/{SERVICE}")
    other = await _page(client, f"/f/{FACILITY}/tiem-mau")
    assert "Hết vắc-xin sởi." in place.text
    assert "Hết vắc-xin sởi." in days.text
    assert "Hết vắc-xin" not in other.text
    assert "đoàn khám" not in place.text
    await pages.send(client, pages.read(told).form("/remove"))
    assert "Hết vắc-xin" not in (await _page(client, f"/f/{FACILITY}")).text


async def test_a_paused_facility_keeps_what_is_booked(client: httpx.AsyncClient, db: Database, world: World) -> None:
    await _book(client, world, world.slots[0], 1)
    page = await _page(client, f"{BASE}/notices")
    assert "1 chỗ đã đặt" in page.text
    await pages.send(client, page.form("/state"), state="paused")
    assert await seeds.value(db, "SELECT state FROM facility") == "paused"
    assert await seeds.value(db, "SELECT count(*) FROM appointment WHERE state = 'booked'") == 1
    late = await pages.send(client, page.form("/state"), state="open")
    assert late.status_code == 409


async def test_every_page_of_the_calendar_is_shown(client: httpx.AsyncClient, db: Database, world: World) -> None:
    weekly = await _weekly(db)
    for path in (
        "", "?month=2027-02", "?month=nonsense", "/off", "/weekly", "/weekly/new", f"/weekly/{weekly}",
        f"/weekly/{weekly}/end", "/entries", "/services/new", f"/services/{SERVICE}", "/practitioners/new",
        "/rooms/new", "/notices", "/notices/new", "/inside", f"/days/{world.day.isoformat()}",
        f"/days/{world.day.isoformat()}/mark",
    ):  # fmt: skip
        assert (await _page(client, f"{BASE}{path}")).language == "vi"
    for path in ("/days/2026-02-30", "/weekly/999999", "/weekly/abc", "/rooms/none", "/notices/0", "/services/none"):
        await _page(client, f"{BASE}{path}", 404)


async def test_without_putting_places_back_a_number_would_be_given_twice(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    """Capacity goes down and up again around people: every number is somebody's, free or withdrawn, once."""
    await _book(client, world, world.slots[0], 1, 2)
    weekly = await _weekly(db)
    for capacity in ("2", "6", "3", "7"):
        form = (await _page(client, _one_day(world, weekly))).form("/sessions/")
        shown = pages.read(await pages.send(client, form, capacity=capacity, reserved="0"))
        await pages.send(client, shown.form("/sessions/"), step="apply")
    slot = await _slot(db, world.slots[0])
    held = await seeds.rows(db, "SELECT place FROM appointment WHERE state = 'booked'")
    numbers = [*slot["free_places"], *slot["withdrawn_places"], *(row["place"] for row in held)]  # type: ignore[misc]
    assert sorted(numbers) == [1, 2, 3, 4, 5, 6, 7]
    assert slot["capacity"] == 7
