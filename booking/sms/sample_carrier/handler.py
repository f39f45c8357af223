"""The HTTP side of the carrier: POST and GET of Messages.json as Twilio shapes them."""

from __future__ import annotations

import base64
import json
import re
import socket
import sys
import threading
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

from booking.clock import pause, utc_now
from booking.sms.sample_carrier.log import AcceptedMessage, Call
from booking.sms.sample_carrier.signing import ACCOUNT_SID, AUTH_TOKEN

if TYPE_CHECKING:
    from booking.sms.sample_carrier.plans import Plan
    from booking.sms.sample_carrier.server import Carrier

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_FIXED_LINE = re.compile(r"\+842")
_VALIDITY = range(1, 36_001)
_BODY_LONGEST = 1_600
_PAGE = 50  # what a page has where nobody asks for more


class CarrierServer(ThreadingHTTPServer):
    """Threads, and connections that can be closed from outside so that no thread outlives a test."""

    daemon_threads = True
    request_queue_size = 256
    carrier: Carrier

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.connections: set[socket.socket] = set()
        self.guard = threading.Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Keep what went wrong; clients that hang up are part of the plan."""
        problem = sys.exc_info()[1]
        if problem is not None and not isinstance(problem, OSError):  # clients that hang up are part of the plan
            self.carrier.problems.append(problem)

    def close_all(self) -> None:
        """Stop listening, and end every connection."""
        self.server_close()
        with self.guard:
            for connection in self.connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue


class CarrierHandler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: CarrierServer

    def setup(self) -> None:
        """Remember the connection."""
        super().setup()
        with self.server.guard:
            self.server.connections.add(self.connection)

    def finish(self) -> None:
        """Forget it."""
        with self.server.guard:
            self.server.connections.discard(self.connection)
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Silence: the carrier keeps its own log."""

    def do_POST(self) -> None:
        """A message: refused for what is wrong with it, else as the plan of this call says."""
        form = self._form(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())
        refusal = self._refusal(form)
        if refusal is not None:
            self._log(form, f"refuse {refusal[1]}", refusal[0], None)
            self._error(*refusal)
            return
        self._carry_out(self.server.carrier.plan_for(form), form)

    def do_GET(self) -> None:
        """The list, newest first, by pages."""
        if not self._authorised():
            self._error(401, 20003)
            return
        query = {name: values[-1] for name, values in parse_qs(urlsplit(self.path).query).items()}
        carrier = self.server.carrier
        found = [one for one in carrier.log.accepted if _matches(one, query, unsent=one.sid in carrier.unsent)][::-1]
        size = min(int(query.get("PageSize", _PAGE)), carrier.page_most)
        page = int(query.get("Page", 0))
        messages = [self._as_json(one) for one in found[page * size : (page + 1) * size]]
        more = urlencode(query | {"Page": str(page + 1), "PageSize": str(size), "PageToken": f"PA{page + 1}"})
        uri = f"{urlsplit(self.path).path}?{more}" if len(found) > (page + 1) * size else None
        self._answer(200, {}, {"messages": messages, "page": page, "page_size": size, "next_page_uri": uri})

    def _form(self, body: str) -> dict[str, str]:
        """The fields of a message, under Twilio's names."""
        return {name: values[-1] for name, values in parse_qs(body, keep_blank_values=True).items()}

    def _refusal(self, form: dict[str, str]) -> tuple[int, int] | None:
        """Status and code for what is wrong with this call before any plan."""
        to = form.get("To", "")
        valid = form.get("ValidityPeriod", "1")
        checks = [
            (not self._authorised(), (401, 20003)),
            (not self._addressed(), (404, 20404)),
            (not to, (400, 21604)),
            (not _E164.fullmatch(to), (400, 21211)),
            (bool(_FIXED_LINE.match(to)), (400, 21614)),
            (not form.get("Body"), (400, 21602)),
            (not (form.get("From") or form.get("MessagingServiceSid")), (400, 21603)),
            (len(form.get("Body", "")) > _BODY_LONGEST, (400, 21617)),
            (not valid.isdigit() or int(valid) not in _VALIDITY, (400, 30036)),
        ]
        return next((refusal for wrong, refusal in checks if wrong), None)

    def _addressed(self) -> bool:
        return urlsplit(self.path).path == f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"

    def _authorised(self) -> bool:
        expected = base64.b64encode(f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode()).decode()
        return self.headers.get("Authorization") == f"Basic {expected}"

    def _carry_out(self, plan: Plan, form: dict[str, str]) -> None:
        carrier = self.server.carrier
        pause(plan.before)
        message = carrier.take(form) if plan.accepts else None
        if message is not None and plan.callbacks:
            carrier.send_callbacks(message.sid, plan.callbacks)
        if plan.stalls:
            carrier.stall()
            message = carrier.take(form) if plan.accepts_late else message
        pause(plan.after)
        sid = message.sid if message else None
        self._log(form, plan.name, None if plan.closes else plan.status, sid)
        if plan.closes:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif plan.body is not None:
            self._answer(plan.status, plan.headers, plan.body)
        elif message is not None:
            self._answer(plan.status, plan.headers, self._taken(message))

    def _log(self, form: dict[str, str], plan: str, status: int | None, sid: str | None) -> None:
        self.server.carrier.log.call(Call(utc_now(), form.get("To"), plan, status, sid))

    def _error(self, status: int, code: int) -> None:
        self._answer(status, {}, {"code": code, "message": "refused", "more_info": "", "status": status})

    def _taken(self, message: AcceptedMessage) -> bytes | dict[str, Any]:
        """The answer that says so."""
        return self._as_json(message)

    def _as_json(self, message: AcceptedMessage) -> dict[str, object]:
        taken = format_datetime(message.at)
        return {
            "sid": message.sid,
            "status": self.server.carrier.statuses[message.sid],
            "to": message.to,
            "from": message.sender,
            "body": message.body,
            "date_created": taken,
            "date_sent": None if message.sid in self.server.carrier.unsent else taken,
            "date_updated": taken,
            "error_code": self.server.carrier.error_codes.get(message.sid),
            "num_segments": "1",
        }

    def _answer(self, status: int, headers: dict[str, str], body: bytes | dict[str, Any]) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


def _matches(message: AcceptedMessage, query: dict[str, str], *, unsent: bool) -> bool:
    """Whether a list has it. What was not sent yet was sent on no day, so whoever asks for days does not see it."""
    day = message.at.date().isoformat()
    if unsent and ("DateSent>" in query or "DateSent<" in query):
        return False
    return (
        message.to == query.get("To", message.to)
        and day >= query.get("DateSent>", day)[:10]
        and day <= query.get("DateSent<", day)[:10]
    )
