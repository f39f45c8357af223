"""What the tables of our TOML files are made of: text that is not empty, lists of one without brackets, checks."""

import hashlib
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from booking.text import clean

AnyPart = TypeVar("AnyPart")


def as_tuple(value: object) -> object:
    """A list of one may be written without brackets."""
    return (value,) if isinstance(value, str) else value


def _filled(text: str) -> str:
    if not clean(text):
        raise ValueError("is empty")
    return text


Filled = Annotated[str, AfterValidator(_filled)]
Names = Annotated[tuple[Filled, ...], BeforeValidator(as_tuple), Field(min_length=1)]
Words = Annotated[tuple[Filled, ...], BeforeValidator(as_tuple)]


def or_raise(part: AnyPart, problems: list[str]) -> AnyPart:
    """One ValueError for all; the loader splits it into lines again."""
    if problems:
        raise ValueError("\n".join(problems))
    return part


class Part(BaseModel):
    """The ground of every table of a feed: a key that nobody knows is an error, and nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


_OF_THE_WAY = {"every_minutes", "fetch_seconds", "sftp", "https"}


def definition_of(feed: Part) -> str:
    """A hash of what a feed says of its files; how they come to us is no part of it."""
    return hashlib.sha256(feed.model_dump_json(exclude={"source": _OF_THE_WAY}).encode()).hexdigest()[:16]
