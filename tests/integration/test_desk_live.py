"""Streams of the desk and of a display: what is told, to whom, and when it ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from booking import clock as booking_clock
from booking.access.kinds import Role
from booking.db import Database
from booking.desk import display as screens
from booking.desk.queue import page
from booking.queue import commands, displays, service
from booking.queue.displays import DisplayView
from booking.web import at_desk
from tests import queues, seeds, staff, streams
from tests.queues import CLERK, Clock, Morning
from tests.seeds import FACILITY, SERVICE
from tests.streams import Stream

pytestmark = pytest.mark.anyio

LIVE = f"/desk/{FACILITY}/queue/live"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = queues.new_clock()
    monkeypatch.setattr(booking_clock, "utc_now", made.now)
    monkeypatch.setattr(page, "CHECK", 0.1)
    monkeypatch.setattr(screens, "CHECK", 0.1)
    return made


@pytest.fixture
async def morning(client: httpx.AsyncClient, db: Database, clock: Clock) -> Morning:
    made = await queues.make(db, client, clock)
    clock.set(5)
    return made


@asynccontextmanager
async def _desk(app: FastAPI, db: Database) -> AsyncIterator[Stream]:
    await staff.add(db, "clerk.mau", Role.CLERK, [FACILITY])
    token = await staff.sign_in(db, "clerk.mau")
    async with streams.opened(app, LIVE, {"cookie": f"desk={token}", "accept-language": "en"}) as stream:
        assert stream.status == 200
        yield stream


async def _told(stream: Stream) -> dict[str, Any]:
    """The next event that says anything."""
    while True:
        found = await stream.event()
        assert found is not None
        if set(found.data) - {"at"}:
            data: dict[str, Any] = found.data
            return data


async def _rows(stream: Stream, key: str) -> dict[str, Any]:
    """The first event with a new row of this key."""
    while True:
        told = await _told(stream)
        if key in told["rows"]:
            return told


async def test_the_desk_is_told_the_rows_that_changed_and_no_others(app: FastAPI, morning: Morning) -> None:
    await morning.walk_in()
    await morning.walk_in()
    async with _desk(app, morning.db) as stream:
        first = await _told(stream)
        assert set(first["rows"]) == {"A001", "A002"}
        await morning.walk_in()
        told = await _rows(stream, "A003")
        assert set(told["rows"]) == {"A003"}
        await morning.call("P1")
        told = await _rows(stream, "A001")
        assert set(told["rows"]) == {"A001"}
        assert told["order"]["called"] == ["A001"]
        (line,) = [keys for name, keys in told["order"].items() if name.startswith("line-")]
        assert line == ["A002", "A003"]
        assert "A002" in told["html"]["next"]


async def test_a_page_that_asks_by_itself_is_no_use_of_the_desk(
    app: FastAPI, client: httpx.AsyncClient, morning: Morning, clock: Clock
) -> None:
    await staff.add(morning.db, "clerk.mau", Role.CLERK, [FACILITY])
    cookie = {"cookie": f"desk={await staff.sign_in(morning.db, 'clerk.mau')}"}
    seen = "SELECT seen_at FROM staff_session"
    signed_in = await seeds.value(morning.db, seen)
    clock.set(12)
    async with streams.opened(app, LIVE, cookie | {"accept": "text/event-stream"}) as stream:
        assert stream.status == 200
    room = f"/desk/{FACILITY}/room/P1"
    by_itself = await client.get(room, headers=cookie | {at_desk.BY_ITSELF: "1"})
    assert by_itself.status_code == 200
    assert await seeds.value(morning.db, seen) == signed_in
    await client.get(room, headers=cookie)  # somebody looks
    assert await seeds.value(morning.db, seen) == clock.moment


async def test_a_doctors_list_hears_of_its_own_line_alone(app: FastAPI, morning: Morning, clock: Clock) -> None:
    await morning.walk_in()
    async with morning.db.transaction() as session:
        command = commands.OpenRoomLine(facility=FACILITY, service=SERVICE, room="P2")
        await service.open_room_line(session, command, by=CLERK, now=clock.moment)
    await morning.walk_in(room="P2")
    await staff.add(morning.db, "clerk.mau", Role.CLERK, [FACILITY])
    headers = {"cookie": f"desk={await staff.sign_in(morning.db, 'clerk.mau')}"}
    for query, people in (("room=P2", {"A001", "A002"}), ("room=P2&own=1", {"A002"}), ("room=P1&own=1", {"A001"})):
        async with streams.opened(app, f"{LIVE}?{query}", headers) as stream:
            told = await _told(stream)
        assert set(told["rows"]) == people, query


async def _lose_the_facility(db: Database) -> None:
    await seeds.run(db, "DELETE FROM staff_scope")


async def test_a_scope_that_is_taken_away_ends_the_open_stream(app: FastAPI, morning: Morning) -> None:
    async with _desk(app, morning.db) as stream:
        await _told(stream)
        await _lose_the_facility(morning.db)
        assert await _told(stream) == {"over": True}
        assert await stream.event() is None
        assert stream.ended


async def test_control_where_nobody_asks_again_the_stream_goes_on(
    app: FastAPI, morning: Morning, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def always(*_: object) -> bool:
        await asyncio.sleep(0)
        return True

    monkeypatch.setattr(at_desk, "still_there", always)
    async with _desk(app, morning.db) as stream:
        await _told(stream)
        await _lose_the_facility(morning.db)
        for _ in range(3):
            found = await stream.event()
            assert found is not None
        await morning.walk_in()
        assert "A001" in (await _rows(stream, "A001"))["rows"]


async def _display(morning: Morning, *, names: bool = False, services: tuple[str, ...] = ()) -> DisplayView:
    async with morning.db.transaction() as session:
        command = commands.AddDisplay(facility=FACILITY, name="Phòng chờ", names=names, services=services)
        await displays.add(session, command, by=CLERK, now=morning.clock.moment)
        return (await displays.displays_of(session, morning.world.facility_id))[-1]


def _path(made: DisplayView) -> str:
    return f"/display/{FACILITY}/{made.token}"


async def _calls(stream: Stream, number: str) -> list[str]:
    calls: list[str] = []
    while number not in calls:
        found = await stream.event()
        assert found is not None
        calls += [call["number"] for call in found.data["calls"]]
    return calls


async def test_a_display_rings_each_call_and_recall_once_and_no_emergency(app: FastAPI, morning: Morning) -> None:
    made = await _display(morning)
    for _ in range(3):
        await morning.walk_in()
    async with streams.opened(app, f"{_path(made)}/live") as stream:
        first = await stream.event()
        assert first is not None
        assert first.data["calls"] == []
        called = await morning.call("P1")
        await morning.step("recall", called)
        await morning.call("P2")
        assert await _calls(stream, "A002") == ["A001", "A001", "A002"]


async def test_a_display_of_one_service_is_silent_about_the_others(app: FastAPI, morning: Morning) -> None:
    made = await _display(morning, services=(seeds.OTHER_SERVICE,))
    moved = await morning.walk_in()
    await morning.walk_in()
    await morning.step("transfer", moved, service=seeds.OTHER_SERVICE)
    async with streams.opened(app, f"{_path(made)}/live") as stream:
        await stream.event()
        assert (await morning.call()).label == "A002"
        assert (await _of_other(morning)).label == "A001"
        assert await _calls(stream, "A001") == ["A001"]


async def _of_other(morning: Morning) -> Any:
    async with morning.db.transaction() as session:
        command = commands.CallNext(facility=FACILITY, service=seeds.OTHER_SERVICE)
        return await service.call_next(session, command, by=CLERK, now=morning.clock.moment)


async def test_a_display_shows_masked_names_where_chosen_and_none_else(
    client: httpx.AsyncClient, morning: Morning
) -> None:
    visit = await morning.booked(0, 1)
    await morning.check_in(visit)
    await morning.call("P1")
    name = str(await seeds.value(morning.db, "SELECT name FROM patient"))
    first, *rest = name.split()
    masked = " ".join([first, *(f"{word[0]}." for word in rest)])
    bare, named = await _display(morning), await _display(morning, names=True)
    for made, shown in ((bare, False), (named, True)):
        text = (await client.get(_path(made))).text
        assert "A001" in text
        assert (masked in text) is shown
        assert name not in text


async def test_a_display_that_was_closed_or_never_was_opens_nothing(
    app: FastAPI, client: httpx.AsyncClient, morning: Morning
) -> None:
    made = await _display(morning)
    assert (await client.get(_path(made))).status_code == 200
    assert (await client.get(f"/display/MAU-99/{made.token}")).status_code == 404
    assert (await client.get(f"/display/{FACILITY}/{made.token[:-1]}x")).status_code == 404
    async with streams.opened(app, f"{_path(made)}/live") as stream:
        await stream.event()
        async with morning.db.transaction() as session:
            command = commands.CloseDisplay(facility=FACILITY, display=made.id)
            await displays.close(session, command, by=CLERK, now=morning.clock.moment)
        while (found := await stream.event()) is not None:
            if "over" in found.data:
                break
        else:
            pytest.fail("the stream ended without a word")
    assert (await client.get(_path(made))).status_code == 404
