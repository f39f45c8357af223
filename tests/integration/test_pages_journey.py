"""The patient's journey over pages, as a browser without scripts makes it."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from booking.actor import Actor
from booking.appointments import service
from booking.appointments.commands import CancelAppointment
from booking.clock import utc_now
from booking.db import Database
from booking.web.qr import qr_svg
from tests import places
from tests.pages import Page, read, send
from tests.places import SERVICE, STATION, World

pytestmark = pytest.mark.anyio

TYPED = {
    "relation": "parent", "name": "Nguyễn Thị Mẫu", "birth_day": "", "birth_month": "", "birth_year": "1958",
    "phone": "0903 123 456",
}  # fmt: skip
PERSONAL = re.compile(r"/[ht]/([A-Z0-9]{8})/([A-Za-z0-9_-]{27})")


@dataclass
class Patient:
    """Somebody with a browser."""

    client: httpx.AsyncClient
    world: World
    db: Database

    async def get(self, path: str) -> Page:
        """Open a page that must be there."""
        answer = await self.client.get(path, follow_redirects=True)
        assert answer.status_code == 200, answer.text
        return read(answer)

    async def count(self, query: str) -> int:
        """One number from the database."""
        async with self.db.transaction() as session:
            found: int = (await session.execute(text(query))).scalar_one()
            return found

    async def hold(self, slot: int, day: str) -> httpx.Response:
        """Choose a time on its page."""
        page = await self.get(f"/f/{STATION}/{SERVICE}/{day}")
        return await send(self.client, page.form(day), slot=str(slot))

    async def book(self, slot: int | None = None, **typed: str) -> str:
        """Book from the times to the ticket; the ticket's path."""
        day = self.world.far
        held = await self.hold(slot or self.world.slots[day][0], day.isoformat())
        booked = await send(self.client, read(held).form("/h/"), **(TYPED | typed))
        assert booked.status_code == 200, booked.text
        assert booked.url.path.startswith("/t/"), booked.text
        return booked.url.path

    async def expire_holds(self) -> None:
        """As if the five minutes had passed."""
        async with self.db.transaction() as session:
            await session.execute(
                text("UPDATE appointment SET expires_at = now() - interval '1 s' WHERE state = 'held'")
            )


@pytest.fixture
async def patient(client: httpx.AsyncClient, db: Database) -> Patient:
    async with db.transaction() as session:
        world = await places.make(session, utc_now())
    return Patient(client, world, db)


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
    held = await send(patient.client, form, slot=form.choices["slot"][0])
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


async def test_every_page_says_what_to_do_in_an_emergency_and_names_its_language(patient: Patient) -> None:
    ticket = await patient.book()
    for path in ("/", f"/f/{STATION}", f"/f/{STATION}/{SERVICE}", ticket, f"{ticket}/cancel", f"{ticket}/move",
                 "/errors/slot_full", "/api/docs"):  # fmt: skip
        page = await patient.get(path)
        assert "tel:115" in [href for href, _ in page.links]
        assert page.language == "vi"


async def test_a_double_tap_books_once_and_shows_the_same_ticket(patient: Patient) -> None:
    day = patient.world.far
    times = await patient.get(f"/f/{STATION}/{SERVICE}/{day}")
    slot = str(patient.world.slots[day][0])
    first, second = [await send(patient.client, times.form(str(day)), slot=slot) for _ in range(2)]
    assert first.url == second.url
    assert await patient.count("SELECT count(*) FROM appointment") == 1
    form = read(first).form("/h/")
    tickets = [await send(patient.client, form, **TYPED) for _ in range(2)]
    # The back button: the same form with another text still shows the truth.
    tickets.append(await send(patient.client, form, **(TYPED | {"name": "Trần Văn Mẫu"})))
    assert len({answer.url.path for answer in tickets}) == 1
    assert await patient.count("SELECT count(*) FROM appointment WHERE state = 'booked'") == 1
    assert await patient.count("SELECT count(*) FROM message WHERE kind = 'booked'") == 1
    again = await patient.client.get(first.url.path)
    assert again.headers["location"] == tickets[0].url.path


