"""Why what was given about a person cannot be taken."""

from booking.errors import RuleBroken


class NameRefused(RuleBroken):
    """No person's name; `reason` is empty, long, control or signs."""

    code = "name_refused"


class PhoneRefused(RuleBroken):
    """No telephone number of Vietnam."""

    code = "phone_refused"


class BirthRefused(RuleBroken):
    """No possible birth; `reason` is missing, disagree, future or old."""

    code = "birth_refused"
