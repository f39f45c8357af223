"""What an administrator can ask for."""

from typing import Annotated
from uuid import UUID

from pydantic import StringConstraints

from booking.access.kinds import Role
from booking.inputs import Command, Name, ShortText

Secret = Annotated[str, StringConstraints(max_length=400)]
"""A password as it was typed: not trimmed, not shown."""


class AddStaff(Command):
    """A new account. `facilities` are codes; empty for roles of the whole city.

    `practitioner`: who of those who examine it is, as facility and code: "vt-tyt-1/an".
    """

    username: ShortText
    name: Name
    role: Role
    facilities: tuple[ShortText, ...] = ()
    practitioner: ShortText | None = None


class ChangeStaff(Command):
    """Another name, role or scope.

    `practitioner` None leaves it as it is, while its facility is in the scope; empty: none.
    """

    staff: UUID
    name: Name
    role: Role
    facilities: tuple[ShortText, ...] = ()
    practitioner: ShortText | None = None
