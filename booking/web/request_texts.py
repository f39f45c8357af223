"""What happened and what to do: codes of people's requests, as problem_texts.py has them of all others."""

from booking.i18n import marked as _

REQUEST_TEXTS: dict[str, tuple[str, str]] = {
    "request_unknown": (_("This facility has no such request."), _("Choose one from the register.")),
    "request_answered": (
        _("A colleague has answered this request already."),
        _("The answer stands on the page of the request."),
    ),
    "request_refused": (_("The request cannot be taken like this."), _("Complete the form.")),
    "request_refused.said": (_("Nothing is said yet."), _("Write what is asked in a few words.")),
    "request_refused.name": (_("Nobody is named."), _("Write the full name.")),
    "request_refused.long": (_("The text is too long."), _("At most %(most)s signs are taken.")),
    "request_refused.many": (_("So many requests of yours are open already."), _("Please wait for the answers.")),
    "request_refused.kind": (_("It is not chosen what is asked."), _("Choose one of the answers.")),
    "request_refused.facility": (_("No facility is chosen."), _("Choose one of the answers.")),
    "request_refused.state": (_("It is not chosen what became of it."), _("Choose one of the answers.")),
    "request_refused.answer": (
        _("Nothing is said about what was done."),
        _("Write it in a few words; the person reads it."),
    ),
}
