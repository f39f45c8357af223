"""The words of closings. They are stored, so none is ever renamed."""

from enum import StrEnum


class ClosingScope(StrEnum):
    """What does not take place."""

    SESSION = "session"
    PRACTITIONER = "practitioner"
    FACILITY = "facility"
    CITY = "city"  # all facilities
    VISIT = "visit"  # the time of one visit, which the hospital's own software has given away: she is asked to choose


class ClosingAnswer(StrEnum):
    """What becomes of the visits inside."""

    MOVE = "move"  # each to the nearest free place; where there is none, she is asked
    ASK = "ask"  # she keeps her place in the closed time until she chooses, or cancels
    CANCEL = "cancel"


class ClosingState(StrEnum):
    """Where a closing stands."""

    APPLYING = "applying"  # the slots are closed; visits are gone through
    APPLIED = "applied"
    UNDOING = "undoing"  # visits are put back; then the slots open
    UNDONE = "undone"
    ENDED = "ended"  # the slots were opened again later; what became of the visits stays


class VisitFate(StrEnum):
    """What became of one visit."""

    MOVED = "moved"
    ASKED = "asked"
    NO_PLACE = "no_place"  # it was to be moved and there was nowhere: she is asked
    CANCELLED = "cancelled"
    HERE = "here"  # she has been checked in already: staff speak to her


class UndoneAs(StrEnum):
    """What became of one visit when the closing was undone."""

    RESTORED = "restored"
    CHANGED = "changed"  # she had changed it herself, or come, meanwhile: it is left as it is
    STAYS = "stays"  # its old place cannot be had any more


class CallOutcome(StrEnum):
    """What came of telephoning."""

    NOT_CALLED = "not_called"
    NO_ANSWER = "no_answer"
    REACHED = "reached"  # she knows, and will see herself
    WILL_COME = "will_come"  # the new time suits her
    MOVED = "moved"  # another time was agreed
    CANCELLED = "cancelled"  # she gives the visit up


ASKS = (VisitFate.ASKED, VisitFate.NO_PLACE)
"""She is to choose."""

LIVE = (ClosingState.APPLYING, ClosingState.APPLIED)
"""The times are closed and stay so."""

WORKING = (ClosingState.APPLYING, ClosingState.UNDOING)
"""The job has something to do."""

OPEN_CALLS = (CallOutcome.NOT_CALLED, CallOutcome.NO_ANSWER)
"""Somebody has still to telephone."""
