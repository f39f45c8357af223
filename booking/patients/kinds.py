"""What is known of a person, in closed lists."""

from enum import StrEnum


class Relation(StrEnum):
    """For whom the one with the telephone books."""

    SELF = "self"
    CHILD = "child"
    PARENT = "parent"
    OTHER = "other"


class Sex(StrEnum):
    """As on identity papers."""

    MALE = "male"
    FEMALE = "female"
    UNDETERMINED = "undetermined"


class PriorityClass(StrEnum):
    """Who is served first by law (Law 15/2023/QH15, Art. 3(2)). Emergencies stand outside any queue.

    Age alone makes `under_6` and `over_75`; the others are claimed by the patient and verified by staff.
    """

    UNDER_6 = "under_6"
    PREGNANT = "pregnant"
    ESPECIALLY_SEVERE_DISABILITY = "especially_severe_disability"
    SEVERE_DISABILITY = "severe_disability"
    OVER_75 = "over_75"
    MERITORIOUS = "meritorious"


class ConsentPurpose(StrEnum):
    """What somebody agrees to, each by itself (Law 91/2025/QH15). Stored, so none is ever renamed."""

    BOOKING = "booking"  # name, birth, phone go to the facility so that it can receive the patient
    SMS = "sms"  # messages about visits go through a carrier, some of them abroad
    INVITATION = "invitation"  # a re-examination slip of a hospital becomes an invitation here


class Consenter(StrEnum):
    """Who answered a question of consent. Stored, so none is ever renamed."""

    PERSON = "person"  # of age: herself, or whoever she lets book for her
    GUARDIAN = "guardian"  # under 7 the guardian consents
    BOTH = "guardian_and_child"  # from 7 the child and the guardian


class CodePurpose(StrEnum):
    """What a verification code is for; a code for one thing opens no other."""

    SIGN_IN = "sign_in"
    AGREE = "agree"  # a grown-up child lets her family go on booking for her


class FlagKind(StrEnum):
    """What staff should look at."""

    CHANGED_HANDS = "changed_hands"  # one person under several numbers, or a number with a new owner
    RENAMED = "renamed"  # another name and birth on a profile that has a visit booked
    WRONG_NUMBER = "wrong_number"  # somebody said: this is not me
