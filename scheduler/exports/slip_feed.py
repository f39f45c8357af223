"""What a feed of re-examination slips says. It shares the tables `source` and `limits` with feeds of a calendar.

A slip names a person and a day, no time and no room, so nothing of a calendar is asked for here.
"""

from typing import Annotated

from pydantic import Field, model_validator

from booking.invitations.rules import EARLY, LATE
from scheduler.exports.feed import Feed, Slug, Source, folded
from scheduler.exports.parts import Names, Part, Words, or_raise
from scheduler.exports.thresholds import Limits

FORMAT = "xml130"
"""The one format that holds slips."""

Days = Annotated[int, Field(ge=0, le=120)]


class Slips(Part):
    """Whose slips they are, how long each is good, and what for."""

    hospital: Names
    days_before: Days = EARLY.days
    days_after: Days = LATE.days
    service: Slug | None = None
    departments: dict[str, Slug] = Field(default_factory=dict)
    cancelled: Words = ()

    @model_validator(mode="after")
    def _sound(self) -> "Slips":
        problems = [f"hospital: {code!r} is no code of five digits" for code in self.hospital if not _is_code(code)]
        seen: dict[str, str] = {}
        firsts = [(key, seen.setdefault(folded(key), key)) for key in self.departments]
        problems += [f"departments: {key!r} stands there as {first!r} too" for key, first in firsts if first != key]
        return or_raise(self, problems)


def _is_code(text: str) -> bool:
    return len(text) == 5 and text.isascii() and text.isdigit()  # noqa: PLR2004


class SlipFeed(Part):
    """One export of slips of one facility."""

    code: Slug
    facility: Slug
    source: Source
    slips: Slips
    limits: Limits = Limits()

    def service_of(self, departments: str) -> str | None:
        """What a visit is for, by the departments of table 1 (joined by `;`): the first that is named."""
        named = {folded(key): code for key, code in self.slips.departments.items()}
        found = (named.get(folded(one)) for one in departments.split(";"))
        return next((code for code in found if code is not None), self.slips.service)

    @model_validator(mode="after")
    def _fits(self) -> "SlipFeed":
        if self.source.pattern == Source.model_fields["pattern"].default:
            return or_raise(self, ["source.pattern: say which names such files have, for example '*.xml'"])
        return self

    @property
    def services(self) -> set[str]:
        """Every code of ours that it may name."""
        return {*self.slips.departments.values(), *([self.slips.service] if self.slips.service else [])}


AnyFeed = Feed | SlipFeed
"""Whatever stands in the folder of feeds."""
