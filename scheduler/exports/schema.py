"""A JSON schema of feeds, for editors: made of the same models that read them, so that it cannot differ from them."""

from typing import Any, Final

from scheduler.exports.feed import Feed
from scheduler.exports.slip_feed import FORMAT, SlipFeed

DRAFT: Final = "http://json-schema.org/draft-07/schema#"  # what editors of TOML know
_ABOUT: Final = "One export of one hospital. Every key is explained in docs/feeds.md."


def feed_schema() -> dict[str, Any]:
    """The schema. What two keys say to each other it does not know: `henkham feed check` does."""
    parts: dict[str, Any] = {}
    for model in (Feed, SlipFeed):
        made = model.model_json_schema()
        parts |= made.pop("$defs")
        parts[model.__name__] = made
    formats = parts["Source"]["properties"]["format"]["enum"]
    kinds = {"Feed": [each for each in formats if each != FORMAT], "SlipFeed": [FORMAT]}
    for name, theirs in kinds.items():
        only = {"properties": {"format": {"enum": theirs}}}
        parts[name]["properties"]["source"] = {"allOf": [{"$ref": "#/$defs/Source"}, only]}
    whole = {
        "$schema": DRAFT,
        "title": "Feed of Hẹn Khám",
        "description": _ABOUT,
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in kinds],
        "$defs": dict(sorted(parts.items())),
    }
    return loosened(whole)  # type: ignore[no-any-return]  # an object goes in, an object comes out


def loosened(part: Any) -> Any:
    """Every list of texts also as one text without brackets; without titles, which only repeat the keys."""
    if isinstance(part, list):
        return [loosened(each) for each in part]
    if not isinstance(part, dict):
        return part
    found = {
        name: {key: loosened(each) for key, each in value.items()} if name == "properties" else loosened(value)
        for name, value in part.items()
        if name != "title" or "$schema" in part
    }
    if "patternProperties" in found:
        found["additionalProperties"] = False
    if found.get("type") == "array":
        if "minLength" in found:  # of a list whose reading begins with a function of ours
            found["minItems"] = found.pop("minLength")
        if _of_text(found.get("items", {})):
            default = {"default": found.pop("default")} if "default" in found else {}
            return {"anyOf": [found["items"], found], **default}
    return _without_null(found)


def _of_text(items: Any) -> bool:
    """Any text, or one of a pattern; a list of words from a few is written in brackets."""
    return items.get("type") == "string" and "enum" not in items


def _without_null(found: dict[str, Any]) -> dict[str, Any]:
    """TOML has no null: a key that may be left out is left out."""
    kinds = found.get("anyOf", ())
    if {"type": "null"} not in kinds:
        return found
    left = [each for each in kinds if each != {"type": "null"}]
    rest = {name: value for name, value in found.items() if name != "anyOf" and (name, value) != ("default", None)}
    return left[0] | rest if len(left) == 1 else {"anyOf": left, **rest}
