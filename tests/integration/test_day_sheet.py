"""The day sheet through the desk's pages: what is on it, what a machine may keep of it, and entering it from paper."""

from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from booking import clock as booking_clock
from booking.access.kinds import Role
from booking.db import Database
from booking.queue.paper import rules, service
from tests import pages, queues, seeds, staff
from tests.pages import Form, Page
from tests.queues import Clock, Morning
from tests.seeds import FACILITY, SERVICE

pytestmark = pytest.mark.anyio

SHEET = f"/desk/{FACILITY}/sheet"
TICKETS = "SELECT * FROM queue_ticket ORDER BY id"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = queues.new_clock()
    monkeypatch.setattr(booking_clock, "utc_now", made.now)
    return made


@pytest.fixture
async def morning(client: httpx.AsyncClient, db: Database, clock: Clock) -> Morning:
    """A clerk at a desk, an hour after the session opened."""
    made = await queues.make(db, client, clock)
    clock.set(60)
    await staff.add(db, "clerk.mau", Role.CLERK, [FACILITY])
    client.headers.update({"accept-language": "en", "sec-fetch-site": "same-origin"})
    client.cookies.set("desk", await staff.sign_in(db, "clerk.mau") or "")
    return made


async def _page(client: httpx.AsyncClient, path: str = "/entry") -> Page:
    answer = await client.get(f"{SHEET}{path}")
    assert answer.status_code == 200, answer.text
    return pages.read(answer)


async def _form(client: httpx.AsyncClient, path: str = "/entry") -> Form:
    page = await _page(client, path)
    return next(form for form in page.forms if "once" in form.fields)


async def _audit(morning: Morning, action: str) -> list[dict[str, Any]]:
    sql = "SELECT object_kind, facts FROM audit_event WHERE action = :action ORDER BY id"
    return await seeds.rows(morning.db, sql, action=action)


def _local(moment: Any) -> str:
    return f"{moment.astimezone(booking_clock.ZONE):%H:%M}"


async def test_the_sheet_names_everybody_with_telephone_and_where_they_stand(
    client: httpx.AsyncClient, morning: Morning
) -> None:
    first, second = await morning.booked(0, 1), await morning.booked(1, 2)
    await morning.check_in(first)
    walk = await morning.walk_in()
    shown = (await client.get(SHEET)).text
    for said in (first["code"][:4], second["code"][:4], "A001", walk.label, "0903", "2 booked", "3 not settled"):
        assert said in shown
    assert shown.count('scope="rowgroup"') == 2  # one hour of booked times, and those without
    read = await _audit(morning, "sheet.read")
    assert [(one["facts"]["reason"], one["facts"]["people"]) for one in read] == [("sheet", 3)]
    far = await client.get(f"{SHEET}?day=2031-01-01")
    assert "A001" in far.text, "a day nobody may look at is today"


async def test_the_copy_says_until_when_it_may_be_kept_and_is_no_use_of_the_desk(
    client: httpx.AsyncClient, morning: Morning
) -> None:
    seen = "SELECT seen_at FROM staff_session"
    before = await seeds.value(morning.db, seen)
    morning.clock.set(64)
    answer = await client.get(f"{SHEET}/copy")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["henkham-made"].startswith(morning.world.day.isoformat())
    midnight = (morning.world.day + timedelta(days=1)).isoformat()
    until = answer.headers["henkham-keep-until"]
    assert until < f"{midnight}T00:00:00+07:00" or until.startswith(f"{midnight}T00:00:00")
    ends = await seeds.value(morning.db, "SELECT expires_at FROM staff_session")
    assert until == min(ends, booking_clock.day_bounds(morning.world.day)[1]).astimezone(booking_clock.ZONE).isoformat()
    assert await seeds.value(morning.db, seen) == before
    await client.get(SHEET)
    assert await seeds.value(morning.db, seen) != before, "the control: a page that somebody opens is a use"
    morning.clock.set(64 + 16)
    asked = await client.get(f"{SHEET}/copy")
    assert (asked.status_code, asked.headers["location"][:14]) == (303, "/desk/sign-in?")
    assert "henkham-keep-until" not in asked.headers


