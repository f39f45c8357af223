"""What is kept, how long, since when and why: the table of docs/operations.md, and what the nightly job does.

Periods are the constants the removal goes by, so this table cannot say another number than the one that holds. A test
compares it with the document, and finds each table of the database here.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from booking.appointments import forgetting as holds
from booking.appointments.waitlist import forgetting as waits
from booking.exchange.outgoing import forgetting as outgoing
from booking.exchange.shown import service as shown
from booking.messages import sharing
from booking.messages.channel.service import forget_tallies
from booking.patients import forgetting as signing
from booking.queue import acts, wishing
from booking.queue.rules import UNDO_FOR
from booking.retention import feeds, others, people, texts
from booking.trail import forgetting as trail
from booking.trail import shortening

Sweep = Callable[..., Awaitable[int]]
"""Removes at most a batch of what is older (session, now); how much."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One kind of data.

    Attributes:
        name: one word, in the log and in `job_run`.
        what: in plain words.
        tables: of the database; none where it is files.
        how_long: the period; None for what is not removed by age.
        since: what the period is counted from, or why there is none.
        why: the source of law, or our reason.
        sweep: what removes it; None where nothing is removed by age, or files are.
    """

    name: str
    what: str
    tables: tuple[str, ...]
    how_long: timedelta | None
    since: str
    why: str
    sweep: Sweep | None = None

    @property
    def period(self) -> str:
        """In words."""
        if self.how_long is None:
            return "not by age"
        minutes = int(self.how_long.total_seconds() // 60)
        return f"{self.how_long.days} days" if self.how_long.days else f"{minutes} minutes"


_LAW: Final = "Law 91/2025/QH15: no longer than the purpose needs"
_NOBODY: Final = "names nobody"

TABLE: Final[tuple[Kept, ...]] = (
    Kept("holds", "places kept for somebody who did not book", ("appointment",), holds.KEPT, "the hold lapsed",
         "to see attacks on places; it has no person", holds.forget_lapsed_holds),
    Kept("visits", "whose visit it was, who booked it, why it was cancelled; the visit stays, for the figures",
         ("appointment", "visit_call", "place_left", "closing_visit"), people.VISITS_KEPT, "the day of the visit",
         f"{_LAW}: complaints, coming again within two years; the medical record is not here",
         people.part_visits),
    Kept("tickets", "whose number it was in the queue; the ticket stays, and is nobody's", ("queue_ticket",),
         people.VISITS_KEPT, "the day", "as the visit", people.part_tickets),
    Kept("series", "planned series of visits", ("visit_series", "series_date"), people.VISITS_KEPT,
         "the last day of the last date", "as the visit", people.forget_series),
    Kept("people", "name, birth, numbers and papers of a person, her places in lists",
         ("patient", "profile", "consent", "patient_merge"), people.PEOPLE_KEPT,
         "the last visit, time in line and use of an account that lists her",
         f"{_LAW}; consents stay as proof and name nobody then", people.empty_people),
    Kept("accounts", "the number of an account that lists nobody any more", ("account",), people.PEOPLE_KEPT,
         "its last use", _LAW, people.close_accounts),
    Kept("walk-ins", "acts at the desk that can be undone; name, year and number of somebody who came without booking",
         ("queue_act", "queue_ticket"), acts.NAMES_KEPT,
         f"the day (acts: {UNDO_FOR.seconds // 30} minutes)",
         f"{_LAW}: questions about that day", acts.forget_acts),
    Kept("wishes", "who asked for a text when her turn is near", ("near_wish",), wishing.KEPT, "the wish",
         "useful on that day only", wishing.forget_wishes),
    Kept("waits", "who waited for a place, and what was offered", ("waitlist_entry", "waitlist_target", "offer"),
         waits.KEPT, "the wait ended", "she may ask what became of it", waits.forget_waits),
    Kept("texts' contents", "number and contents of an SMS (a code in it: erased once posted or over)", ("message",),
         texts.CONTENTS_KEPT, "it was of use", f"{_LAW}: questions to the carrier", texts.empty_texts),
    Kept("texts", "that an SMS was sent, when, what for and what the carrier said", ("message", "message_receipt"),
         texts.TEXTS_KEPT, "it was written", "Decree 356/2025: register of what is handed abroad", texts.forget_texts),
    Kept("families", "which reminders one text stood for", ("reminder_family",), sharing.FAMILIES_KEPT,
         "the reminder was of use", "to telephone the right people", sharing.forget_families),
    Kept("tallies", "texts per hour and facility (per number: 2 days)", ("message_tally",), timedelta(days=31),
         "the window began", "limits and the usual hour", forget_tallies),
    Kept("reconciliations", "comparisons with the provider's list: counts", ("sms_reconciliation",),
         texts.RECONCILED_KEPT, "it was made", "to compare with the year before", texts.forget_reconciliations),
    Kept("answers", "idempotency: the answer given for a key", ("idempotency_record",), trail.ANSWERS_KEPT,
         "it was given", "a repeat gets the same answer so long", trail.forget_answers),
    Kept("counters", "tries, by keyed hashes", ("rate_counter",), trail.COUNTERS_KEPT, "the window began",
         "the longest window is a day", trail.forget_counters),
    Kept("events", "what live pages are told", ("live_event",), trail.EVENTS_KEPT, "it was written",
         "a page that was away for longer begins anew", trail.forget_events),
    Kept("runs", "that a daily job was done", ("job_run",), trail.RUNS_KEPT, "its day", "to look back",
         trail.forget_runs),
    Kept("codes", "verification codes that were asked for (hashed)", ("verification_code",), signing.CODES_KEPT,
         "it was asked for", "the caps look one day back", signing.forget_codes),
    Kept("sessions", "browsers of patients that were signed in", ("patient_session",), signing.SESSIONS_KEPT,
         "it ended", "she may ask who was signed in; the audit has it longer", signing.forget_sessions),
    Kept("staff sessions", "browsers of staff, with their addresses", ("staff_session",), others.STAFF_SESSIONS_KEPT,
         "it ended", "information security, level 3: 12 months of log", others.forget_staff_sessions),
    Kept("delays", "failures to sign in at the desk, by keyed hashes", ("sign_in_delay",), others.DELAYS_KEPT,
         "the next try was free", "a forgotten one begins at nothing", others.forget_delays),
    Kept("notes", "suspicions about a person and the manager's answer", ("patient_flag", "suspicion_answer"),
         others.NOTES_KEPT, "it was settled; twice as long after it was made, where it never was", _LAW,
         others.forget_notes),
    Kept("staged rows", "rows of hospitals' exports: times, no person", ("feed_row",), feeds.ROWS_KEPT,
         "the time it speaks of", "a file changes nothing that is over", feeds.forget_rows),
    Kept("slips", "re-examination slips: keyed hashes and a sealed birth date; what came of telephoning",
         ("invitation", "invitation_call"), feeds.SLIPS_KEPT, "the last day it was good for", _LAW,
         feeds.forget_slips),
    Kept("history of feeds", "which files came, what they changed, what a manager ordered (the last 20 of a feed stay)",
         ("feed_file", "feed_run", "feed_order"), feeds.FILES_NOTED, "the file came",
         "who let it through; names nobody but staff", feeds.forget_files),
    Kept("files out", "which files told hospitals of bookings, and their answers (the last of a feed stays)",
         ("out_file", "out_answered"), outgoing.FILES_KEPT, "it was handed over", "longer than any answer takes",
         outgoing.forget_files),
    Kept("told", "what a hospital was last told of a visit: time, doctor, state; no person", ("out_told",),
         outgoing.TOLD_KEPT, "the visit", "changes are found by it", outgoing.forget_told),
    Kept("files shown", "exports shown at the desk, sealed, and what was read", ("shown_file", "shown_part"),
         shown.KEPT, "it was shown (removed at once, not by night)", "long enough to be looked at", shown.forget),
    Kept("files: done", "a hospital's files as they came", (), feeds.FILES_KEPT["done"], "it was put away",
         "the hospital has them; they name its patients"),
    Kept("files: held", "files that wait for a manager", (), feeds.FILES_KEPT["held"], "it was put away",
         "to be released or compared"),
    Kept("files: quarantine", "files that could not be read", (), feeds.FILES_KEPT["quarantine"], "it was put away",
         "to find the fault with the hospital's IT officer"),
    Kept("requests", "what people asked about their data, and the answer", ("data_request",), others.REQUESTS_KEPT,
         "it was answered; an open one is never removed", "proof that it was answered in time",
         others.forget_requests),
    Kept("audit", "who did what to which object, by public ids", ("audit_event", "audit_seal"), shortening.AUDIT_KEPT,
         "it happened", "information security, level 3: at least 12 months (the database enforces it); the chain "
         "goes on from a signed anchor", shortening.shorten),
    Kept("anchors", "where the chain of the audit begins", ("audit_cut",), None, "the proof of what went", _NOBODY),
    Kept("numbers", "which numbers take no reminders, by keyed hashes", ("number_standing",), None,
         "it would be written to again", "her own wish"),
    Kept("conflicts", "times that two calendars saw differently", ("conflict", "feed_heard"), None,
         "hangs on the visit", _NOBODY),
    Kept("fetching", "how hospitals' servers were found, and the names of files there", ("feed_fetch",), None,
         "until a day after its feed is fetched no more", _NOBODY),
    Kept("numbers of files", "how far each hospital is told, and its last file's number", ("out_feed",), None,
         "the next file has the next number", _NOBODY),
    Kept("closings", "what was closed and why", ("closing", "slot_closure", "session_change"), None,
         "the figures of that day", _NOBODY),
    Kept("the calendar", "times, queues, services, rooms, notices, words of the search",
         ("facility", "department", "service", "practitioner", "room", "notice", "search_word", "calendar_day",
          "weekly_session", "session", "slot", "queue", "queue_counter", "display"), None,
         "the figures of that day", "names practitioners, whose names are public"),
    Kept("staff", "accounts of those who work here and their scope", ("staff", "staff_scope"), None,
         "disabled after 45 idle days; the audit names them", "information security, level 3"),
    Kept("keys", "which keys the database is written with, by a keyed sign of each", ("key_sign",), None,
         "keys are compared with it before a process works", _NOBODY),
    Kept("readings", "the newest of what monitoring asks; how the SMS channel stands",
         ("observation", "sms_channel", "feed_listed"), None, "overwritten", _NOBODY),
)  # fmt: skip
