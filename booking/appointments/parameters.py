"""What the hot statements are filled with: who asks, for whom, under which key."""

from datetime import datetime
from typing import Any

from booking import ids
from booking.actor import Actor
from booking.appointments.commands import PersonInput
from booking.appointments.kinds import Channel
from booking.clock import local_day
from booking.messages.kinds import MessageState
from booking.messages.service import reach
from booking.patients.rules import match_text, read_birth, read_name, read_phone
from booking.sealed import keys
from booking.text import fold, sort_key
from booking.trail.keys import IdempotencyKey


def common(language: str, *, by: Actor, now: datetime, key: IdempotencyKey, channel: Channel) -> dict[str, Any]:
    """Of any booking or hold."""
    return {
        "public_id": ids.public_id(),
        "code": ids.booking_code(),
        "message_id": ids.public_id(),
        "language": language,
        "channel": channel.value,
        "now": now,
        "actor_kind": by.kind.value,
        "actor_id": by.id,
        "address": by.address,
        "request_id": by.request_id,
        "scope": key.scope,
        "key": key.key,
        "body_hash": key.body_hash,
    }


def person(given: PersonInput, *, now: datetime) -> dict[str, Any]:
    """Of the patient that is found or made.

    Raises:
        NameRefused, PhoneRefused, BirthRefused: what was given cannot be used.
    """
    name = read_name(given.name)
    phone = read_phone(given.phone)
    birth = read_birth(day=given.birth_date, year=given.birth_year, today=local_day(now))
    ring, folded = keys(), fold(name)
    unreachable = reach(phone.e164, mobile=phone.mobile)
    return {
        "patient_public_id": ids.public_id(),
        "match_key": ring.index("person", match_text(phone, folded, birth)),
        "name": name,
        "name_folded": folded,
        "name_sort": sort_key(name),
        "birth_date": birth.day,
        "birth_year": birth.year,
        "phone": ring.seal(phone.e164),
        "phone_index": ring.index("phone", phone.e164),
        "phone_last4_index": ring.index("phone_last4", phone.last4),
        "relation": given.relation.value,
        "message_state": (MessageState.SUPPRESSED if unreachable else MessageState.DUE).value,
        "message_reason": unreachable.value if unreachable else None,
    }