async def test_a_row_from_paper_has_the_times_of_the_paper_and_nothing_invented(
    client: httpx.AsyncClient, morning: Morning
) -> None:
    seen, bare, missed = [await morning.booked(slot, slot + 1) for slot in range(3)]
    form = await _form(client)
    typed = {f"came:{seen['code']}": "725", f"called:{seen['code']}": "7h40", f"finished:{seen['code']}": "7 giờ 55"}
    typed |= {f"what:{bare['code']}": "seen", f"what:{missed['code']}": "missed"}
    answer = await pages.send(client, form, **typed)
    assert (answer.status_code, str(answer.url.query, "ascii").endswith("done=3")) == (200, True)
    one, other = await seeds.rows(morning.db, TICKETS)
    assert [_local(one[name]) for name in ("arrived_at", "called_at", "first_called_at", "finished_at")] == [
        "07:25", "07:40", "07:40", "07:55",
    ]  # fmt: skip
    assert (one["state"], one["on_paper"]) == ("done", True)
    assert _local(other["arrived_at"]) == "07:45", "the booked time, where no arrival was written"
    assert other["called_at"] is None, "no call is invented, so no waiting is measured"
    states = await seeds.rows(morning.db, "SELECT code, state FROM appointment")
    assert {row["code"]: row["state"] for row in states} == {
        seen["code"]: "fulfilled", bare["code"]: "fulfilled", missed["code"]: "noshow",
    }  # fmt: skip
    told = await _audit(morning, "queue.paper")
    assert [(row["facts"]["source"], row["facts"]["outcome"]) for row in told] == [
        ("paper", "seen"), ("paper", "seen"), ("paper", "missed"),
    ]  # fmt: skip
    assert [row["facts"].get("assumed") for row in told] == [[], ["came", "finished"], None]
    again = await pages.send(client, form, **typed)
    assert again.status_code == 200
    assert len(await seeds.rows(morning.db, TICKETS)) == 2, "the same form again enters nothing"
    assert len(await _audit(morning, "queue.paper")) == 3


async def test_what_is_wrong_stays_typed_with_why_and_the_rest_is_entered(
    client: httpx.AsyncClient, morning: Morning
) -> None:
    good, wrong, ahead, early = [await morning.booked(slot, slot + 1) for slot in range(4)]
    form = await _form(client)
    typed = {f"finished:{good['code']}": "800", f"came:{wrong['code']}": "kh", f"came:{ahead['code']}": "15:00"}
    typed |= {f"came:{early['code']}": "8:20", f"called:{early['code']}": "8:10"}
    walk = {"name:w1": "Lê Thị Mẫu", "birth_year:w1": "19", "came:w1": "8:00", "paper_number:w1": "12"}
    answer = await pages.send(client, form, **typed, **walk)
    assert answer.status_code == 422
    page = pages.read(answer)
    assert "1 person was entered." in page.text
    beside = {name: page.beside(f"{name}") for name in typed if not name.startswith("finished")}
    assert "This is no time." in beside[f"came:{wrong['code']}"]
    assert "has not come yet" in beside[f"came:{ahead['code']}"]
    assert "lies before" in beside[f"called:{early['code']}"]
    kept = next(one for one in page.forms if "once" in one.fields)
    assert {name: kept.fields[name] for name in typed if name in kept.fields} == {
        name: value for name, value in typed.items() if not name.startswith("finished")
    }
    assert (kept.fields["name:w1"], kept.fields["birth_year:w1"]) == ("Lê Thị Mẫu", "19")
    assert f"was:{good['code']}" not in kept.fields
    assert await seeds.value(morning.db, "SELECT count(*) FROM queue_ticket") == 1


async def test_what_the_desk_entered_meanwhile_stays_and_is_shown(client: httpx.AsyncClient, morning: Morning) -> None:
    came, done, other = [await morning.booked(slot, slot + 1) for slot in range(3)]
    form = await _form(client)
    await morning.check_in(came)
    await morning.check_in(done)
    ticket = await morning.step("finish", await morning.call())
    typed = {f"finished:{visit['code']}": "8:05" for visit in (came, done, other)}
    answer = await pages.send(client, form, **typed)
    assert answer.status_code == 409
    text = pages.read(answer).text
    assert "1 person was entered." in text
    assert "Entered at the desk meanwhile" in text
    assert f"{ticket.label}" in text
    states = [row["state"] for row in await seeds.rows(morning.db, TICKETS)]
    assert sorted(states) == ["done", "done", "waiting"], "what the desk entered is as it was"
    kept = next(one for one in pages.read(answer).forms if "once" in one.fields)
    row = next(name for name in kept.fields if name.startswith("was:"))
    knowing = await pages.send(client, kept, **{row.replace("was:", "finished:"): "8:30"})
    assert knowing.status_code == 200, "who was told how it stands may enter it"
    assert await seeds.value(morning.db, "SELECT count(*) FROM queue_ticket WHERE state = 'done'") == 3


