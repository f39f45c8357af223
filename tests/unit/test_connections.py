"""What one connection may cost: bytes and time, counted by the protocol itself on a wire that is none."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from booking.web.connections import LARGEST_HEAD, MOST_WAITING, PACE, PATIENCE, BoundedConnection

GET = b"GET / HTTP/1.1\r\nhost: localhost\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"


@dataclass
class Wire(asyncio.Transport):
    """Remembers what was written and whether it is closed."""

    written: bytes = b""
    closed: bool = False
    paused: bool = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ARG002  no socket is behind it
        return default

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


@dataclass
class Timer:
    """One that a test lets run out."""

    seconds: float
    ends: Any
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass
class Clock:
    """In the place of the loop's: nothing runs out by itself."""

    loop: asyncio.AbstractEventLoop
    timers: list[Timer] = field(default_factory=list)

    def call_later(self, seconds: float, ends: Any) -> Timer:
        self.timers.append(Timer(seconds, ends))
        return self.timers[-1]

    def create_task(self, work: Any) -> Any:
        return self.loop.create_task(work)

    def run_out(self) -> None:
        """Every timer that is still running."""
        due = [timer for timer in self.timers if not timer.cancelled]
        self.timers.clear()
        for timer in due:
            timer.ends()


@dataclass
class Connection:
    """A protocol, its wire and its clock."""

    protocol: HttpToolsProtocol
    wire: Wire
    clock: Clock

    def say(self, data: bytes) -> None:
        """What a network would bring, in the pieces in which it does."""
        for start in range(0, len(data), 1_000):
            if self.wire.closed:
                return
            self.protocol.data_received(data[start : start + 1_000])

    def status(self) -> bytes:
        return self.wire.written.partition(b"\r\n")[0]

    def answered(self) -> None:
        """Let the app answer."""
        for _ in range(5):
            self.clock.loop.run_until_complete(asyncio.sleep(0))


