"""How a request for a code stands: good, waiting, on its way. Read from its row; `codes` asks."""

from datetime import datetime
from uuid import UUID

from booking.patients.kinds import CodePurpose
from booking.patients.session_models import VerificationCode
from booking.patients.signing_rules import ASK_AGAIN_AFTER, REQUEST_OPEN


def is_of(one: VerificationCode, asker: bytes, purpose: CodePurpose, subject: UUID | None) -> bool:
    """Whether this browser asked for it, for this."""
    return one.asker == asker and one.purpose is purpose and one.subject == subject


def is_open(one: VerificationCode, now: datetime) -> bool:
    """Whether a browser still waits for its code, good or to be read out anew."""
    return one.used_at is None and one.given_up_at is None and one.created_at > now - REQUEST_OPEN


def is_fresh(one: VerificationCode, now: datetime) -> bool:
    """Whether it is good and was asked for so lately that it may be on its way still."""
    return one.used_at is None and now < one.expires_at and now < one.created_at + ASK_AGAIN_AFTER


def stands(one: VerificationCode, now: datetime) -> bool:
    """Whether a request has a good code, or met a limit a moment ago: asking again then need not be noted."""
    unsent = not one.sent and not one.read_out and now < one.created_at + ASK_AGAIN_AFTER
    return one.used_at is None and one.given_up_at is None and (now < one.expires_at or unsent)