async def test_control_without_the_mark_the_desk_is_overwritten(
    client: httpx.AsyncClient, morning: Morning, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = await morning.booked(0, 1)
    form = await _form(client)
    await morning.check_in(visit)
    monkeypatch.setattr(service, "_check_unchanged", lambda *_: None)
    answer = await pages.send(client, form, **{f"what:{visit['code']}": "left"})
    assert answer.status_code == 200
    assert await seeds.value(morning.db, "SELECT state FROM queue_ticket") == "left"


async def test_those_without_booking_get_numbers_once_and_are_told_by_the_one_on_paper(
    client: httpx.AsyncClient, morning: Morning
) -> None:
    form = await _form(client)
    typed = {"name:w1": "Lê Thị Mẫu", "birth_year:w1": "1961", "came:w1": "8:00", "paper_number:w1": "12"}
    typed |= {
        "name:w2": "Trần Văn Mẫu",
        "came:w2": "7:50",
        "finished:w2": "8:10",
        "name:w3": "Sai 3",
        "came:w3": "8:00",
    }
    answer = await pages.send(client, form, **typed)
    assert answer.status_code == 422
    assert "12 on paper is A001 now" in pages.read(answer).text
    rows = await seeds.rows(morning.db, TICKETS)
    assert [(row["state"], row["paper_number"], _local(row["arrived_at"])) for row in rows] == [
        ("waiting", "12", "08:00"), ("done", None, "07:50"),
    ]  # fmt: skip
    await pages.send(client, form, **typed)
    assert await seeds.value(morning.db, "SELECT count(*) FROM queue_ticket") == 2
    sheet = (await client.get(SHEET)).text
    assert "(12)" in sheet
    assert (await morning.call()).label == "A001", "who still waits is called by when she came"


async def test_what_was_entered_wrongly_is_taken_back(client: httpx.AsyncClient, morning: Morning) -> None:
    visit = await morning.booked(0, 1)
    await pages.send(client, await _form(client), **{f"what:{visit['code']}": "left"})
    back = (await _page(client)).form("/entry/undo")
    assert (await pages.send(client, back)).status_code == 200
    assert await seeds.value(morning.db, "SELECT count(*) FROM queue_ticket") == 0
    assert await seeds.value(morning.db, "SELECT state FROM appointment") == "booked"


async def test_a_day_that_is_over_is_entered_for_a_week_and_nobody_waits_in_it(
    client: httpx.AsyncClient, morning: Morning, db: Database
) -> None:
    visit = await morning.booked(0, 1)
    day: date = morning.world.day
    form = await _form(client)
    morning.clock.set(60 + 7 * 24 * 60)
    client.cookies.set("desk", await staff.sign_in(db, "clerk.mau") or "")
    shown = await _form(client, f"/entry?day={day}")
    assert "waits" not in shown.choices[f"what:{visit['code']}"]
    waits = await pages.send(client, form, **{f"came:{visit['code']}": "8:00"})
    assert "Nobody waits any more in a day that is over." in waits.text
    entered = await pages.send(client, shown, **{f"finished:{visit['code']}": "9:00"})
    assert entered.status_code == 200
    assert await seeds.value(morning.db, "SELECT day FROM queue_ticket") == day
    assert await seeds.value(morning.db, "SELECT count(*) FROM queue WHERE day <> :day", day=day) == 0
    assert rules.BACK.days == 7
    assert SERVICE


async def test_a_visit_that_is_cancelled_meanwhile_is_named_with_what_was_typed(
    client: httpx.AsyncClient, morning: Morning
) -> None:
    visit = await morning.booked(0, 1)
    form = await _form(client)
    morning.clock.set(-30)
    asks = pages.read(await client.get(f"/desk/{FACILITY}/appointments/{visit['code']}/cancel"))
    assert (await pages.send(client, asks.form("/cancel"))).status_code == 200
    morning.clock.set(60)
    answer = await pages.send(client, form, **{f"came:{visit['code']}": "8:00"})
    assert answer.status_code == 404
    assert f"{visit['code']} : is not on this day any more" in pages.read(answer).text
    assert "8:00" in pages.read(answer).text


async def test_a_time_that_does_not_take_place_is_marked_and_missed_by_nobody(
    client: httpx.AsyncClient, morning: Morning
) -> None:
    kept, shut = await morning.booked(0, 1), await morning.booked(1, 2)
    form = await _form(client)  # made before the closing
    await seeds.shut(morning.db, morning.world.slots[1])
    marked = "her time does not take place"
    assert (await client.get(SHEET)).text.count(marked) == 1
    entry = await _page(client)
    assert entry.text.count(marked) == 1
    said = {one["code"]: f"what:{one['code']}" for one in (kept, shut)}
    answer = await pages.send(client, form, **dict.fromkeys(said.values(), "missed"))
    assert answer.status_code == 409
    states = await seeds.rows(morning.db, "SELECT code, state FROM appointment")
    assert {row["code"]: row["state"] for row in states} == {kept["code"]: "noshow", shut["code"]: "booked"}