async def _app(_scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


def _connected(loop: asyncio.AbstractEventLoop, kind: type[HttpToolsProtocol] = BoundedConnection) -> Connection:
    clock, wire = Clock(loop), Wire()
    config = Config(_app, lifespan="off", log_config=None, ws="none", http=kind)
    protocol = kind(config, ServerState(), {}, _loop=clock)  # type: ignore[arg-type]
    protocol.connection_made(wire)
    return Connection(protocol, wire, clock)


TOO_MUCH = {
    "one header": GET + b"x: " + b"a" * (LARGEST_HEAD + 2_000),
    "many headers": GET + b"x: a\r\n" * LARGEST_HEAD,
    "the address": b"GET /" + b"a" * (LARGEST_HEAD + 2_000),
    "a trailer": CHUNKED + b"1\r\nx\r\n0\r\nx: " + b"a" * (LARGEST_HEAD + 2_000),
    "empty lines": b"\r\n" * LARGEST_HEAD,
}


@pytest.mark.parametrize("which", TOO_MUCH)
def test_what_is_longer_than_any_head_is_refused_before_it_is_whole(
    loop: asyncio.AbstractEventLoop, which: str
) -> None:
    made = _connected(loop)
    made.say(TOO_MUCH[which])
    assert made.status() == b"HTTP/1.1 431 Request Header Fields Too Large"
    assert "Trình duyệt gửi kèm quá nhiều dữ liệu." in made.wire.written.decode()
    assert made.wire.closed
    control = _connected(loop, HttpToolsProtocol)
    control.say(TOO_MUCH[which])
    assert not control.wire.closed
    loop.run_until_complete(asyncio.sleep(0))


def test_a_head_that_comes_at_once_is_measured_as_well(loop: asyncio.AbstractEventLoop) -> None:
    made = _connected(loop)
    made.protocol.data_received(GET + b"x: " + b"a" * LARGEST_HEAD + b"\r\n\r\n")
    assert made.status() == b"HTTP/1.1 431 Request Header Fields Too Large"
    fits = _connected(loop)
    fits.protocol.data_received(GET + b"x: " + b"a" * (LARGEST_HEAD - 500) + b"\r\n\r\n")
    fits.answered()
    assert (fits.status(), fits.wire.closed) == (b"HTTP/1.1 200 OK", False)


@pytest.mark.parametrize("at_once", [True, False])
def test_a_body_of_any_length_is_no_head(loop: asyncio.AbstractEventLoop, at_once: bool) -> None:  # noqa: FBT001  pytest gives it
    made = _connected(loop)
    length = LARGEST_HEAD * 2
    whole = b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % length + b"x" * length
    if at_once:
        made.protocol.data_received(whole)
    else:
        made.say(whole)
    made.answered()
    assert (made.status(), made.wire.closed) == (b"HTTP/1.1 200 OK", False)
    made.say(GET + b"\r\n")
    made.answered()
    assert made.wire.written.count(b"HTTP/1.1 200 OK") == 2


def test_many_requests_in_a_row_are_no_long_head(loop: asyncio.AbstractEventLoop) -> None:
    made = _connected(loop)
    for _ in range(50):
        made.say(GET + b"x: " + b"a" * 2_000 + b"\r\n\r\n")
        made.answered()
    assert made.wire.written.count(b"HTTP/1.1 200 OK") == 50


def test_only_so_many_requests_stand_behind_one_another(loop: asyncio.AbstractEventLoop) -> None:
    one = GET + b"\r\n"
    fits, made, control = _connected(loop), _connected(loop), _connected(loop, HttpToolsProtocol)
    fits.protocol.data_received(one * (MOST_WAITING + 1))
    assert not fits.wire.closed
    made.protocol.data_received(one * (MOST_WAITING + 2))
    assert (made.status(), made.wire.closed) == (b"HTTP/1.1 400 Bad Request", True)
    control.protocol.data_received(one * 1_000)
    assert len(control.protocol.pipeline) == 999
    for each in (fits, made, control):
        each.protocol.connection_lost(None)
    for _ in range(3):
        loop.run_until_complete(asyncio.sleep(0))


SLOW = {
    "nothing": b"",
    "half a line": b"GET / HT",
    "half a head": GET,
    "an empty line": b"\r\n",
    "half a form": b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\nx",
}


@pytest.mark.parametrize("which", SLOW)
def test_whoever_begins_and_does_not_end_is_let_go(loop: asyncio.AbstractEventLoop, which: str) -> None:
    made, control = _connected(loop), _connected(loop, HttpToolsProtocol)
    made.say(SLOW[which])
    control.say(SLOW[which])
    assert [timer.seconds for timer in made.clock.timers if not timer.cancelled] == [PATIENCE]
    made.clock.run_out()
    control.clock.run_out()
    assert (made.wire.closed, control.wire.closed) == (True, False)
    made.protocol.connection_lost(None)
    control.protocol.connection_lost(None)
    made.answered()


def test_a_byte_now_and_then_does_not_make_the_time_longer(loop: asyncio.AbstractEventLoop) -> None:
    made = _connected(loop)
    for sign in GET:
        made.say(bytes([sign]))
    assert len([timer for timer in made.clock.timers if not timer.cancelled]) == 1
    assert len(made.clock.timers) == 1


def test_a_file_that_keeps_its_pace_goes_on_and_one_that_does_not_is_let_go(loop: asyncio.AbstractEventLoop) -> None:
    made = _connected(loop)
    made.say(b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\n")
    for _ in range(3):
        made.say(b"x" * PACE)
        made.answered()
        made.clock.run_out()
        assert not made.wire.closed
    made.say(b"x" * (PACE - 1))
    made.answered()
    made.clock.run_out()
    assert made.wire.closed
    made.protocol.connection_lost(None)
    made.answered()


def test_nobody_is_hurried_while_we_ourselves_answer_or_do_not_read(loop: asyncio.AbstractEventLoop) -> None:
    made = _connected(loop)
    made.say(GET + b"\r\n")
    assert all(timer.cancelled for timer in made.clock.timers)
    made.answered()
    waiting = _connected(loop)
    waiting.say(b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\n" + b"x" * 70_000)
    assert waiting.wire.paused
    waiting.clock.run_out()
    waiting.clock.run_out()
    assert not waiting.wire.closed
    waiting.protocol.connection_lost(None)
    waiting.answered()
