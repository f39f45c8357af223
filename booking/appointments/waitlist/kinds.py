"""Where a wait and an offer stand. Stored, so none is ever renamed."""

from enum import StrEnum


class EntryState(StrEnum):
    """Where somebody stands who waits for a place."""

    WAITING = "waiting"
    OFFERED = "offered"  # a place is kept for her this moment
    SERVED = "served"  # she took a place that was offered
    LEFT = "left"  # she waits no longer, by her own will
    OVER = "over"  # the last day she wanted is past


class OfferState(StrEnum):
    """What became of a place that was offered."""

    LIVE = "live"  # kept, until its expiry
    ACCEPTED = "accepted"
    REFUSED = "refused"
    LAPSED = "lapsed"  # nobody answered in time
    WITHDRAWN = "withdrawn"  # nothing takes place at that time any more


WAITS = (EntryState.WAITING, EntryState.OFFERED)
"""She is on the list."""
