"""What a row from paper says. Times are those of the facility's clock on that day."""

from datetime import date, time
from uuid import UUID

from booking.inputs import Command, Name, ShortText, Whole
from booking.queue.paper.kinds import Outcome


class _Written(Command):
    """What stands on paper of one person; what was not written down is None.

    `once` is minted into the form: sent twice, it is entered once.
    """

    facility: ShortText
    day: date
    once: UUID
    outcome: Outcome
    came: time | None = None
    called: time | None = None
    finished: time | None = None


class EnterRow(_Written):
    """Somebody of the sheet: by the code of her visit, or by her ticket.

    `was` is the mark of how she stood when the form was made.
    """

    code: ShortText | None = None
    ticket: UUID | None = None
    was: ShortText


class EnterWalkIn(_Written):
    """Somebody who came without booking. `paper_number` is the one she was handed on paper."""

    service: ShortText
    name: Name | None = None
    birth_year: Whole | None = None
    paper_number: ShortText | None = None
