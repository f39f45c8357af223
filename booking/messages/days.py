"""On which day a text counts, and how those of some days are found among all that were ever sent.

A text counts when it went; one that never left, when it was to go. Most are sent within `SOON` of being written, and a
coarse index over that finds their blocks. What waited longer, because the channel was held, the budget spent or its
text not approved, has a small index of its own; so has what waits still, or was lost.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, case, func, or_, text
from sqlmodel import col

from booking.columns import state_in
from booking.messages.kinds import MessageState
from booking.messages.models import Message

SOON: Final = timedelta(days=4)
"""Reminders are written three days before their visit. The index of what is later says the same (`message_late`)."""

_ROUNDLY: Final = timedelta(hours=1)

_WAITS: Final = (MessageState.DUE, MessageState.CLAIMED)

_LATE: Final = text("coalesce(message.posted_at, message.due_at) - message.created_at > interval '4 days'")

_HOWEVER_OLD: Final = [
    text(f"message.{state_in(states).text}")  # another table has a column of that name
    for states in (
        [MessageState.DUE], [MessageState.CLAIMED, MessageState.SENDING], [MessageState.UNKNOWN],
        [MessageState.FAILED, MessageState.UNDELIVERED],
    )
]  # fmt: skip
"""What waits and what was lost, by the conditions of the partial indexes that find it."""


_sent, _due = col(Message.posted_at), col(Message.due_at)


def at() -> ColumnElement[datetime]:
    """When a text went, or is to go: what was refused for now and waits for another post counts when that is due."""
    return case((col(Message.state).in_(_WAITS), _due), else_=func.coalesce(_sent, _due))


def at_of(message: Message) -> datetime:
    """Likewise, of a row."""
    return message.due_at if message.state in _WAITS else message.posted_at or message.due_at


def within(begins: datetime, ends: datetime) -> list[ColumnElement[bool]]:
    """Conditions over Message: it counts between these, the second one excluded.

    What is late is asked for by the columns of its index, because of how many rows are late nothing is estimated.
    """
    went = and_(_LATE, _sent >= begins, _sent < ends)
    never_left = and_(_LATE, _sent.is_(None), _due >= begins, _due < ends)
    return [
        at() >= begins,
        at() < ends,
        or_(col(Message.created_at) >= begins - SOON, went, never_left, *_HOWEVER_OLD),
        col(Message.created_at) < ends,
    ]


def posted_by(moment: datetime) -> list[ColumnElement[bool]]:
    """Conditions over Message that find rows whose first post, or only one, may have been about then."""
    late = and_(_LATE, _sent >= moment - _ROUNDLY)
    return [
        or_(col(Message.created_at) >= moment - SOON - _ROUNDLY, late),
        col(Message.created_at) <= moment + _ROUNDLY,
    ]
