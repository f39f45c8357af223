"""A carrier's own gateway as the template speaks to it, in JSON, as a form or in XML; its log judges likewise."""

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

from booking.sms.bounded import Limits
from booking.sms.brandname import BrandnameGateway
from booking.sms.gateway import Fault
from booking.sms.sample_carrier.handler import CarrierHandler
from booking.sms.sample_carrier.log import AcceptedMessage
from booking.sms.template import Template, load
from booking.sms.wording import Place, fields_of
from tests.carrier import Carrier, Plan

SECRET = 'k&y "1" <đ>'
RECEIPT_SECRET = "told-by-the-carrier"
USER = "benh-vien"
FAULTS = {"101": "configuration", "104": "phone", "118": "content", "99": "passing", "120": "doubtful"}
TOLD = {
    Fault.PHONE: "30003",
    Fault.CONFIGURATION: "201",
    Fault.CONTENT: "218",
    Fault.PASSING: "30005",
    Fault.DOUBTFUL: "9",
}
"""Its codes in receipts. Two of them are spelt as Twilio's, and mean something else."""

_TEMPLATE = """
[values]
sender = "HenKham"
user = "benh-vien"
[request]
url = "{url}/send/{{user}}?id={{id}}"
kind = "{kind}"
body = '''{body}'''
headers = {{ Authorization = "Basic {{basic}}", X-Id = "{{id}}" }}
[answer]
kind = "{kind}"
accepted = "Result=100|success"
sid = "Name"
code = "Result"
faults = {{ 101 = "configuration", 104 = "phone", 118 = "content", 99 = "passing", 120 = "doubtful" }}
[receipt]
kind = "{receipt}"
secret = "{secret}"
id = "request"
sid = "name"
status = "state"
code = "error"
states = {{ 1 = "delivered", 2 = "undelivered" }}
faults = {{ 30003 = "phone", 201 = "configuration", 218 = "content", 30005 = "passing" }}
"""
BODIES = {
    "json": '{"from": "{sender}", "phone": "{to_84}", "text": "{text}", "key": "{secret}", "back": "{callback}"}',
    "form": "from={sender}&phone={to_84}&text={text}&key={secret}&back={callback}",
    "xml": "<sms><from>{sender}</from><phone>{to_84}</phone><text>{text}</text><key>{secret}</key>"
    "<back>{callback}</back></sms>",
}


class BrandnameHandler(CarrierHandler):
    """Asked by a template, answers by one; the fields are told apart as a stranger would."""

    kind = "json"

    def _form(self, body: str) -> dict[str, str]:
        fields = self._fields(body)
        names = {"phone": "To", "text": "Body", "from": "From", "back": "StatusCallback"}
        form = {names.get(name, name): value for name, value in fields.items()}
        return form | {"To": "+" + form.get("To", "")}

    def _fields(self, body: str) -> dict[str, str]:
        if self.kind == "form":
            return dict(parse_qsl(body, strict_parsing=True))
        return fields_of(body, Place(self.kind))

    def _refusal(self, form: dict[str, str]) -> tuple[int, int] | None:
        basic = base64.b64encode(f"{USER}:{SECRET}".encode()).decode()
        known = self.headers.get("Authorization") == f"Basic {basic}" and form.get("key") == SECRET
        address = urlsplit(self.path)
        right = address.path == f"/send/{USER}" and address.query == f"id={self.headers['X-Id']}"
        return None if known and right else (401, 101)

    def _taken(self, message: AcceptedMessage) -> bytes | dict[str, Any]:
        return answer(self.kind, "100", message.sid)


def answer(kind: str, result: str, name: str = "") -> bytes:
    """An answer of this carrier."""
    if kind == "form":
        return f"Result={result}&Name={name}".encode()
    if kind == "xml":
        return f"<?xml version='1.0'?><a><Result>{escape(result)}</Result><Name>{escape(name)}</Name></a>".encode()
    return json.dumps({"Result": int(result), "Name": name}).encode()


def refusal(kind: str, fault: Fault) -> Plan:
    """It does not take this one, and says why in its own way: with status 200."""
    code = next(code for code, each in FAULTS.items() if each == fault)
    return Plan(f"refuse {code}", accepts=False, status=200, body=answer(kind, code))


def carrier_of(kind: str) -> Carrier:
    """Such a carrier."""
    return Carrier(handler=type("Handler", (BrandnameHandler,), {"kind": kind}))


def written(folder: Path, kind: str, url: str, *, receipt: str = "json", secret: str = "header:X-Key") -> Path:
    """Its template as a file."""
    path = folder / f"{kind}.toml"
    path.write_text(_TEMPLATE.format(kind=kind, url=url, body=BODIES[kind], receipt=receipt, secret=secret))
    return path


def gateway_by(path: Path, limits: Limits | None = None) -> BrandnameGateway:
    """The gateway under test."""
    template: Template = load(path)
    return BrandnameGateway(template, SECRET, limits=limits)
