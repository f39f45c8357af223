"""Closings through the pages: see, do, undo, telephone; what a patient sees of it and does about it."""

import httpx
import pytest

from booking import clock
from booking.access.kinds import Role
from booking.appointments.closing.kinds import ClosingAnswer
from booking.db import Database
from booking.sealed import keys
from scheduler.jobs import apply_closures
from tests import pages, seeds, staff
from tests.closings import CLOSING_STATE, Crowd, another_day, close, crowd
from tests.pages import Form, Page
from tests.seeds import FACILITY

pytestmark = pytest.mark.anyio
BASE = f"/desk/{FACILITY}/closings"


async def _sign_in(client: httpx.AsyncClient, db: Database, role: Role = Role.MANAGER) -> None:
    name = f"{role.value.replace('_', '-')}.mau"
    await staff.add(db, name, role, [] if role is Role.CITY_ADMIN else [FACILITY])
    client.cookies.set("desk", await staff.sign_in(db, name) or "")


async def _page(client: httpx.AsyncClient, path: str) -> Page:
    answer = await client.get(path, follow_redirects=True)
    assert answer.status_code == 200, answer.text
    return pages.read(answer)


def _day(made: Crowd) -> dict[str, str]:
    day = made.world.day.isoformat()
    return {"from_day": day, "from_time": "00:00", "to_day": day, "to_time": "23:59"}


async def _previewed(client: httpx.AsyncClient, made: Crowd, **more: str) -> tuple[Page, Form]:
    form = (await _page(client, f"{BASE}/new")).form("/closings/new")
    answer = await pages.send(client, form, **_day(made), **more)
    assert answer.status_code == 200, answer.text
    page = pages.read(answer)
    return page, page.form("/closings/new")


async def _applied(client: httpx.AsyncClient, form: Form) -> str:
    answer = await pages.send(client, form, step="apply")
    assert answer.status_code == 200, answer.text
    return answer.url.path


async def test_a_manager_sees_first_and_nothing_has_happened(client: httpx.AsyncClient, db: Database) -> None:
    made = await crowd(db, 20, unreachable=3)
    await _sign_in(client, db)
    before = await seeds.everything(db)
    page, form = await _previewed(client, made)
    for words in ("20 Người đã đặt", "20 có chỗ khác", "3 không nhận được tin", "không phải số di động"):
        assert words.split(" ", 1)[0] in page.text
        assert words.split(" ", 1)[1] in page.text
    reads = "SELECT count(*) FROM audit_event WHERE action = 'patient.read' AND facts ->> 'reason' = 'closing'"
    assert await seeds.value(db, reads) == 3
    after = await seeds.everything(db)
    assert {table: rows for table, rows in after.items() if table != "audit_event"} == {
        table: rows for table, rows in before.items() if table != "audit_event"
    }
    where = await _applied(client, form)
    assert await _applied(client, form) == where  # the same key again
    assert await seeds.value(db, "SELECT count(*) FROM closing") == 1
    await apply_closures.run(db)
    assert "Đã xử lý xong 20 người" in (await _page(client, where)).text


async def test_undone_from_its_page(client: httpx.AsyncClient, db: Database) -> None:
    made = await crowd(db, 5)
    await _sign_in(client, db)
    where = await _applied(client, (await _previewed(client, made, answer="cancel"))[1])
    await apply_closures.run(db)
    await pages.send(client, (await _page(client, where)).form("/undo"))
    await apply_closures.run(db)
    assert "5 người giữ giờ cũ" in (await _page(client, where)).text
    assert await seeds.value(db, "SELECT count(*) FROM appointment WHERE state = 'booked'") == 5


async def test_sent_at_once_it_cannot_be_undone_but_the_times_can_be_opened_again(
    client: httpx.AsyncClient, db: Database
) -> None:
    made = await crowd(db, 2)
    await _sign_in(client, db)
    where = await _applied(client, (await _previewed(client, made, send_now="1"))[1])
    await apply_closures.run(db)
    page = await _page(client, where)
    assert not any("/undo" in form.action for form in page.forms)
    refused = await client.post(f"{where}/undo", headers={"sec-fetch-site": "same-origin"})
    assert refused.status_code == 409
    await pages.send(client, page.form("/end"))
    assert await seeds.value(db, CLOSING_STATE) == "ended"
    assert await seeds.value(db, "SELECT bool_and(open) FROM slot") is True
    assert await seeds.value(db, "SELECT count(DISTINCT day) FROM appointment") == 1


