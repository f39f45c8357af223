"""A text leaves in time or not at all: the last look at the clock is after the connection stands."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from urllib3.connection import HTTPConnection

from booking.sms import bounded
from booking.sms.bounded import Limits
from booking.sms.gateway import STALE, Accepted, Gateway, Refused
from tests.carrier import Carrier
from tests.carrier.brandname import carrier_of, gateway_by, written
from tests.carrier.client import gateway_to, outgoing

SLOW = 0.7
FRESH = 0.5


class Clock:
    """The transport's clock, which connecting moves on."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return monotonic() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(bounded, "monotonic", made)
    return made


@pytest.fixture(params=["twilio", "brandname"])
def door(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Carrier, Gateway]]:
    """A carrier and the gateway that speaks to it."""
    twilio = request.param == "twilio"
    with Carrier() if twilio else carrier_of("json") as carrier:
        made: Gateway = gateway_to(carrier.url) if twilio else gateway_by(written(tmp_path, "json", carrier.url))
        yield carrier, made
        made.close()


def slow_connection(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """The carrier takes its time to accept a connection."""
    real = HTTPConnection.connect

    def connect(self: HTTPConnection) -> None:
        real(self)
        clock.ahead += SLOW

    monkeypatch.setattr(HTTPConnection, "connect", connect)


def slow_resolver(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """Looking up a name takes its time."""
    real = socket.getaddrinfo

    def look_up(*args: Any, **more: Any) -> Any:
        clock.ahead += SLOW
        return real(*args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


Slowness = Callable[[pytest.MonkeyPatch, Clock], None]
SLOWNESS = pytest.mark.parametrize("slowness", [slow_connection, slow_resolver], ids=["connection", "resolver"])


@SLOWNESS
def test_what_stands_only_when_it_is_too_late_is_not_used_for_that_text_but_for_the_next(
    door: tuple[Carrier, Gateway], clock: Clock, monkeypatch: pytest.MonkeyPatch, slowness: Slowness
) -> None:
    carrier, gateway = door
    slowness(monkeypatch, clock)
    assert gateway.send(outgoing(leave_by=clock() + FRESH)) is STALE
    assert carrier.log.calls == []
    # However slow connecting is, it is done once: a text is not looked at again without end.
    assert isinstance(gateway.send(outgoing(leave_by=clock() + FRESH)), Accepted)
    assert len(carrier.log.accepted) == 1


@SLOWNESS
def test_control_without_the_look_after_connecting_the_text_goes(
    door: tuple[Carrier, Gateway], clock: Clock, monkeypatch: pytest.MonkeyPatch, slowness: Slowness
) -> None:
    carrier, gateway = door
    slowness(monkeypatch, clock)
    leave_by = clock() + FRESH
    monkeypatch.setattr(bounded, "monotonic", lambda: 0.0)
    assert isinstance(gateway.send(outgoing(leave_by=leave_by)), Accepted)
    assert len(carrier.log.accepted) == 1


def test_a_text_in_time_goes_also_over_a_new_connection(door: tuple[Carrier, Gateway], clock: Clock) -> None:
    _, gateway = door
    assert isinstance(gateway.send(outgoing(leave_by=clock() + 60)), Accepted)


def test_a_name_nobody_knows_is_not_sent_and_not_late(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        clock.ahead += 30
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    made = gateway_to("http://carrier.example", Limits())
    outcome = made.send(outgoing(leave_by=clock() + FRESH))
    assert isinstance(outcome, Refused)
    assert outcome is not STALE
    assert outcome.fault == "passing"
    made.close()
