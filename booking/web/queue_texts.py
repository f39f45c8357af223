"""What happened and what to do, for the errors of the queue; part of problem_texts.py."""

from booking.i18n import marked as _

QUEUE_TEXTS: dict[str, tuple[str, str]] = {
    "ticket_unknown": (_("There is no such ticket in this queue."), _("Load the queue again.")),
    "room_unknown": (_("This facility has no such room."), _("Choose a room from the list.")),
    "nobody_waiting": (_("Nobody is waiting."), _("Call again when somebody has checked in.")),
    "ticket_moved": (
        _("Somebody else changed this ticket a moment ago."),
        _("Load the queue again to see how it stands now."),
    ),
    "still_expected": (_("The booked time is not over yet."), _("Wait until it is; the patient may still come.")),
    "act_unknown": (_("There is nothing to take back."), _("Load the queue again.")),
    "undo_too_late": (
        _("This was done more than five minutes ago."),
        _("Put it right by what comes next, such as putting the number back into the line."),
    ),
    "act_overtaken": (
        _("Somebody has gone on with this since, so it cannot be taken back."),
        _("Load the queue again to see how it stands now."),
    ),
    "display_unknown": (_("This display shows nothing any more."), _("Ask the desk for its new address.")),
    "another_day": (_("This visit is on another day."), _("Check in on the day of the visit.")),
}
