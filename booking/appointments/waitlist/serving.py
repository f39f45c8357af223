"""Whether a place may be kept for somebody who waits, and taken: asked when it is offered and again when it is taken.

Conditions over WaitlistEntry, Patient and Account; each that can change while she waits has its name, because the page
of a wait says why nothing comes.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, exists, func
from sqlmodel import col, select

from booking import clock
from booking.appointments.waitlist.models import WaitlistEntry
from booking.patients.kinds import ConsentPurpose
from booking.patients.models import Account, Consent, Patient, Profile
from booking.patients.queries import agreed, own_say


def may_be_served(now: datetime) -> list[ColumnElement[bool]]:
    """Whether a place may be kept for an entry, and taken."""
    return [*not_in_vain(now), col(Patient.no_sms).is_(False)]


def not_in_vain(now: datetime) -> list[ColumnElement[bool]]:
    """Whether an entry can be served at all, were its person to want messages."""
    return [
        col(Account.ended_at).is_(None),
        col(Patient.wrong_number_at).is_(None) | (col(Patient.phone_index) != col(Account.phone_index)),
        col(Patient.erased_at).is_(None),
        listed(),
        may_speak_for(now),
        consented(now),
    ]


def listed() -> ColumnElement[bool]:
    """Whether the account still books for her."""
    return exists().where(*_profile())


def may_speak_for(now: datetime) -> ColumnElement[bool]:
    """Whether the account may book for her: a child who comes of age while she waits has her own say from that day."""
    return ~exists().where(*_profile(), own_say(clock.local_day(now))).correlate(WaitlistEntry, Patient)


def _profile() -> list[ColumnElement[bool]]:
    return [
        col(Profile.account_id) == col(WaitlistEntry.account_id),
        col(Profile.patient_id) == col(WaitlistEntry.patient_id),
        col(Profile.ended_at).is_(None),
    ]


def consented(now: datetime) -> ColumnElement[bool]:
    """Whether her newest answer to the purpose of booking is a yes that stands."""
    newest = (
        select(agreed(clock.local_day(now)))
        .where(col(Consent.patient_id) == col(WaitlistEntry.patient_id), col(Consent.purpose) == ConsentPurpose.BOOKING)
        .order_by(col(Consent.id).desc())
        .limit(1)
    )
    return func.coalesce(newest.correlate(WaitlistEntry, Patient).scalar_subquery(), False)
