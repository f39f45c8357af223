"""What happened and what to do: codes of messages at the desk, as problem_texts.py has them of all others."""

from booking.i18n import marked as _

MESSAGE_TEXTS: dict[str, tuple[str, str]] = {
    "message_unknown": (_("This facility has no such message."), _("Load the list of messages again.")),
    "resend_refused": (_("This message is not sent once more."), _("Telephone the patient instead.")),
    "resend_refused.why": (_("Say why it is sent once more."), _("A few words are enough; they stand in the audit.")),
    "resend_refused.waiting": (
        _("This message is still on its way."),
        _("Wait until something has become of it; the list says what."),
    ),
    "resend_refused.over": (
        _("The visit is over or cancelled, so nothing is sent about it."),
        _("Telephone the patient if there is something to say."),
    ),
    "resend_refused.stale": (
        _("The message says something that is no longer so."),
        _("Look at the visit: word of its last change has a message of its own."),
    ),
    "resend_refused.kind": (_("A message of this kind is of its minute."), _("Telephone the patient instead.")),
    "resend_refused.reader": (
        _("No SMS reaches this patient."),
        _("Set the number right on the visit's page, or telephone."),
    ),
    "resend_refused.stopped": (
        _("This number takes no reminders: its holder stopped them."),
        _("Telephone the patient; she can take reminders again on the page behind her link."),
    ),
    "resend_refused.often": (_("This message was sent often enough."), _("Telephone the patient instead.")),
}
