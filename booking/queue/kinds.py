"""States of a ticket in the queue, and why somebody is next."""

from enum import StrEnum


class TicketState(StrEnum):
    """From arrival to the end of the visit."""

    WAITING = "waiting"
    CALLED = "called"
    IN_ROOM = "in_room"
    DONE = "done"
    AT_TESTS = "at_tests"  # seen, sent for tests; waits for nothing until back from them
    SKIPPED = "skipped"  # called, and nobody came; waits for nothing until put back
    LEFT = "left"  # went away before the visit


ENDED = (TicketState.DONE, TicketState.LEFT)
IN_PROGRESS = (TicketState.CALLED, TicketState.IN_ROOM)
AWAY = (TicketState.SKIPPED, TicketState.AT_TESTS, TicketState.LEFT)
"""Waits for nothing, and can be put back into the line."""


class WhyNext(StrEnum):
    """Why somebody's turn comes where it comes: a code, the sentence is the page's."""

    PRIORITY = "priority"  # a verified class of the law
    IN_BETWEEN = "in_between"  # after so many of priority one of the others
    WAITED_LONG = "waited_long"  # has waited so much longer that priority no longer goes before
    BOOKED = "booked"  # the booked time has come
    ARRIVED = "arrived"  # by arrival: came without booking, or after the booked time
    FROM_TESTS = "from_tests"  # back from tests: in line by when she was first called
    PUT_BACK = "put_back"  # back in line since then
    EARLY = "early"  # the booked time is still to come, and nobody else is due
