"""What a text about a visit says, and who reads it: the same for confirmation, change and reminder."""

from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from booking.appointments.models import Appointment
from booking.clock import ZONE
from booking.messages.kinds import SuppressedReason
from booking.messages.service import Recipient, reach
from booking.patients.errors import PhoneRefused
from booking.patients.models import Account, Patient
from booking.patients.rules import read_phone

BY_FACILITY: Final = "by_facility"
"""A mark among the facts of a text: it tells of a change that its reader did not ask for."""


def facts_of(visit: Appointment, sms_name: str) -> dict[str, Any]:
    """What templates are filled with. The link is made of `token_version` when a text is posted."""
    return {
        "facility": sms_name,
        "code": visit.code,
        "starts_at": visit.starts_at.astimezone(ZONE).isoformat(),
        "token_version": visit.token_version,
    }


def recipient_of(visit: Appointment, patient: Patient, account: Account | None) -> Recipient:
    """Who reads it, in the language of the booking, or why nobody does.

    Whoever booked signed in proved her number with a code, so the text goes there; else to the number that was typed
    for the patient. Somebody who said that the patient's number is not hers is not written to again.

    Args:
        visit: what it tells of.
        patient: who comes; her refusal of SMS counts whoever reads them.
        account: of `visit.account_id`; None where nobody was signed in.
    """
    proven = account is not None and account.ended_at is None  # an account ends when its number has a new owner
    phone = account.phone if account is not None and proven else patient.phone
    return Recipient(phone, visit.language, _why_not(phone, patient))


async def account_of(session: AsyncSession, visit: Appointment) -> Account | None:
    """The account that booked the visit; None where nobody was signed in."""
    return await session.get(Account, visit.account_id) if visit.account_id is not None else None


def is_wrong(phone: str | None, patient: Patient) -> bool:
    """Whether somebody who was reached by this number said that it is not hers."""
    return phone is not None and patient.wrong_number_at is not None and phone == patient.phone


def to_telephone(patient: Patient, account: Account | None) -> tuple[str | None, bool]:
    """The number to call about a visit; none, and true, where a stranger would hear of it."""
    proven = account is not None and account.ended_at is None
    phone = account.phone if account is not None and proven else patient.phone
    return (None, True) if is_wrong(phone, patient) else (phone, False)


def _why_not(phone: str | None, patient: Patient) -> SuppressedReason | None:
    if patient.training:
        return SuppressedReason.TRAINING
    if patient.no_sms:
        return SuppressedReason.NO_CONSENT
    if phone is None:
        return SuppressedReason.NO_PHONE
    if is_wrong(phone, patient):
        return SuppressedReason.WRONG_NUMBER
    try:
        return reach(phone, mobile=read_phone(phone).mobile)
    except PhoneRefused:  # numbering plans change: what was a number once must not stop everybody's reminders
        return SuppressedReason.NOT_A_MOBILE
