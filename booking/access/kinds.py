"""Roles, and what each may be trusted with."""

from enum import StrEnum


class Role(StrEnum):
    """What somebody works as. Stored, so none is ever renamed."""

    CLERK = "clerk"
    DOCTOR = "doctor"
    MANAGER = "manager"  # of one or several facilities
    CITY_ADMIN = "city_admin"
    AUDITOR = "auditor"


class Right(StrEnum):
    """What a page or a verb asks for. Which role has which: `rules.RIGHTS`."""

    QUEUE = "queue"  # check in, call, finish, put back
    BOOK = "book"  # book, move and cancel for others
    PATIENT = "patient"  # read and correct a patient's record
    CALENDAR = "calendar"  # sessions, capacity, holidays, notices
    CLOSE = "close"  # close times with people inside
    MESSAGES = "messages"  # what was sent, resend, the call list
    FEEDS = "feeds"  # hospital exports: conflicts, held files
    REPORTS = "reports"
    REQUESTS = "requests"  # what people ask about their data, and the answer
    STAFF = "staff"  # accounts and their scope
    AUDIT = "audit"  # the trail itself


class StaffState(StrEnum):
    """Whether an account can be used."""

    ACTIVE = "active"
    DISABLED = "disabled"


class DisabledReason(StrEnum):
    """Why it cannot."""

    BY_ADMIN = "by_admin"
    IDLE = "idle"  # nobody used it for 45 days
