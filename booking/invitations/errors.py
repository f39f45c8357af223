"""Why an invitation cannot be opened or taken in."""

from booking.errors import NotFound, RuleBroken


class InvitationUnknown(NotFound):
    """No invitation of this id concerns a person of this account."""

    code = "invitation_unknown"


class InvitationRefused(RuleBroken):
    """A slip that can concern nobody; `reason` is numbers (no number of an identity paper) or days."""

    code = "invitation_refused"
