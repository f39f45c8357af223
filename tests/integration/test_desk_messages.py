"""Messages at the desk: the list, sending once more, the call list, and whether texts go."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from booking.access.kinds import Role
from booking.appointments.told import service as told_service
from booking.clock import local_day, utc_now
from booking.db import Database
from booking.messages import numbers
from booking.messages.kinds import MessageKind, MessageState
from scheduler.jobs import apply_closures
from tests import asking, closings, pages, seeds, staff, told
from tests.pages import Page
from tests.people import name
from tests.seeds import FACILITY, World

pytestmark = pytest.mark.anyio

BASE = f"/desk/{FACILITY}/messages"
S = MessageState
MARK = (
    "UPDATE message SET state = :state, changed_at = now(), posted_at = now(), segments = 1, sends = 1"
    " WHERE kind = :kind"
)


@pytest.fixture
async def world(client: httpx.AsyncClient, db: Database) -> World:
    """A clerk is signed in."""
    made = await seeds.seed(db, capacities=[3, 3])
    await _sign_in(client, db, Role.CLERK, [FACILITY])
    return made


async def _sign_in(client: httpx.AsyncClient, db: Database, role: Role, scope: list[str]) -> None:
    username = f"{role.value.replace('_', '-')}.mau"
    await staff.add(db, username, role, scope)
    client.cookies.set("desk", await staff.sign_in(db, username) or "")


async def _page(client: httpx.AsyncClient, path: str = "", status: int = 200) -> Page:
    answer = await client.get(f"{BASE}{path}")
    assert answer.status_code == status, answer.text
    return pages.read(answer)


async def _booked(client: httpx.AsyncClient, db: Database, world: World, state: str = "delivered") -> dict[str, Any]:
    """Somebody is booked and was told, and that became so."""
    made = await asking.booked(client, world, world.slots[0])
    await seeds.run(db, MARK, state=state, kind="booked")
    return made


async def _id(db: Database, kind: str = "booked") -> str:
    return str(await seeds.value(db, "SELECT public_id FROM message WHERE kind = :kind ORDER BY id LIMIT 1", kind=kind))


async def test_the_list_says_what_became_of_each_and_who_looked_is_written_down(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    visit = await _booked(client, db, world)
    reasons = {
        "covered": "đã nhắc chung", "opted_out": "đã thôi nhận tin nhắc hẹn", "unreachable": "số này không nhận được",
        "not_offered": "dịch vụ này không gửi", "quiet_hours": "ban đêm",
    }  # fmt: skip
    for reason in reasons:
        await told.message(db, world.facility_id, state=S.SUPPRESSED, reason=reason, phone=None)
    await told.message(db, world.facility_id, state=S.UNDELIVERED, error_code=104, fault="phone")
    await told.message(db, world.facility_id, state=S.DUE, reason="text_not_approved")
    page = await _page(client)
    assert name(1) in page.text
    assert visit["code"] in page.text
    assert "+84903" not in page.text  # a number is masked
    for said in (*reasons.values(), "số không liên lạc được", "(104)", "mẫu tin chưa được nhà mạng duyệt"):
        assert said in page.text, said
    read = "SELECT facts->>'reason' FROM audit_event WHERE action = 'patient.read'"
    assert await seeds.value(db, read) == "messages"


async def test_the_list_is_filtered_by_state_kind_code_and_number(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    visit = await _booked(client, db, world)
    lost = await told.message(db, world.facility_id, state=S.FAILED, kind=MessageKind.MOVED, phone="+84912345678")
    code = lost.facts["code"]
    for query, shown, hidden in (
        ("state=lost", code, visit["code"]),
        ("state=arrived", visit["code"], code),
        ("kind=moved", code, visit["code"]),
        ("state=nonsense&kind=otp", code, "nobody"),
    ):
        page = await _page(client, f"?{query}")
        assert shown in page.text, query
        assert hidden not in page.text, query
    form = (await _page(client)).form("/messages")
    for typed, shown, hidden in (
        (visit["code"].lower(), visit["code"], code),
        ("0912 345 678", code, visit["code"]),
        ("+84912345678", code, visit["code"]),
    ):
        answer = await pages.send(client, form, find=typed)
        assert (answer.status_code, answer.url.query) == (200, b""), "what somebody is found by stands in no address"
        page = pages.read(answer)
        assert shown in page.text, typed
        assert hidden not in page.text, typed
        assert "find=" not in answer.text
    wrong = await pages.send(client, form, find="ngu")
    assert wrong.status_code == 422
    assert "Nhập mã đặt khám 8 ký tự" in pages.read(wrong).beside("find")
    both = await _page(client, "?find=0912345678")  # an address is not searched by, so nobody gets used to it
    assert visit["code"] in both.text
    assert visit["code"] not in (await _page(client, "?days=own&from=2026-01-01&to=2026-01-02")).text


async def test_an_administrator_sees_states_and_no_patient(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    visit = await _booked(client, db, world)
    await _sign_in(client, db, Role.CITY_ADMIN, [])
    page = await _page(client)
    assert "đã đến" in page.text
    assert name(1) not in page.text
    assert visit["code"] not in page.text
    assert await seeds.value(db, "SELECT count(*) FROM audit_event WHERE action = 'patient.read'") == 0


async def test_days_and_costs_are_counted(client: httpx.AsyncClient, db: Database, world: World) -> None:
    yesterday = utc_now() - timedelta(days=1)
    for state in (S.DELIVERED, S.DELIVERED, S.FAILED, S.SENT, S.SUPPRESSED):
        await told.message(db, world.facility_id, state=state, at=yesterday)
    answer = (await client.get(f"{BASE}?days=week")).text
    assert 'aria-labelledby="sms-days-t sms-days-d"' in answer
    cells = ["2", "1", "0", "1", "1", "3"]  # arrived, sent, to be sent, did not arrive, not sent, cost
    day = local_day(yesterday)
    row = answer.split(f'<th scope="row">{day:%d/%m/%Y}</th>')[1].split("</tr>")[0]
    assert [cell.split(">")[1] for cell in row.split("</td>") if ">" in cell][:6] == cells


async def _again(client: httpx.AsyncClient, which: str, why: str = "Bệnh nhân chưa thấy tin") -> httpx.Response:
    form = (await _page(client, f"/{which}")).form(f"/messages/{which}")
    return await pages.send(client, form, why=why)


async def test_a_message_is_sent_once_more_as_a_new_row(client: httpx.AsyncClient, db: Database, world: World) -> None:
    await _booked(client, db, world, state="undelivered")
    which = await _id(db)
    form = (await _page(client, f"/{which}")).form(f"/messages/{which}")
    assert "Tin đã được gửi lại." in (await pages.send(client, form, why="Chưa thấy tin")).text
    await pages.send(client, form, why="Chưa thấy tin")  # pressed twice
    rows = await seeds.rows(db, "SELECT copy, state, version FROM message WHERE kind = 'booked' ORDER BY copy")
    assert rows == [
        {"copy": 0, "state": "undelivered", "version": 1},
        {"copy": 1, "state": "due", "version": 1},
    ]
    kept = await seeds.rows(
        db, "SELECT facts->>'reason' AS why, result FROM audit_event WHERE action = 'message.resend'"
    )
    assert kept == [{"why": "Chưa thấy tin", "result": "done"}]


async def test_without_a_reason_nothing_is_sent(client: httpx.AsyncClient, db: Database, world: World) -> None:
    await _booked(client, db, world)
    answer = await _again(client, await _id(db), why=" ")
    assert answer.status_code == 422
    assert "Ghi lý do gửi lại." in pages.read(answer).beside("why")
    assert await seeds.value(db, "SELECT count(*) FROM message WHERE copy > 0") == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE appointment SET starts_at = now() - interval '1 hour'", "đã qua hoặc đã hủy"),
        ("UPDATE appointment SET version = 2", "không còn đúng"),
        ("UPDATE appointment SET token_version = 2", "không còn đúng"),
        ("UPDATE appointment SET starts_at = starts_at + interval '1 hour'", "không còn đúng"),
        ("UPDATE patient SET no_sms = true", "Không có số nào nhận được"),
        ("UPDATE patient SET phone = NULL, phone_index = NULL", "Không có số nào nhận được"),
        (
            "INSERT INTO number_standing (phone_index, silent_since) SELECT phone_index, now() FROM patient",
            "Không có số nào nhận được",
        ),
        ("UPDATE message SET state = 'due' WHERE kind = 'booked'", "còn đang được gửi"),
    ],
)
async def test_what_is_stale_off_or_reaches_nobody_is_refused(
    client: httpx.AsyncClient, db: Database, world: World, change: str, said: str
) -> None:
    await _booked(client, db, world)
    which = await _id(db)
    form = (await _page(client, f"/{which}")).form(f"/messages/{which}")
    kept = "CREATE TABLE kept AS SELECT id, starts_at, version FROM appointment"
    await seeds.run(db, kept)
    await seeds.run(db, change)
    answer = await pages.send(client, form, why="Chưa thấy tin")
    assert answer.status_code == 422
    assert said in answer.text
    assert await seeds.value(db, "SELECT count(*) FROM message WHERE copy > 0") == 0
    back = "UPDATE appointment a SET starts_at = k.starts_at, version = k.version FROM kept k WHERE k.id = a.id"
    await seeds.run(db, back)  # what every test leaves behind is looked through


async def _cancel(client: httpx.AsyncClient, visit: dict[str, Any]) -> None:
    headers = {"Authorization": f"Bearer {visit['token']}", "Idempotency-Key": "cancel-once-more"}
    answer = await client.post(f"/api/v1/appointments/{visit['code']}/cancel", json={}, headers=headers)
    assert answer.status_code == 200


async def _of_a_cancelled_visit(client: httpx.AsyncClient, db: Database, world: World) -> int:
    """How many messages are sent once more about a visit that was cancelled since the page was opened."""
    visit = await _booked(client, db, world)
    which = await _id(db)
    form = (await _page(client, f"/{which}")).form(f"/messages/{which}")
    await _cancel(client, visit)
    await pages.send(client, form, why="Chưa thấy tin")
    made: int = await seeds.value(db, "SELECT count(*) FROM message WHERE copy > 0 AND state = 'due'")
    await seeds.run(db, "UPDATE message SET state = 'superseded' WHERE state = 'due'")
    return made


async def test_nothing_is_sent_once_more_of_a_visit_that_is_off(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    assert await _of_a_cancelled_visit(client, db, world) == 0


async def test_control_without_the_checks_a_cancelled_visit_is_told_of(
    client: httpx.AsyncClient, db: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(told_service, "_check", lambda *_, **__: None)
    assert await _of_a_cancelled_visit(client, db, world) == 1


async def test_a_cancel_calls_back_what_was_sent_once_more(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    visit = await _booked(client, db, world)
    await _again(client, await _id(db))
    await _cancel(client, visit)
    assert await seeds.value(db, "SELECT state FROM message WHERE copy = 1") == "superseded"


async def test_three_times_are_enough(client: httpx.AsyncClient, db: Database, world: World) -> None:
    await _booked(client, db, world)
    which = await _id(db)
    form = (await _page(client, f"/{which}")).form(f"/messages/{which}")
    for copy in range(1, told_service.COPIES_MOST + 1):
        assert (await pages.send(client, form, why="Chưa thấy tin", copy=str(copy))).status_code == 200
    late = await pages.send(client, form, why="Chưa thấy tin", copy="4")
    assert late.status_code == 422
    assert "đã gửi lại đủ số lần" in late.text


async def _calls(client: httpx.AsyncClient) -> Page:
    return await _page(client, "/calls")


async def test_whom_no_message_reaches_is_telephoned_and_the_outcome_kept(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    await _booked(client, db, world, state="delivered")
    assert "Không cần gọi cho ai" in (await _calls(client)).text
    await seeds.run(db, "UPDATE message SET state = 'undelivered' WHERE kind = 'booked'")
    page = await _calls(client)
    assert name(1) in page.text
    visit = await seeds.value(db, "SELECT public_id FROM appointment")
    done = await pages.send(client, page.form(f"/calls/{visit}"), outcome="no_answer", note="gọi lại chiều")
    assert "gọi lại chiều" in done.text
    done = await pages.send(client, pages.read(done).form(f"/calls/{visit}"), outcome="will_come")
    row = await seeds.rows(db, "SELECT call, calls, note FROM visit_call")
    assert row == [{"call": "will_come", "calls": 2, "note": "gọi lại chiều"}]
    said = "SELECT facts->>'outcome' AS outcome FROM audit_event WHERE action = 'appointment.call' ORDER BY id"
    assert [one["outcome"] for one in await seeds.rows(db, said)] == ["no_answer", "will_come"]


async def test_a_later_message_that_arrives_takes_her_off_the_list(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    await _booked(client, db, world, state="undelivered")
    assert name(1) in (await _calls(client)).text
    visit = await seeds.value(db, "SELECT public_id FROM appointment")
    await told.message(db, world.facility_id, subject=visit, kind=MessageKind.REMINDER_DAY)
    assert name(1) not in (await _calls(client)).text


async def test_who_wants_no_messages_is_not_called(client: httpx.AsyncClient, db: Database, world: World) -> None:
    await _booked(client, db, world)
    for reason in ("no_consent", "opted_out", "no_phone", "quiet_hours"):
        await seeds.run(db, "UPDATE message SET state = 'suppressed', reason = :reason", reason=reason)
        assert name(1) not in (await _calls(client)).text, reason
    await seeds.run(db, "UPDATE message SET state = 'suppressed', reason = 'unreachable'")
    assert name(1) in (await _calls(client)).text


async def test_giving_up_on_the_telephone_cancels_the_visit(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    await _booked(client, db, world, state="failed")
    visit = await seeds.value(db, "SELECT public_id FROM appointment")
    await pages.send(client, (await _calls(client)).form(f"/calls/{visit}"), outcome="cancelled")
    assert await seeds.value(db, "SELECT state FROM appointment") == "cancelled"
    assert await seeds.value(db, "SELECT taken FROM slot ORDER BY id LIMIT 1") == 0
    late = await client.post(
        f"{BASE}/calls/{visit}", data={"outcome": "reached"}, headers={"sec-fetch-site": "same-origin"}
    )
    assert late.status_code == 404


async def test_a_number_that_works_again_gets_messages(client: httpx.AsyncClient, db: Database, world: World) -> None:
    await _booked(client, db, world, state="failed")
    message = await seeds.value(db, "SELECT id FROM message WHERE kind = 'booked'")
    async with db.transaction() as session:
        await numbers.refused(session, message, 30005, now=utc_now())
    assert "Từ " in (await _page(client, f"/{await _id(db)}")).text
    visit = await seeds.value(db, "SELECT public_id FROM appointment")
    await pages.send(client, (await _calls(client)).form(f"/calls/{visit}/works"))
    assert await seeds.value(db, "SELECT silent_since FROM number_standing") is None
    assert await seeds.value(db, "SELECT count(*) FROM audit_event WHERE action = 'number.works'") == 1


async def test_closings_and_lost_messages_are_one_list_and_kept_in_one_place(
    client: httpx.AsyncClient, db: Database
) -> None:
    crowd = await closings.crowd(db, 4, unreachable=3)
    await closings.close(db, crowd)
    await apply_closures.run(db)
    await _sign_in(client, db, Role.MANAGER, [FACILITY])
    assert (await client.get(f"{BASE}/calls")).text.count('id="call-') == 3
    page = await _calls(client)
    visit = await seeds.value(
        db, "SELECT a.public_id FROM closing_visit v JOIN appointment a ON a.id = v.appointment_id"
        " WHERE v.unreachable IS NOT NULL ORDER BY a.id LIMIT 1",
    )  # fmt: skip
    await pages.send(client, page.form(f"/calls/{visit}"), outcome="reached", note="đã báo")
    assert await seeds.value(db, "SELECT count(*) FROM visit_call") == 0
    assert await seeds.value(db, "SELECT note FROM closing_visit WHERE calls = 1") == "đã báo"


HELD = """
    INSERT INTO sms_channel (provider, empty_at, hour_at, hour_posts, hour_usual, day_at, day_posts, held_at, held_code)
    VALUES ('console', now(), date_trunc('hour', now()), :hour, 0, now() - interval '1 second', :day, :held, :code)
