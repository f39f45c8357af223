"""From a TOML file to a feed (or to what else a TOML of ours describes), or to every problem it has, by its key."""

import tomllib
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from booking.exchange.errors import FeedError
from scheduler.exports.feed import Feed, Source
from scheduler.exports.slip_feed import FORMAT, AnyFeed, SlipFeed
from scheduler.exports.spelling import nearest

AnyModel = TypeVar("AnyModel", bound=BaseModel)


def load_feed(path: Path) -> Feed:
    """The feed a file describes.

    Raises:
        FeedError: with every problem found.
    """
    return parse_feed(text_of(path))


def text_of(path: Path) -> str:
    """The text of a TOML file; raises `FeedError` where it cannot be had."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise FeedError([f"{path.name}: cannot be opened: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise FeedError([f"{path.name}: is not UTF-8 text (byte {error.start})"]) from error


def parse_feed(text: str) -> Feed:
    """The feed a TOML text describes; raises `FeedError` with every problem found."""
    return parse_as(Feed, text)


def load_any(path: Path) -> AnyFeed:
    """The feed a file describes, of a calendar or of slips; raises `FeedError` with every problem found."""
    return parse_any(text_of(path))


def parse_any(text: str) -> AnyFeed:
    """Likewise of a TOML text. What it is its format says; where that is none, its tables."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        data = {}
    source = data.get("source")
    said = source.get("format") if isinstance(source, dict) else None
    guessed = "slips" in data and said not in get_args(Source.model_fields["format"].annotation)
    return parse_as(SlipFeed, text) if said == FORMAT or guessed else parse_as(Feed, text)


def parse_as(model: type[AnyModel], text: str) -> AnyModel:
    """What a TOML text describes; raises `FeedError` with every problem found."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FeedError([f"not valid TOML: {error}"]) from error
    try:
        return model.model_validate(_tupled(data))
    except ValidationError as error:
        raise FeedError([problem for found in _told(error) for problem in _problems(model, found)]) from error


def _tupled(value: Any) -> Any:
    """Lists as tuples: a feed is frozen through and through."""
    if isinstance(value, dict):
        return {key: _tupled(inner) for key, inner in value.items()}
    return tuple(_tupled(inner) for inner in value) if isinstance(value, list) else value


def _told(error: ValidationError) -> list[Mapping[str, Any]]:
    """Without the echo of a bad item in the list it left empty."""
    found = error.errors()
    places = [each["loc"] for each in found]

    def echoes(place: tuple[Any, ...]) -> bool:
        return any(len(other) > len(place) and other[: len(place)] == place for other in places)

    return [each for each in found if each["type"] != "too_short" or not echoes(each["loc"])]


def _problems(model: type[BaseModel], found: Mapping[str, Any]) -> list[str]:
    place = tuple(part for part in found["loc"] if part != "[key]")
    where = ".".join(str(part) for part in place)
    kind = found["type"]
    if kind == "extra_forbidden":
        return [f"{where}: {nearest(str(place[-1]), _known(model, place[:-1]))}"]
    if kind == "missing":
        return [f"{where}: is missing"]
    if kind in {"literal_error", "enum"}:
        allowed = found["ctx"]["expected"]
        return [f"{where}: {nearest(str(found['input']), _words(allowed))}"]
    if kind == "value_error":
        prefix = f"{where}." if where else ""
        lines = str(found["ctx"]["error"]).split("\n")
        # Checks of a whole table begin each line with the key; those of one value do not.
        return [f"{prefix}{line}" if _names_key(model, line, place) else f"{where}: {line}" for line in lines]
    return [f"{where}: {_plain(found)}"]


def _names_key(model: type[BaseModel], line: str, place: tuple[Any, ...]) -> bool:
    head = line.split(":", 1)[0].split(".", maxsplit=1)[0]
    return head in _known(model, place)


def _words(expected: str) -> list[str]:
    return [word.strip(" '") for word in expected.replace(" or ", ",").split(",") if word.strip(" '")]


_OF_PATTERN = {
    "[0-5]": 'must be a time such as "07:30"',
    "urn:": "must begin with https://, http:// or urn:, and hold no blank",
    "[^|": "1 to 60 signs, none of them | ^ ~ \\ &",
    "{0,59}": "letters, digits, - _ and . only, at most 60",
    "": "letters, digits, - _ and . only, at most 40",
}
"""What a value must be, by a part of its pattern."""


def _plain(found: Mapping[str, Any]) -> str:
    if found["type"] == "string_pattern_mismatch":
        pattern = found["ctx"]["pattern"]
        return next(words for part, words in _OF_PATTERN.items() if part in pattern)
    wording = {
        "string_type": "must be text in quotes",
        "int_type": "must be a whole number",
        "tuple_type": "must be a list in [ ]",
        "dict_type": "must be a table",
        "model_type": "must be a table",
        "model_attributes_type": "must be a table",
        "date_type": "must be a date such as 2026-11-23, without quotes",
        "too_short": "must not be empty",
    }
    return wording.get(found["type"], str(found["msg"]))


def _known(whole: type[BaseModel], place: tuple[Any, ...]) -> list[str]:
    """Keys that may stand at a place."""
    model: Any = whole
    for part in place:
        inner = (
            _model_in(model.model_fields[part].annotation) if _is_model(model) and part in model.model_fields else None
        )
        if inner is not None:
            model = inner
        # A number in a list or a free name in a table leads to the model its table or list was declared with.
    return list(model.model_fields) if _is_model(model) else []


def _is_model(thing: Any) -> bool:
    return isinstance(thing, type) and issubclass(thing, BaseModel)


def _model_in(annotation: Any) -> Any:
    """The model an annotation holds: itself, in a union, as the values of a dict or the items of a tuple."""
    if _is_model(annotation):
        return annotation
    if get_origin(annotation) in {Union, types.UnionType, dict, tuple} or get_args(annotation):
        for argument in reversed(get_args(annotation)):
            found = _model_in(argument)
            if found is not None:
                return found
    return None
