"""The patient's journey over pages, as a browser without scripts makes it."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import text

from booking.web.qr import qr_svg
from tests import signing
from tests.browsing import TYPED, Patient
from tests.pages import read, send
from tests.places import SERVICE, STATION

pytestmark = pytest.mark.anyio


async def test_from_the_first_page_to_the_ticket_by_following_what_is_shown(patient: Patient) -> None:
    home = await patient.get("/?q=thang+nhi")
    assert "Tìm thấy 1 nơi" in home.text
    station = await patient.get(home.link(f"/f/{STATION}"))
    days = await patient.get(station.link(SERVICE))
    assert "6 chỗ" in days.text
    far = patient.world.far.isoformat()
    times = await patient.get(days.link(far))
    form = times.form(far)
    assert form.method == "post"
    assert form.choices["slot"] == [str(slot) for slot in patient.world.slots[patient.world.far]]
    assert "còn 2 chỗ" in times.text
    sign_in = await send(patient.client, form, slot=form.choices["slot"][0])
    assert sign_in.url.path == "/sign-in"
    assert "Chỗ này được giữ đến" in read(sign_in).text  # her place waits while she signs in
    asked = await send(patient.client, read(sign_in).form("/sign-in"), phone=signing.PHONE)
    digits = await signing.code_to(patient.db)
    held = await send(patient.client, read(asked).form("/sign-in/code"), code=digits)
    assert held.url.path.startswith("/h/")
    assert held.headers["cache-control"] == "no-store"
    assert "Chỗ này được giữ đến" in read(held).text
    booked = await send(patient.client, read(held).form("/h/"), **TYPED)
    ticket = read(booked)
    code = booked.url.path.split("/")[2]
    assert f"{code[:4]} {code[4:]}" in ticket.text
    for said in ("07:30–08:00", "Phường Thắng Nhì (cũ), nay thuộc Phường Vũng Tàu", "Thẻ BHYT (nếu có).",
                 "Nguyễn Thị Mẫu", "Đổi lịch hẹn", "Hủy hẹn", "Cấp cứu: gọi 115"):  # fmt: skip
        assert said in ticket.text
    assert qr_svg(f"http://127.0.0.1:8000{booked.url.path}") in booked.text
    assert " style=" not in booked.text
    assert booked.headers["cache-control"] == "no-store"
    assert booked.headers["referrer-policy"] == "no-referrer"
    assert await patient.count("SELECT count(*) FROM appointment WHERE state = 'booked' AND channel = 'mobile'") == 1
    assert await patient.count("SELECT count(*) FROM message WHERE kind = 'booked'") == 1
    said = "SELECT count(*) FROM consent WHERE granted AND language = 'vi' AND channel = 'mobile'"
    assert await patient.count(said) == 2


async def test_every_page_says_what_to_do_in_an_emergency_and_names_its_language(patient: Patient) -> None:
    ticket = await patient.book()
    for path in ("/", f"/f/{STATION}", f"/f/{STATION}/{SERVICE}", ticket, f"{ticket}/cancel", f"{ticket}/move",
                 "/errors/slot_full", "/api/docs"):  # fmt: skip
        page = await patient.get(path)
        assert "tel:115" in [href for href, _ in page.links]
        assert page.language == "vi"


async def test_moving_takes_the_new_time_and_frees_the_old(patient: Patient) -> None:
    ticket = await patient.book()
    days = await patient.get(f"{ticket}/move")
    near = str(patient.world.near)
    times = await patient.get(days.link(near))
    nothing = await send(patient.client, times.form(near))
    assert nothing.status_code == 422
    assert "Chưa chọn giờ" in read(nothing).text
    moved = await send(patient.client, times.form(near), slot=str(patient.world.slots[patient.world.near][1]))
    assert moved.url.path == ticket
    assert "Đã đổi giờ hẹn." in read(moved).text
    assert "08:00–08:30" in read(moved).text
    assert await patient.count("SELECT sum(taken) FROM slot") == 1
    assert await patient.count("SELECT count(*) FROM message WHERE kind = 'moved'") == 1


async def test_cancelling_asks_a_clear_question_and_works_once(patient: Patient) -> None:
    ticket = await patient.book()
    question = await patient.get(f"{ticket}/cancel")
    assert re.search(r"Hủy lịch hẹn 07:30 (thứ \w+|Chủ Nhật) \d\d/\d\d\? Chỗ này|Hủy lịch hẹn 07:30", question.text)
    assert "Chỗ này sẽ dành cho người khác." in question.text
    for _ in range(2):
        done = await send(patient.client, question.form("/cancel"))
        assert "Lịch hẹn này đã hủy." in read(done).text
    assert await patient.count("SELECT sum(taken) FROM slot") == 0
    assert await patient.count("SELECT count(*) FROM message WHERE kind = 'cancelled'") == 1
    moved = await patient.client.get(f"{ticket}/move")
    assert moved.status_code == 409
    assert "Lịch hẹn này không đổi được nữa." in read(moved).text


async def test_after_the_limit_the_page_names_the_telephone(patient: Patient) -> None:
    ticket = await patient.book()
    async with patient.db.transaction() as session:
        await session.execute(text("UPDATE service SET cancel_minutes = 60 * 24 * 30"))
    assert "02543000000" in (await patient.get(ticket)).text
    for step in ("cancel", "move"):
        late = await patient.client.get(f"{ticket}/{step}")
        assert late.status_code == 422
        assert "tel:02543000000" in late.text
    refused = await patient.client.post(f"{ticket}/cancel")
    assert refused.status_code == 422
    assert await patient.count("SELECT count(*) FROM appointment WHERE state = 'booked'") == 1


async def test_a_get_changes_nothing(patient: Patient) -> None:
    ticket = await patient.book()
    held = await patient.hold(patient.world.slots[patient.world.far][1], str(patient.world.far))
    tables = ("appointment", "patient", "message", "audit_event", "idempotency_record", "rate_counter", "slot")
    states = "SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) FROM {} t"

    async def rows() -> list[str]:
        async with patient.db.transaction() as session:
            return [str((await session.execute(text(states.format(name)))).scalar_one()) for name in tables]

    before = await rows()
    far = str(patient.world.far)
    for path in ("/", "/?q=x", f"/f/{STATION}", f"/f/{STATION}/{SERVICE}", f"/f/{STATION}/{SERVICE}/{far}", ticket,
                 f"{ticket}/cancel", f"{ticket}/move", f"{ticket}/move/{far}", held.url.path,
                 f"{held.url.path}/drop", "/errors/slot_full", "/api/docs", "/robots.txt"):  # fmt: skip
        answer = await patient.client.get(path)
        assert answer.status_code in (200, 303), path
    assert await rows() == before


async def test_a_wrong_token_and_an_unknown_code_are_one_and_the_same_page(patient: Patient) -> None:
    ticket = await patient.book()
    _, _, code, token = ticket.split("/")
    wrong = token[:-1] + ("A" if token[-1] != "A" else "B")
    paths = [f"/t/{code}/{wrong}", f"/t/AAAAAAAA/{token}", f"/t/{code}/x", "/t/%01/%20", f"/t/{code}/{wrong}/cancel",
             f"/h/{code}/{wrong}"]  # fmt: skip
    answers = [await patient.client.get(path) for path in paths]
    assert {answer.status_code for answer in answers} == {404}
    bodies = {answer.text.replace(f"/t/{code}/{wrong}", "/").replace("/t/AAAAAAAA", "/") for answer in answers[:4]}
    assert len(bodies) == 1
    assert TYPED["name"] not in answers[0].text
    for path in (f"/t/{code}/{wrong}/cancel", f"/t/{code}/{wrong}/move", f"/h/{code}/{wrong}"):
        refused = await patient.client.post(path, data={"slot": "1", "key": "k" * 20} | TYPED)
        assert refused.status_code == 404, path
    assert await patient.count("SELECT count(*) FROM appointment WHERE state = 'booked'") == 1
    assert (await patient.client.get(ticket)).status_code == 200


async def test_a_day_without_times_and_a_day_too_far_say_so(patient: Patient) -> None:
    empty = patient.world.far + timedelta(days=1)
    assert "Ngày này không nhận đặt lịch." in (await patient.get(f"/f/{STATION}/{SERVICE}/{empty}")).text
    assert "Ngày này không nhận đặt lịch." in (await patient.get(f"/f/{STATION}/{SERVICE}/2199-12-31")).text
    async with patient.db.transaction() as session:
        await session.execute(text("UPDATE slot SET open = false"))
        await session.execute(
            text("INSERT INTO slot_closure (slot_id, source, reason, created_at) SELECT id, 'x', 'x', now() FROM slot")
        )
    assert "Những tuần này đã hết chỗ." in (await patient.get(f"/f/{STATION}/{SERVICE}")).text


async def test_only_a_day_off_is_called_closed(patient: Patient) -> None:
    day = patient.world.near + timedelta(days=3)
    path = f"/f/{STATION}/{SERVICE}"
    assert "nghỉ" not in (await patient.get(path)).text
    async with patient.db.transaction() as session:
        await session.execute(
            text("INSERT INTO calendar_day (day, kind, name, name_en) VALUES (:day, 'holiday', 'Ngày Mẫu', 'Sample')"),
            {"day": day},
        )
    shown = (await patient.get(path)).text
    assert shown.count("nghỉ") == 1
    assert "(Ngày Mẫu)" in shown
    assert shown.count("không có buổi khám") > 1


async def test_pages_answer_head_like_get_and_no_address_is_completed(patient: Patient) -> None:
    page, head = await patient.client.get("/"), await patient.client.head("/")
    assert (head.status_code, head.headers["content-type"]) == (200, page.headers["content-type"])
    slashed = await patient.client.get(f"/f/{STATION}/", headers={"Host": "elsewhere.test"})
    assert (slashed.status_code, slashed.headers.get("location")) == (404, None)
