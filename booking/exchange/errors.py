"""What can go wrong with a hospital's export as a whole. A single bad row is no error: it is refused and reported.

BookingError
├── NotFound
│   ├── ConflictUnknown    no such clash here
│   ├── FeedUnknown        no feed of this name here
│   └── FeedFileUnknown    no such file of a feed here
├── Conflict
│   ├── ConflictGone       the two do not meet any more: nothing to answer
│   ├── ConflictAnswered   a colleague was first
│   ├── FileObsolete       a newer file came, or there is nothing left to release or to go back to
│   └── OrderedAlready     a colleague has ordered it
└── RuleBroken
    ├── ReasonMissing      nobody says why
    ├── ExportUnreadable   the file cannot be read; `reason` says why, nothing of it applies
    └── FeedError          the TOML file that describes an export is wrong; `problems` lists all of it
"""

from booking.errors import Conflict, NotFound, RuleBroken, TooMany
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


class ConflictUnknown(NotFound):
    """No such clash at this facility."""

    code = "clash_unknown"


class ConflictGone(Conflict):
    """Booking and export do not meet any more: there is nothing to answer."""

    code = "clash_gone"


class ConflictAnswered(Conflict):
    """A colleague answered it first."""

    code = "clash_answered"


class FeedUnknown(NotFound):
    """No feed of this name speaks of this facility."""

    code = "feed_unknown"


class FeedFileUnknown(NotFound):
    """No such file of a feed of this facility."""

    code = "feed_file_unknown"


class FileObsolete(Conflict):
    """A newer file came, or nothing of it is left to release or to go back to."""

    code = "feed_file_obsolete"


class OrderedAlready(Conflict):
    """A colleague has ordered something about this file already."""

    code = "feed_ordered"


class ReasonMissing(RuleBroken):
    """An order needs a reason."""

    code = "order_reason_missing"


class NothingShown(RuleBroken):
    """No file was chosen, or it has no bytes."""

    code = "nothing_shown"


class ShownTooMany(TooMany):
    """The facility shows as many files already as are read at a time."""

    code = "shown_too_many"


class ShownUnknown(NotFound):
    """No such file was shown here in the last hour."""

    code = "shown_unknown"
