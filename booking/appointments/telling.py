"""What a text about a visit says, and who reads it: the same for confirmation, change and reminder."""

from typing import Any

from booking.appointments.models import Appointment
from booking.clock import ZONE
from booking.messages.kinds import SuppressedReason
from booking.messages.service import Recipient, reach
from booking.patients.errors import PhoneRefused
from booking.patients.models import Patient
from booking.patients.rules import read_phone


def facts_of(visit: Appointment, sms_name: str) -> dict[str, Any]:
    """What templates are filled with. The link is made of `token_version` when a text is posted."""
    return {
        "facility": sms_name,
        "code": visit.code,
        "starts_at": visit.starts_at.astimezone(ZONE).isoformat(),
        "token_version": visit.token_version,
    }


def recipient_of(visit: Appointment, patient: Patient) -> Recipient:
    """Who reads it, in the language of the booking; a number no SMS can reach is said to be one."""
    return Recipient(patient.phone, visit.language, _unreachable(patient.phone))


def _unreachable(phone: str) -> SuppressedReason | None:
    try:
        return reach(phone, mobile=read_phone(phone).mobile)
    except PhoneRefused:  # numbering plans change: what was a number once must not stop everybody's reminders
        return SuppressedReason.NOT_A_MOBILE
