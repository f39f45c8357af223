"""States of an appointment, and the two words the rules of the promise are written with."""

from enum import StrEnum


class AppointmentState(StrEnum):
    """FHIR's states where it has them; `held` and `lapsed` are ours."""

    HELD = "held"  # somebody is typing; has an expiry
    LAPSED = "lapsed"  # a hold that ended unused
    BOOKED = "booked"
    ARRIVED = "arrived"
    FULFILLED = "fulfilled"
    NOSHOW = "noshow"
    CANCELLED = "cancelled"


HOLDS_PLACE = (
    AppointmentState.HELD,
    AppointmentState.BOOKED,
    AppointmentState.ARRIVED,
    AppointmentState.FULFILLED,
    AppointmentState.NOSHOW,
)
"""`slot.taken` counts these."""

PROMISED = HOLDS_PLACE[1:]
"""A visit that was promised and is not off, whatever became of it on the day."""

BLOCKS_DAY = (AppointmentState.HELD, AppointmentState.BOOKED, AppointmentState.ARRIVED)
"""One of these a patient, service and local day."""


class Channel(StrEnum):
    """Through which door it was made."""

    API = "api"
    MOBILE = "mobile"
    DESK = "desk"


class ChangeReason(StrEnum):
    """Why staff moved or cancelled a visit. A closed list, so that nobody's story lands in the audit."""

    PATIENT_ASKED = "patient_asked"
    PATIENT_ILL = "patient_ill"
    PRACTITIONER_AWAY = "practitioner_away"
    BOOKED_WRONGLY = "booked_wrongly"
    OTHER = "other"


class CancelledBy(StrEnum):
    """Who gave the place up."""

    PATIENT = "patient"
    FACILITY = "facility"
