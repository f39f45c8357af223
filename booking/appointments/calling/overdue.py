"""News that did not go in time, whatever holds it: a channel that is held, a cap, an answer nobody ever got.

Only of what she cannot know by herself. Whoever has just booked saw the page, and a reminder reminds of what is known.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, or_
from sqlmodel import col

from booking.appointments.telling import BY_FACILITY
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message
from booking.messages.settling import UnknownReason

AFTER: Final = timedelta(hours=1)
"""So long news may take; then somebody telephones, unless it is night: the list waits for those who read it."""

NEWS: Final = (
    MessageKind.MOVED_BY_FACILITY, MessageKind.CHOOSE, MessageKind.CONFLICT, MessageKind.CANCELLED_BY_FACILITY,
)  # fmt: skip
"""What she cannot know unless she is told; of a visit made at the desk she was told there."""

_WAITS = (MessageState.DUE, MessageState.CLAIMED)


def is_overdue(now: datetime) -> ColumnElement[bool]:
    """A condition over Message: news that expired, that waits since an hour, or of which nobody knows since an hour.

    What waits is found by when it was to go. Where it was refused or put off that moment lies ahead again, and it is
    found by when it was written.
    """
    since = now - AFTER
    put_off = or_(col(Message.attempts) > 0, col(Message.reason).is_not(None))
    waits = and_(
        col(Message.state).in_(_WAITS),
        or_(col(Message.due_at) < since, and_(put_off, col(Message.created_at) < since)),
    )
    unknown = and_(col(Message.state) == MessageState.UNKNOWN, col(Message.posted_at) < since)
    return and_(_is_news(), or_(col(Message.state) == MessageState.EXPIRED, waits, unknown))


def _is_news() -> ColumnElement[bool]:
    """Also a cancellation: only of visits that the facility cancelled is it asked."""
    unasked = col(Message.facts)[BY_FACILITY].is_not(None)
    return or_(col(Message.kind).in_((*NEWS, MessageKind.CANCELLED)), unasked)


def is_news(message: Message) -> bool:
    """Likewise, of a row."""
    return message.kind in NEWS or message.kind is MessageKind.CANCELLED or BY_FACILITY in message.facts


def why(message: Message) -> str:
    """What to say of news that is overdue."""
    never = message.state is MessageState.EXPIRED and message.reason == UnknownReason.NEVER_LEARNT
    if never or message.state is MessageState.UNKNOWN:
        return "not_known"
    return "not_sent" if message.state is MessageState.EXPIRED else "waiting"
