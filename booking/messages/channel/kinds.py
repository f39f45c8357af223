"""The words of the channel."""

from enum import StrEnum


class ChannelState(StrEnum):
    """Why texts about visits go, or do not go now."""

    OPEN = "open"
    RESTING = "resting"  # the provider asked us to wait
    HELD = "held"  # our configuration is refused; one text a minute tries whether it was repaired
    BREAKER = "breaker"  # far more than usual in this hour; codes go on
    BUDGET = "budget"  # the day's budget is spent; codes go on


class TallyScope(StrEnum):
    """What posts are counted by."""

    HOUR = "hour"  # of one provider; `subject` is its name
    NUMBER = "number"  # of one local day; `subject` is the number's blind index
    FACILITY = "facility"  # of one local day; `subject` is the facility's id in digits
