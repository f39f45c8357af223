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


class WordKind(StrEnum):
    """What a word that people type leads to."""

    EMERGENCY = "emergency"  # to 115, and never to a booking
    SERVICE = "service"  # suggests a service; never a diagnosis
    PAPER = "paper"  # what to know about a paper
    SAME = "same"  # another word for the same: search goes on with the target in its place
    NOTHING = "nothing"  # hides shorter words inside it: "sốt ruột" has no fever in it


class Paper(StrEnum):
    """A paper people ask about."""

    REFERRAL = "referral"
    REEXAM_SLIP = "reexam_slip"
    INSURANCE_CARD = "insurance_card"
