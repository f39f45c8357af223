"""The page of the day of the visit, and its stream: what they say at each stage, and to whom."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from booking import clock as booking_clock
from booking.db import Database
from booking.mobile import reading
from booking.mobile.slip import on_the_day
from booking.queue import queries
from tests import people, queues, seeds, statements, streams
from tests.pages import Page, read
from tests.queues import Clock, Morning

pytestmark = pytest.mark.anyio
WRONG = "A" * 43


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = queues.new_clock()
    monkeypatch.setattr(booking_clock, "utc_now", made.now)
    return made


@pytest.fixture
async def morning(db: Database, client: httpx.AsyncClient, clock: Clock) -> Morning:
    return await queues.make(db, client, clock)


def _path(visit: dict[str, Any], last: str = "today") -> str:
    return f"/t/{visit['code']}/{visit['token']}/{last}"


async def _page(morning: Morning, visit: dict[str, Any], language: str = "en") -> Page:
    answer = await morning.client.get(_path(visit), headers={"Accept-Language": language})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return read(answer)


async def test_before_the_day_and_before_the_session_it_says_so_plainly(morning: Morning, clock: Clock) -> None:
    visit = await morning.booked(2, 1)
    assert "The visit is not today." in (await _page(morning, visit)).text
    clock.set(-30)
    page = await _page(morning, visit)
    assert "The session has not begun; it begins at 07:30." in page.text
    assert "08:00–08:15" in page.text
    assert "Show the appointment slip at the desk" in page.text
    clock.set(5)
    await morning.walk_in()
    assert "1 person is waiting now." in (await _page(morning, visit)).text


async def test_once_checked_in_it_says_number_people_ahead_and_a_band(morning: Morning, clock: Clock) -> None:
    visits = [await morning.booked(slot, slot + 1) for slot in range(3)]
    clock.set(-5)
    for visit in visits:
        await morning.check_in(visit)
    page = await _page(morning, visits[2])
    assert "Your number A003" in page.text
    assert "2 people before you" in page.text
    assert "called about 08:00–" in page.text  # never before one's own time
    assert "You came early" in page.text
    clock.set(1)
    first = await _page(morning, visits[0], "vi")
    assert "Sắp đến lượt." in first.text
    assert "Đến đúng hẹn" in first.text
    assert "Tính lúc 07:31" in first.text


async def test_called_skipped_put_back_seen_and_done(morning: Morning, clock: Clock) -> None:
    visit = await morning.booked(0, 1)
    clock.set(0)
    ticket = await morning.check_in(visit)
    await morning.call("P2")
    called = await _page(morning, visit)
    assert "It is your turn. Phòng số 2 Please go in now" in called.text
    await morning.step("skip", ticket)
    assert "passed over. Go to the desk and say your number" in (await _page(morning, visit)).text
    await morning.step("put_back", ticket)
    assert "put back into the line" in (await _page(morning, visit)).text
    await morning.call()
    assert "Please come to the desk now" in (await _page(morning, visit)).text
    await morning.step("enter", ticket)
    assert "You are being seen." in (await _page(morning, visit)).text
    await morning.step("finish", ticket)
    done = await _page(morning, visit)
    assert "This visit is over." in done.text
    assert "As of" not in done.text


async def test_whoever_leaves_comes_late_or_not_at_all_is_told(morning: Morning, clock: Clock) -> None:
    gone, late, never = [await morning.booked(0, number) for number in (1, 2, 3)]
    clock.set(0)
    await morning.step("leave", await morning.check_in(gone))
    assert "You have left the line." in (await _page(morning, gone)).text
    clock.set(20)
    assert "Your booked time has passed, and the session is still on." in (await _page(morning, late)).text
    await morning.check_in(late)
    assert "in the order of arrival" in (await _page(morning, late)).text
    clock.moment = clock.opens + timedelta(hours=5)
    assert "The time of this visit has passed." in (await _page(morning, never)).text


async def test_a_session_that_runs_late_says_so_from_a_quarter_of_an_hour_on(morning: Morning, clock: Clock) -> None:
    first, second = await morning.booked(0, 1), await morning.booked(1, 2)
    clock.set(-5)
    await morning.check_in(first)
    clock.set(25)  # the first one's time ended ten minutes ago
    assert "minutes late" not in (await _page(morning, second)).text
    clock.set(37)
    assert "The session runs about 20 minutes late. Come at your" not in (await _page(morning, first)).text
    assert "The session runs about 20 minutes late. The expected time" in (await _page(morning, first)).text
    assert "runs about 20 minutes late." in (await _page(morning, second)).text
    await morning.late(40)
    assert "chậm khoảng 40 phút" in (await _page(morning, second, "vi")).text
    # Due at 07:30, so not before 08:10, though she is next and it is 08:07.
    assert "called about 08:10–08:20" in (await _page(morning, first)).text
    await morning.late(0)
    assert "between now and about" in (await _page(morning, first)).text


async def test_what_staff_said_gives_way_to_what_was_seen_since(morning: Morning, clock: Clock) -> None:
    visits = [await morning.booked(slot, slot + 1) for slot in range(4)]
    clock.set(-5)
    for visit in visits:
        await morning.check_in(visit)
    await morning.late(30)
    assert "runs about 30 minutes late" in (await _page(morning, visits[3])).text
    for minute in (1, 16, 31):
        clock.set(minute)
        await morning.served(2)
    assert "minutes late" not in (await _page(morning, visits[3])).text


async def test_a_measured_pace_moves_the_band(morning: Morning, clock: Clock) -> None:
    visits = [await morning.booked(0, number) for number in range(1, 4)]
    clock.set(0)
    walk_ins = [await morning.walk_in() for _ in range(4)]
    for visit in visits:
        await morning.check_in(visit)
    planned = await _page(morning, visits[2])
    for _ in range(3):
        await morning.served(20)  # four times as long as planned
    clock.set(0)
    slow = await _page(morning, visits[2])
    assert len(walk_ins) == 4
    assert "until about" not in planned.text
    assert planned.text != slow.text


async def test_a_cancelled_visit_is_said_to_be_one(morning: Morning) -> None:
    visit = await morning.booked(0, 1)
    headers = {"Authorization": f"Bearer {visit['token']}"}
    assert (await morning.client.post(f"/api/v1/appointments/{visit['code']}/cancel", headers=headers)).is_success
    assert "This visit is cancelled." in (await _page(morning, visit)).text


async def test_without_scripts_the_page_reloads_itself_while_something_may_change(
    morning: Morning, clock: Clock
) -> None:
    visit = await morning.booked(0, 1)
    refresh = '<noscript><meta http-equiv="refresh" content="30"></noscript>'
    assert refresh not in (await morning.client.get(_path(visit))).text
    clock.set(0)
    answer = await morning.client.get(_path(visit))
    assert refresh in answer.text
    assert f'data-live="{_path(visit, "live")}"' in answer.text


async def test_the_stream_says_what_changes_and_only_then(
    app: FastAPI, morning: Morning, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_the_day, "BEAT", 0.2)
    monkeypatch.setattr(app.state.relay, "_every", 0.01)
    visits = [await morning.booked(0, number) for number in (1, 2)]
    clock.set(0)
    async with streams.opened(app, _path(visits[1], "live"), {"accept-language": "en"}) as stream:
        assert (stream.status, stream.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        assert stream.headers["cache-control"] == "no-store"
        assert stream.headers["x-accel-buffering"] == "no"
        assert (await stream.raw() or "").startswith("retry: ")
        assert "Nobody is waiting now." in str(await stream.event())
        assert await stream.raw() == ": beat"
        tickets = [await morning.check_in(visit) for visit in visits]
        heard = await stream.until("1 person before you")
        assert heard.id
        assert heard.name == "message"
        await morning.call()
        await stream.until("You are next.")
        await morning.step("finish", tickets[0])
        await morning.call("P1")
        await stream.until("Phòng số 1")
    assert app.state.relay.listening == 0


async def test_whoever_comes_back_is_told_how_it_stands(app: FastAPI, morning: Morning, clock: Clock) -> None:
    visit = await morning.booked(0, 1)
    clock.set(0)
    await morning.check_in(visit)
    async with streams.opened(app, _path(visit, "live"), {"accept-language": "vi"}) as stream:
        first = await stream.event()
        assert first is not None
    await morning.call("P1")
    headers = {"accept-language": "vi", "last-event-id": first.id or ""}
    async with streams.opened(app, _path(visit, "live"), headers) as again:
        assert "Đã đến lượt." in str(await again.event())


async def test_the_stream_and_the_page_name_nobody(app: FastAPI, morning: Morning, clock: Clock) -> None:
    visits = [await morning.booked(0, number) for number in (1, 2, 3)]
    clock.set(0)
    for visit in visits:
        await morning.check_in(visit)
    said = (await morning.client.get(_path(visits[2]))).text
    async with streams.opened(app, _path(visits[2], "live")) as stream:
        said += str(await stream.event())
        await morning.call("P1")
        said += str(await stream.event())
    for number, visit in enumerate(visits[:2], 1):
        assert people.name(number) not in said
        assert people.phone(number)[-4:] not in said
        assert visit["code"] not in said
    assert visits[2]["code"] in said


async def test_a_link_that_was_revoked_ends_the_stream(
    app: FastAPI, morning: Morning, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_the_day, "BEAT", 0.05)
    visit = await morning.booked(0, 1)
    clock.set(0)
    async with streams.opened(app, _path(visit, "live")) as stream:
        assert await stream.event()
        await seeds.run(morning.db, "UPDATE appointment SET token_version = 2")
        while not stream.ended:  # though there is always something to tell
            await morning.late(20)
            await stream.raw()
    await seeds.run(morning.db, "UPDATE appointment SET token_version = 1")


async def test_streams_end_with_the_process_and_too_many_are_told_when_to_ask(
    app: FastAPI, morning: Morning, clock: Clock
) -> None:
    visit = await morning.booked(0, 1)
    clock.set(0)
    async with streams.opened(app, _path(visit, "live")) as stream:
        assert await stream.event()
        app.state.relay.end()
        assert await stream.event() is None
    refused = await morning.client.get(_path(visit, "live"))
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "30"
    assert "theo dõi hàng chờ" in refused.text


async def test_a_head_request_opens_no_stream(app: FastAPI, morning: Morning, clock: Clock) -> None:
    visit = await morning.booked(0, 1)
    clock.set(0)
    answer = await morning.client.head(_path(visit, "live"))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert app.state.relay.listening == 0


async def _refusals(app: FastAPI, client: httpx.AsyncClient, paths: list[str]) -> list[tuple[int, str, list[str]]]:
    found = []
    for path in paths:
        with statements.seen_by(app.state.db) as asked:
            answer = await client.get(path)
        own = path.rsplit("/", 1)[0]
        found.append((answer.status_code, answer.text.replace(own, "/t/…"), asked))
    return found


def _alike(found: list[tuple[int, str, list[str]]]) -> bool:
    return all(one == found[0] for one in found)


@pytest.mark.parametrize("last", ["today", "live"])
async def test_a_wrong_link_is_answered_like_one_that_never_was(
    app: FastAPI, morning: Morning, clock: Clock, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    """Another's code with a wrong token, with one's own token, and a code that never was: one answer, one way to it."""
    visit, other = await morning.booked(0, 1), await morning.booked(0, 2)
    clock.set(0)
    await morning.check_in(other)
    paths = [
        f"/t/ZZZZ9999/{WRONG}/{last}",
        f"/t/{other['code']}/{WRONG}/{last}",
        f"/t/{other['code']}/{visit['token']}/{last}",
        f"/t/{other['code']}/short/{last}",
    ]
    found = await _refusals(app, morning.client, paths)
    assert _alike(found), found
    status, _, asked = found[0]
    assert status == 404
    assert len(asked) == 1

    # The control: a handler that looks at the visit before the token is told apart by what it asks.
    opened = reading.visit

    async def looks_first(asked: Any, code: str, token: str) -> reading.Visit:
        async with asked.db.transaction() as session:
            if await queries.visit_of(session, code):
                await queries.board(session, 1, booking_clock.local_day(asked.now))
        return await opened(asked, code, token)

    monkeypatch.setattr(reading, "visit", looks_first)
    assert not _alike(await _refusals(app, morning.client, paths))


async def test_programs_are_told_the_same(morning: Morning, clock: Clock) -> None:
    visits = [await morning.booked(slot, slot + 1) for slot in range(2)]
    clock.set(-5)
    for visit in visits:
        await morning.check_in(visit)

    async def today(visit: dict[str, Any], token: str) -> httpx.Response:
        path = f"/api/v1/appointments/{visit['code']}/today"
        return await morning.client.get(path, headers={"Authorization": f"Bearer {token}"})

    told = (await today(visits[1], visits[1]["token"])).json()
    assert (told["stage"], told["number"], told["ahead"], told["minutes_late"]) == ("waiting", "A002", 1, 0)
    assert told["expected_from"] == visits[1]["slot"]["start"]
    assert told["expected_until"] > told["expected_from"]
    wrong = await today(visits[1], visits[0]["token"])
    assert (wrong.status_code, wrong.json()["code"]) == (404, "appointment_unknown")


async def test_a_hold_has_no_day_yet(morning: Morning, clock: Clock) -> None:
    from tests import asking

    held = await asking.hold(morning.client, morning.world, morning.world.slots[3])
    assert held.status_code == 201, held.text
    answer = await morning.client.get(_path(held.json()))
    assert (answer.status_code, answer.headers["location"]) == (303, _path(held.json(), "").replace("/t/", "/h/")[:-1])
    assert (await morning.client.get(_path(held.json(), "live"))).status_code == 404
    opens = {"Authorization": f"Bearer {held.json()['token']}"}
    answer = await morning.client.get(f"/api/v1/appointments/{held.json()['code']}/today", headers=opens)
    assert answer.status_code == 404
    assert clock.moment < clock.opens
