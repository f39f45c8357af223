"""What the columns of a feed may name where a format has no headers: places in a message or resource. Pure."""

from collections.abc import Mapping

from booking.exchange.marks import SORTS
from scheduler.exports import fhir_resource, ical_event
from scheduler.exports.hl7_message import PLACE, READ


def problems(format_name: str, aliases: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Every name that is none in this format, as lines that begin with the key."""
    check = {"hl7": _of_hl7, "fhir": _of_fhir, "ical": _of_ical}.get(format_name)
    if check is None:
        return []
    return [
        f"columns.{field}: {problem}"
        for field, names in aliases.items()
        for name in names
        if (problem := check(name)) is not None and not (field in SORTS and _of_person(format_name, name))
    ]


def forms_of(format_name: str, key: str, joint: str) -> list[str]:
    """A resource key as the feed writes it, and as a reader tells it: FHIR's whole addresses are cut to their end."""
    if format_name != "fhir" or "://" not in key:
        return [key]
    return [key, joint.join(fhir_resource.reference_of(part) if "://" in part else part for part in key.split(joint))]


def _of_person(format_name: str, name: str) -> bool:
    """Whether a number of the person stands there, which the reader makes a mark of and forgets."""
    found = PLACE.fullmatch(name)
    return format_name == "hl7" and found is not None and found["segment"] == "PID"


def _of_hl7(name: str) -> str | None:
    found = PLACE.fullmatch(name)
    if found is None:
        return f"{name!r} is no place in a message such as 'SCH-11.4'"
    segment = found["segment"]
    if segment in READ or segment.startswith("Z"):
        return None
    return (
        f"{name!r}: {segment} is not read, because it may tell who the patient is. Read are {', '.join(READ)} and Z.."
    )


def _of_fhir(name: str) -> str | None:
    return None if fhir_resource.knows(name) else f"{name!r} is not read. Read are {fhir_resource.names()}"


def _of_ical(name: str) -> str | None:
    if name in ical_event.NAMES or name.startswith("="):
        return None
    return f"{name!r} is not read. Read are {', '.join(ical_event.NAMES)}, and =TEXT for a text of the feed's own"