@pytest.mark.parametrize(
    ("filled", "field"),
    [
        ({"to_day": "2020-01-01"}, "to_day"),
        ({"from_day": "2020-01-01", "to_day": "2020-01-02"}, "to_day"),
        ({"from_day": "soon"}, "from_day"),
        ({"to_day": "2999-01-01"}, "to_day"),
        ({"why": "other", "reason": ""}, "reason"),
        ({"scope": "session", "session": ""}, "session"),
        ({"scope": "session", "session": "999999"}, "session"),
        ({"scope": "city"}, "scope"),
        ({"answer": "forget"}, "answer"),
        ({"from_time": "01:00", "to_time": "02:00"}, "scope"),
    ],
)
async def test_what_cannot_be_closed_is_said_beside_its_field(
    client: httpx.AsyncClient, db: Database, filled: dict[str, str], field: str
) -> None:
    made = await crowd(db, 1)
    await _sign_in(client, db)
    form = (await _page(client, f"{BASE}/new")).form("/closings/new")
    answer = await pages.send(client, form, **{**_day(made), **filled})
    assert answer.status_code == 422
    assert f"{field}-error" in pages.read(answer).by_id
    assert await seeds.value(db, "SELECT count(*) FROM closing") == 0


async def test_one_session_brings_its_own_times(client: httpx.AsyncClient, db: Database) -> None:
    made = await crowd(db, 3)
    await _sign_in(client, db)
    opened = await _page(client, f"{BASE}/new?session={made.world.session_id}")
    form = opened.form("/closings/new")
    assert (form.fields["scope"], form.fields["session"]) == ("session", str(made.world.session_id))
    preview = pages.read(await pages.send(client, form))
    await _applied(client, preview.form("/closings/new"))
    closed = await seeds.rows(db, "SELECT DISTINCT session_id FROM slot WHERE NOT open")
    assert closed == [{"session_id": made.world.session_id}]


async def test_the_call_list_with_its_outcomes(client: httpx.AsyncClient, db: Database) -> None:
    made = await crowd(db, 6, per_slot=6, unreachable=3)
    closing = await close(db, made, ClosingAnswer.ASK)
    await apply_closures.run(db)
    await _sign_in(client, db, Role.CLERK)
    where = f"{BASE}/{closing.public_id}/calls"
    page = await _page(client, where)
    forms = [form for form in page.forms if "/calls/" in form.action]
    assert len(forms) == 3
    assert "0254 300 0001" in page.text
    assert await seeds.value(db, "SELECT count(*) FROM audit_event WHERE facts ->> 'reason' = 'closing_call'") == 3
    await pages.send(client, forms[0], outcome="no_answer", note="Gọi lại buổi chiều")
    await pages.send(client, forms[0], outcome="no_answer")
    slot = forms[1].choices["slot"][0]
    await pages.send(client, forms[1], outcome="moved", slot=slot)
    await pages.send(client, forms[2], outcome="cancelled")
    rows = await seeds.rows(
        db, "SELECT call::text, calls, note, called_by IS NOT NULL AS by FROM closing_visit WHERE calls > 0 ORDER BY id"
    )
    assert rows == [
        {"call": "no_answer", "calls": 2, "note": "Gọi lại buổi chiều", "by": True},
        {"call": "moved", "calls": 1, "note": "", "by": True},
        {"call": "cancelled", "calls": 1, "note": "", "by": True},
    ]
    assert await seeds.value(db, "SELECT count(*) FROM appointment WHERE slot_id = :id", id=int(slot)) == 1
    assert await seeds.value(db, "SELECT count(*) FROM appointment WHERE state = 'cancelled'") == 1
    assert await seeds.value(db, "SELECT count(*) FROM audit_event WHERE action = 'closing.call'") == 4
    shown = await _page(client, where)
    assert "Còn 1 người cần gọi" in shown.text
    refused = await client.post(
        forms[0].action, data={"outcome": "moved", "slot": "1"}, headers={"sec-fetch-site": "same-origin"}
    )
    assert refused.status_code == 409  # the closed time is no other time


