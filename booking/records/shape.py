"""Which columns a person is shown under which readable name, and which she is not, each with its reason.

A test walks over every table that leads to a patient or an account: a column that stands in neither list fails it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_ROW = "the row's number in our database, which says nothing"
_LINK = "leads to another part of this file, where it is shown"
_INDEX = "a keyed hash of something shown here, which nobody can read"
_OPENS = "opens something; it is kept as a hash or key and shown to nobody"
_WORK = "how our sender is getting on with it, nothing about the person"


@dataclass(frozen=True, slots=True)
class Section:
    """One table: the name of its part in the file, what is shown (column → name) and what is left out (→ reason)."""

    name: str
    shown: Mapping[str, str]
    left_out: Mapping[str, str] = field(default_factory=dict)


SECTIONS: Final[Mapping[str, Section]] = {
    "patient": Section(
        "person",
        {
            "public_id": "reference", "name": "name", "birth_date": "date_of_birth", "birth_year": "year_of_birth",
            "sex": "sex", "ward": "ward", "guardian_name": "guardian", "priority_claimed": "priority_stated",
            "phone": "telephone", "citizen_id": "citizen_id", "bhyt_number": "insurance_number",
            "created_at": "known_since", "no_sms": "wants_no_messages", "wrong_number_at": "number_reported_wrong_at",
            "erased_at": "erased_at",
        },
        {
            "id": _ROW, "match_key": _INDEX, "name_folded": "the name again, without accents, to search by",
            "name_sort": "the name again, to sort by", "phone_index": _INDEX, "phone_last4_index": _INDEX,
            "citizen_id_index": _INDEX, "bhyt_index": _INDEX,
            "merged_into_id": "the other row of the same person, whose part of the file this is then",
            "training": "true of invented people at the place to practise, and of nobody else",
        },
    ),
    "profile": Section(
        "in_lists",
        {
            "public_id": "reference", "relation": "relation", "as_child": "as_a_child", "created_at": "added_at",
            "agreed_at": "agreed_at",
            "ended_at": "removed_at",
        },
        {"id": _ROW, "account_id": "another account is another person's affair", "patient_id": _LINK},
    ),
    "account": Section(
        "account",
        {
            "public_id": "reference", "phone": "telephone", "created_at": "opened_at", "seen_at": "last_used_at",
            "ended_at": "ended_at",
        },
        {"id": _ROW, "phone_index": _INDEX, "birth_misses": "wrong birth dates, against guessing"},
    ),
    "patient_session": Section(
        "signed_in",
        {
            "public_id": "reference", "shared": "on_a_shared_telephone", "created_at": "signed_in_at",
            "seen_at": "last_used_at", "expires_at": "ends_at", "checked_at": "birth_checked_at",
            "ended_at": "ended_at",
        },
        {"id": _ROW, "token_hash": _OPENS, "account_id": _LINK, "tries": "wrong birth dates, against guessing"},
    ),
    "verification_code": Section(
        "codes_asked_for",
        {
            "public_id": "reference", "purpose": "what_for", "phone": "telephone", "created_at": "asked_at",
            "expires_at": "good_until", "used_at": "used_at", "given_up_at": "given_up_at",
            "read_out": "read_out_by_a_desk", "sent": "sent_by_message",
        },
        {
            "id": _ROW, "subject": _LINK, "phone_index": _INDEX, "asker": _INDEX, "code_hash": _OPENS,
            "tries": "wrong codes, counted against guessing",
        },
    ),
    "consent": Section(
        "agreements",
        {
            "purpose": "what_for", "granted": "agreed", "consenter": "who_agreed", "wording": "version_of_the_wording",
            "language": "language_of_the_wording", "channel": "where", "at": "at",
        },
        {"id": _ROW, "patient_id": _LINK, "account_id": "another account is another person's affair"},
    ),
    "appointment": Section(
        "visits",
        {
            "public_id": "reference", "code": "booking_code", "state": "state", "facility_id": "facility",
            "service_id": "service", "relation": "booked_for", "starts_at": "starts_at", "ends_at": "ends_at",
            "version": "changes", "language": "language", "channel": "booked_through", "created_at": "made_at",
            "booked_at": "booked_at", "confirmed_at": "said_to_come_at", "cancelled_at": "cancelled_at",
            "cancelled_by": "cancelled_by", "cancel_reason": "reason", "offered": "from_the_waiting_list",
            "party_id": "booked_together_with",
        },
        {
            "id": _ROW, "slot_id": "the time is shown", "place": "the number of a place among equal ones",
            "uses_reserved": "how the facility counts its places", "patient_id": _LINK, "day": "the time is shown",
            "token_version": _OPENS, "device": _INDEX, "hold_number": "how places kept for a browser are counted",
            "expires_at": "only while a place is kept, before anybody is named", "account_id": _LINK,
        },
    ),
    "visit_series": Section(
        "planned_series",
        {
            "public_id": "reference", "facility_id": "facility", "service_id": "service", "template": "plan",
            "made_at": "made_at", "ended_at": "ended_at",
        },
        {"id": _ROW, "patient_id": _LINK},
    ),
    "series_date": Section(
        "planned_dates",
        {"number": "number", "due": "due", "first_day": "from_day", "last_day": "to_day"},
        {"id": _ROW, "series_id": _LINK, "appointment_id": _LINK},
    ),
    "conflict": Section(
        "clashes_with_the_hospital",
        {"state": "state", "opened_at": "seen_at", "ended_at": "settled_at"},
        {
            "id": _ROW, "feed": "the name of the hospital's file", "facility_id": "shown with the visit",
            "kind": "what the hospital's own calendar said against it",
            "appointment_id": _LINK, "slot_id": "the time is shown with the visit",
            "row_keys": "numbers of the hospital's own calendar, which may be another patient's",
            "answer": "what became of the visit is shown with it", "answered_by": "who works there is in the audit",
            "told_at": "whether the hospital's own calendar was put right",
        },
    ),
    "waitlist_entry": Section(
        "waiting_list",
        {
            "public_id": "reference", "relation": "for_whom", "service_code": "service", "language": "language",
            "day_from": "from_day", "day_to": "to_day", "state": "state", "created_at": "since", "ended_at": "ended_at",
        },
        {"id": _ROW, "account_id": _LINK, "patient_id": _LINK},
    ),
    "waitlist_target": Section(
        "waiting_list_facilities", {"service_id": "service"}, {"id": _ROW, "entry_id": _LINK}
    ),
    "offer": Section(
        "offers",
        {
            "public_id": "reference", "state": "state", "expires_at": "kept_until", "created_at": "made_at",
            "ended_at": "ended_at",
        },
        {"id": _ROW, "entry_id": _LINK, "appointment_id": _LINK, "slot_id": "the time is shown with the visit"},
    ),
    "closing_visit": Section(
        "changed_by_the_facility",
        {
            "facility_id": "facility", "fate": "what_became_of_it", "old_starts_at": "had_been_at", "at": "at",
            "unreachable": "why_no_message_arrived", "answer_by": "answer_awaited_until", "undone": "taken_back",
            "call": "came_of_telephoning", "calls": "times_telephoned", "called_at": "telephoned_at", "note": "note",
        },
        {
            "id": _ROW, "closing_id": "the closed times of many", "appointment_id": _LINK, "version": _WORK,
            "old_slot_id": "the time is shown", "old_place": "the number of a place among equal ones",
            "old_reserved": "how the facility counts its places", "new_slot_id": "the time is shown with the visit",
            "called_by": "a member of staff, named with what was done",
        },
    ),
    "visit_call": Section(
        "telephoned_about",
        {"call": "came_of_telephoning", "calls": "times_telephoned", "called_at": "telephoned_at", "note": "note"},
        {
            "appointment_id": _LINK, "version": _WORK,
            "called_by": "a member of staff, named with what was done",
        },
    ),
    "number_standing": Section(
        "number",
        {"stopped_at": "takes_no_reminders_since", "silent_since": "cannot_be_reached_since"},
        {
            "phone_index": _INDEX, "silent_code": "the carrier's number for a fault",
            "works_at": "when a desk said that the number works",
        },
    ),
    "queue_ticket": Section(
        "days_at_the_facility",
        {
            "public_id": "reference", "facility_id": "facility", "day": "day", "series": "series", "number": "number",
            "state": "state", "priority_claimed": "priority_stated", "priority_verified": "priority_verified",
            "priority_reason": "priority_reason", "band_start": "expected_from", "band_end": "expected_until",
            "arrived_at": "checked_in_at", "requeued_at": "back_in_line_at", "called_at": "called_at",
            "first_called_at": "first_called_at", "calls": "times_called", "in_room_at": "in_the_room_at",
            "finished_at": "finished_at",
            "tested_at": "sent_for_tests_at", "emergency": "emergency", "name": "name_given",
            "birth_year": "year_of_birth_given", "phone": "phone_given", "on_paper": "entered_from_paper",
            "came_assumed": "arrival_was_assumed",
            "paper_number": "number_on_paper",
        },
        {
            "id": _ROW, "queue_id": "the line of that day, which is everybody's", "appointment_id": _LINK,
            "patient_id": _LINK, "room_id": "where one was called to; the facility knows its rooms",
            "called_by": "a member of staff, named with what was done",
            "version": "counts what the desk did with the ticket; tells nothing of the person",
        },
    ),
    "invitation": Section(
        "invitations",
        {
            "public_id": "reference", "source": "came_by", "source_key": "number_of_the_slip",
            "facility_id": "facility", "service_id": "service", "birth_year": "year_of_birth",
            "birth_day": "date_of_birth", "due": "due", "first_day": "from_day", "last_day": "to_day",
            "state": "state", "received_at": "received_at", "changed_at": "changed_at", "as_of": "as_of",
            "code": "code",
        },
        {"id": _ROW, "marks": _INDEX, "name_index": _INDEX, "appointment_id": _LINK},
    ),
    "invitation_call": Section(
        "telephoned_about_invitations",
        {
            "due": "due", "call": "came_of_telephoning", "calls": "times_telephoned", "called_at": "telephoned_at",
            "note": "note",
        },
        {"invitation_id": _LINK, "called_by": "a member of staff, named with what was done"},
    ),
    "message": Section(
        "messages",
        {
            "public_id": "reference", "kind": "what_for", "language": "language", "phone": "telephone",
            "facts": "contents", "state": "state", "reason": "why_not_sent", "due_at": "to_be_sent_at",
            "created_at": "written_at", "posted_at": "sent_at", "provider": "carrier", "changed_at": "state_since",
            "facility_id": "facility",
        },
        {
            "id": _ROW, "subject_kind": _LINK, "subject_id": _LINK, "version": _WORK, "copy": _WORK, "lane": _WORK,
            "phone_index": _INDEX, "secret": _OPENS, "useful_until": _WORK, "lease_until": _WORK,
            "called_back": _WORK, "again_at": _WORK, "once_more": _WORK, "attempts": _WORK, "sends": _WORK,
            "provider_sid": "the carrier's number for it",
            "segments": "what it cost us",
            "error_code": "the carrier's number for a fault",
            "fault": "whose that fault is, for sending again",
        },
    ),
    "message_receipt": Section(
        "what_the_carrier_said",
        {"status": "state", "received_at": "at"},
        {"id": _ROW, "message_id": _LINK, "provider_sid": "the carrier's number for it", "error_code": "likewise"},
    ),
    "data_request": Section(
        "requests",
        {
            "public_id": "reference", "facility_id": "facility", "kind": "what_for", "door": "came_through",
            "name": "name_given", "phone": "phone_given", "said": "request", "received_at": "received_at",
            "reply_by": "to_be_acknowledged_by", "due": "to_be_done_by", "replied_at": "acknowledged_at",
            "state": "state", "answer": "answer", "ended_at": "answered_at",
        },
        {
            "id": _ROW, "patient_id": _LINK, "account_id": _LINK,
            "received_by": "a member of staff, named with what was done",
            "ended_by": "a member of staff, named with what was done",
        },
    ),
    "audit_event": Section(
        "what_was_done",
        {
            "at": "at", "actor_kind": "by_whom", "actor_id": "by_whom_exactly", "address": "network_address",
            "action": "what", "object_kind": "to_what", "object_id": "reference", "result": "result",
            "facts": "details",
        },
        {"id": _ROW, "xact": _ROW, "request_id": "ties it to the lines of our log"},
    ),
}  # fmt: skip

APART: Final[Mapping[str, str]] = {
    "patient_merge": "which of our rows are one person, by row numbers only; the rows themselves are shown",
    "patient_flag": "a note for the manager who guards everybody's places; to show it would tell of other people",
    "suspicion_answer": "what the manager made of such a note; it stands and falls with it",
    "idempotency_record": "an answer kept for 30 days without anybody's name in it, found by a random key only",
    "reminder_family": "which reminders one text stood for; each is shown with what became of it",
    "place_left": "a slot that a visit was moved out of, for some minutes; the move stands in what was done",
    "near_wish": "a wish for one text on the day of a visit, forgotten two days later; the text itself is shown",
    "out_told": "what the hospital's own software was last told of a visit that is shown, gone some days after it",
    "out_file": "numbers of the visits in a file for that software; what a file tells of people is its terms' affair",
    "rate_counter": "counts by keyed hashes, gone after two days",
}
"""Tables that lead to people, or hold traces of them, and are not shown."""
