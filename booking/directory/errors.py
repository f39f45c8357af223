"""What is not to be found in the directory."""

from booking.errors import Conflict, NotFound, RuleBroken


class FacilityUnknown(NotFound):
    """No facility has this code."""

    code = "facility_unknown"


class ServiceUnknown(NotFound):
    """The facility, or every facility, has no service of this code."""

    code = "service_unknown"


class EntryUnknown(NotFound):
    """The facility's calendar has no such session, room, practitioner or notice."""

    code = "calendar_entry_unknown"


class ChangedMeanwhile(Conflict):
    """Somebody else changed it, or somebody booked, after the page was shown."""

    code = "changed_meanwhile"


class CodeTaken(Conflict):
    """The facility has one of this code already."""

    code = "code_taken"


class NoticeRefused(RuleBroken):
    """A notice that ends before it begins, or has ended."""

    code = "notice_refused"
