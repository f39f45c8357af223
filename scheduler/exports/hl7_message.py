"""One HL7 version 2 message and the places in it. Pure."""

import re
from dataclasses import dataclass
from typing import Final

PLACE: Final = re.compile(r"(?P<segment>[A-Z][A-Z0-9]{2})-[1-9]\d?(?:\.[1-9]\d?)?")
"""How a feed names a place: `AIP-3.1`."""

READ: Final = ("MSH", "SCH", "TQ1", "RGS", "AIS", "AIG", "AIL", "AIP", "PV1")
"""Segments a feed may name, and those of one's own that begin with Z: none of them tells who the patient is."""

_SEGMENT: Final = re.compile(r"[A-Z][A-Z0-9]{2}")
_ESCAPED: Final = re.compile(r"\\([FSTRE])\\")


class BrokenMessageError(ValueError):
    """Its parts cannot be told apart; the message says why."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What parts a message, as its MSH says."""

    field: str
    component: str
    repetition: str
    escape: str
    below: str

    def plain(self, text: str) -> str:
        """The text that was meant: the first of what lies below a component, without escapes; `""` means deleted."""
        text = text.split(self.below, maxsplit=1)[0] if self.below else text
        if text == '""':
            return ""
        meant = {
            "F": self.field, "S": self.component, "R": self.repetition, "E": self.escape, "T": self.below,
        }  # fmt: skip
        return _ESCAPED.sub(lambda found: meant[found[1]], text) if self.escape == "\\" else text


@dataclass(frozen=True, slots=True)
class Message:
    """One message: the line it begins on, and its segments split into fields."""

    line: int
    signs: Signs
    segments: tuple[tuple[str, ...], ...]

    def first(self, name: str, number: int = 0) -> tuple[str, ...] | None:
        """The segment of a name, counted from 0; the last where there are fewer."""
        found = [segment for segment in self.segments if segment[0] == name]
        return found[min(number, len(found) - 1)] if found else None

    def count(self, name: str) -> int:
        """How many segments of a name there are."""
        return sum(segment[0] == name for segment in self.segments)

    def at(self, place: str, number: int = 0) -> str:
        """The text at a place; empty where there is none. Of a repeated field the first counts."""
        name, _, numbers = place.partition("-")
        field, _, component = numbers.partition(".")
        segment = self.first(name, number)
        index = int(field) - (name == "MSH")  # MSH-1 is the sign that parts fields
        if segment is None or not 0 < index < len(segment):
            return ""
        text = segment[index].split(self.signs.repetition)[0] if self.signs.repetition else segment[index]
        parts = text.split(self.signs.component)
        wanted = int(component or 1) - 1
        return self.signs.plain(parts[wanted]) if wanted < len(parts) else ""


def message_of(line: int, segments: list[str]) -> Message:
    """A message of its segments, the MSH first.

    Raises:
        BrokenMessageError: its MSH does not say what parts it, or a line is no segment.
    """
    head = segments[0]
    sign = head[3:4]
    said = head[4:].split(sign)[0] if sign else ""
    if not sign or sign.isalnum() or len(said) < 2 or len({sign, *said}) != len(said) + 1:  # noqa: PLR2004  ^ and ~
        raise BrokenMessageError("its MSH segment does not say what parts its fields")
    padded = said.ljust(4, "\0")
    for number, segment in enumerate(segments, 1):
        if not _SEGMENT.match(segment) or segment[3:4] not in ("", sign):
            raise BrokenMessageError(f"its line {number} is no segment")
    parted = tuple(tuple(segment.split(sign)) for segment in segments)
    # A sign that the message does not use is one that no text holds: NUL was refused before.
    return Message(line, Signs(sign, *padded[:4]), parted)
