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
    "minutes_refused": (
        _("The delay must be a whole number of minutes."),
        _("Type 0 to 600; 0 takes the delay back. Nothing was changed."),
    ),
    "form_reused": (
        _("This was not done: the form was sent for something else before."),
        _("Load the queue again, and do it from there."),
    ),
    "act_overtaken": (
        _("Somebody has gone on with this since, so it cannot be taken back."),
        _("Load the queue again to see how it stands now."),
    ),
    "display_unknown": (_("This display shows nothing any more."), _("Ask the desk for its new address.")),
    "paper_time_refused": (_("This time cannot be."), _("Write it as 7:45 or 745.")),
    "paper_time_refused.unread": (_("This is no time."), _("Write it as 7:45 or 745.")),
    "paper_time_refused.future": (_("This time has not come yet."), _("Enter what has happened.")),
    "paper_time_refused.order": (
        _("This time lies before the one to its left."),
        _("One comes, is called, and is done, in this order."),
    ),
    "paper_time_refused.missing": (_("It is not said when."), _("Enter when this person came.")),
    "paper_overtaken": (
        _("This was entered at the desk meanwhile."),
        _("What stands there now was kept. Look whether the paper says something else."),
    ),
    "paper_refused": (_("This cannot be entered."), _("Choose something else, or leave it empty.")),
    "paper_refused.day": (
        _("This day cannot be entered any more, or not yet."),
        _("A day on paper can be entered on the day itself and for a week after it."),
    ),
    "paper_refused.over": (
        _("Nobody waits any more in a day that is over."),
        _("Choose: done, left, or did not come."),
    ),
    "paper_refused.there": (_("This person has checked in."), _("Choose: done, or left.")),
    "another_day": (_("This visit is on another day."), _("Check in on the day of the visit.")),
}
