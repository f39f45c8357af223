"""What is known of a person, in closed lists."""

from enum import StrEnum


class Relation(StrEnum):
    """For whom the one with the telephone books."""

    SELF = "self"
    CHILD = "child"
    PARENT = "parent"
    OTHER = "other"
