"""Why what was given about a person cannot be taken."""

from booking.errors import Conflict, NotAllowed, NotFound, RuleBroken


class NameRefused(RuleBroken):
    """No person's name; `reason` is empty, long, control or signs."""

    code = "name_refused"


class PhoneRefused(RuleBroken):
    """No telephone number of Vietnam."""

    code = "phone_refused"


class NotMobile(RuleBroken):
    """A fixed line: no SMS reaches it."""

    code = "not_mobile"


class CodeRefused(RuleBroken):
    """The code opens nothing. Wrong, expired, used, another browser's, for something else: nobody is told which.

    `reason` is form where it was no code of six digits at all; then no try is counted.
    """

    code = "sms_code_refused"


class CodeNotAsked(NotFound):
    """Nobody asked for a code for this number lately, so there is none to be read out."""

    code = "code_not_asked"


class StaffOnly(NotAllowed):
    """A verb of the desk, and somebody else asked."""

    code = "staff_only"


class BirthUnknown(RuleBroken):
    """Nobody of the family was born on this day; `left` tries are left today, `in_all` before a desk must help."""

    code = "birth_unknown"


class SessionUnknown(NotFound):
    """The account has no such session."""

    code = "session_unknown"


class BirthRefused(RuleBroken):
    """No possible birth; `reason` is missing, disagree, future or old."""

    code = "birth_refused"


class CitizenIdRefused(RuleBroken):
    """No number of a citizen ID; `reason` is cmnd (nine digits, no longer valid), digits, province or century."""

    code = "citizen_id_refused"


class BhytRefused(RuleBroken):
    """No number of an insurance card; `reason` is shape or the one of a citizen ID that stands in its place."""

    code = "bhyt_refused"


class GuardianNeeded(RuleBroken):
    """A minor who is not the account's own child needs the name of a guardian."""

    code = "guardian_needed"


class PriorityRefused(RuleBroken):
    """Age makes this class by itself: nobody claims it."""

    code = "priority_refused"


class ProfileUnknown(NotFound):
    """The account has no such person."""

    code = "profile_unknown"


class PersonClash(Conflict):
    """Another person under this number has the same name and birth."""

    code = "person_clash"


class PatientOvertaken(Conflict):
    """Somebody corrected this record since the form was made."""

    code = "patient_overtaken"


class TooManyPeople(Conflict):
    """The account books for `most` people already."""

    code = "too_many_people"


class OwnSayNeeded(Conflict):
    """A grown-up child has not agreed yet that this account books for her."""

    code = "own_say_needed"


class LooksAfterHerself(NotAllowed):
    """The person has an account of her own: name, birth and numbers are hers to correct."""

    code = "looks_after_herself"


class ConsentNeeded(RuleBroken):
    """Without agreement to `purpose` this cannot be done."""

    code = "consent_needed"


class PatientUnknown(NotFound):
    """No such patient for this desk: she has no visit in its scope, and nobody told her number here."""

    code = "patient_unknown"


class MergeUnknown(NotFound):
    """This facility joined no such two records."""

    code = "merge_unknown"


class MergeClash(Conflict):
    """Two records cannot be joined; `reason` is visits (both booked on one day), waits, chain, same or undone.

    `codes` are of the visits in the way.
    """

    code = "merge_clash"


class OwnNumberNeeded(RuleBroken):
    """Who agrees proves it with a number of her own, not with the one that books for her."""

    code = "own_number_needed"
