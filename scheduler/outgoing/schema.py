"""A JSON schema of terms, for editors: made of the same models that read them, so that it cannot differ from them."""

from typing import Any, Final

from booking.exchange.outgoing.kinds import PERSONAL
from scheduler.exports.schema import DRAFT, loosened
from scheduler.outgoing.terms import EVENTS, FIELDS, STATES, Outgoing

_ABOUT: Final = "What one hospital's software is told of our bookings. Every key is explained in docs/feeds.md."


def terms_schema() -> dict[str, Any]:
    """The schema. What two keys say to each other it does not know: `henkham feed check` does."""
    made = Outgoing.model_json_schema()
    keys = made["properties"]
    value = {"type": "string", "enum": list(PERSONAL)}
    keys["personal"] = {"anyOf": [value, {"type": "array", "items": value}], "default": []}
    keys["columns"]["additionalProperties"] = {"type": "string", "enum": [*FIELDS, *PERSONAL]}
    keys["states"] = _words_for(STATES)
    keys["events"] = _words_for(EVENTS)
    whole = {
        "$schema": DRAFT,
        "title": "Terms of what goes out of Hẹn Khám",
        "description": _ABOUT,
        **{name: made[name] for name in ("type", "properties", "required", "additionalProperties")},
        "$defs": dict(sorted(made["$defs"].items())),
    }
    return loosened(whole)  # type: ignore[no-any-return]  # an object goes in, an object comes out


def _words_for(names: tuple[str, ...]) -> dict[str, Any]:
    words = {name: {"type": "string"} for name in names}
    return {"type": "object", "properties": words, "additionalProperties": False}
