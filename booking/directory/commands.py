"""What staff may tell the directory."""

from typing import Annotated, Self

from pydantic import AfterValidator, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from booking.directory.kinds import Paper, WordKind
from booking.directory.rules import LONGEST_PHRASE, bare, phrase
from booking.inputs import Command, ShortText


def _phrase(raw: str) -> str:
    if not (words := phrase(raw)):
        raise PydanticCustomError("phrase", "a phrase has at least one word")
    return words


Phrase = Annotated[ShortText, StringConstraints(max_length=LONGEST_PHRASE), AfterValidator(_phrase)]
"""Words as people type them, with their accents; in small letters."""

_WITHOUT_TARGET = (WordKind.EMERGENCY, WordKind.NOTHING)


class AddWord(Command):
    """Let a phrase lead somewhere. `target`: a service's code, a Paper, or the other word for the same."""

    kind: WordKind
    phrase: Phrase
    target: ShortText = ""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.kind in _WITHOUT_TARGET) != (self.target == ""):
            raise PydanticCustomError("target", "service, paper and same need a target, the others have none")
        if self.kind is WordKind.PAPER and self.target not in set(Paper):
            raise PydanticCustomError("target", "no such paper")
        if self.kind is WordKind.SAME and not bare(self.target):
            raise PydanticCustomError("target", "the other word has at least one word")
        return self


class RemoveWord(Command):
    """Let a phrase lead nowhere any more; without `target` to none of its targets."""

    kind: WordKind
    phrase: Phrase
    target: ShortText | None = None
