"""The Twilio gateway against the carrier: every fate a call can have, and what is known after it."""

import logging
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import requests

from booking.clock import utc_now
from booking.ids import public_id
from booking.sms.bounded import Limits
from booking.sms.gateway import Accepted, Fault, ListingError, Outcome, Outgoing, Refused, Unknown
from booking.sms.twilio import TwilioGateway
from tests.carrier import ACCOUNT_SID, AUTH_TOKEN, Carrier, Plan, plans, unused_port

PHONE = "+84901234567"
QUICK = Limits(connect=1.0, read=0.3)


def gateway_to(url: str, limits: Limits | None = None, **other: Any) -> TwilioGateway:
    sender = other or {"from_": "HenKham"}
    return TwilioGateway(ACCOUNT_SID, AUTH_TOKEN, base_url=url, limits=limits, **sender)


def outgoing(**changes: Any) -> Outgoing:
    mine = str(public_id())
    text = Outgoing(mine, PHONE, "HenKham: thu", f"https://henkham.example/api/v1/sms/status/{mine}", 3600)
    return replace(text, **changes)


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


def test_an_accepted_text_arrives_as_it_was_written(carrier: Carrier, gateway: TwilioGateway) -> None:
    text = outgoing(body="HenKham: 07:30 @ TYT [P1] 100% + ok")
    outcome = gateway.send(text)
    [taken] = carrier.log.accepted
    assert outcome == Accepted(taken.sid, "queued")
    assert (taken.to, taken.body, taken.sender) == (PHONE, text.body, "HenKham")
    assert (taken.callback_url, taken.message_id) == (text.callback_url, text.message_id)
    assert taken.valid_seconds == 3600


def test_a_messaging_service_goes_instead_of_a_sender(carrier: Carrier) -> None:
    made = gateway_to(carrier.url, messaging_service_sid="MG1", from_="HenKham")
    made.send(outgoing())
    made.close()
    assert [one.sender for one in carrier.log.accepted] == ["MG1"]


@pytest.mark.parametrize(("asked", "told"), [(0, 1), (-5, 1), (59, 59), (99_999, 36_000), (None, None)])
def test_validity_stays_within_what_the_provider_takes(
    carrier: Carrier, gateway: TwilioGateway, asked: int | None, told: int | None
) -> None:
    assert isinstance(gateway.send(outgoing(valid_seconds=asked)), Accepted)
    assert [one.valid_seconds for one in carrier.log.accepted] == [told]


REFUSALS = [
    (plans.refuse(400, 21211), Refused(21211, Fault.PHONE)),
    (plans.refuse(400, 21610), Refused(21610, Fault.PHONE)),
    (plans.refuse(400, 21408), Refused(21408, Fault.CONFIGURATION)),
    (plans.refuse(401, 20003), Refused(20003, Fault.CONFIGURATION)),
    (plans.refuse(404, 20404), Refused(20404, Fault.CONFIGURATION)),
    (plans.refuse(400, 21617), Refused(21617, Fault.CONTENT)),
    (plans.refuse(400, 29999), Refused(29999, Fault.CONTENT)),
    (plans.too_many("7"), Refused(20429, Fault.PASSING, 7.0)),
    (plans.too_many("99999"), Refused(20429, Fault.PASSING, 3600.0)),
    (plans.too_many("Wed, 21 Oct 2026 07:28:00 GMT"), Refused(20429, Fault.PASSING)),
    (plans.too_many(None), Refused(20429, Fault.PASSING)),
    (plans.bare(429), Refused(None, Fault.PASSING)),
    (plans.html_page(403), Refused(None, Fault.CONFIGURATION)),
    (plans.html_page(404), Refused(None, Fault.CONFIGURATION)),
]


@pytest.mark.parametrize(("plan", "expected"), REFUSALS, ids=lambda value: getattr(value, "name", None))
def test_a_refusal_is_certain(carrier: Carrier, gateway: TwilioGateway, plan: Plan, expected: Outcome) -> None:
    carrier.plan(plan)
    assert gateway.send(outgoing()) == expected
    assert carrier.log.accepted == []
    assert len(carrier.log.calls) == 1


