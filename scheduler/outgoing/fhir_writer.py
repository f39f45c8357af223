"""FHIR R4: a Bundle of appointments, or a resource on each line (NDJSON); patients as far as the facility may see."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import orjson

from booking.clock import ZONE
from booking.exchange.outgoing.rules import Batch, Named, Visit
from scheduler.outgoing.terms import Outgoing
from scheduler.outgoing.writer import key_of, service_key

_ID: Final = re.compile(r"[A-Za-z0-9.-]{1,64}")
_SEX: Final = {"male": "male", "female": "female", "undetermined": "other"}
_STATES: Final = frozenset({"booked", "arrived", "fulfilled", "noshow", "cancelled"})

Json = dict[str, Any]


def bundle(terms: Outgoing, batch: Batch) -> bytes:
    """All of it in one Bundle."""
    system = terms.fhir.system
    found: Json = {
        "resourceType": "Bundle",
        "identifier": {"system": f"{system}/file", "value": f"{batch.feed}-{batch.number:06d}"},
        "type": "collection",
        "timestamp": _moment(batch.made_at),
    }
    entries = [
        {"fullUrl": f"{system}/{resource['resourceType']}/{resource['id']}", "resource": resource}
        for resource in _resources(terms, batch)
    ]
    if entries:  # FHIR knows no empty lists
        found["entry"] = entries
    return orjson.dumps(found, option=orjson.OPT_INDENT_2) + b"\n"


def lines(terms: Outgoing, batch: Batch) -> bytes:
    """A resource on each line."""
    return b"".join(orjson.dumps(resource) + b"\n" for resource in _resources(terms, batch))


def _resources(terms: Outgoing, batch: Batch) -> Iterator[Json]:
    for item in batch.items:
        if item.visit.person:
            yield _patient(terms, item.visit)
        yield _appointment(terms, item.visit)


def _appointment(terms: Outgoing, visit: Visit) -> Json:
    system = terms.fhir.system
    return {
        "resourceType": "Appointment",
        "id": visit.public_id,
        "meta": {"versionId": str(visit.version)},
        "identifier": [{"system": f"{system}/booking-code", "value": visit.code}],
        "status": visit.state if visit.state in _STATES else "cancelled",
        "serviceType": [{"coding": [_coding(system, terms, visit)], "text": visit.service.name}],
        "start": _moment(visit.starts_at),
        "end": _moment(visit.ends_at),
        "minutesDuration": visit.minutes,
        "slot": [{"reference": f"Slot/{visit.slot_id}"}],
        "participant": list(_participants(terms, visit)),
    }


def _coding(system: str, terms: Outgoing, visit: Visit) -> Json:
    return {"system": f"{system}/service", "code": service_key(terms, visit), "display": visit.service.name}


def _participants(terms: Outgoing, visit: Visit) -> Iterator[Json]:
    if visit.person:
        yield {"actor": {"reference": f"Patient/{visit.public_id}", "type": "Patient"}, "status": "accepted"}
    yield _actor("HealthcareService", service_key(terms, visit), visit.service)
    if visit.practitioner is not None:
        yield _actor("Practitioner", key_of(terms, visit.practitioner), visit.practitioner)
    if visit.room is not None:
        yield _actor("Location", key_of(terms, visit.room), visit.room)


def _actor(kind: str, key: str, named: Named) -> Json:
    """By the hospital's key: as an identifier, and as a reference where it can be one."""
    actor: Json = {"type": kind, "identifier": {"value": key}, "display": named.name}
    if _ID.fullmatch(key):
        actor["reference"] = f"{kind}/{key}"
    return {"actor": actor, "status": "accepted"}


def _patient(terms: Outgoing, visit: Visit) -> Json:
    """Under the id of the visit: two visits of one person cannot be told to be hers by what we hand out."""
    person, system = visit.person, terms.fhir.system
    found: Json = {"resourceType": "Patient", "id": visit.public_id}
    numbers = [
        {"system": f"{system}/{name.replace('_', '-')}", "value": person[name]}
        for name in ("citizen_id", "insurance_number")
        if name in person
    ]
    if numbers:
        found["identifier"] = numbers
    if "name" in person:
        family, _, given = person["name"].partition(" ")
        found["name"] = [{"text": person["name"], "family": family} | ({"given": [given]} if given else {})]
    if "phone" in person:
        found["telecom"] = [{"system": "phone", "value": person["phone"]}]
    if person.get("sex") in _SEX:
        found["gender"] = _SEX[person["sex"]]
    if "birth_date" in person:
        found["birthDate"] = person["birth_date"]
    if "ward" in person:
        found["address"] = [{"district": person["ward"], "country": "VN"}]
    if "guardian" in person:
        found["contact"] = [{"name": {"text": person["guardian"]}}]
    return found


def _moment(moment: datetime) -> str:
    return moment.astimezone(ZONE).isoformat(timespec="seconds")
