"""The error codes of those who work here: signing in at the desk, accounts, their scope. Part of `problem_texts`."""

from booking.i18n import marked as _

STAFF_TEXTS: dict[str, tuple[str, str]] = {
    "sign_in_refused": (
        _("User name, password or code do not fit."),
        _("Check them and try again. Whoever has forgotten the password asks the manager for a new one."),
    ),
    "sign_in_delayed": (
        _("Too many tries for this user name."),
        _("Wait a little, five minutes at most, then try again."),
    ),
    "staff_unknown": (_("There is no such account."), _("Choose an account from the list.")),
    "username_taken": (_("Somebody has this user name already."), _("Choose another one.")),
    "username_refused": (
        _("This is no user name."),
        _("Use 3 to 40 small letters without marks, digits, dots or dashes; the first one a letter."),
    ),
    "staff_name_refused": (_("A name is needed."), _("Enter the name colleagues know this person by.")),
    "password_refused": (_("This password cannot be used."), _("Choose a longer one.")),
    "password_refused.short": (
        _("This password is too short."),
        _("Use at least 14 signs, or 10 beside an authenticator."),
    ),
    "password_refused.common": (
        _("This password is easily guessed."),
        _("Take three or four words that do not belong together: no names, no places, no dates."),
    ),
    "password_refused.breached": (
        _("This password is in the lists of those that steal passwords."),
        _("Take three or four words that do not belong together, and use them nowhere else."),
    ),
    "password_refused.same": (_("This is the present password."), _("Choose another one.")),
    "authenticator_refused": (
        _("This code does not fit."),
        _("Enter the six digits the authenticator shows now. Check that the telephone's clock is right."),
    ),
    "present_password_wrong": (_("The present password does not fit."), _("Enter it again.")),
    "desk_sign_in_needed": (_("Sign in to work here."), _("Use your user name and password.")),
    "new_password_needed": (_("Choose a password of your own first."), _("The first one is good for one sign-in.")),
    "right_missing": (_("Your account may not do this."), _("Ask the manager of your facility.")),
    "last_administrator": (
        _("This is the last city administrator."),
        _("Make somebody else an administrator first."),
    ),
    "scope_refused": (_("This scope cannot be given."), _("Choose at least one facility of your own.")),
    "scope_refused.practitioner": (
        _("This doctor does not examine at the facilities chosen."),
        _("Tick the doctor's facility too, or choose somebody else."),
    ),
}
