"""Booking over pages for several people, for somebody with another visit that day, and for somebody not asked yet."""

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from booking.patients.kinds import Relation
from tests import households, people, signing
from tests.browsing import TYPED, Patient
from tests.pages import Page, read, send
from tests.places import SERVICE, STATION

pytestmark = pytest.mark.anyio


async def _with_family(patient: Patient, children: int = 2) -> None:
    """Herself and her children, added as she books: the people page is another's test."""
    await patient.sign_in()
    account = await patient.count("SELECT id FROM account")
    await households.add(patient.db, account, TYPED["name"])
    for number in range(children):
        await households.add(patient.db, account, people.name(number), year=2018 + number, relation=Relation.CHILD)


async def _agreed(patient: Patient) -> None:
    await patient.run(
        "INSERT INTO consent (patient_id, purpose, granted, wording, language, channel, at)"
        " SELECT id, purpose::consent_purpose, true, 1, 'vi', 'mobile', now() FROM patient,"
        " unnest(ARRAY['booking', 'sms']) AS purpose"
    )


async def _check(patient: Patient, held: httpx.Response, number: int) -> tuple[httpx.Response, Page]:
    """Tick the first people; the page that shows who comes at which time."""
    form = read(held).form("/h/")
    answer = await send(patient.client, form, who=form.choices["who"][:number])
    return answer, read(answer)


async def test_a_family_sees_who_comes_when_and_gets_all_its_slips(patient: Patient, app: FastAPI) -> None:
    await _with_family(patient)
    day = patient.world.far
    held = await patient.hold(patient.world.slots[day][0], day)
    shown, page = await _check(patient, held, 3)
    assert shown.url.path == f"{held.url.path}/check"
    assert page.text.count("07:30 Nguyễn") + page.text.count("08:00 ") >= 2  # two places at once, one half an hour on
    assert await patient.count("SELECT count(*) FROM appointment WHERE state = 'held'") == 3
    counted = [tries for subject, tries in app.state.tally.pending.items() if subject.startswith("hold ")]
    assert counted == [1 + 3]  # its address pays for every place, not for every form
    form = page.form("/check")
    assert len(form.repeated["at"]) == 3
    asked = sorted(name for name in form.choices if name.startswith("consent_"))
    assert len(asked) == 6
    refused = await send(patient.client, form)
    assert refused.status_code == 422
    agreed = {name: "yes" for name in asked if name.startswith("consent_booking")}
    booked = await send(patient.client, read(refused).form("/check"), **agreed)
    assert booked.url.path.startswith("/me/party/")
    slips = read(booked)
    assert "Đã đặt lịch cho 3 người." in slips.text
    paths = [href for href, _ in slips.links if href.startswith("/t/")]
    assert len(set(paths)) == 3
    for path in paths:
        await patient.get(path)
    assert await patient.count("SELECT count(*) FROM appointment WHERE state = 'booked'") == 3
    assert await patient.count("SELECT count(*) FROM message WHERE reason = 'no_consent'") == 3  # SMS was not ticked
    # The back button, the same form again: the truth.
    for again in (await send(patient.client, form, **agreed), await patient.client.get(held.url.path)):
        assert (again.headers.get("location") or again.url.path).startswith("/me/party/")
    assert await patient.count("SELECT count(*) FROM appointment WHERE state = 'booked'") == 3


async def test_someone_else_s_family_is_not_there(patient: Patient) -> None:
    await _with_family(patient)
    await _agreed(patient)
    day = patient.world.far
    _, page = await _check(patient, await patient.hold(patient.world.slots[day][0], day), 2)
    booked = await send(patient.client, page.form("/check"))
    mine = booked.url.path
    assert mine.startswith("/me/party/")
    patient.client.cookies.clear()
    assert (await patient.client.get(mine)).headers["location"].startswith("/sign-in")
    await signing.sign_in(patient.client, patient.db, people.phone(7))
    theirs, nobody_s = [await patient.client.get(path) for path in (mine, f"{mine[:-1]}x")]
    assert {theirs.status_code, nobody_s.status_code} == {404}
    assert theirs.text.replace(mine, "") == nobody_s.text.replace(f"{mine[:-1]}x", "")


async def test_more_than_the_day_has_room_for_is_said_and_nothing_is_taken(patient: Patient) -> None:
    await _with_family(patient, children=3)
    day = patient.world.far
    await patient.run(
        "UPDATE slot SET reserved = capacity, release_at = starts_at WHERE id <> :slot",
        slot=patient.world.slots[day][0],
    )
    held = await patient.hold(patient.world.slots[day][0], day)
    refused, page = await _check(patient, held, 3)
    assert refused.status_code == 409
    assert "Trong ngày này chỉ còn chỗ cho 2 người." in page.text
    assert await patient.count("SELECT sum(taken) FROM slot") == 1
    shown, _ = await _check(patient, refused, 2)
    assert shown.url.path.endswith("/check")


async def test_a_family_whose_time_ran_out_chooses_again_and_stays_ticked(patient: Patient) -> None:
    await _with_family(patient)
    await _agreed(patient)
    day = patient.world.far
    held = await patient.hold(patient.world.slots[day][0], day)
    shown, page = await _check(patient, held, 2)
    await patient.expire_holds()
    await patient.run("UPDATE slot SET open = false WHERE id = :slot", slot=patient.world.slots[day][0])
    await patient.run(
        "INSERT INTO slot_closure (slot_id, source, reason, created_at) VALUES (:slot, 'x', 'x', now())",
        slot=patient.world.slots[day][0],
    )
    lapsed = await send(patient.client, page.form("/check"))
    assert lapsed.status_code == 409
    form = read(lapsed).form(f"/f/{STATION}")
    assert len(form.repeated["who"]) == 2
    again = await send(patient.client, form, slot=form.choices["slot"][0])
    assert read(again).form("/h/").repeated["who"] == form.repeated["who"]
    # And without a click in between, opened anew:
    stale = await patient.client.get(shown.url.path, params=shown.url.params)
    assert stale.status_code == 409


