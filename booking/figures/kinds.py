"""Words of the figures. Verdicts are stored, so none is ever renamed."""

from enum import StrEnum


class Verdict(StrEnum):
    """What a manager makes of a suspicion. A closed list, so that nobody's story lands in the audit."""

    FAMILY = "family"  # one family, several telephones
    CARER = "carer"  # somebody who books for people in her care
    SAME_PERSON = "same_person"  # one person with two numbers, or a name put right
    MISTAKE = "mistake"
    TOUTING = "touting"  # places are taken to be handed on


class SpanKind(StrEnum):
    """Which days are looked at."""

    TODAY = "today"
    WEEK = "week"  # the last 7 days, today included
    MONTH = "month"  # the last 30
    OWN = "own"


class Oddity(StrEnum):
    """Why somebody's reading of records stands out."""

    NO_VISIT = "no_visit"  # of many people who had nothing to do with the facility
    MANY = "many"  # far more than colleagues of the same role
    NIGHT = "night"  # while every facility is closed
