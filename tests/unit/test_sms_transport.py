"""The transport under the SDK: time-outs, redirects, lost connections, secrets; each guard with its control."""

import logging
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests

from booking.clock import utc_now
from booking.sms.bounded import Limits
from booking.sms.gateway import Accepted, Fault, ListingError, Outcome, Refused, Unknown
from booking.sms.twilio import TwilioGateway
from tests.carrier import ACCOUNT_SID, AUTH_TOKEN, Carrier, Plan, plans, unused_port
from tests.carrier.client import PHONE, QUICK, gateway_to, outgoing


@pytest.fixture
def carrier() -> Iterator[Carrier]:
    with Carrier() as running:
        yield running


@pytest.fixture
def gateway(carrier: Carrier) -> Iterator[TwilioGateway]:
    made = gateway_to(carrier.url)
    yield made
    made.close()


@pytest.fixture
def hasty(carrier: Carrier) -> Iterator[TwilioGateway]:
    made = gateway_to(carrier.url, QUICK)
    yield made
    made.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(carrier: Carrier, gateway: TwilioGateway, status: int) -> None:
    carrier.plan(plans.redirect(f"{carrier.url}/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json", status))
    assert gateway.send(outgoing()) == Unknown("redirect")
    assert len(carrier.log.calls) == 1