async def test_a_key_of_its_own_for_each_form_is_what_makes_two_bookings_one(patient: Patient) -> None:
    """The control of the test above: with another key the same choice is another hold."""
    day = patient.world.far
    slot = str(patient.world.slots[day][0])
    for _ in range(2):
        times = await patient.get(f"/f/{STATION}/{SERVICE}/{day}")
        await send(patient.client, times.form(str(day)), slot=slot)
    assert await patient.count("SELECT count(*) FROM appointment") == 2


async def test_what_is_wrong_is_said_beside_its_field_and_what_was_typed_stays(patient: Patient) -> None:
    day = patient.world.far
    held = await patient.hold(patient.world.slots[day][0], str(day))
    wrong = {"name": "Nguyễn <b>", "birth_day": "31", "birth_month": "2", "birth_year": "1990", "phone": "123"}
    answer = await send(patient.client, read(held).form("/h/"), **(TYPED | wrong))
    page = read(answer)
    assert answer.status_code == 422
    assert page.title.startswith("Chưa đúng:")
    assert "Chỉ nhập chữ" in page.beside("name")
    assert "Không có ngày này" in page.beside("birth_year")
    assert "Số di động gồm 10 chữ số, bắt đầu bằng 0." in page.beside("phone")
    assert "Nguyễn <b>" not in answer.text
    assert 'id="summary"' in answer.text
    assert "autofocus" in answer.text
    form = page.form("/h/")
    assert {name: form.fields[name] for name in wrong} == wrong
    assert form.fields["relation"] == "parent"
    booked = await send(patient.client, form, **TYPED)
    assert booked.url.path.startswith("/t/")


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ({"name": "x" * 300}, "name"),
        ({"name": "Mẫu\x07"}, "name"),
        ({"name": "  "}, "name"),
        ({"birth_year": "58"}, "birth_year"),
        ({"birth_year": ""}, "birth_year"),
        ({"birth_year": "3000"}, "birth_year"),
        ({"birth_day": "5"}, "birth_year"),
        ({"birth_year": "１９５８x"}, "birth_year"),
        ({"phone": "+1 202 555 0100"}, "phone"),
        ({"phone": ""}, "phone"),
    ],
)
async def test_bad_input_changes_nothing(patient: Patient, typed: dict[str, str], name: str) -> None:
    day = patient.world.far
    held = await patient.hold(patient.world.slots[day][0], str(day))
    plain = len(read(held).beside(name))
    answer = await send(patient.client, read(held).form("/h/"), **(TYPED | typed))
    assert answer.status_code == 422
    assert len(read(answer).beside(name)) > plain
    assert await patient.count("SELECT count(*) FROM patient") == 0


async def test_full_width_digits_and_a_whole_birth_date_are_taken(patient: Patient) -> None:
    await patient.book(phone="０９０３１２３４５６", birth_day="7", birth_month="5")
    assert await patient.count("SELECT count(*) FROM patient WHERE birth_date = '1958-05-07'") == 1


async def test_a_lapsed_hold_keeps_what_was_typed_for_another_time(patient: Patient) -> None:
    day = patient.world.far
    held = await patient.hold(patient.world.slots[day][0], str(day))
    await patient.expire_holds()
    lapsed = await send(patient.client, read(held).form("/h/"), **TYPED)
    assert lapsed.status_code == 409
    page = read(lapsed)
    assert "Đã hết thời gian giữ chỗ." in page.text
    form = page.form(f"/f/{STATION}")
    assert form.fields["name"] == TYPED["name"]
    again = await send(patient.client, form, slot=form.choices["slot"][1])
    kept = read(again).form("/h/")
    assert {name: kept.fields[name] for name in TYPED} == TYPED
    booked = await send(patient.client, kept)
    assert booked.url.path.startswith("/t/")
    assert "08:00–08:30" in read(booked).text
    stale = await patient.client.get(held.url.path)
    assert stale.status_code == 409
    assert TYPED["name"] not in stale.text


