"""What can go wrong with a hospital's export as a whole. A single bad row is no error: it is refused and reported.

BookingError
└── RuleBroken
    ├── ExportUnreadable   the file cannot be read; `reason` says why, nothing of it applies
    └── FeedError          the TOML file that describes an export is wrong; `problems` lists all of it
"""

from booking.errors import RuleBroken
from booking.exchange.kinds import UnreadableReason


class ExportUnreadable(RuleBroken):
    """The file cannot be read. `facts` never hold the value of a cell that may be a patient's."""

    code = "export_unreadable"

    def __init__(self, reason: UnreadableReason, **facts: object) -> None:
        super().__init__(reason=reason.value, **facts)
        self.reason = reason


class FeedError(RuleBroken):
    """A feed file that cannot be used. Each problem is one line that begins with the key at fault."""

    code = "feed_invalid"

    def __init__(self, problems: list[str]) -> None:
        super().__init__(problems=problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(self.problems)
