"""The door through which texts leave: what every provider offers, and what may be known after trying.

There are three outcomes and no fourth. `Accepted`: the provider has it and named it. `Refused`: it certainly does not
have it. `Unknown`: it may or may not have it, and only a receipt or its list can tell. Whoever sends may try again
after a passing refusal, and never merely because an outcome is unknown.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Final, Protocol
from uuid import UUID


class Fault(StrEnum):
    """Whose fault it is that a text is refused, or does not arrive: which is to say what to do about it.

    Each gateway says so of its own codes, at once, and that is written down: nobody looks a code up later, when
    another provider's may be spelt alike. Stored, so none is ever renamed.
    """

    PHONE = "phone"  # this number cannot be reached: never again, tell staff
    CONFIGURATION = "configuration"  # ours: stop the channel, alert, send everything after the repair
    PASSING = "passing"  # nobody's: try again later
    CONTENT = "content"  # this text: alert, never again
    DOUBTFUL = "doubtful"  # one text's own, or ours: ours once several different numbers in a row get it


ACCOUNT_STATUSES: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})
"""They speak of the account, or of the address we post to."""

_BEFORE_PROCESSING = frozenset({
    *ACCOUNT_STATUSES, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
})  # fmt: skip
_RETRY_AFTER_MOST: Final = 3_600.0


def is_before_processing(status: int) -> bool:
    """Whether a status is given by whatever stands in front of a provider, or by its door: nothing was processed."""
    return status in _BEFORE_PROCESSING


def seconds_in(retry_after: str | None) -> float | None:
    """Retry-After in seconds, at most an hour; None for a date or nonsense (the caller backs off by itself)."""
    try:
        seconds = float(retry_after or "")
    except ValueError:
        return None
    return min(seconds, _RETRY_AFTER_MOST) if seconds >= 0 else None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One text to post. What is personal stays out of its repr, so that no log or traceback shows it.

    Attributes:
        message_id: ours; it comes back in the path of `callback_url`.
        to: E.164.
        body: as it will be read.
        callback_url: where receipts shall be posted; None for none.
        valid_seconds: how long the provider may keep it queued; None for its own default.
        leave_by: when its request must have left this machine, as `time.monotonic` counts; None for whenever. Later it
            is not sent at all: what it says may be true no more.
    """

    message_id: str
    to: str = field(repr=False)
    body: str = field(repr=False)
    callback_url: str | None = field(default=None, repr=False)
    valid_seconds: int | None = None
    leave_by: float | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has it. `status` is the provider's own word."""

    provider_sid: str
    status: str


@dataclass(frozen=True, slots=True)
class Refused:
    """It was certainly not sent.

    Attributes:
        code: the provider's code; None when it was never reached or gave none.
        fault: what to do.
        retry_after: seconds the provider asked us to wait.
        met: whether this very code is known to the gateway; false for one that is doubtful because nobody has met it.
    """

    code: int | None
    fault: Fault
    retry_after: float | None = None
    met: bool = True


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have been sent. `reason` is one of a few constant texts, never the provider's words."""

    reason: str


Outcome = Accepted | Refused | Unknown

STALE: Final = Refused(None, Fault.PASSING)
"""Not sent, because `Outgoing.leave_by` was over before the request could leave; this very object says so."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One message in the provider's own list.

    Attributes:
        sid: the provider's name for it.
        body: its text; None when the provider no longer keeps it.
        created: when the provider took it, UTC.
        status: the provider's word.
        to: the number, E.164.
        error_code: why it failed, where it did.
        fault: whose that is; None where it did not fail, or nothing says why.
    """

    sid: str
    body: str | None = field(repr=False)
    created: datetime
    status: str
    to: str = field(default="", repr=False)
    error_code: int | None = None
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Callback:
    """What a provider tells of a text afterwards.

    Attributes:
        message: our own id, where the callback itself has it.
        provider_sid: the provider's name for it.
        status: a word as `Listed` has it.
        error_code: why it failed, where that is said as a number.
        fault: whose that is, as `Listed` has it.
    """

    message: UUID | None
    provider_sid: str
    status: str
    error_code: int | None = None
    fault: Fault | None = None


class ListingError(Exception):
    """The provider's list could not be read; nothing may be concluded. The text is a constant reason."""


class Gateway(Protocol):
    """One provider. All methods block; they are called in threads and may run in several at once."""

    @property
    def name(self) -> str:
        """Its name in the registry, in settings and in the outbox."""

    @property
    def keeps_list(self) -> bool:
        """Whether `sent_to` and `taken_on` can ever be read. Where not, receipts alone tell what became of a text."""

    def send(self, outgoing: Outgoing) -> Outcome:
        """Post once, with no retry of its own. Never raises for anything the network or the provider did.

        `STALE` where the connection stood only after `Outgoing.leave_by`: then nothing of the text was written.
        """

    def sent_to(self, to: str, since: datetime) -> Sequence[Listed]:
        """What the provider took for this number since then, newest first.

        Raises:
            ListingError: the list could not be read in full.
        """

    def taken_on(self, day: date) -> Sequence[Listed]:
        """Everything the provider took on one local day, oldest first, all pages of it.

        Raises:
            ListingError: the list could not be read in full.
        """

    def close(self) -> None:
        """Give connections back."""
