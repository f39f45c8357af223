"""The queue through the desk's pages: forms alone, as a browser without scripts sends them."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest

from booking import clock as booking_clock
from booking import ids
from booking.access.kinds import Role
from booking.db import Database
from booking.patients.identity import citizen_mark
from booking.patients.persons import index_of
from booking.queue import acts
from tests import queues, seeds, staff
from tests.queues import Clock, Morning
from tests.seeds import FACILITY, SERVICE

pytestmark = pytest.mark.anyio

BASE = f"/desk/{FACILITY}/queue"
WORDS = {"accept": "application/json", "sec-fetch-site": "same-origin"}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = queues.new_clock()
    monkeypatch.setattr(booking_clock, "utc_now", made.now)
    return made


@dataclass
class Clerk:
    """A browser at the desk, sending forms."""

    client: httpx.AsyncClient
    morning: Morning

    async def page(self, path: str = "", **query: str) -> str:
        """A page of the queue."""
        answer = await self.client.get(f"{BASE}{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def send(self, path: str, *, room: str = "", **form: str) -> httpx.Response:
        """A form, as the script sends it."""
        body = {"service": SERVICE, "room": room, "once": str(ids.public_id()), "back": "queue"} | form
        return await self.client.post(f"{BASE}/{path}", data=body, headers=WORDS)

    async def does(self, path: str, *, room: str = "", **form: str) -> dict[str, Any]:
        """A form that is taken."""
        answer = await self.send(path, room=room, **form)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def walk_in(self, **form: str) -> dict[str, Any]:
        """Somebody without booking."""
        return await self.does("walk-in", **({"name": "Lê Thị Mẫu", "birth_year": "1961"} | form))


@pytest.fixture
async def clerk(client: httpx.AsyncClient, db: Database, clock: Clock) -> Clerk:
    """A clerk, twenty minutes after the session opened."""
    morning = await queues.make(db, client, clock)
    clock.set(20)
    await staff.add(db, "clerk.mau", Role.CLERK, [FACILITY])
    client.headers["accept-language"] = "en"
    client.cookies.set("desk", await staff.sign_in(db, "clerk.mau") or "")
    return Clerk(client, morning)


async def _rows(clerk: Clerk, sql: str) -> list[dict[str, Any]]:
    return await seeds.rows(clerk.morning.db, sql)


def _next(page: str) -> str:
    found = re.search(r'id="part-next">\s*<p class="big[^"]*">([^<]+)<', page)
    assert found
    return found[1]


async def test_a_scan_of_the_slip_checks_in_and_the_next_one_is_named_with_why(clerk: Clerk) -> None:
    visit = await clerk.morning.booked(1, 1)
    told = await clerk.does("scan", scan=visit["link"])
    assert (told["what"], told["number"]) == ("check_in", "A001")
    assert (await clerk.does("scan", scan=visit["code"].lower()))["what"] == "there_waiting"
    page = await clerk.page()
    assert _next(page) == "A001"
    assert "Next by the booked time, 07:45." in page
    paper = await clerk.page(f"/ticket/{told['ticket']}/paper")
    assert "A001" in paper
    assert "Mẫu" not in paper  # a paper that is lost names nobody


async def test_a_telephone_or_a_name_lists_who_it_may_be_and_each_is_noted(clerk: Clerk) -> None:
    visit = await clerk.morning.booked(1, 1)
    name = str(visit["patient"]["name"]) if "patient" in visit else "Mẫu"
    told = await clerk.does("scan", scan=name.split()[-1])
    assert visit["code"] in told["found"]
    read = await _rows(clerk, "SELECT object_kind, facts FROM audit_event WHERE action = 'patient.read'")
    assert [row["object_kind"] for row in read] == ["patient"]
    assert [row["facts"] for row in read] == [{"facility": FACILITY, "reason": "queue"}]
    nobody = await clerk.does("scan", scan="Không Có Ai Mẫu")
    assert nobody["typed"]["name"] == "Không Có Ai Mẫu"
    assert (await clerk.does("scan", check_in=visit["code"]))["number"] == "A001"


def _card(number: str, name: str, year: int) -> str:
    return f"{number}||{name}|0101{year}|Nữ|Phường Vũng Tàu|01012022"


async def test_a_card_checks_in_by_its_number_and_by_its_name_only_after_asking(clerk: Clerk) -> None:
    visit = await clerk.morning.booked(1, 101)  # Trần Thị Bình Mẫu, 1951, without an ID number
    asked = await clerk.does("scan", scan=_card("077158001234", "Trần Thị Bình Mẫu", 1951))
    assert visit["code"] in asked["found"]
    part = await clerk.does("scan", scan=_card("077158001234", "Trần Thị Bi Mẫu", 1951))
    assert visit["code"] not in part["found"]  # another name, though its letters stand in hers
    number = index_of(citizen_mark("077158009999"), training=False)
    await seeds.run(clerk.morning.db, "UPDATE patient SET citizen_id_index = :number", number=number)
    other = await clerk.does("scan", scan=_card("077158001234", "Trần Thị Bình Mẫu", 1951))
    assert visit["code"] not in other["found"]  # her number is known, and is not this one
    assert await _rows(clerk, "SELECT 1 FROM queue_ticket") == []
    hers = await clerk.does("scan", scan=_card("077158009999", "Trần Thị Bình Mẫu", 1951))
    assert (hers["what"], hers["number"]) == ("check_in", "A001")


@pytest.mark.parametrize(
    ("steps", "state", "back"),
    [
        (["skip"], "passed over", "put_back"),
        (["to_tests"], "sent for tests", "from_tests"),
        (["leave"], "had left", "put_back"),
    ],
)
async def test_a_second_scan_says_where_somebody_is_and_offers_the_way_back(
    clerk: Clerk, steps: list[str], state: str, back: str
) -> None:
    visit = await clerk.morning.booked(1, 1)
    ticket = (await clerk.does("scan", scan=visit["link"]))["ticket"]
    assert (await clerk.does("scan", scan=visit["link"]))["said"] == "A001 had checked in already."
    await clerk.does("call", room="P1")
    assert "called" in (await clerk.does("scan", scan=visit["link"]))["said"]
    for step in steps:
        await clerk.does(f"step/{step}", ticket=ticket)
    clerk.morning.clock.set(30)  # long after what could be taken back
    told = await clerk.does("scan", scan=visit["link"])
    assert state in told["said"]
    assert f'name="ticket" value="{ticket}" formaction="{BASE}/step/{back}"' in told["found"]
    plain = {"service": SERVICE, "room": "", "once": str(ids.public_id()), "scan": visit["link"]}
    page = await clerk.client.post(f"{BASE}/scan", data=plain, headers={"sec-fetch-site": "same-origin"})
    assert f'formaction="{BASE}/step/{back}"' in page.text
    assert state in page.text
    again = await clerk.does("scan", check_in=visit["code"])  # from a list that is old by now
    assert state in again["said"]
    await clerk.does(f"step/{back}", ticket=ticket)
    assert _next(await clerk.page()) == "A001"
    await clerk.does("undo")
    assert _next(await clerk.page()) == "–"


async def test_eight_letters_that_are_no_code_ask_as_a_name_does(clerk: Clerk) -> None:
    visit = await clerk.morning.booked(1, 1)
    await seeds.run(clerk.morning.db, "UPDATE patient SET name_folded = 'tran thanhhan'")
    told = await clerk.does("scan", scan="thanhhan")
    assert visit["code"] in told["found"]
    assert await _rows(clerk, "SELECT 1 FROM queue_ticket") == []
    begun = await clerk.does("scan", scan="thanhha tr")  # typed names may be begun only
    assert visit["code"] in begun["found"]


async def test_a_form_without_scripts_leads_back_to_the_page_and_says_what_was_done(clerk: Clerk) -> None:
    form = {"service": SERVICE, "room": "", "once": str(ids.public_id()), "name": "Lê Mẫu", "birth_year": "1950"}
    headers = {"sec-fetch-site": "same-origin"}
    answer = await clerk.client.post(f"{BASE}/walk-in", data=form, headers=headers)
    assert answer.status_code == 303
    page = (await clerk.client.get(answer.headers["location"])).text
    assert "A001 was given out." in page
    assert "Lê Mẫu" in page
    wrong = await clerk.client.post(
        f"{BASE}/walk-in", data=form | {"birth_year": "3000", "once": str(ids.public_id())}, headers=headers
    )
    assert wrong.status_code == 422
    assert 'aria-invalid="true"' in wrong.text


async def test_a_form_sent_twice_calls_once(clerk: Clerk) -> None:
    for _ in range(2):
        await clerk.walk_in()
    once = str(ids.public_id())
    assert (await clerk.does("call", once=once))["number"] == "A001"
    assert (await clerk.does("call", once=once))["number"] == "A001"
    assert (await clerk.does("call"))["number"] == "A002"
    refused = await clerk.send("call")
    assert (refused.status_code, refused.json()["code"]) == (409, "nobody_waiting")


async def test_a_form_with_the_name_of_another_one_is_refused_and_never_answered_as_done(clerk: Clerk) -> None:
    once = str(ids.public_id())
    first = await clerk.walk_in(once=once)
    assert (await clerk.walk_in(once=once))["number"] == "A001"
    for other in ({"name": "Bùi Văn Mẫu"}, {"birth_year": "1970"}, {"phone": "0903123456"}):
        refused = await clerk.send("walk-in", **({"name": "Lê Thị Mẫu", "birth_year": "1961", "once": once} | other))
        assert (refused.status_code, refused.json()["code"]) == (409, "form_reused")
    refused = await clerk.send("emergency", once=once)
    assert (refused.status_code, refused.json()["code"]) == (409, "form_reused")
    second = await clerk.walk_in()
    for path, more in (("step/leave", {"ticket": first["ticket"]}), ("call", {}), ("late", {"minutes": "20"})):
        name = str(ids.public_id())
        for _ in range(2):
            assert (await clerk.does(path, once=name, **more))["what"] in {"leave", "call", "late"}
        for step, ticket in (("leave", second["ticket"]), ("verify", first["ticket"])):
            refused = await clerk.send(f"step/{step}", once=name, ticket=ticket)
            assert (refused.status_code, refused.json()["code"]) == (409, "form_reused")
        for elsewhere, said in (("late", {"minutes": "35"}), ("call", {})):
            if path != elsewhere or said:
                refused = await clerk.send(elsewhere, once=name, **said)
                assert (refused.status_code, refused.json()["code"]) == (409, "form_reused")
    states = await _rows(clerk, "SELECT number, state::text FROM queue_ticket ORDER BY number")
    assert [row["state"] for row in states] == ["left", "called"]


async def _state(clerk: Clerk) -> list[dict[str, Any]]:
    kept = "number, state::text, queue_id, calls, room_id, called_at, requeued_at, finished_at, priority_verified::text"
    tickets = await _rows(clerk, f"SELECT {kept} FROM queue_ticket ORDER BY number")
    visits = await _rows(clerk, "SELECT code, state::text FROM appointment ORDER BY code")
    return [*tickets, *visits, *await _rows(clerk, "SELECT priority_streak, late_minutes FROM queue ORDER BY id")]


@pytest.mark.parametrize("step", ["finish", "skip", "enter", "recall", "to_tests", "leave", "put_back", "transfer"])
async def test_every_step_can_be_taken_back(clerk: Clerk, step: str) -> None:
    visit = await clerk.morning.booked(1, 1)
    await clerk.does("scan", scan=visit["code"])
    called = await clerk.does("call", room="P1")
    before = await _state(clerk)
    clerk.morning.clock.set(22)
    await clerk.does(f"step/{step}", ticket=called["ticket"], to_service=seeds.OTHER_SERVICE)
    assert await _state(clerk) != before
    assert (await clerk.does("undo"))["what"] == "undo"
    after = await _state(clerk)
    assert after[: len(before) - 1] == before[:-1]  # a line that a transfer opened stays, empty


async def test_calls_arrivals_delays_and_verifications_are_taken_back_too(clerk: Clerk) -> None:
    visit = await clerk.morning.booked(1, 1)
    nothing = await _state(clerk)
    await clerk.does("scan", scan=visit["code"])
    await clerk.does("undo")
    assert [row for row in await _state(clerk) if "code" in row] == [row for row in nothing if "code" in row]
    assert await _rows(clerk, "SELECT 1 FROM queue_ticket") == []
    told = await clerk.walk_in(priority="pregnant")
    before = await _state(clerk)
    await clerk.does("step/verify", ticket=told["ticket"], priority="pregnant", reason="sổ khám thai")
    assert "★" in await clerk.page()
    await clerk.does("call")
    await clerk.does("undo")
    await clerk.does("undo")
    await clerk.does("late", minutes="40")
    assert "40 minutes late" in await clerk.page()
    await clerk.does("undo")
    assert await _state(clerk) == before
    actions = [
        row["action"] for row in await _rows(clerk, "SELECT action FROM audit_event WHERE action = 'queue.undo'")
    ]
    assert len(actions) == 4


async def test_minutes_that_are_no_number_change_nothing(clerk: Clerk) -> None:
    await clerk.does("late", minutes="40")
    for typed in ("", "1h", "-5", "601", "²"):
        refused = await clerk.send("late", minutes=typed)
        assert (refused.status_code, refused.json()["code"]) == (422, "minutes_refused")
    assert "40 minutes late" in await clerk.page()
    assert (await clerk.does("late", minutes="0"))["said"] == "The delay was taken back."


async def test_undoing_is_refused_after_five_minutes_or_when_somebody_went_on(clerk: Clerk, clock: Clock) -> None:
    for _ in range(2):
        await clerk.walk_in()
    called = await clerk.does("call")
    act = (await _rows(clerk, "SELECT public_id FROM queue_act WHERE what = 'call'"))[0]["public_id"]
    await clerk.does("step/enter", ticket=called["ticket"])
    refused = await clerk.send("undo", act=str(act))
    assert refused.json()["code"] == "act_overtaken"
    newest = (await _rows(clerk, "SELECT public_id FROM queue_act WHERE what = 'enter'"))[0]["public_id"]
    await staff.add(clerk.morning.db, "khac.mau", Role.CLERK, [FACILITY])
    mine = clerk.client.cookies["desk"]
    other = await staff.sign_in(clerk.morning.db, "khac.mau") or ""
    clerk.client.cookies.set("desk", other)
    await clerk.does("undo", act=str(newest))
    state = await _state(clerk)
    assert (await clerk.does("undo", act=str(newest)))["what"] == "undo"  # its answer was lost: it is done
    assert await _state(clerk) == state
    clerk.client.cookies.set("desk", mine)
    assert (await clerk.send("undo", act=str(newest))).json()["code"] == "act_overtaken"
    await clerk.does("step/finish", ticket=called["ticket"])
    done = (await _rows(clerk, "SELECT public_id FROM queue_act WHERE what = 'finish'"))[0]["public_id"]
    clock.moment += timedelta(minutes=5, seconds=1)
    assert (await clerk.send("undo", act=str(done))).json()["code"] == "undo_too_late"
    assert (await clerk.send("undo", act=str(ids.public_id()))).json()["code"] == "act_unknown"
    assert (await clerk.send("undo")).json()["code"] == "act_unknown"  # nothing of one's own is left to take back


async def test_an_undo_tried_twice_takes_back_one_act(clerk: Clerk, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        await clerk.walk_in()
    await clerk.does("call")
    await clerk.does("call")
    known = Database.until_known

    async def unknown_at_first(self: Database, work: Any) -> Any:
        await work()  # committed, and the answer lost
        return await known(self, work)

    monkeypatch.setattr(Database, "until_known", unknown_at_first)
    assert (await clerk.does("undo"))["number"] == "A002"
    states = await _rows(clerk, "SELECT state::text FROM queue_ticket ORDER BY number")
    assert [row["state"] for row in states] == ["called", "waiting"]


async def test_who_did_not_come_is_marked_by_hand_after_her_time_and_may_come_all_the_same(
    clerk: Clerk, clock: Clock
) -> None:
    visit, other = await clerk.morning.booked(1, 1), await clerk.morning.booked(1, 2)
    early = await clerk.send("no-show", code=visit["code"])
    assert early.json()["code"] == "still_expected"
    await clerk.does("scan", scan=other["code"])
    clock.set(31)
    assert (await clerk.send("no-show", code=other["code"])).json()["code"] == "not_changeable"
    assert "Did not come" in await clerk.page()
    await clerk.does("no-show", code=visit["code"])
    assert "did not come" in await clerk.page()
    await clerk.does("undo")
    await clerk.does("no-show", code=visit["code"])
    assert (await clerk.does("scan", scan=visit["code"]))["what"] == "check_in"
    assert {row["state"] for row in await _rows(clerk, "SELECT state::text FROM appointment")} == {"arrived"}


async def test_nobody_missed_a_time_that_the_facility_closed(clerk: Clerk, clock: Clock) -> None:
    """Her button is gone, but a page of before may still show it."""
    kept, shut = await clerk.morning.booked(0, 2), await clerk.morning.booked(1, 1)
    clock.set(31)
    await seeds.shut(clerk.morning.db, clerk.morning.world.slots[1])
    assert (await clerk.send("no-show", code=shut["code"])).json()["code"] == "not_changeable"
    await clerk.does("no-show", code=kept["code"])  # the one whose time took place
    found = await _rows(clerk, "SELECT code, state::text FROM appointment")
    assert {row["code"]: row["state"] for row in found} == {shut["code"]: "booked", kept["code"]: "noshow"}


async def test_missed_visits_of_before_are_seen(clerk: Clerk) -> None:
    """The first visit is put a month back behind the product's back, as one that was missed; and forward again."""
    visit = await clerk.morning.booked(1, 1)
    moved = (
        "UPDATE appointment SET starts_at = starts_at {0}, ends_at = ends_at {0}, state = 'noshow' WHERE code = :code"
    )
    await seeds.run(clerk.morning.db, moved.format("- interval '30 days'"), code=visit["code"])
    again = await clerk.morning.booked(2, 1)
    page = await clerk.page()
    assert again["code"] in page
    assert "missed 1 visit before" in page
    found = await clerk.does("scan", scan="Mẫu")  # where she is looked for by name
    assert "missed 1 visit before" in found["found"]
    booking = await clerk.client.post(
        f"/desk/{FACILITY}/book", data={"q": "Mẫu"}, headers={"sec-fetch-site": "same-origin"}
    )
    assert "missed 1 visit before" in booking.text  # and where she books again
    await seeds.run(clerk.morning.db, moved.format("+ interval '30 days'"), code=visit["code"])
    assert "missed" not in await clerk.page()


