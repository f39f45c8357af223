"""What happened and what to do, for every error code. English here; the Vietnamese stands in locale/vi/errors.po."""

from booking.i18n import marked as _
from booking.web.calendar_texts import CALENDAR_TEXTS
from booking.web.feed_texts import FEED_TEXTS
from booking.web.message_texts import MESSAGE_TEXTS
from booking.web.queue_texts import QUEUE_TEXTS
from booking.web.request_texts import REQUEST_TEXTS
from booking.web.staff_texts import STAFF_TEXTS

TEXTS: dict[str, tuple[str, str]] = {
    "error": (_("That did not work."), _("Please try again.")),
    "unexpected": (
        _("Something went wrong on our side."),
        _("Nothing you entered is wrong. Please try again in a few minutes."),
    ),
    "invalid_request": (_("Some of what was entered cannot be used."), _("See what is said beside each field.")),
    "not_found": (_("This page does not exist."), _("Check the address, or start again from the first page.")),
    "conflict": (_("Something changed in the meantime."), _("Load the page again to see how it stands now.")),
    "rule_broken": (_("This cannot be done."), _("Change what was entered and try again.")),
    "not_allowed": (_("This is not permitted."), _("Sign in with an account that may do it.")),
    "foreign_form": (
        _("This form did not come from our page."),
        _("Open the page again from the first page, allow cookies, and repeat."),
    ),
    "too_many": (_("Too many tries."), _("Please wait a little and try again.")),
    "tried_too_often": (
        _("Too many tries from this network or for this number."),
        _("Please wait and try again later, or telephone the facility."),
    ),
    **QUEUE_TEXTS,
    **FEED_TEXTS,
    "streams_full": (
        _("Many people are watching this queue."),
        _("The page goes on without live news; it is loaded again every half minute."),
    ),
    "busy": (_("Many people are booking at this moment."), _("Please try again in a few seconds.")),
    "busy.reads": (
        _("Many people are booking at this moment."),
        _("This page opens again by itself in a few seconds. You need do nothing."),
    ),
    "busy.sends": (
        _("Many people are booking at this moment."),
        _("Nothing was sent yet. Wait a few seconds, go back one page and send it again."),
    ),
    "outcome_unknown": (
        _("We are still confirming."),
        _("Please ask again with the same key in a few seconds; you will not be booked twice."),
    ),
    "facility_unknown": (_("There is no such facility."), _("Choose a facility from the list.")),
    **CALENDAR_TEXTS,
    **MESSAGE_TEXTS,
    **REQUEST_TEXTS,
    "service_unknown": (_("This facility has no such service."), _("Choose a service from the list.")),
    "slot_unknown": (_("There is no such time."), _("Choose a time from the list.")),
    "slot_mismatch": (
        _("This time belongs to another facility or service."),
        _("Choose the facility, the service and then the time again."),
    ),
    "slot_full": (_("This time has just filled up."), _("Choose another time; the nearest free ones are shown.")),
    "slot_closed": (
        _("This time takes no bookings."),
        _("Choose another time; the nearest free ones are shown."),
    ),
    "slot_past": (_("It is too late to book this time."), _("Choose a later time.")),
    "slot_not_released": (_("This time cannot be booked yet."), _("Choose an earlier day, or come back later.")),
    "facility_not_open": (
        _("This facility or service takes no bookings at present."),
        _("Choose another facility, or telephone this one."),
    ),
    "patient_unknown": (_("This desk has no such patient."), _("Search again by the telephone number or the card.")),
    "patient_overtaken": (
        _("Somebody corrected this record meanwhile."),
        _("Compare with what stands there now; saving again puts yours in its place."),
    ),
    "merge_unknown": (_("No such two records were joined here."), _("Look at the list again.")),
    "merge_clash": (_("These two records cannot be joined."), _("Look at the list again.")),
    "merge_clash.visits": (
        _("Both have a visit for the same service on one day: %(codes)s."),
        _("Cancel or move one of them first."),
    ),
    "merge_clash.waits": (
        _("Both wait on the waiting list for the same service."),
        _("Let the patient leave one of the lists first."),
    ),
    "merge_clash.chain": (_("One of them was joined with another record."), _("Take that back first.")),
    "series_unknown": (_("There is no such series of visits here."), _("Look at the patient again.")),
    "closing_unknown": (_("There is no such closing."), _("Choose one from the list.")),
    "closing_refused": (_("These times cannot be closed so."), _("Choose other days or times, and look again.")),
    "too_late_to_undo": (
        _("This closing cannot be undone any more."),
        _("Messages are on their way, or it was taken back already. The call list shows whom to telephone."),
    ),
    "not_asked": (
        _("No other time need be chosen for this visit."),
        _("Open the appointment slip: it says how the visit stands."),
    ),
    "already_booked": (
        _("This person already has a visit for this service on that day."),
        _("Move that visit instead: on its appointment slip, or under “My appointments”."),
    ),
    "appointment_unknown": (
        _("We cannot find this appointment."),
        _("Open it with the link in the message or the QR code of the slip; the booking code alone is not enough."),
    ),
    "hold_lapsed": (
        _("The time for which the place was kept has run out."),
        _("Choose a time again; what you entered is kept."),
    ),
    "too_many_holds": (
        _("Two places are being kept for this device already."),
        _("Finish or drop one of them, or wait five minutes."),
    ),
    "too_many_upcoming": (
        _("This telephone number has as many visits ahead as it may have (%(most)s)."),
        _("Drop a visit that is not needed, or book again when one of them is over."),
    ),
    "too_many_upcoming.profile": (
        _("This person has as many visits ahead as one may have (%(most)s)."),
        _("Drop a visit that is not needed, or book again when one of them is over."),
    ),
    "too_many_upcoming.device": (
        _("As many visits were booked on this device as may be (%(most)s)."),
        _("Book again when one of them is over, or telephone the facility."),
    ),
    "just_given_up": (
        _("A place that was just given up is kept for others for a few minutes."),
        _("Choose another time, or look again in a few minutes."),
    ),
    "party_too_large": (
        _("At most %(most)s people can be booked in one go."),
        _("Book for some of them now, and for the others afterwards."),
    ),
    "too_late_to_change": (
        _("It is too late to move or cancel this visit here."),
        _("Please telephone the facility."),
    ),
    "not_changeable": (_("This visit can no longer be changed."), _("It is over or was cancelled.")),
    "key_missing": (
        _("The Idempotency-Key header is missing or has the wrong form."),
        _("Send 8 to 128 visible signs, new for each booking and the same for each repeat."),
    ),
    "key_reused": (
        _("This key was used for another request."),
        _("Use a new key for a new booking; repeat the same request only with the same key."),
    ),
    "name_refused": (_("The name cannot be used."), _("Enter the full name as on the identity card.")),
    "name_refused.empty": (_("The name is missing."), _("Enter the full name as on the identity card.")),
    "name_refused.long": (_("The name is too long."), _("Enter at most %(longest)s letters.")),
    "name_refused.control": (
        _("The name contains signs that cannot be shown."),
        _("Type the name again; do not paste it."),
    ),
    "name_refused.signs": (
        _("The name contains digits or signs."),
        _("Enter letters only, as on the identity card."),
    ),
    "phone_refused": (
        _("This is not a telephone number of Vietnam."),
        _("A mobile number has 10 digits and begins with 0."),
    ),
    "not_mobile": (_("No SMS reaches this number."), _("Enter a mobile number, or let a relative or the desk book.")),
    "sms_code_refused": (
        _("This code is not good."),
        _("Check the digits of the newest message, or ask for another code."),
    ),
    "sms_code_refused.form": (_("The code has six digits."), _("Enter them as they stand in the message.")),
    "code_not_asked": (
        _("Nobody has asked for a code for this number lately."),
        _("The person enters the number on the page first."),
    ),
    "number_elsewhere": (
        _("The people with this number have never been here."),
        _("Book for the person or check her in first, with her papers; then read out the code."),
    ),
    "staff_only": (_("Only staff may do this."), _("Ask at the desk.")),
    "birth_unknown": (
        _("Nobody booked for with this number has this date of birth."),
        _("Enter it as it was entered then."),
    ),
    "session_unknown": (_("There is no such sign-in."), _("Look at the list again: it may be over already.")),
    "sign_in_needed": (_("Please sign in first."), _("Sign in with a mobile number; you come back here.")),
    "birth_needed": (_("Please name a date of birth first."), _("This number has not been used here for a long time.")),
    "birth_refused": (_("The date of birth cannot be used."), _("Enter the day, or the year only.")),
    "birth_refused.missing": (_("The year of birth is missing."), _("Enter four digits, such as 1958.")),
    "birth_refused.disagree": (_("The date and the year of birth disagree."), _("Enter one of them.")),
    "birth_refused.future": (_("The date of birth lies in the future."), _("Check the year.")),
    "birth_refused.old": (_("The year of birth is too long ago."), _("Check the year: four digits, such as 1938.")),
    "citizen_id_refused": (
        _("The number of the citizen ID is not right."),
        _("It has 12 digits, as printed on the card."),
    ),
    "citizen_id_refused.cmnd": (
        _("Identity cards with 9 digits are no longer valid."),
        _("Enter the 12 digits of the new card, or leave it empty."),
    ),
    "citizen_id_refused.province": (
        _("No citizen ID begins like this."),
        _("Compare the first three digits with the card, or leave it empty."),
    ),
    "citizen_id_refused.century": (
        _("The fourth digit of the citizen ID cannot be right."),
        _("Compare it with the card, or leave it empty."),
    ),
    "bhyt_refused": (
        _("The number of the insurance card is not right."),
        _("Enter its 15 signs, its last 10 digits or the citizen ID, or leave it empty."),
    ),
    "guardian_needed": (
        _("The name of the guardian is missing."),
        _("For somebody under 18, enter who looks after them."),
    ),
    "priority_refused": (
        _("This priority goes by age and needs no claim."),
        _("The date of birth is enough."),
    ),
    "profile_unknown": (_("We cannot find this person in your list."), _("Open your list of people again.")),
    "person_clash": (
        _("Somebody in your list has the same name and date of birth."),
        _("If it is the same person, use that entry."),
    ),
    "too_many_people": (
        _("This number already looks after %(most)s people."),
        _("Remove somebody who is no longer needed, or ask at the facility's desk."),
    ),
    "own_say_needed": (
        _("This person is grown up and has not agreed yet."),
        _("They agree with a code sent to their own telephone."),
    ),
    "looks_after_herself": (
        _("This person has an own account by now."),
        _("Name, date of birth, numbers and agreement are theirs to decide."),
    ),
    "consent_needed": (
        _("Without this agreement a visit cannot be booked here."),
        _("Telephone the facility or ask at its desk: they book it too."),
    ),
    "own_number_needed": (
        _("This is the number that books for this person."),
        _("Enter this person's own mobile number."),
    ),
    "people_remain": (
        _("Somebody is in your list still."),
        _("Delete or take off everybody first."),
    ),
    "visits_remain": (
        _("A visit is still to come."),
        _("Give it up first, or wait until it is over."),
    ),
    "invitation_unknown": (
        _("We cannot find this invitation."),
        _("It was used, its days are over, or it concerns somebody else."),
    ),
    "invitation_refused": (
        _("This re-examination slip cannot be taken in."),
        _("It needs a number of the person's papers, and days in their order."),
    ),
    "export_unreadable": (_("The export cannot be read."), _("The report beside the file says why.")),
    "feed_invalid": (_("The feed file cannot be used."), _("Put right what is named, and check it again.")),
    "suspicion_unknown": (_("There is no such note about anybody of this facility."), _("Look at the list again.")),
    "suspicion_answered": (_("Somebody has answered this already."), _("The list shows the answer.")),
    "verdict_missing": (_("No answer was chosen."), _("Choose what is behind it.")),
    "span_refused": (_("The span of days cannot be used."), _("Ask for at most %(most)s days, the first one first.")),
    "signature_refused": (
        _("The signature does not fit."),
        _("Sign with the account's token over the public address."),
    ),
    **STAFF_TEXTS,
    "entry_unknown": (
        _("There is no such wait."),
        _("See your waits under “My appointments”, signed in with the number you joined with."),
    ),
    "already_waiting": (
        _("This person is on the waiting list for this service already."),
        _("Whoever joined first is told; nothing more is needed."),
    ),
    "too_many_waiting": (
        _("You are waiting for %(most)s places already."),
        _("Leave one of the waiting lists first."),
    ),
    "window_refused": (_("These days cannot be used."), _("Choose other days.")),
    "window_refused.order": (_("The last day lies before the first."), _("Choose the earlier day first.")),
    "window_refused.past": (_("These days are past."), _("Choose days from today on.")),
    "window_refused.long": (
        _("These days are too far ahead."),
        _("Choose days within the next %(most)s days."),
    ),
    "offer_over": (
        _("The place is no longer kept."),
        _("It went to the next one who waits. You are told of the next free place."),
    ),
}