async def test_whose_sms_the_carrier_could_not_deliver_is_called(client: httpx.AsyncClient, db: Database) -> None:
    made = await crowd(db, 2, per_slot=2)
    closing = await close(db, made)
    await apply_closures.run(db)
    await _sign_in(client, db)
    where = f"{BASE}/{closing.public_id}/calls"
    assert "Không cần gọi ai" in (await _page(client, where)).text
    await seeds.run(db, "UPDATE message SET state = 'undelivered', reason = 'undelivered' WHERE id ="
                    " (SELECT min(id) FROM message WHERE kind = 'moved_by_facility')")  # fmt: skip
    assert "tin nhắn không đến" in (await _page(client, where)).text


async def _link(db: Database, code: str) -> str:
    row = (await seeds.rows(db, "SELECT public_id::text AS id, token_version AS v FROM appointment WHERE code = :c",
                            c=code))[0]  # fmt: skip
    return f"/t/{code}/{keys().link_token(row['id'], row['v'])}"


async def test_a_patient_who_is_asked_chooses_another_time(client: httpx.AsyncClient, db: Database) -> None:
    made = await crowd(db, 2, per_slot=2)
    await close(db, made, ClosingAnswer.ASK)
    await apply_closures.run(db)
    link = await _link(db, made.codes[0])
    slip = await _page(client, link)
    assert "Cơ sở nghỉ khám vào giờ này" in slip.text
    assert "Bác sĩ nghỉ ốm" in slip.text
    form = (await _page(client, slip.link("/closed"))).form("/closed")
    nothing = await pages.send(client, form)
    assert nothing.status_code == 422
    slot = form.choices["slot"][0]
    moved = await pages.send(client, form, slot=slot)
    assert moved.url.path == link
    assert await seeds.value(db, "SELECT slot_id FROM appointment WHERE code = :c", c=made.codes[0]) == int(slot)
    again = await client.get(f"{link}/closed", follow_redirects=True)
    assert again.url.path == link  # nobody asks any more
    told = await seeds.rows(
        db, "SELECT kind::text, m.state::text FROM message m JOIN appointment a ON a.public_id = m.subject_id"
        " WHERE a.code = :c AND kind <> 'booked' ORDER BY m.id", c=made.codes[0],
    )  # fmt: skip
    assert [tuple(row.values()) for row in told] == [("choose", "superseded"), ("moved", "due")]


async def _last_day(db: Database, *, free_days: int) -> tuple[Crowd, list[int]]:
    """Somebody asked on a day with so many free days after it, and two free times on the day before."""
    made = await crowd(db, 1, free_days=free_days)
    before = await another_day(db, made.world, -1, slots=2, capacity=1)
    await close(db, made, ClosingAnswer.ASK)
    await apply_closures.run(db)
    return made, before


async def test_on_the_last_published_day_she_may_choose_an_earlier_one(client: httpx.AsyncClient, db: Database) -> None:
    made, before = await _last_day(db, free_days=0)
    page = await _page(client, f"{await _link(db, made.codes[0])}/closed")
    assert "Các giờ dưới đây sớm hơn giờ đã hẹn" in page.text
    form = page.form("/closed")
    assert form.choices["slot"] == [str(one) for one in before]
    await pages.send(client, form, slot=str(before[0]))
    assert await seeds.value(db, "SELECT slot_id FROM appointment") == before[0]


async def test_earlier_times_stand_below_the_later_ones_and_are_named(client: httpx.AsyncClient, db: Database) -> None:
    made, before = await _last_day(db, free_days=1)
    page = await _page(client, f"{await _link(db, made.codes[0])}/closed")
    later = next(iter(made.later.values()))
    assert page.form("/closed").choices["slot"] == [str(one) for one in (*later, *before)]
    assert "Sớm hơn giờ đã hẹn" in page.text
    assert "không còn giờ trống" not in page.text


