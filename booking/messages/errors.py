"""What can go wrong at the outbox's door."""

from booking.errors import NotAllowed


class SignatureRefused(NotAllowed):
    """A status callback that the provider did not sign, or not for this address and these fields."""

    code = "signature_refused"
