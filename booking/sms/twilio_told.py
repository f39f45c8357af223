"""What Twilio's codes mean, and what it tells afterwards. Nothing of its SDK is needed for that, nor loaded."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from booking.sms.gateway import ACCOUNT_STATUSES, Callback, Fault

FAULTS: Final[Mapping[int, Fault]] = {
    21211: Fault.PHONE,  # not a number
    21610: Fault.PHONE,  # the person opted out at the carrier
    21614: Fault.PHONE,  # not a mobile
    21635: Fault.PHONE,  # a fixed line
    30004: Fault.PHONE,  # blocked
    30005: Fault.PHONE,  # unknown or no longer in use
    30006: Fault.PHONE,  # fixed line or unreachable carrier
    20003: Fault.CONFIGURATION,  # credentials
    21408: Fault.CONFIGURATION,  # the country is not enabled: we text one country only
    21606: Fault.CONFIGURATION,  # the sender is not ours
    21608: Fault.CONFIGURATION,  # trial account
    21612: Fault.DOUBTFUL,  # no route between this sender and this number: one stranger's, or all of them (decision 63)
    21659: Fault.CONFIGURATION,  # the sender is not a number or name of ours
    30002: Fault.CONFIGURATION,  # account suspended
    429: Fault.PASSING,
    20429: Fault.PASSING,  # too many requests: never processed
    30001: Fault.PASSING,  # queue full
    30003: Fault.PASSING,  # handset off or out of reach
    30008: Fault.PASSING,  # unknown error at the carrier
    30036: Fault.PASSING,  # longer in its queue than we allowed, as at the beginning of the night
    21617: Fault.CONTENT,  # too long
    30007: Fault.CONTENT,  # filtered
}
"""Its codes, in answers, in receipts and in its list alike (its error dictionary and its guideline for Vietnam)."""

_WORD_LONGEST: Final = 64
_CODE_LONGEST: Final = 9


def fault_of(code: int | None, http_status: int | None = None) -> Fault:
    """The class of a refusal; `http_status` helps with codes nobody has met yet.

    An unknown 401, 403 or 404 speaks of the account or the address we post to, so it is our configuration. Any other
    unknown code is doubtful: alone it is this text's own, which neither loops (passing) nor stops the channel for
    everybody (configuration); several different numbers in a row that get it are our configuration.
    """
    if code is not None and code in FAULTS:
        return FAULTS[code]
    if http_status == HTTPStatus.TOO_MANY_REQUESTS:
        return Fault.PASSING
    return Fault.CONFIGURATION if http_status in ACCOUNT_STATUSES else Fault.DOUBTFUL


def fault_told(code: int | None) -> Fault | None:
    """The class of a code that is told of afterwards; doubtful where nobody has met it, None without one.

    That a text failed without any code is for who takes the receipt to class: here may be no failure at all.
    """
    return None if code is None else FAULTS.get(code, Fault.DOUBTFUL)


def callback_in(fields: Mapping[str, str]) -> Callback | None:
    """What the fields of a callback say, whose signature fits; None where they make no sense."""
    sid = fields.get("MessageSid") or fields.get("SmsSid") or ""
    word = fields.get("MessageStatus") or fields.get("SmsStatus") or ""
    if not (0 < len(sid) <= _WORD_LONGEST and 0 < len(word) <= _WORD_LONGEST) or "\0" in sid + word:
        return None
    said = fields.get("ErrorCode", "")
    code = int(said) if said.isascii() and said.isdigit() and len(said) <= _CODE_LONGEST else None
    return Callback(None, sid, word, code, fault_told(code))
