"""What is said where clashes with hospital exports, or orders about their files, cannot be dealt with."""

from booking.i18n import marked as _

FEED_TEXTS: dict[str, tuple[str, str]] = {
    "clash_unknown": (_("There is no such clash here."), _("Look at the list of clashes again.")),
    "clash_gone": (
        _("This clash is over: visit and hospital's software do not meet any more."),
        _("Nothing need be done."),
    ),
    "clash_answered": (
        _("A colleague has answered this clash already."),
        _("Open the appointment slip: it says how the visit stands."),
    ),
    "feed_unknown": (_("There is no such source of files here."), _("Look at the list again.")),
    "feed_file_unknown": (_("There is no such file here."), _("Look at the list again.")),
    "feed_file_obsolete": (
        _("Nothing can be done with this file any more: a newer one came, or it was done already."),
        _("Look at the newest file."),
    ),
    "feed_ordered": (
        _("A colleague has ordered something about this file already."),
        _("Wait a few seconds, then look again."),
    ),
    "nothing_shown": (
        _("No file was chosen, or it is empty."),
        _("Choose the file that the hospital's software made."),
    ),
    "shown_too_many": (_("Several files of this place are being read already."), _("Wait a minute, then try again.")),
    "shown_unknown": (_("There is no such file here; after an hour it is deleted."), _("Show the file again.")),
    "order_reason_missing": (_("A reason is missing."), _("Say why in a few words.")),
}
