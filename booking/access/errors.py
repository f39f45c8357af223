"""Why somebody cannot sign in or do something."""

from booking.errors import Conflict, NotAllowed, NotFound, RuleBroken, TooMany


class SignInRefused(NotAllowed):
    """User name, password or code do not fit; which of them is not told."""

    code = "sign_in_refused"


class SignInDelayed(TooMany):
    """Too many failures for this name: `retry_after` seconds before the next try is heard."""

    code = "sign_in_delayed"


class StaffUnknown(NotFound):
    """No such account within the scope of the one who asks."""

    code = "staff_unknown"


class UsernameTaken(Conflict):
    """Somebody has this user name."""

    code = "username_taken"


class UsernameRefused(RuleBroken):
    """A user name is 3 to 40 small letters, digits, dots or dashes."""

    code = "username_refused"


class StaffNameRefused(RuleBroken):
    """A name of 1 to 100 signs on one line is needed."""

    code = "staff_name_refused"


class PasswordRefused(RuleBroken):
    """Not long enough, or easily guessed; `reason` is short, common, breached or same; `least` is in characters."""

    code = "password_refused"


class PresentPasswordWrong(RuleBroken):
    """The present password was asked for again and does not fit."""

    code = "present_password_wrong"


class AuthenticatorRefused(RuleBroken):
    """The authenticator's code does not fit, or was used already."""

    code = "authenticator_refused"


class RightMissing(NotAllowed):
    """The role does not include this."""

    code = "right_missing"


class LastAdministrator(Conflict):
    """The last city administrator cannot be disabled or given another role."""

    code = "last_administrator"


class ScopeRefused(RuleBroken):
    """A clerk, doctor or manager needs at least one facility, and nobody gives away what he does not have."""

    code = "scope_refused"
