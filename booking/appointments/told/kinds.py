"""The words of the list of messages."""

from enum import StrEnum

from booking.messages.kinds import MessageState


class Group(StrEnum):
    """States, as staff think of them."""

    WAITING = "waiting"
    SENT = "sent"  # the provider has it; no carrier has said more yet
    ARRIVED = "arrived"
    LOST = "lost"  # staff may have to telephone
    NOT_SENT = "not_sent"  # on purpose; the reason says why


STATES = {
    Group.WAITING: (MessageState.DUE, MessageState.CLAIMED, MessageState.SENDING, MessageState.UNKNOWN),
    Group.SENT: (MessageState.SENT,),
    Group.ARRIVED: (MessageState.DELIVERED,),
    Group.LOST: (MessageState.FAILED, MessageState.UNDELIVERED),
    Group.NOT_SENT: (MessageState.SUPPRESSED, MessageState.SUPERSEDED, MessageState.EXPIRED),
}
"""Every state is in one group."""

GROUP_OF = {state: group for group, states in STATES.items() for state in states}
