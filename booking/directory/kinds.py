"""What sorts of facilities there are, and what state each is in."""

from enum import StrEnum


class FacilityKind(StrEnum):
    """A hospital, a medical centre or a ward's health station."""

    HOSPITAL = "hospital"
    MEDICAL_CENTRE = "medical_centre"
    HEALTH_STATION = "health_station"


class FacilityState(StrEnum):
    """Whether a facility takes bookings."""

    NOT_YET_OPEN = "not_yet_open"
    PILOT = "pilot"
    OPEN = "open"
    PAUSED = "paused"
    MERGED_INTO = "merged_into"


BOOKABLE = (FacilityState.PILOT, FacilityState.OPEN)
"""The states in which a place can be taken."""


class Payment(StrEnum):
    """Who pays for a visit."""

    INSURANCE = "insurance"  # with an insurance card; otherwise the listed fee
    FEE = "fee"
    FREE = "free"
