"""Why a message is not sent once more."""

from booking.errors import NotFound, RuleBroken


class MessageUnknown(NotFound):
    """The facility has no such message."""

    code = "message_unknown"


class ResendRefused(RuleBroken):
    """It is not sent again; `reason` is waiting, over, stale, kind, reader, stopped, often or why."""

    code = "resend_refused"
