"""What a hospital's export tells of a slip, and what staff say of a call about one."""

from pydantic import AwareDatetime, Field

from booking.appointments.closing.kinds import CallOutcome
from booking.inputs import Command, IsoDate, Name, ShortText, Whole


class ReceiveInvitation(Command):
    """One re-examination slip. `source` and `key` name it for good: the same again changes what is known of it.

    The diagnosis of a slip is never read, and there is no field for one.
    """

    source: ShortText = Field(description="the feed it came by")
    key: ShortText = Field(description="what names the slip there, such as its number")
    facility: ShortText
    service: ShortText | None = None
    name: Name
    birth_date: IsoDate | None = None
    birth_year: Whole | None = Field(None, ge=0, le=9999)
    citizen_ids: tuple[ShortText, ...] = ()
    bhyt_numbers: tuple[ShortText, ...] = ()
    due: IsoDate
    first: IsoDate | None = None
    last: IsoDate | None = None
    as_of: AwareDatetime | None = Field(None, description="when the file that says so was made")


class TakeBack(Command):
    """The hospital says that a slip does not count any more."""

    source: ShortText
    key: ShortText
    as_of: AwareDatetime | None = None


class NoteSlipCall(Command):
    """What came of telephoning, and what is worth knowing next time."""

    outcome: CallOutcome
    note: str = Field("", max_length=200)
