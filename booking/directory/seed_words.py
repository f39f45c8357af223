"""The first plain words of the search, from seed/words.toml. Beside seeding.py, which it would make too long."""

import tomllib
from functools import cache
from importlib import resources
from typing import Any

from pydantic import BaseModel, ConfigDict

from booking.directory.kinds import Paper, WordKind
from booking.directory.rules import phrase

_WORDS = resources.files("booking.directory") / "seed" / "words.toml"


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Leads(_Entry):
    words: list[str]
    lead: list[str]


class PlainWords(_Entry):
    """What people type, and where it leads."""

    emergency: list[str]
    nothing: list[str]
    same: dict[str, str]
    paper: dict[Paper, list[str]]
    service: list[_Leads]

    def rows(self) -> list[tuple[WordKind, str, str]]:
        """Kind, phrase and target of each, in the order of the file."""
        return [
            *((WordKind.EMERGENCY, phrase, "") for phrase in self.emergency),
            *((WordKind.NOTHING, phrase, "") for phrase in self.nothing),
            *((WordKind.SAME, phrase, target) for phrase, target in self.same.items()),
            *((WordKind.PAPER, phrase, paper) for paper, phrases in self.paper.items() for phrase in phrases),
            *((WordKind.SERVICE, phrase, code) for each in self.service for phrase in each.words for code in each.lead),
        ]


@cache
def plain_words() -> PlainWords:
    """The words of the repository."""
    return PlainWords.model_validate(tomllib.loads(_WORDS.read_text("utf-8")))


def word_rows() -> list[dict[str, Any]]:
    """Rows of the table, in the order of the file."""
    return [
        {"kind": kind, "phrase": phrase(words), "target": target, "active": True}
        for kind, words, target in plain_words().rows()
    ]