async def test_nobody_is_moved_to_an_earlier_day_unasked(client: httpx.AsyncClient, db: Database) -> None:
    made = await crowd(db, 1, free_days=0)
    before = await another_day(db, made.world, -1, slots=2, capacity=1)
    await close(db, made)
    await apply_closures.run(db)
    assert await seeds.value(db, "SELECT slot_id FROM appointment") == made.world.slots[0]
    page = await _page(client, f"{await _link(db, made.codes[0])}/closed")
    assert page.form("/closed").choices["slot"] == [str(one) for one in before]


async def test_without_any_free_time_she_is_telephoned(client: httpx.AsyncClient, db: Database) -> None:
    made, before = await _last_day(db, free_days=0)
    await seeds.run(db, "UPDATE slot SET capacity = 0, free_places = '{}' WHERE id = ANY(:ids)", ids=before)
    page = await _page(client, f"{await _link(db, made.codes[0])}/closed")
    assert "Những tuần tới không còn giờ trống. Cơ sở sẽ gọi điện" in page.text


async def test_or_gives_it_up_and_may_do_so_though_the_limit_has_passed(
    client: httpx.AsyncClient, db: Database
) -> None:
    made = await crowd(db, 1)
    await close(db, made, ClosingAnswer.ASK)
    await apply_closures.run(db)
    await seeds.run(db, "UPDATE service SET cancel_minutes = 100000")
    link = await _link(db, made.codes[0])
    form = (await _page(client, f"{link}/closed")).form("/closed/cancel")
    await pages.send(client, form)
    await pages.send(client, form)
    rows = await seeds.rows(db, "SELECT state::text, cancelled_by::text FROM appointment")
    assert rows == [{"state": "cancelled", "cancelled_by": "patient"}]


async def test_nobody_is_asked_by_a_stranger_or_without_a_closing(client: httpx.AsyncClient, db: Database) -> None:
    made = await crowd(db, 1)
    link = await _link(db, made.codes[0])
    assert (await client.get(f"{link}/closed", follow_redirects=True)).url.path == link
    stranger = await client.get(f"/t/{made.codes[0]}/{'x' * 27}/closed")
    assert stranger.status_code == 404
    slot = next(iter(made.later.values()))[0]
    posted = await client.post(f"{link}/closed", data={"slot": str(slot)}, headers={"sec-fetch-site": "same-origin"})
    assert posted.status_code == 303
    assert await seeds.value(db, "SELECT version FROM appointment") == 1


async def test_the_moved_and_the_cancelled_read_why(client: httpx.AsyncClient, db: Database) -> None:
    made = await crowd(db, 2)
    await close(db, made)
    await apply_closures.run(db)
    slip = (await _page(client, await _link(db, made.codes[0]))).text
    assert "Cơ sở đã đổi giờ hẹn này" in slip
    assert "Bác sĩ nghỉ ốm" in slip


async def test_all_facilities_at_once_by_the_city_alone(client: httpx.AsyncClient, db: Database) -> None:
    made = await crowd(db, 4, unreachable=2)
    await _sign_in(client, db, Role.CITY_ADMIN)
    form = (await _page(client, "/desk/closings/new")).form("/closings/new")
    preview = pages.read(await pages.send(client, form, **_day(made), why="weather"))
    assert "Trạm Y tế Mẫu" in preview.text
    assert "0254 300 0001" not in preview.text  # names and numbers are not the city's business
    where = await _applied(client, preview.form("/closings/new"))
    await apply_closures.run(db)
    assert "Trạm Y tế Mẫu" in (await _page(client, where)).text
    assert await seeds.value(db, "SELECT count(*) FROM audit_event WHERE action = 'patient.read'") == 0
    await _sign_in(client, db, Role.MANAGER)
    here = where.replace("/desk/closings", BASE)
    page = await _page(client, here)
    assert not any("/undo" in form.action for form in page.forms)
    undone = await client.post(f"{here}/undo", headers={"sec-fetch-site": "same-origin"})
    assert undone.status_code == 404
    assert "Còn 2 người cần gọi" in (await _page(client, f"{here}/calls")).text
    assert clock.local_day(clock.utc_now()) < made.world.day
