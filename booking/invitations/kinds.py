"""Where an invitation stands. Stored, so none is ever renamed."""

from enum import StrEnum


class InvitationState(StrEnum):
    """A slip is used once; a used one is open again when the visit it was used for is cancelled in time."""

    OPEN = "open"
    USED = "used"
    LAPSED = "lapsed"
    WITHDRAWN = "withdrawn"  # the hospital took it back
