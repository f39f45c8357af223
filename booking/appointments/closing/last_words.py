"""Which text decides whether she has heard of a closing, where one went more than once."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, select, tuple_
from sqlalchemy.orm import aliased
from sqlmodel import col

from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message

NOT_ARRIVED: Final = (MessageState.FAILED, MessageState.UNDELIVERED, MessageState.EXPIRED)
_SAYS: Final = (*NOT_ARRIVED, MessageState.SUPPRESSED, MessageState.DELIVERED)


def is_last_word(kinds: Sequence[MessageKind]) -> ColumnElement[bool]:
    """A condition over Message: of the copies that tell of a visit as it stands, what became of this one came last.

    A copy that is on its way says nothing yet.
    """
    later = aliased(Message)
    outdone = select(col(later.id)).where(
        col(later.subject_kind) == col(Message.subject_kind),
        col(later.subject_id) == col(Message.subject_id),
        col(later.version) == col(Message.version),
        col(later.kind).in_(kinds),
        col(later.state).in_(_SAYS),
        tuple_(col(later.changed_at), col(later.id)) > tuple_(col(Message.changed_at), col(Message.id)),
    )
    return col(Message.state).in_(_SAYS) & ~outdone.correlate(Message).exists()