async def test_back_from_tests_one_is_called_before_those_who_came_later(clerk: Clerk, clock: Clock) -> None:
    first = await clerk.walk_in()
    clock.set(25)
    for _ in range(3):
        await clerk.walk_in()
    await clerk.does("call", room="P1")
    await clerk.does("step/enter", ticket=first["ticket"], room="P1")
    await clerk.does("step/to_tests", ticket=first["ticket"], room="P1")
    assert "at tests" in await clerk.page()
    clock.set(34)
    await clerk.walk_in()
    assert (await clerk.does("call"))["number"] == "A002"
    await clerk.does("step/from_tests", ticket=first["ticket"])
    page = await clerk.page()
    assert _next(page) == "A001"  # A003 and A004 came when she was first called, A005 later
    assert "Next because of being back from tests; first called at 07:55." in page


async def test_an_emergency_is_recorded_and_called_at_once_and_moves_nobody(clerk: Clerk) -> None:
    await clerk.walk_in()
    once = str(ids.public_id())
    for _ in range(2):
        told = await clerk.does("emergency", room="P1", once=once)
    assert told["number"] == "CC001"
    page = await clerk.page(room="P1", service=SERVICE)
    assert _next(page) == "A001"
    assert "CC001" in page
    refused = await clerk.send("step/put_back", ticket=told["ticket"])
    assert refused.json()["code"] == "ticket_moved"
    await clerk.does("step/finish", ticket=told["ticket"])
    assert await _rows(clerk, "SELECT count(*) AS n FROM queue_ticket WHERE emergency") == [{"n": 1}]


