"""What a person may ask about her data, and where her request stands."""

from enum import StrEnum


class RequestKind(StrEnum):
    """Stored, so none is ever renamed."""

    SEE = "see"  # or have a copy
    CORRECT = "correct"
    WITHDRAW = "withdraw"  # a consent
    DELETE = "delete"
    OBJECT = "object"  # to a use of it


class RequestState(StrEnum):
    """Open until it was done or refused, with words either way."""

    OPEN = "open"
    DONE = "done"
    REFUSED = "refused"


class RequestDoor(StrEnum):
    """How it came."""

    MOBILE = "mobile"  # by herself, signed in
    DESK = "desk"  # told or handed in at a counter