"""


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"hour": 0, "day": 0, "held": True, "code": 21606}, "nhà cung cấp từ chối cấu hình của hệ thống"),
        ({"hour": 1_000_000, "day": 5, "held": False, "code": None}, "nhiều tin hơn hẳn bình thường"),
        ({"hour": 0, "day": 1_000_000, "held": False, "code": None}, "đã dùng hết số tin của hôm nay"),
    ],
)
async def test_staff_read_in_words_why_texts_wait_and_the_administrator_lets_them_go_on(
    client: httpx.AsyncClient, db: Database, world: World, row: dict[str, Any], said: str
) -> None:
    await seeds.run(db, HELD, **row | {"held": utc_now() if row["held"] else None})
    await told.message(db, world.facility_id, state=S.DUE, at=utc_now() - timedelta(minutes=5))
    page = await _page(client, "/channel")
    assert said in page.text
    assert said in (await _page(client)).text  # above the list as well
    assert "1 tin của cơ sở này đang chờ." in page.text
    assert f'action="{BASE}/channel"' not in (await client.get(f"{BASE}/channel")).text
    refused = await client.post(f"{BASE}/channel", headers={"sec-fetch-site": "same-origin"})
    assert refused.status_code == 403
    await _sign_in(client, db, Role.CITY_ADMIN, [])
    done = await pages.send(client, (await _page(client, "/channel")).form("/channel"))
    assert "Tin nhắn đang được gửi thử lại." in done.text
    assert await seeds.value(db, "SELECT count(*) FROM audit_event WHERE action = 'sms.resume'") == 1
    if not row["held"]:
        assert "Tin nhắn gửi bình thường." in done.text


@pytest.mark.usefixtures("world")
async def test_an_open_channel_says_that_nothing_need_be_done(client: httpx.AsyncClient) -> None:
    page = await _page(client, "/channel")
    assert "Tin nhắn gửi bình thường." in page.text
    assert "Không cần làm gì." in page.text
