"""A kept place over pages: booked once whatever happens to the form, and what was typed stays when it is gone."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from booking.actor import Actor
from booking.appointments import service, together
from booking.appointments.commands import CancelAppointment
from booking.errors import OutcomeUnknown
from tests.browsing import TYPED, Patient
from tests.pages import read, send
from tests.places import SERVICE, STATION

pytestmark = pytest.mark.anyio


async def test_a_double_tap_books_once_and_shows_the_same_ticket(patient: Patient) -> None:
    await patient.sign_in()
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
    wrong = {"name": "Nguyễn <b>", "birth_day": "31", "birth_month": "2", "birth_year": "1990", "citizen_id": "123"}
    answer = await send(patient.client, read(held).form("/h/"), **(TYPED | wrong))
    page = read(answer)
    assert answer.status_code == 422
    assert page.title.startswith("Chưa đúng:")
    assert "Chỉ nhập chữ" in page.beside("name")
    assert "Không có ngày này" in page.beside("birth_year")
    assert len(page.beside("citizen_id")) > len(read(held).beside("citizen_id"))
    assert "Nguyễn <b>" not in answer.text
    assert 'id="summary"' in answer.text
    assert "autofocus" in answer.text
    form = page.form("/h/")
    assert {name: form.fields[name] for name in wrong} == wrong
    assert form.fields["relation"] == "parent"
    booked = await send(patient.client, form, **(TYPED | {"citizen_id": ""}))
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
        ({"citizen_id": "0771900000012"}, "citizen_id"),
        ({"bhyt_number": "XX"}, "bhyt_number"),
        ({"relation": ""}, "relation"),
        ({"consent_booking": ""}, "consent_booking"),
    ],
)
async def test_bad_input_changes_nothing(patient: Patient, typed: dict[str, str], name: str) -> None:
    day = patient.world.far
    held = await patient.hold(patient.world.slots[day][0], str(day))
    answer = await send(patient.client, read(held).form("/h/"), **(TYPED | typed))
    assert answer.status_code == 422
    assert read(answer).by_id[f"{name}-error"]
    assert read(answer).form("/h/").fields["name"] == (TYPED | typed)["name"].rstrip("\a")
    assert await patient.count("SELECT count(*) FROM patient") == 0


async def test_full_width_digits_and_a_whole_birth_date_are_taken(patient: Patient) -> None:
    await patient.book(birth_year="１９５８", birth_day="７", birth_month="5")
    assert await patient.count("SELECT count(*) FROM patient WHERE birth_date = '1958-05-07'") == 1


async def test_a_hold_that_lapsed_is_booked_all_the_same_while_its_time_is_free(patient: Patient) -> None:
    day = patient.world.far
    held = await patient.hold(patient.world.slots[day][0], day)
    await patient.expire_holds()
    stale = await patient.client.get(held.url.path)
    assert stale.status_code == 409
    assert "Đã hết thời gian giữ chỗ." in read(stale).text
    assert read(stale).form(f"/f/{STATION}").fields["slot"] == str(patient.world.slots[day][0])  # chosen already
    booked = await send(patient.client, read(held).form("/h/"), **TYPED)
    assert booked.url.path == held.url.path.replace("/h/", "/t/")
    assert "07:30–08:00" in read(booked).text
    assert await patient.count("SELECT sum(taken) FROM slot") == 1


async def test_a_time_that_was_taken_meanwhile_leads_to_others_and_who_comes_stays(patient: Patient) -> None:
    day = patient.world.far
    slot = patient.world.slots[day][0]
    held = await patient.hold(slot, day)
    wrong = await send(patient.client, read(held).form("/h/"), **(TYPED | {"birth_year": "58"}))
    await patient.expire_holds()
    await patient.run("UPDATE slot SET reserved = capacity, release_at = starts_at WHERE id = :slot", slot=slot)
    again = await send(patient.client, read(wrong).form("/h/"), birth_year="58", consent_booking="yes")
    assert again.status_code == 422  # what is wrong is said first
    lapsed = await send(patient.client, read(again).form("/h/"), birth_year="1958", consent_booking="yes")
    assert lapsed.status_code == 409
    page = read(lapsed)
    assert "Khung giờ này vừa hết chỗ." in page.text
    form = page.form(f"/f/{STATION}")
    assert str(slot) not in form.choices["slot"]
    shown = await send(patient.client, form, slot=form.choices["slot"][0])
    kept = read(shown).form("/h/")
    assert TYPED["name"] in read(shown).text
    assert kept.fields["who"] == form.fields["who"]
    booked = await send(patient.client, kept)  # she agreed before, so nothing is asked again
    assert booked.url.path.startswith("/t/")
    assert "08:00–08:30" in read(booked).text
    assert await patient.count("SELECT count(*) FROM patient") == 1


async def test_what_was_typed_for_a_time_goes_with_the_choice_of_another(patient: Patient) -> None:
    day = patient.world.far
    await patient.sign_in()
    path = f"/f/{STATION}/{SERVICE}/{day}"
    key = (await patient.get(path)).form(str(day)).fields["key"]
    sent = TYPED | {"slot": str(patient.world.slots[day][1]), "key": key}
    shown = await patient.client.post(path, data=sent)
    form = read(shown).form("/h/")
    stays = {name: value for name, value in TYPED.items() if not name.startswith("consent")}
    assert {name: form.fields[name] for name in stays} == stays
    assert "consent_booking" not in form.fields  # a tick of agreement is never carried along
    booked = await send(patient.client, form, consent_booking="yes")
    assert booked.url.path.startswith("/t/")
    assert await patient.count("SELECT count(*) FROM patient WHERE no_sms") == 1


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
    await patient.sign_in()
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
    assert "Giờ này vừa báo nghỉ khám." in page.text
    form = page.form(f"/f/{STATION}")
    assert form.fields["who"]
    assert str(slot) not in form.choices["slot"]
    assert await patient.count("SELECT count(*) FROM appointment WHERE state = 'booked'") == 0


async def test_two_tabs_of_one_hold_book_once_and_both_show_the_slip(patient: Patient) -> None:
    day = patient.world.far
    first = await patient.hold(patient.world.slots[day][0], day)
    second = await patient.client.get(first.url.path)
    forms = [read(tab).form("/h/") for tab in (first, second)]
    assert forms[0].fields["key"] != forms[1].fields["key"]
    answers = [await send(patient.client, form, **TYPED) for form in forms]
    assert {answer.url.path for answer in answers} == {first.url.path.replace("/h/", "/t/")}
    assert await patient.count("SELECT count(*) FROM appointment") == 1
    assert await patient.count("SELECT count(*) FROM message WHERE kind = 'booked'") == 1


async def test_an_answer_lost_at_the_commit_ends_at_the_slip(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    day = patient.world.far
    held = await patient.hold(patient.world.slots[day][0], day)
    made = together.book_together
    tries = []

    async def lost(session: AsyncSession, *everything: Any, **more: Any) -> Any:
        tickets = await made(session, *everything, **more)
        tries.append(tickets[0].replayed)
        if len(tries) == 1:
            await AsyncSession.commit(session)
            raise ConnectionResetError
        return tickets

    monkeypatch.setattr(together, "book_together", lost)
    booked = await send(patient.client, read(held).form("/h/"), **TYPED)
    assert booked.url.path == held.url.path.replace("/h/", "/t/")
    assert tries == [False, True]
    assert await patient.count("SELECT count(*) FROM appointment WHERE state = 'booked'") == 1


async def test_while_the_outcome_is_open_the_page_asks_again_with_the_same_form(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = patient.world.far
    held = await patient.hold(patient.world.slots[day][0], day)

    async def never(*_: Any, **__: Any) -> Any:
        raise OutcomeUnknown(retry_after=2)

    with monkeypatch.context() as patched:
        patched.setattr(together, "book_together", never)
        open_ = await send(patient.client, read(held).form("/h/"), **TYPED)
    assert open_.status_code == 503
    form = read(open_).form("/h/")
    assert form.fields["consent_booking"] == "yes"
    booked = await send(patient.client, form)
    assert booked.url.path.startswith("/t/")
    assert await patient.count("SELECT count(*) FROM appointment WHERE state = 'booked'") == 1
