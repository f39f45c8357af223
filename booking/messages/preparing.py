"""What is looked at right before a post: whether it may still go now, and the text as it will be read."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from booking import clock
from booking.messages import nights, rules, texts
from booking.messages.channel.rules import Allowance
from booking.messages.kinds import MessageKind, MessageState, SuppressedReason
from booking.messages.models import Message
from booking.sealed import keys
from booking.sms.gateway import Outgoing

log = logging.getLogger(__name__)

RECEIPTS_PATH: Final = "/api/v1/sms/status"
"""Where status callbacks arrive, under the public address; our own message id follows."""

_APPROVAL_EVERY: Final = timedelta(minutes=5)
"""Between two looks at a message whose text is not approved; a version with the approval is a new process anyway."""

_TELL_EVERY: Final = timedelta(minutes=1)
_told: dict[tuple[MessageKind, str], datetime] = {}
"""When this process last told of a text that is not approved."""

_PAGES: Final = {MessageKind.OFFER: "o", MessageKind.INVITATION: "i"}
"""Where a link leads: to a place that is kept, to an invitation; all others to a visit."""


@dataclass(frozen=True, slots=True)
class Channel:
    """Through what a text goes.

    Attributes:
        provider: the gateway's name.
        base_url: the public address, for links and receipts.
        production: only approved texts may go.
        registered: names of the texts that the carriers registered for this installation.
        shows_codes: the demo's inbox is where codes arrive, so they are not erased when posted, only when they end.
        allowance: how fast and how much may go; None for no limit.
    """

    provider: str
    base_url: str
    production: bool
    shows_codes: bool = False
    allowance: Allowance | None = None
    registered: frozenset[str] = texts.NONE

    def takes(self, kind: MessageKind, language: str) -> bool:
        """Whether this text may go."""
        return texts.may_send(kind, language, production=self.production, registered=self.registered)


def set_aside(message: Message, through: Channel, *, now: datetime) -> dict[str, Any] | None:
    """What to write instead of posting; None when it may go."""
    late = rules.valid_seconds(message.useful_until, now) is None
    words = texts.worded(message.kind, message.facts)
    if not through.takes(words, message.language):
        return _not_approved(message, words, late=late, now=now)
    if late:
        return {"state": MessageState.EXPIRED, "reason": SuppressedReason.TIME_PASSED.value, "secret": None}
    return _for_the_night(message, now=now)


def _for_the_night(message: Message, *, now: datetime) -> dict[str, Any] | None:
    """What to write at night instead of posting; None where it goes all the same, as every code does."""
    rests = nights.rests_until(message.kind, message.useful_until, _awake(message), now=now, zone=clock.ZONE)
    if isinstance(rests, SuppressedReason):
        return {"state": MessageState.EXPIRED, "reason": rests.value}
    return None if rests is None else {"state": MessageState.DUE, "due_at": rests}


def _awake(message: Message) -> datetime | None:
    return nights.awake_until(message.created_at, once_more=message.once_more)


def _not_approved(message: Message, words: MessageKind, *, late: bool, now: datetime) -> dict[str, Any]:
    """It waits for the approval as long as it is of use, and says so: a text that is set aside for good tells nobody.

    It is told once a minute for each text: thousands may wait.
    """
    text = (words, message.language)
    if text not in _told or abs(now - _told[text]) >= _TELL_EVERY:
        _told[text] = now
        facts = {"kind": words, "language": message.language}
        log.error("SMS wait: their text is not approved by the carriers", extra={"facts": facts})
    reason = SuppressedReason.TEXT_NOT_APPROVED.value
    if late:
        return {"state": MessageState.EXPIRED, "reason": reason, "secret": None}
    again = min(now + _APPROVAL_EVERY, message.useful_until)  # then it expires
    return {"state": MessageState.DUE, "due_at": again, "reason": reason}


def outgoing_of(message: Message, base_url: str, *, now: datetime) -> Outgoing:
    """The post of a message: its number, its text, where receipts go, and how long it may be carried.

    Raises:
        texts.MissingFactError, LookupError, ValueError: the row can never be posted.
    """
    if message.phone is None:
        raise ValueError("a message without a number is never due")  # a constraint of the table says so too
    mine = str(message.public_id)
    until = nights.carried_until(message.kind, message.useful_until, _awake(message), now=now, zone=clock.ZONE)
    return Outgoing(
        mine,
        message.phone,
        body_of(message, base_url=base_url),
        callback_url=f"{base_url}{RECEIPTS_PATH}/{mine}",
        valid_seconds=rules.valid_seconds(until, now),
    )


def body_of(message: Message, *, base_url: str) -> str:
    """The text as it is read. Its link is made here and stored nowhere.

    Raises:
        texts.MissingFactError: the row lacks a fact that its text needs.
    """
    first = message.facts.get(texts.FIRST, {})
    facts = {name: str(value) for name, value in (message.facts | first).items() if name != texts.FIRST}
    if "starts_at" in facts:
        starts = datetime.fromisoformat(facts["starts_at"]).astimezone(clock.ZONE)
        facts |= {"time": f"{starts:%H:%M}", "date": f"{starts:%d/%m}"}
    if message.secret is not None:
        facts["otp"] = message.secret
    if "token_version" in facts:
        token = keys().link_token(facts.get("subject", str(message.subject_id)), int(facts["token_version"]))
        facts["link"] = f"{base_url}/{_PAGES.get(message.kind, 't')}/{facts['code']}/{token}"
    return texts.render(texts.worded(message.kind, message.facts), message.language, facts)
