"""The Twilio gateway against the carrier: every answer a call can get, and what is known after it."""

import socket
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from booking.clock import local_day, utc_now
from booking.sms.gateway import Accepted, Fault, ListingError, Outcome, Refused, Unknown
from booking.sms.sample_carrier.handler import CarrierHandler
from booking.sms.twilio import TwilioGateway
from tests.carrier import ACCOUNT_SID, Carrier, Plan, plans
from tests.carrier.client import PHONE, gateway_to, outgoing


@pytest.fixture
def carrier() -> Iterator[Carrier]:
    with Carrier() as running:
        yield running


@pytest.fixture
def gateway(carrier: Carrier) -> Iterator[TwilioGateway]:
    made = gateway_to(carrier.url)
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
    (plans.refuse(400, 21612), Refused(21612, Fault.DOUBTFUL)),
    (plans.refuse(401, 20003), Refused(20003, Fault.CONFIGURATION)),
    (plans.refuse(404, 20404), Refused(20404, Fault.CONFIGURATION, met=False)),
    (plans.refuse(400, 21617), Refused(21617, Fault.CONTENT)),
    (plans.refuse(400, 29999), Refused(29999, Fault.DOUBTFUL, met=False)),
    (plans.too_many("7"), Refused(20429, Fault.PASSING, 7.0)),
    (plans.too_many("99999"), Refused(20429, Fault.PASSING, 3600.0)),
    (plans.too_many("Wed, 21 Oct 2026 07:28:00 GMT"), Refused(20429, Fault.PASSING)),
    (plans.too_many(None), Refused(20429, Fault.PASSING)),
    (plans.bare(429), Refused(None, Fault.PASSING)),
    (plans.refuse(429, 63038), Refused(63038, Fault.PASSING, 60.0, met=False)),
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


def test_a_text_in_the_carriers_queue_is_in_the_list_of_its_number(carrier: Carrier, gateway: TwilioGateway) -> None:
    before = utc_now()
    gateway.send(outgoing())
    (taken,) = carrier.log.accepted
    carrier.unsent.add(taken.sid)
    assert [one.sid for one in gateway.sent_to(PHONE, before)] == [taken.sid]
    assert gateway.taken_on(local_day(before)) == [], "the control: asked for by days, the carrier does not show it"
    carrier.unsent.clear()
    assert [one.sid for one in gateway.taken_on(local_day(before))] == [taken.sid]


def test_the_list_of_a_number_is_read_no_further_than_needed(
    carrier: Carrier, gateway: TwilioGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    carrier.page_most = 1
    for _ in range(3):
        gateway.send(outgoing())
    pages: list[str] = []
    read = CarrierHandler.do_GET

    def counted(handler: CarrierHandler) -> None:
        pages.append(handler.path)
        read(handler)

    monkeypatch.setattr(CarrierHandler, "do_GET", counted)
    assert len(gateway.sent_to(PHONE, utc_now() - timedelta(minutes=1))) == 3
    assert len(pages) == 3
    pages.clear()
    assert list(gateway.sent_to(PHONE, utc_now() + timedelta(days=2))) == []
    assert len(pages) == 1


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
