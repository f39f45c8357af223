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

BLOCKS_DAY = (AppointmentState.HELD, AppointmentState.BOOKED, AppointmentState.ARRIVED)
"""One of these a patient, service and local day."""


class Channel(StrEnum):
    """Through which door it was made."""

    API = "api"
    MOBILE = "mobile"
    DESK = "desk"


class CancelledBy(StrEnum):
    """Who gave the place up."""

    PATIENT = "patient"
    FACILITY = "facility"