def test_control_with_redirects_allowed_it_would_be_posted_again(
    carrier: Carrier, gateway: TwilioGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = requests.Session.request

    def following(self: requests.Session, *args: Any, **options: Any) -> requests.Response:
        return asked(self, *args, **(options | {"allow_redirects": True}))

    monkeypatch.setattr(requests.Session, "request", following)
    carrier.plan(plans.redirect(f"{carrier.url}/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"))
    assert isinstance(gateway.send(outgoing()), Accepted)
    assert len(carrier.log.calls) == 2


STALLS = [
    (plans.stall_after_accepting(), 1),
    (plans.stall_before_accepting(), 0),
    (plans.stall_before_accepting(accepts_late=True), 0),
]


@pytest.mark.parametrize(("plan", "taken"), STALLS, ids=["after", "before", "late"])
def test_a_stall_ends_in_unknown_while_the_carrier_still_holds_the_call(
    carrier: Carrier, hasty: TwilioGateway, plan: Plan, taken: int
) -> None:
    carrier.plan(plan)
    assert hasty.send(outgoing()) == Unknown("no answer in time")
    assert carrier.wait_for_stall()
    assert len(carrier.log.accepted) == taken
    assert carrier.log.calls == []


def test_control_without_a_read_time_out_the_sender_hangs_as_long_as_the_carrier_likes(carrier: Carrier) -> None:
    patient = gateway_to(carrier.url, Limits(read=None))
    outcomes: list[Outcome] = []
    sender = threading.Thread(target=lambda: outcomes.append(patient.send(outgoing())))
    carrier.plan(plans.stall_after_accepting())
    sender.start()
    assert carrier.wait_for_stall()
    sender.join(3 * (QUICK.read or 0))
    assert sender.is_alive()
    carrier.release()
    sender.join()
    patient.close()
    assert [type(one) for one in outcomes] == [Accepted]


def test_the_limits_asked_for_are_one_second_and_ten() -> None:
    assert (Limits().connect, Limits().read) == (1.0, 10.0)


def test_the_session_is_asked_with_those_limits(
    carrier: Carrier, gateway: TwilioGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    asked = requests.Session.request

    def watching(self: requests.Session, *args: Any, **options: Any) -> requests.Response:
        seen.append((options["timeout"], options["allow_redirects"]))
        return asked(self, *args, **options)

    monkeypatch.setattr(requests.Session, "request", watching)
    gateway.send(outgoing())
    gateway.sent_to(PHONE, utc_now())
    assert seen == [((1.0, 10.0), False)] * 2
    assert len(carrier.log.accepted) == 1


def test_a_dripping_answer_is_cut_off() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        gone = threading.Event()

        def drip() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 100000\r\n\r\n")
                while not gone.wait(0.02):
                    try:
                        connection.sendall(b" ")
                    except OSError:
                        return

        dripping = threading.Thread(target=drip)
        dripping.start()
        made = gateway_to(f"http://127.0.0.1:{listener.getsockname()[1]}", QUICK)
        outcome = made.send(outgoing())
        gone.set()
        made.close()
        dripping.join()
    assert outcome == Unknown("answer too slow")


def test_nobody_listening_is_certainly_not_sent() -> None:
    made = gateway_to(f"http://127.0.0.1:{unused_port()}")
    assert made.send(outgoing()) == Refused(None, Fault.PASSING)
    with pytest.raises(ListingError):
        made.sent_to(PHONE, utc_now())
    made.close()


def test_an_unknown_host_is_certainly_not_sent() -> None:
    made = gateway_to("http://carrier.invalid", QUICK)
    assert made.send(outgoing()) == Refused(None, Fault.PASSING)
    made.close()


def test_a_full_backlog_is_a_connect_time_out_and_certainly_not_sent() -> None:
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        made = gateway_to(f"http://127.0.0.1:{listener.getsockname()[1]}", Limits(connect=0.2, read=0.3))
        outcome = made.send(outgoing())
        made.close()
    assert outcome == Refused(None, Fault.PASSING)


def test_plain_http_where_tls_was_meant_is_not_called_sent(carrier: Carrier) -> None:
    made = gateway_to(carrier.url.replace("http://", "https://"))
    assert not isinstance(made.send(outgoing()), Accepted)
    made.close()
    assert carrier.log.accepted == []


def test_a_lost_connection_is_not_tried_again_by_the_transport() -> None:
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                connection, _ = listener.accept()
                with connection:
                    said = connection.recv(65_536)
                    if not said:
                        return
                    asked.append(said.split()[0])

        serving = threading.Thread(target=serve)
        serving.start()
        made = gateway_to(f"http://127.0.0.1:{listener.getsockname()[1]}")
        assert made.send(outgoing()) == Unknown("connection lost")
        with pytest.raises(ListingError, match="connection lost"):
            made.sent_to(PHONE, utc_now())
        made.close()
        socket.create_connection(listener.getsockname()).close()
        serving.join()
    assert asked == [b"POST", b"GET"]


def test_nothing_personal_and_no_secret_is_logged_or_shown(
    carrier: Carrier, gateway: TwilioGateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("urllib3").setLevel(logging.WARNING)  # as booking.logs sets it
    carrier.plan(plans.accept(), plans.refuse(400, 21211), plans.broken_body())
    text = outgoing(body="HenKham: bi mat")
    shown = [repr(text)] + [repr(gateway.send(text)) for _ in range(3)]
    shown += [repr(one) for one in gateway.sent_to(PHONE, utc_now() - timedelta(minutes=1))]
    said = "\n".join([*shown, caplog.text])
    assert "Accepted" in said
    for secret in (PHONE, PHONE[1:], "bi mat", AUTH_TOKEN):
        assert secret not in said


def test_control_the_sdks_own_transport_logs_the_number(caplog: pytest.LogCaptureFixture) -> None:
    from twilio.http.http_client import TwilioHttpClient

    caplog.set_level(logging.INFO)
    own = TwilioHttpClient()
    own.log_request({"method": "GET", "url": "https://api.twilio.com", "params": {"To": PHONE}, "headers": None})
    assert own.session is not None
    own.session.close()
    assert PHONE in caplog.text
    assert own.timeout is None  # and waits for ever


def test_edge_and_region_in_the_environment_change_nothing(carrier: Carrier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_EDGE", "sydney")
    monkeypatch.setenv("TWILIO_REGION", "au1")
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{unused_port()}")
    made = gateway_to(carrier.url)
    assert isinstance(made.send(outgoing()), Accepted)
    made.close()


def test_many_threads_share_one_gateway(carrier: Carrier, gateway: TwilioGateway) -> None:
    texts = [outgoing() for _ in range(40)]
    threads = [threading.Thread(target=gateway.send, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert carrier.log.times_accepted() == {text.message_id: 1 for text in texts}