UNKNOWN = [
    (plans.error_after_accepting(), 1),
    (plans.error_after_accepting(503), 1),
    (plans.error_before_accepting(502), 0),
    (plans.close_after_accepting(), 1),
    (plans.close_before_accepting(), 0),
    (plans.broken_body(), 1),
    (plans.without_sid(), 1),
    (plans.answer_after_accepting(b""), 1),
    (plans.answer_after_accepting(b"null"), 1),
    (plans.answer_after_accepting(b"[1]"), 1),
    (plans.answer_after_accepting(b'{"sid": 7}'), 1),
    (plans.answer_after_accepting(b'{"sid": ""}'), 1),
    (plans.answer_after_accepting(b"\xff\xfe\x00"), 1),
    (plans.answer_after_accepting(b"[" * 200_000), 1),
    (plans.answer_after_accepting(b'{"sid": "SM1", "pad": "' + b"x" * 300_000 + b'"}'), 1),
    (plans.html_page(200), 0),
    (plans.html_page(408), 0),
    (plans.bare(400), 0),
    (plans.bare(400, b'{"code": "21211"}'), 0),
]


@pytest.mark.parametrize(("plan", "taken"), UNKNOWN, ids=lambda value: getattr(value, "name", None))
def test_what_does_not_tell_is_unknown_and_tried_once(
    carrier: Carrier, gateway: TwilioGateway, plan: Plan, taken: int
) -> None:
    carrier.plan(plan)
    assert isinstance(gateway.send(outgoing()), Unknown)
    assert len(carrier.log.accepted) == taken
    assert len(carrier.log.calls) == 1


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


def test_a_text_that_cannot_be_encoded_never_leaves(carrier: Carrier, gateway: TwilioGateway) -> None:
    assert gateway.send(outgoing(body="\ud800")) == Refused(None, Fault.CONTENT)
    assert carrier.log.calls == []


@pytest.mark.parametrize(
    ("changes", "code"), [({"to": "0901234567"}, 21211), ({"to": "+842543852111"}, 21614), ({"body": ""}, 21602)]
)
def test_the_carrier_itself_checks_what_prism_does_not(
    carrier: Carrier, gateway: TwilioGateway, changes: dict[str, str], code: int
) -> None:
    outcome = gateway.send(outgoing(**changes))
    assert isinstance(outcome, Refused)
    assert outcome.code == code
    assert carrier.log.accepted == []


def test_wrong_credentials_are_our_configuration(carrier: Carrier) -> None:
    made = TwilioGateway(ACCOUNT_SID, "wrong", from_="HenKham", base_url=carrier.url)
    assert made.send(outgoing()) == Refused(20003, Fault.CONFIGURATION)
    with pytest.raises(ListingError, match="status 401"):
        made.sent_to(PHONE, utc_now())
    made.close()


def test_the_rate_of_the_carrier_gives_429() -> None:
    with Carrier(per_second=0) as slow:
        made = gateway_to(slow.url)
        outcome = made.send(outgoing())
        made.close()
    assert outcome == Refused(20429, Fault.PASSING, 1.0)
    assert slow.log.accepted == []


def test_the_list_settles_what_a_time_out_left_open(carrier: Carrier, gateway: TwilioGateway) -> None:
    before = utc_now()
    carrier.plan(plans.error_after_accepting(), plans.broken_body())
    texts = [outgoing(body="HenKham: mot"), outgoing(body="HenKham: hai"), outgoing(to="+84907654321")]
    for text in texts:
        gateway.send(text)
    listed = gateway.sent_to(PHONE, before)
    assert sorted(one.body or "" for one in listed) == ["HenKham: hai", "HenKham: mot"]
    assert {one.sid for one in listed} == {one.sid for one in carrier.log.accepted if one.to == PHONE}
    assert all(one.status == "queued" for one in listed)
    assert list(gateway.sent_to(PHONE, utc_now() + timedelta(minutes=1))) == []


def test_an_unreadable_list_settles_nothing() -> None:
    answers = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\n<html></>",
        b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        b'HTTP/1.1 200 OK\r\nContent-Length: 37\r\nConnection: close\r\n\r\n{"messages": [{"sid": "SM1"}], "x": 1}',
    ]
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for answer in answers:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65_536)
                    connection.sendall(answer)

        serving = threading.Thread(target=serve)
        serving.start()
        made = gateway_to(f"http://127.0.0.1:{listener.getsockname()[1]}")
        for _ in answers:
            with pytest.raises(ListingError):
                made.sent_to(PHONE, utc_now())
        made.close()
        serving.join()


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