FIELD_TEXTS: dict[str, str] = {
    "": _("This cannot be used."),
    "missing": _("This is missing."),
    "extra_forbidden": _("There is no such field."),
    "json_invalid": _("The body is not JSON."),
    "string_too_long": _("This is too long."),
    "string_too_short": _("This is too short."),
    "string_pattern_mismatch": _("This does not have the right form."),
    "int_parsing": _("A whole number is needed here."),
    "int_type": _("A whole number is needed here."),
    "int_from_float": _("A whole number is needed here."),
    "greater_than_equal": _("This number is too small."),
    "less_than_equal": _("This number is too large."),
    "enum": _("Choose one of the values given."),
    "literal_error": _("Choose one of the values given."),
    "date": _("A date is written as 2026-11-30."),
    "clock_time": _("A time is written as 07:30."),
    "control_signs": _("This contains signs that cannot be shown."),
    "slot_or_hold": _("Name a facility, a service and a time, or a hold; not both."),
    "model_attributes_type": _("An object is needed here."),
    "string_type": _("Text is needed here."),
}

HTTP_TEXTS: dict[int, tuple[str, str, str]] = {
    400: ("bad_request", _("The request cannot be read."), _("Check how it is written.")),
    404: ("not_found", *TEXTS["not_found"]),
    405: ("method_not_allowed", _("This address does not take this method."), _("See the documentation.")),
    413: ("too_large", _("What was sent is too large."), _("Send at most 64 kB.")),
    415: ("unsupported_media", _("What was sent has the wrong type."), _("Send application/json.")),
}