async def test_looking_at_a_third_time_lets_go_of_the_first(patient: Patient) -> None:
    day = patient.world.far
    for slot in patient.world.slots[day]:
        held = await patient.hold(slot, str(day))
        assert held.url.path.startswith("/h/"), held.text
    assert await patient.count("SELECT count(*) FROM appointment WHERE state = 'held'") == 2
    assert await patient.count("SELECT count(*) FROM appointment WHERE state = 'lapsed'") == 1
    dropped = await send(patient.client, read(held).form("/drop"))
    assert dropped.url.path == f"/f/{STATION}/{SERVICE}/{day}"
    assert await patient.count("SELECT count(*) FROM appointment WHERE state = 'held'") == 1


@pytest.mark.parametrize("guarded", [True, False])
async def test_letting_go_never_cancels_a_visit_that_was_booked_this_moment(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, *, guarded: bool
) -> None:
    ticket = await patient.book()
    if not guarded:  # the control: a verb that does not look at the state under the lock loses the visit
        monkeypatch.setattr(service, "let_go", _cancel)
    answer = await patient.client.post(f"{ticket.replace('/t/', '/h/')}/drop")
    assert answer.status_code == 303
    booked = await patient.count("SELECT count(*) FROM appointment WHERE state = 'booked'")
    assert booked == (1 if guarded else 0)
    assert await patient.count("SELECT count(*) FROM message WHERE kind = 'cancelled'") == 1 - booked


async def _cancel(session: AsyncSession, code: str, token: str, *, by: Actor, now: datetime) -> bool:
    await service.cancel(session, code, token, CancelAppointment(), by=by, now=now)
    return True


async def test_a_full_time_offers_the_nearest_free_ones(patient: Patient) -> None:
    day = patient.world.far
    slots = patient.world.slots[day]
    page = await patient.get(f"/f/{STATION}/{SERVICE}/{day}")
    async with patient.db.transaction() as session:
        await session.execute(text("UPDATE slot SET reserved = capacity, release_at = starts_at"))
        await session.execute(text("UPDATE slot SET reserved = 0 WHERE id <> :full"), {"full": slots[0]})
    refused = await send(patient.client, page.form(str(day)), slot=str(slots[0]))
    assert refused.status_code == 409
    offered = read(refused)
    assert "Khung giờ này vừa hết chỗ." in offered.text
    form = offered.form(f"/f/{STATION}/{SERVICE}/{day}")
    assert form.fields["slot"] == str(slots[1])
    held = await send(patient.client, form)
    assert held.url.path.startswith("/h/")
    shown = await patient.get(f"/f/{STATION}/{SERVICE}/{day}")
    assert "Đã hết chỗ: 07:30" in shown.text


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


async def test_a_place_closed_while_the_form_was_filled_in_leads_to_other_times(patient: Patient) -> None:
    day = patient.world.far
    slot = patient.world.slots[day][0]
    held = await patient.hold(slot, str(day))
    async with patient.db.transaction() as session:
        await session.execute(text("UPDATE slot SET open = false WHERE id = :slot"), {"slot": slot})
        await session.execute(
            text("INSERT INTO slot_closure (slot_id, source, reason, created_at) VALUES (:slot, 'test', 'x', now())"),
            {"slot": slot},
        )
    refused = await send(patient.client, read(held).form("/h/"), **TYPED)
    page = read(refused)
    assert refused.status_code == 409
    assert "Giờ này vừa được đóng lại." in page.text
    form = page.form(f"/f/{STATION}")
    assert form.fields["name"] == TYPED["name"]
    assert str(slot) not in form.choices["slot"]
    assert await patient.count("SELECT count(*) FROM appointment WHERE state = 'booked'") == 0


async def test_pages_answer_head_like_get_and_no_address_is_completed(patient: Patient) -> None:
    page, head = await patient.client.get("/"), await patient.client.head("/")
    assert (head.status_code, head.headers["content-type"]) == (200, page.headers["content-type"])
    slashed = await patient.client.get(f"/f/{STATION}/", headers={"Host": "elsewhere.test"})
    assert (slashed.status_code, slashed.headers.get("location")) == (404, None)