async def test_a_visit_close_by_is_warned_of_and_booked_all_the_same(patient: Patient) -> None:
    ticket = await patient.book()
    await patient.run(
        "INSERT INTO service (facility_id, code, name, name_en, sms_label, duration_minutes, bring, bring_en, payment,"
        " lead_minutes, horizon_days, cancel_minutes, bookable, confirmed, sort_key)"
        " SELECT facility_id, 'khac', 'Khác', 'Other', sms_label, duration_minutes, bring, bring_en, payment,"
        " lead_minutes, horizon_days, cancel_minutes, bookable, confirmed, sort_key FROM service"
    )
    day = patient.world.far
    slot = patient.world.slots[day][1]
    await patient.run("UPDATE slot SET service_id = (SELECT max(id) FROM service) WHERE id = :slot", slot=slot)
    times = await patient.get(f"/f/{STATION}/khac/{day}")
    held = await send(patient.client, times.form(str(day)), slot=str(slot))
    shown, page = await _check(patient, held, 1)
    assert shown.url.path.endswith("/check")
    assert "Sát giờ với lịch hẹn khác trong ngày:" in page.text
    assert ticket in [href for href, _ in page.links]
    assert "Vẫn đặt lịch khám" in page.text
    booked = await send(patient.client, page.form("/check"))
    assert booked.url.path.startswith("/t/")
    assert await patient.count("SELECT count(*) FROM appointment WHERE state = 'booked'") == 2


async def test_a_second_visit_for_the_same_service_that_day_leads_to_her_own(patient: Patient) -> None:
    ticket = await patient.book()
    day = patient.world.far
    held = await patient.hold(patient.world.slots[day][2], day)
    refused, page = await _check(patient, held, 1)
    assert refused.status_code == 409
    assert "Lịch hẹn dịch vụ này đã có trong ngày đó:" in page.text
    assert ticket in [href for href, _ in page.links]
    # What another account booked for the same person is not shown.
    await patient.run(
        "INSERT INTO account (public_id, phone, phone_index, created_at, seen_at)"
        " SELECT gen_random_uuid(), phone, '\\x01'::bytea, now(), now() FROM account"
    )
    await patient.run("UPDATE appointment SET account_id = (SELECT max(id) FROM account) WHERE state = 'booked'")
    other, hidden = await _check(patient, refused, 1)
    assert other.status_code == 409
    assert ticket not in [href for href, _ in hidden.links]


async def test_of_several_who_has_a_visit_already_is_named_and_the_others_stay_ticked(patient: Patient) -> None:
    await patient.book()
    account = await patient.count("SELECT id FROM account")
    child = people.name(3)
    await households.add(patient.db, account, child, year=2019, relation=Relation.CHILD)
    await _agreed(patient)
    day = patient.world.far
    refused, page = await _check(patient, await patient.hold(patient.world.slots[day][2], day), 2)
    assert refused.status_code == 409
    assert f"{TYPED['name']} đã có lịch hẹn cho dịch vụ này trong ngày đó." in page.text
    assert "Nay chỉ còn đánh dấu những người khác" in page.text
    form = page.form("/h/")
    assert form.repeated["who"] == form.choices["who"][1:2]
    booked = await send(patient.client, form)
    assert child in read(booked).text
    assert await patient.count("SELECT count(*) FROM appointment WHERE state = 'booked'") == 2


async def test_a_grown_up_child_who_has_not_agreed_cannot_be_ticked(patient: Patient) -> None:
    await patient.sign_in()
    account = await patient.count("SELECT id FROM account")
    await households.add(patient.db, account, people.name(1), year=2019, relation=Relation.CHILD)
    await households.add(patient.db, account, people.name(2), year=1990, relation=Relation.CHILD)
    await _agreed(patient)
    day = patient.world.far
    held = await patient.hold(patient.world.slots[day][0], day)
    form = read(held).form("/h/")
    assert "Đã đủ 18 tuổi" in read(held).text
    async with patient.db.transaction() as session:
        query = "SELECT p.public_id FROM profile p JOIN patient h ON h.id = p.patient_id WHERE h.birth_year = 1990"
        grown = str((await session.execute(text(query))).scalar_one())
    refused = await send(patient.client, form, who=grown)
    assert refused.status_code == 422
    stranger = await send(patient.client, form, who="00000000-0000-0000-0000-000000000000")
    assert stranger.status_code == 422
    looked = await patient.client.get(f"{held.url.path}/check", params={"who": grown})
    assert looked.status_code == 404
    assert await patient.count("SELECT count(*) FROM appointment WHERE state = 'booked'") == 0


async def test_a_place_just_given_up_says_so_and_offers_others(patient: Patient) -> None:
    day = patient.world.far
    slot = patient.world.slots[day][0]
    await patient.run("UPDATE slot SET capacity = 1, free_places = '{1}' WHERE id = :slot", slot=slot)
    ticket = await patient.book()
    question = await patient.get(f"{ticket}/cancel")
    await send(patient.client, question.form("/cancel"))
    page = await patient.get(f"/f/{STATION}/{SERVICE}/{day}")
    refused = await send(patient.client, page.form(str(day)), slot=str(slot))
    assert refused.status_code == 409
    assert "Chỗ vừa hủy được dành cho người khác trong ít phút." in read(refused).text
    offered = read(refused).form(f"/f/{STATION}/{SERVICE}/{day}")
    assert (await send(patient.client, offered)).url.path.startswith("/h/")
