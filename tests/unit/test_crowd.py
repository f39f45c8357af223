"""More requests than may be inside at once: the next is told to come again, and nothing else is done for it."""

import asyncio
from typing import Any

import orjson
import pytest
from starlette.types import Message, Receive, Scope, Send

from booking.web import metrics
from booking.web.crowd import Crowd

pytestmark = pytest.mark.anyio
BASE = "https://henkham.example"


class Inside:
    """An application whose requests stay until they are let go; a path that ends in /live is a stream."""

    def __init__(self) -> None:
        self.let_go = asyncio.Event()
        self.reached = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        self.reached += 1
        if scope["path"] == "/fault":
            raise RuntimeError
        live = scope["path"].endswith("/live")
        kind = b"text/event-stream" if live else b"text/plain"
        if live:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
        await self.let_go.wait()
        if not live:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
        await send({"type": "http.response.body", "body": b"done"})


class Door:
    """A crowd before an application, and the requests that were sent to it."""

    def __init__(self, most: int) -> None:
        self.inside = Inside()
        self.crowd = Crowd(self.inside, most=most, base_url=BASE)
        self.tasks: list[asyncio.Task[list[Message]]] = []

    async def send(self, path: str, method: str = "GET", **headers: str) -> asyncio.Task[list[Message]]:
        """One request, as far as it comes by itself."""
        pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope: dict[str, Any] = {"type": "http", "path": path, "method": method, "headers": pairs}

        async def ask() -> list[Message]:
            said: list[Message] = []

            async def note(message: Message) -> None:
                said.append(message)

            async def nothing() -> Message:
                return {"type": "http.request"}

            await self.crowd(scope, nothing, note)
            return said

        task = asyncio.ensure_future(ask())
        self.tasks.append(task)
        await asyncio.sleep(0)
        return task

    async def close(self) -> None:
        """Let everybody go."""
        self.inside.let_go.set()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def _headers(said: list[Message]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in said[0]["headers"]}


async def test_the_next_one_is_told_to_come_again_and_goes_no_further() -> None:
    door = Door(2)
    for _ in range(2):
        await door.send("/")
    told = await (await door.send("/", accept_language="vi"))
    assert told[0]["status"] == 503
    assert door.inside.reached == 2
    headers = _headers(told)
    assert headers["refresh"] == headers["retry-after"]
    assert headers["cache-control"] == "no-store"
    assert headers["strict-transport-security"]
    assert "tự mở lại" in told[1]["body"].decode()
    await door.close()
    door.inside.let_go.clear()
    again = await door.send("/")
    assert not again.done(), "those who left made room"
    await door.close()


async def test_who_sends_a_form_is_not_sent_anywhere_by_itself() -> None:
    door = Door(1)
    await door.send("/")
    told = await (await door.send("/h/new", "POST", accept_language="en", cookie="lang=vi"))
    assert "refresh" not in _headers(told)
    assert "Chưa có gì được gửi đi" in told[1]["body"].decode()
    await door.close()


async def test_a_program_is_told_in_its_own_form_and_the_waits_differ() -> None:
    door = Door(1)
    await door.send("/")
    told = [await (await door.send("/api/v1/slots", accept_language="en")) for _ in range(7)]
    waits = [int(_headers(one)["retry-after"]) for one in told]
    assert len(set(waits)) == 7
    body = orjson.loads(told[0][1]["body"])
    assert (body["code"], body["status"], body["retry_after"]) == ("busy", 503, waits[0])
    assert body["type"] == f"{BASE}/errors/busy"
    assert _headers(told[0])["content-type"] == "application/problem+json"
    await door.close()


async def test_a_live_page_counts_until_it_stands_and_a_fault_counts_no_longer() -> None:
    door = Door(1)
    await door.send("/t/live")
    with pytest.raises(RuntimeError):
        await (await door.send("/fault"))
    inside = await door.send("/")
    assert not inside.done()
    assert door.inside.reached == 3
    assert (await (await door.send("/")))[0]["status"] == 503
    await door.close()
    assert (await inside)[0]["status"] == 200


async def test_those_who_were_turned_away_make_nothing_look_quick() -> None:
    def noted() -> tuple[float, float]:
        counted = metrics.REGISTRY.get_sample_value(
            "henkham_requests_total", {"method": "GET", "route": "-", "status": "503"}
        )
        return counted or 0.0, metrics.REGISTRY.get_sample_value("henkham_request_seconds_count", {"route": "-"}) or 0.0

    door = Door(1)
    await door.send("/")
    before = noted()
    await (await door.send("/"))
    after = noted()
    assert (after[0] - before[0], after[1] - before[1]) == (1.0, 0.0)
    await door.close()


async def test_control_where_more_may_be_inside_nobody_is_turned_away() -> None:
    door = Door(20)
    inside = [await door.send("/") for _ in range(20)]
    assert door.inside.reached == 20
    assert not any(each.done() for each in inside)
    await door.close()


async def test_who_watches_us_is_never_turned_away() -> None:
    door = Door(1)
    await door.send("/")
    watching = await door.send("/readyz")
    assert not watching.done()
    await door.close()
    assert (await watching)[0]["status"] == 200


async def test_how_long_there_is_hardly_room_is_counted_and_nothing_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy with the same limit turns people away then, and this process sees none of them."""
    counted: list[float] = []
    monkeypatch.setattr(metrics, "full", counted.append)
    door = Door(most=8)
    for _ in range(6):
        await door.send("/")
    assert counted == []
    await door.send("/")  # the seventh of eight
    await asyncio.sleep(0.02)
    door.inside.let_go.set()
    await asyncio.gather(*door.tasks)
    assert len(counted) == 1, "while the others leave there is room"
    assert counted[0] >= 0.02
