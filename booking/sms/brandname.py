"""A carrier's own gateway, as Vietnamese carriers and their resellers offer one: one HTTP call a text, by a template.

What it is asked and what it answers stands in a TOML file (`template`). It keeps no list that could be read, so what
is unknown is settled by its callback, else sent at most once more. The same id goes with both posts: where the carrier
knows a text by that, the second is none.
"""

from collections.abc import Sequence
from datetime import date, datetime
from http import HTTPStatus
from typing import Final

from booking.settings import Settings
from booking.sms import template as templates
from booking.sms.bounded import Answer, BoundedSession, Limits, NotSentError, UnsureError, leaving
from booking.sms.brandname_told import NAME_LONGEST, number_in
from booking.sms.gateway import (
    Accepted,
    Fault,
    Listed,
    ListingError,
    Outcome,
    Outgoing,
    Refused,
    Unknown,
    is_before_processing,
    seconds_in,
)
from booking.sms.template import AnswerRule, Template
from booking.sms.wording import Place, UnreadableError, UnwritableError, fields_of, filled

_TYPES: Final = {
    "json": "application/json; charset=utf-8",
    "form": "application/x-www-form-urlencoded; charset=utf-8",
    "xml": "application/xml; charset=utf-8",
    "text": "text/plain; charset=utf-8",
}
_BROKEN = HTTPStatus.INTERNAL_SERVER_ERROR


class BrandnameGateway:
    """Sends by one template."""

    name = "brandname"
    keeps_list = False

    def __init__(self, template: Template, secret: str, *, limits: Limits | None = None) -> None:
        self._template = template
        self._own = dict(template.values) | {
            "secret": secret,
            "basic": templates.basic(template.values.get("user", ""), secret),
        }
        self._session = BoundedSession(limits or Limits())

    def send(self, outgoing: Outgoing) -> Outcome:
        """Post once; see `Gateway.send`."""
        try:
            with leaving(outgoing.leave_by):
                answer = self._exchange(outgoing)
        except (UnwritableError, UnicodeError):
            return Refused(None, Fault.CONTENT)
        except NotSentError as problem:
            return problem.outcome
        except UnsureError as problem:
            return Unknown(str(problem))
        return self._judged(answer, outgoing)

    def _exchange(self, outgoing: Outgoing) -> Answer:
        asked = self._template.request
        values = self._own | templates.spelt(outgoing.to) | {
            "text": outgoing.body,
            "id": outgoing.message_id,
            "callback": outgoing.callback_url or "",
            "minutes": str(max((outgoing.valid_seconds or 3600) // 60, 1)),
        }  # fmt: skip
        url = filled(asked.url, values, Place.URL)
        headers = {name: filled(text, values, Place.HEADER) for name, text in asked.headers.items()}
        body = None
        if asked.body:
            body = filled(asked.body, values, asked.place).encode()
            headers = {"Content-Type": _TYPES[asked.kind]} | headers
        return self._session.exchange(asked.method, url, headers=headers, data=body)

    def _judged(self, answer: Answer, outgoing: Outgoing) -> Outcome:
        """What an answer means: by its status where that says enough, else by the template's rules."""
        status = answer.status
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return Refused(int(status), Fault.PASSING, seconds_in(answer.headers.get("Retry-After")))
        if is_before_processing(status):
            # Some answer so about one number: what the template says of this very code comes first.
            return self._refused(answer, any_code=False) or Refused(None, Fault.CONFIGURATION)
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            return Unknown("redirect")
        return self._understood(answer, outgoing) if status < _BROKEN else Unknown(f"status {status}")

    def _understood(self, answer: Answer, outgoing: Outgoing) -> Outcome:
        rule = self._template.answer
        fields = _read(answer, rule)
        if fields is None:
            return Unknown("unreadable answer")
        if answer.status < HTTPStatus.MULTIPLE_CHOICES and rule.takes(fields):
            name = fields.get(rule.sid, "") if rule.sid is not None else outgoing.message_id
            if not name:
                return Unknown("answer without sid")
            known = outgoing.message_id if self._template.named_by_us else name
            return Accepted(known[:NAME_LONGEST], "sent")
        return self._refused(answer) or Unknown("answer not understood")

    def _refused(self, answer: Answer, *, any_code: bool = True) -> Refused | None:
        """The refusal an answer names, by the template's codes (`*` too with `any_code`); None where it names none."""
        rule = self._template.answer
        code = (_read(answer, rule) or {}).get(rule.code) if rule.code is not None else None
        fault = None if code is None else rule.faults.get(code, rule.faults.get("*") if any_code else None)
        return None if fault is None else Refused(number_in(code), fault, met=code in rule.faults)

    def sent_to(self, to: str, since: datetime) -> Sequence[Listed]:  # noqa: ARG002
        """Such gateways keep no list."""
        raise ListingError("this carrier keeps no list")

    def taken_on(self, day: date) -> Sequence[Listed]:  # noqa: ARG002
        """Likewise."""
        raise ListingError("this carrier keeps no list")

    def close(self) -> None:
        """Close pooled connections."""
        self._session.close()


def _read(answer: Answer, rule: AnswerRule) -> dict[str, str] | None:
    try:
        return fields_of(answer.text, rule.place)
    except UnreadableError:
        return None


def from_settings(settings: Settings) -> BrandnameGateway:
    """The gateway of the configured template."""
    secret = settings.brandname_secret
    return BrandnameGateway(templates.of(settings), secret.get_secret_value() if secret else "")
