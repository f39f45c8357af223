"""The words of the outbox. They are stored, so none is ever renamed."""

from enum import StrEnum
from typing import Final


class MessageKind(StrEnum):
    """What a text is for; kinds of reminders name the moment."""

    OTP = "otp"
    BOOKED = "booked"
    REMINDER_DAY = "reminder_day"
    REMINDER_HOURS = "reminder_hours"
    MOVED = "moved"
    CANCELLED = "cancelled"
    OFFER = "offer"  # a place for somebody on the waiting list
    INVITATION = "invitation"  # to a re-examination
    MOVED_BY_FACILITY = "moved_by_facility"
    CANCELLED_BY_FACILITY = "cancelled_by_facility"
    CHOOSE = "choose"  # the facility is closed at that time: another is to be chosen behind the link
    REMINDER_DAY_FAMILY = "reminder_day_family"  # the words of a reminder that several visits of a number share
    REMINDER_HOURS_FAMILY = "reminder_hours_family"  # likewise; no row has these two kinds
    TURN_NEAR = "turn_near"  # few people are left before her in the line
    RUNNING_LATE = "running_late"  # the line is so many minutes late
    CODE_READ_OUT = "code_read_out"  # a desk read a code to this number out: its holder hears of it
    CONFLICT = "conflict"  # the hospital's own calendar has something else at that time


NEWS: Final = frozenset({
    MessageKind.MOVED_BY_FACILITY, MessageKind.CANCELLED_BY_FACILITY, MessageKind.CHOOSE, MessageKind.CONFLICT,
})  # fmt: skip
"""What tells somebody that her visit is not as she was promised, and not by her own doing: it goes before the rest."""


class MessageState(StrEnum):
    """Where a text stands. Which state may follow which: `rules.may_follow`."""

    DUE = "due"  # waits for its time and a sender
    CLAIMED = "claimed"  # a sender holds it; nothing was posted
    SENDING = "sending"  # about to be posted, or posted and not answered yet
    UNKNOWN = "unknown"  # it may have been sent
    SENT = "sent"  # the provider has it
    FAILED = "failed"  # refused for good, or given up by the provider
    UNDELIVERED = "undelivered"  # the carrier says it did not arrive
    DELIVERED = "delivered"  # the carrier says it arrived
    SUPERSEDED = "superseded"  # the visit was moved or cancelled before it went
    SUPPRESSED = "suppressed"  # never to be sent; `SuppressedReason` says why
    EXPIRED = "expired"  # too late to be useful


class SuppressedReason(StrEnum):
    """Why a text is not sent, though its row was written."""

    NO_PHONE = "no_phone"
    NOT_A_MOBILE = "not_a_mobile"
    NO_CONSENT = "no_consent"
    OPTED_OUT = "opted_out"
    UNREACHABLE = "unreachable"
    WRONG_NUMBER = "wrong_number"  # its holder said: this is not me
    TEXT_NOT_APPROVED = "text_not_approved"
    TIME_OFF = "time_off"  # it speaks of a time that does not take place, and waits whether it does after all
    TEXT_FILTERED = "text_filtered"  # carriers lose texts of these words; one tries now and then
    TIME_PASSED = "time_passed"  # its moment was over when the visit was booked or moved
    BESIDE_BOOKING = "beside_booking"  # it would come right after the confirmation
    BESIDE_REMINDER = "beside_reminder"  # it would come right after another reminder
    NOT_OFFERED = "not_offered"  # its service sends no reminder of this kind
    COVERED = "covered"  # one text to the same number reminds of several visits, this one among them
    QUIET_HOURS = "quiet_hours"  # it falls into the night and no useful time is near
    NUMBER_CAP = "number_cap"  # its number had as many texts that day as one may get
    FACILITY_CAP = "facility_cap"  # its facility had as many texts that day as one may send
    UNDONE = "undone"  # what was to be told was taken back before anybody had heard of it
    TRAINING = "training"  # it tells of an invented visit: nobody was promised anything


class ApprovalState(StrEnum):
    """How far the carriers' registration of a text has come."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"