async def test_the_doctors_list_shows_the_room_who_has_come_and_who_has_not(clerk: Clerk) -> None:
    here, away = await clerk.morning.booked(1, 1), await clerk.morning.booked(2, 2)
    await clerk.does("scan", scan=here["code"])
    await clerk.walk_in()
    await clerk.does("call", room="P2")
    path = f"/desk/{FACILITY}/room/P2"
    page = (await clerk.client.get(path)).text
    assert "Phòng số 2" in page
    assert page.index("A001") < page.index("A002")
    assert away["code"] in page
    assert here["code"] not in page
    missing = await clerk.client.get(f"/desk/{FACILITY}/room/P9")
    assert missing.status_code == 404


def _bound(page: str) -> dict[str, tuple[str, str]]:
    """The step and the ticket each key is on."""
    found = re.findall(r'step/(\w+)" name="ticket" value="([^"]+)" data-do="\w+" data-key="(F\d)"', page)
    assert len({key for _, _, key in found}) == len(found)
    return {key: (step, ticket) for step, ticket, key in found}


async def test_keys_are_on_the_newest_call_and_done_on_who_is_in_the_room(clerk: Clerk) -> None:
    for _ in range(2):
        await clerk.walk_in()
    inside = (await clerk.does("call", room="P1"))["ticket"]
    await clerk.does("step/enter", ticket=inside)
    assert _bound(await clerk.page(room="P1")) == {"F8": ("finish", inside), "F9": ("to_tests", inside)}
    clerk.morning.clock.set(25)
    called = (await clerk.does("call", room="P1"))["ticket"]
    assert _bound(await clerk.page(room="P1")) == {
        "F4": ("recall", called), "F7": ("enter", called), "F8": ("finish", inside), "F9": ("skip", called),
    }  # fmt: skip
    await clerk.does("emergency", room="P1")  # first of all, and nobody is passed over in its place
    assert set(_bound(await clerk.page(room="P1"))) == {"F4", "F7", "F8"}


