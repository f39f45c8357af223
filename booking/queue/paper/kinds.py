"""What became of somebody, as it stands on paper."""

from enum import StrEnum


class Outcome(StrEnum):
    """One of the four a clerk ticks by hand."""

    SEEN = "seen"
    WAITS = "waits"  # has come, and was not seen when the net was back
    LEFT = "left"  # came, and went away before the visit
    MISSED = "missed"  # did not come


AFTERWARDS = (Outcome.SEEN, Outcome.LEFT, Outcome.MISSED)
"""What can be entered of a day that is over: nobody waits in it any more."""
