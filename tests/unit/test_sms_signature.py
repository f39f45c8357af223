"""Receipts: the signature over the exact public URL, checked by the provider's validator, forged by nobody."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl

import pytest

from booking.ids import public_id
from booking.sms.gateway import Accepted, Outgoing
from booking.sms.twilio import TwilioGateway
from booking.sms.twilio_signed import signature_fits
from tests.carrier import ACCOUNT_SID, AUTH_TOKEN, Carrier, plans, signature

URL = "https://henkham.example/api/v1/sms/status/7f0c"
FORM = [("MessageSid", "SM1"), ("MessageStatus", "delivered"), ("To", "+84901234567")]


def test_the_providers_own_example_fits() -> None:
    # From the vendor's page on request security.
    url = "https://example.com/myapp.php?foo=1&bar=2"
    form = [
        ("CallSid", "CA1234567890ABCDE"),
        ("Caller", "+14158675310"),
        ("Digits", "1234"),
        ("From", "+14158675310"),
        ("To", "+18005551212"),
    ]
    assert signature_fits("12345", url, form, "L/OH5YylLD5NRKLltdqwSvS0BnU=")


def test_order_of_fields_does_not_matter_and_repeats_are_kept() -> None:
    form = [*FORM, ("MediaUrl", "b"), ("MediaUrl", "a")]
    signed = signature(AUTH_TOKEN, URL, form)
    assert signature_fits(AUTH_TOKEN, URL, form[::-1], signed)
    assert not signature_fits(AUTH_TOKEN, URL, list(dict(form).items()), signed)


@pytest.mark.parametrize(
    ("token", "url", "form", "cut"),
    [
        ("other", URL, FORM, None),
        (AUTH_TOKEN, URL + "/", FORM, None),
        (AUTH_TOKEN, URL.replace("https", "http"), FORM, None),
        (AUTH_TOKEN, URL.replace("henkham.example", "evil.example"), FORM, None),
        (AUTH_TOKEN, URL + "?x=1", FORM, None),
        (AUTH_TOKEN, URL, [*FORM, ("ErrorCode", "30005")], None),
        (AUTH_TOKEN, URL, FORM[:-1], None),
        (AUTH_TOKEN, URL, [("MessageStatus", "failed"), *FORM], None),
        (AUTH_TOKEN, URL, [*FORM, ("x", "\ud800")], None),
        (AUTH_TOKEN, URL, FORM, 0),
        (AUTH_TOKEN, URL, FORM, 10),
    ],
)
def test_anything_altered_does_not_fit(token: str, url: str, form: list[tuple[str, str]], cut: int | None) -> None:
    signed = signature(AUTH_TOKEN, URL, FORM)
    assert signature_fits(AUTH_TOKEN, URL, FORM, signed)
    assert not signature_fits(token, url, form, signed[:cut])


def test_receipts_come_signed_twice_out_of_order_and_before_the_answer() -> None:
    heard: list[tuple[str, str]] = []

    class Ours(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode(), keep_blank_values=True)
            public = "https://henkham.example" + self.path
            fits = signature_fits(AUTH_TOKEN, public, form, self.headers.get("X-Twilio-Signature", ""))
            heard.append((dict(form)["MessageStatus"], dict(form)["MessageSid"]) if fits else ("forged", ""))
            self.send_response(204 if fits else 403)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Silence."""

    with HTTPServer(("127.0.0.1", 0), Ours) as ours:
        listening = threading.Thread(target=ours.serve_forever, args=(0.05,))
        listening.start()
        deliver_to = f"http://127.0.0.1:{ours.server_address[1]}"
        try:
            with Carrier(public_base="https://henkham.example", deliver_to=deliver_to) as carrier:
                gateway = TwilioGateway(ACCOUNT_SID, AUTH_TOKEN, from_="HenKham", base_url=carrier.url)
                carrier.plan(plans.accept(callbacks=("sent",)))
                outgoing = Outgoing("m", "+84901234567", "HenKham: thu", f"{URL}/{public_id()}")
                outcome = gateway.send(outgoing)
                assert [status for status, _ in heard] == ["sent"]  # before the answer
                assert isinstance(outcome, Accepted)
                answers = carrier.send_callbacks(outcome.provider_sid, ["delivered", "delivered", "queued"])
                gateway.close()
        finally:
            ours.shutdown()
            listening.join()
    assert answers == [204, 204, 204]
    assert heard == [(status, outcome.provider_sid) for status in ("sent", "delivered", "delivered", "queued")]
