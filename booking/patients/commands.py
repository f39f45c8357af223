"""What an account can ask for about the people it books for."""

from pydantic import Field

from booking.inputs import Command, IsoDate, Name, ShortText, Whole
from booking.patients.kinds import PriorityClass, Relation, Sex
from booking.patients.rules import Birth


class AddProfile(Command):
    """Somebody to book for. Either `birth_date` or `birth_year` is needed; all after `relation` is optional.

    The guardian is asked of a minor who is not the account's own child. `priority` is a claim: staff verify it.
    """

    name: Name
    birth_date: IsoDate | None = None
    birth_year: Whole | None = Field(None, ge=0, le=9999)
    relation: Relation = Relation.SELF
    sex: Sex | None = None
    citizen_id: ShortText | None = None
    bhyt_number: ShortText | None = None
    ward: Name | None = None
    guardian_name: Name | None = None
    priority: PriorityClass | None = None

    @property
    def birth(self) -> Birth:
        """As given, unchecked."""
        return Birth(self.birth_date.year if self.birth_date else self.birth_year or 0, self.birth_date)


class CorrectProfile(AddProfile):
    """All that is known of a person as it should be from now on: what is left out is taken away."""