async def test_showing_names_is_noted(clerk: Clerk) -> None:
    await clerk.page()
    noted = await _rows(clerk, "SELECT object_id FROM audit_event WHERE action = 'queue.read'")
    assert noted == [{"object_id": FACILITY}]


async def test_what_somebody_without_booking_said_is_forgotten_after_a_month(clerk: Clerk, clock: Clock) -> None:
    await clerk.walk_in(phone="0903123456")
    db = clerk.morning.db
    for days, left in ((20, 1), (32, 0)):
        async with db.transaction() as session:
            await acts.forget_acts(session, now=clock.opens + timedelta(days=days))
        assert await seeds.value(db, "SELECT count(*) FROM queue_ticket WHERE name IS NOT NULL") == left
    assert await seeds.value(db, "SELECT count(*) FROM queue_act") == 0
    assert await seeds.value(db, "SELECT count(*) FROM queue_ticket") == 1


async def test_from_the_doctors_page_one_gets_to_the_follow_ups(clerk: Clerk) -> None:
    visit = await clerk.morning.booked(1, 1)
    told = await clerk.does("scan", scan=visit["link"])
    stranger = await clerk.walk_in()
    await clerk.does("call", room="P1")
    room = (await clerk.client.get(f"/desk/{FACILITY}/room/P1")).text
    ticket = f"/desk/{FACILITY}/queue/ticket/{told['ticket']}"
    assert f'href="{ticket}#record"' in room
    page = await clerk.page(f"/ticket/{told['ticket']}")
    (patient,) = await _rows(clerk, "SELECT public_id FROM patient")
    for leads in (f"patients/{patient['public_id']}/series", f"patients/{patient['public_id']}/record",
                  f"appointments/{visit['code']}"):  # fmt: skip
        assert f'href="/desk/{FACILITY}/{leads}"' in page
        assert (await clerk.client.get(f"/desk/{FACILITY}/{leads}")).status_code == 200
    unknown = await clerk.page(f"/ticket/{stranger['ticket']}")
    assert "/patients/" not in unknown
    assert f'href="/desk/{FACILITY}/book"' in unknown
