"""What a feed may read of a FHIR R4 resource. Pure: parsed JSON in, text out; whatever is not asked for is dropped.

A slot has no practitioner of its own: its schedule names one, so schedules are looked up by their reference.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

KINDS: Final = ("Appointment", "Slot")
"""Resources that make rows."""

_ACTORS: Final = {
    "practitioner": ("Practitioner", "PractitionerRole"), "location": ("Location",), "device": ("Device",),
    "service": ("HealthcareService",),
}  # fmt: skip
_NAMES: Final = ("id", "start", "end", "status", "minutesDuration", "identifier", "serviceType")
_PLACE: Final = re.compile(rf"(?P<actor>{'|'.join(_ACTORS)})(?:\.(?P<part>identifier|display))?")

Json = Mapping[str, Any]


def knows(name: str) -> bool:
    """Whether a feed may name this. `identifier|SYSTEM` is the identifier of one system."""
    return name in _NAMES or name.startswith("identifier|") or _PLACE.fullmatch(name) is not None


def names() -> str:
    """What may be named, for whoever named something else."""
    return ", ".join([*_NAMES, "identifier|SYSTEM", *(f"{actor}[.identifier, .display]" for actor in _ACTORS)])


def actors_in(name: str) -> str | None:
    """The sort of actor a name asks for; None where it asks for something else."""
    found = _PLACE.fullmatch(name)
    return found["actor"] if found is not None else None


def reference_of(text: object) -> str:
    """`Practitioner/17` of a reference, be it relative or a whole address, without its version."""
    parts = str(text).split("/_history/")[0].rstrip("/").split("/") if isinstance(text, str) else []
    return "/".join(parts[-2:])


def key_of(resource: Json) -> str:
    """`Appointment/17`: an appointment and a slot may have one id."""
    found = _text(resource.get("id"))
    return f"{resource.get('resourceType')}/{found}" if found else ""


def actors(resource: Json, sort: str, schedules: Mapping[str, Json]) -> list[Json]:
    """References to actors of a sort: of an appointment's participants, or of a slot's schedule."""
    if resource.get("resourceType") == "Slot":
        schedule = schedules.get(reference_of(_inner(resource.get("schedule")).get("reference")), {})
        found = [_inner(each) for each in _list(schedule.get("actor"))]
    else:
        found = [_inner(_inner(each).get("actor")) for each in _list(resource.get("participant"))]
    kinds = _ACTORS[sort]
    return [each for each in found if each.get("type") in kinds or _kind(each) in kinds]


def read(resource: Json, name: str, schedules: Mapping[str, Json], number: int = 0) -> str:
    """The text of a name; of several actors of the sort the one of this number, the last where there are fewer."""
    place = _PLACE.fullmatch(name)
    if place is not None:
        found = actors(resource, place["actor"], schedules)
        return _actor(found[min(number, len(found) - 1)], place["part"]) if found else ""
    if name == "id":
        return key_of(resource)
    if name.startswith("identifier"):
        return _identifier(resource.get("identifier"), name.partition("|")[2])
    if name == "serviceType":
        coding = [_inner(one) for each in _list(resource.get(name)) for one in _list(_inner(each).get("coding"))]
        return next((text for each in coding if (text := _text(each.get("code")))), "")
    return _text(resource.get(name))


def _actor(reference: Json, part: str | None) -> str:
    if part == "display":
        return _text(reference.get("display"))
    if part == "identifier":
        return _text(_inner(reference.get("identifier")).get("value"))
    return reference_of(reference.get("reference"))


def _kind(reference: Json) -> str:
    return reference_of(reference.get("reference")).partition("/")[0]


def _identifier(found: object, system: str) -> str:
    every = [_inner(each) for each in _list(found)]
    return next((_text(each.get("value")) for each in every if not system or each.get("system") == system), "")


def _inner(found: object) -> Json:
    return found if isinstance(found, dict) else {}


def _list(found: object) -> Sequence[object]:
    return found if isinstance(found, list) else []


def _text(found: object) -> str:
    if isinstance(found, str):
        return found
    return str(found) if isinstance(found, int) and not isinstance(found, bool) else ""
