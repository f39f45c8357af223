"""What happened and what to do: codes of the calendar at the desk, as problem_texts.py has them of all others."""

from booking.i18n import marked as _

CALENDAR_TEXTS: dict[str, tuple[str, str]] = {
    "calendar_entry_unknown": (
        _("The calendar of this facility has no such entry."),
        _("Load the list again: it may be gone."),
    ),
    "changed_meanwhile": (
        _("Somebody else changed this a moment ago."),
        _("Open it again to see how it stands now, and change it then."),
    ),
    "code_taken": (_("The facility has one of this code already."), _("Choose another code.")),
    "notice_refused": (_("This notice would never be shown."), _("Look at its days again.")),
    "notice_refused.reversed": (_("This notice would end before it begins."), _("Look at its days again.")),
    "notice_refused.over": (_("The last day has passed."), _("Choose today or a later day.")),
    "session_refused": (_("The session cannot be so."), _("Look at its hours and places again.")),
    "session_refused.hours": (
        _("There is no room for a single time between its start and its end."),
        _("Let it end later, or make its times shorter."),
    ),
    "session_refused.reserved": (
        _("More places would be kept for walk-ins than there are."),
        _("Keep at most as many as each time has places."),
    ),
    "session_refused.past": (_("This day has passed."), _("Choose today or a later day.")),
    "session_refused.days": (_("Its last day lies before its first."), _("Look at its days again.")),
    "session_refused.same": (
        _("There is such a session already: same service, people, room, weekday and start."),
        _("Change that one, or choose another start."),
    ),
    "room_over_limit": (
        _("There would be too many visits in one room: %(places)s on %(day)s in %(room)s; allowed are %(limit)s."),
        _("Give it fewer places, or raise the room's limit first."),
    ),
    "day_refused": (_("The day cannot be so."), _("Look at what was chosen again.")),
    "day_refused.past": (_("This day has passed."), _("Choose today or a later day.")),
    "day_refused.weekday": (_("A make-up day works as some weekday."), _("Choose which.")),
}
