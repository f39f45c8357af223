"""What is taken away before the place to practise begins anew, and what is left: every table in one of two lists.

Nothing here names a real person: rows are reached through the place's own id, and people only by their own flag.
"""

from typing import Final

from sqlalchemy import ARRAY, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

WIPED: Final[dict[str, str]] = {
    "message_receipt": "message_id IN (SELECT id FROM message WHERE facility_id = :place)",
    "reminder_family": "message_id IN (SELECT id FROM message WHERE facility_id = :place)",
    "message": "facility_id = :place",
    "queue_act": "facility_id = :place",
    "queue_ticket": "facility_id = :place",
    "queue_counter": "facility_id = :place",
    "queue": "facility_id = :place",
    "display": "facility_id = :place",
    "closing_visit": "facility_id = :place",
    "closing": "facility_id = :place",
    "series_date": "series_id IN (SELECT id FROM visit_series WHERE facility_id = :place)",
    "visit_series": "facility_id = :place",
    "place_left": "appointment_id IN (SELECT id FROM appointment WHERE facility_id = :place)",
    "near_wish": "appointment_id IN (SELECT id FROM appointment WHERE facility_id = :place)",
    "visit_call": "appointment_id IN (SELECT id FROM appointment WHERE facility_id = :place)",
    "appointment": "facility_id = :place",
    "slot_closure": "slot_id IN (SELECT id FROM slot WHERE facility_id = :place)",
    "slot": "facility_id = :place",
    "session": "facility_id = :place",
    "session_change": "weekly_session_id IN (SELECT id FROM weekly_session WHERE facility_id = :place)",
    "weekly_session": "facility_id = :place",
    "calendar_day": "facility_id = :place",
    "notice": "facility_id = :place",
    "patient_merge": "facility_id = :place",
    "consent": "patient_id IN (SELECT id FROM patient WHERE training)",
    "suspicion_answer": "facility_id = :place",
    "patient_flag": "patient_id IN (SELECT id FROM patient WHERE training)",
    "patient": "training",
    "service": "facility_id = :place AND code <> ALL (:services)",
    "room": "facility_id = :place AND code <> ALL (:rooms)",
    "practitioner": "facility_id = :place AND code <> ALL (:practitioners)",
}
"""Tables in the order in which they are emptied, each with which of its rows go.

The database's function `practice_wipe` does it: a line more or less needs a migration that makes the function anew."""

STAYS: Final[dict[str, str]] = {
    "facility": "the place itself",
    "department": "a station has none, and no page makes one",
    "staff": "accounts are real; the place stands in nobody's scope",
    "staff_scope": "likewise",
    "staff_session": "likewise",
    "account": "of patients, who never see the place",
    "profile": "likewise: it needs an account",
    "verification_code": "of real telephones",
    "patient_session": "of accounts",
    "waitlist_entry": "of accounts",
    "waitlist_target": "a service whose facility takes no bookings has none",
    "offer": "for entries of the waiting list",
    "data_request": "a person's request is real, and no page of the place takes one",
    "invitation": "made of files of hospitals, and no feed may speak of the place",
    "invitation_call": "likewise",
    "feed_file": "likewise",
    "feed_row": "likewise",
    "feed_run": "likewise",
    "feed_order": "likewise",
    "feed_heard": "likewise",
    "feed_fetch": "likewise",
    "feed_listed": "likewise",
    "shown_file": "exports shown at a desk with feeds, of which the place has none; gone within the hour",
    "shown_part": "likewise",
    "out_feed": "what hospitals are told: nothing of the place to practise",
    "out_file": "likewise",
    "out_told": "likewise",
    "out_answered": "likewise",
    "conflict": "likewise",
    "audit_event": "what was done is written down for good, practised or not",
}
"""Tables that refer to places or people, or to rows that do, and are left alone, each with its reason."""


async def lock(session: AsyncSession, place: int) -> None:
    """Wait for whoever practises this moment, in the order of locks that everybody keeps."""
    for table in ("slot", "appointment", "queue"):
        await session.execute(
            text(f"SELECT id FROM {table} WHERE facility_id = :place ORDER BY id FOR UPDATE"),
            {"place": place},
        )


_WIPE: Final = text("SELECT practice_wipe(:place, :services, :rooms, :practitioners)").bindparams(
    *(bindparam(name, type_=ARRAY(Text)) for name in ("services", "rooms", "practitioners"))
)


async def wipe(
    session: AsyncSession, place: int, *, services: list[str], rooms: list[str], practitioners: list[str]
) -> None:
    """Take everything away that was practised. What is listed by code stays: pages that are open go on.

    The database does it, by the statements that `WIPED` makes: web processes have no right to delete a visit.
    """
    named = {"place": place, "services": services, "rooms": rooms, "practitioners": practitioners}
    await session.execute(_WIPE, named)


def statements() -> list[str]:
    """What `practice_wipe` does, one statement after another."""
    return [f"DELETE FROM {table} WHERE {which.replace(':', 'the_')};" for table, which in WIPED.items()]
