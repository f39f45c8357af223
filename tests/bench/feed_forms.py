"""The large export of the bench as messages and resources: the same visits as its table has."""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

Visit = tuple[int, datetime, int, str]
"""Number, begin on the hospital's clock, number of the practitioner, state as the table has it."""

_LENGTH: Final = timedelta(minutes=15)
_EVENTS: Final = {"user_cancelled": "S15", "free": "S17"}
_STATUS: Final = {"user_cancelled": "cancelled", "free": "entered-in-error", "done": "fulfilled"}

COLUMNS: Final = {
    "hl7": 'id = "SCH-2.1"\nstart = "SCH-11.4"\nend = "SCH-11.5"\nstate = "MSH-9.2"\n[columns.resource]\n'
    'doctor = "AIP-3.1"\n[times]\nformats = ["%Y%m%d%H%M%S"]\nzone = "Asia/Ho_Chi_Minh"\n[states]\n'
    'closes = ["S12", "S13"]\nreleases = ["S15", "S17"]\n',
    "fhir": 'id = "id"\nstart = "start"\nend = "end"\nstate = "status"\n[columns.resource]\n'
    'doctor = "practitioner.identifier"\n[times]\nformats = ["iso"]\nzone = "UTC"\n[states]\n'
    'closes = ["booked", "fulfilled"]\nreleases = ["cancelled", "entered-in-error"]\n',
}
"""By format, what the feed says of the columns and what follows from them."""


def hl7(visits: Iterable[Visit]) -> Iterator[str]:
    """One message a visit, with a patient nobody reads."""
    for number, start, who, state in visits:
        begin, end = f"{start:%Y%m%d%H%M%S}", f"{start + _LENGTH:%Y%m%d%H%M%S}"
        event = _EVENTS.get(state, "S12")
        yield (
            f"MSH|^~\\&|HIS|BV|HENKHAM|VT|{begin}||SIU^{event}^SIU_S12|{number}|P|2.5\r"
            f"SCH|{number}^HK|{number}^HIS|||||KHAM^Kham benh||15|min|^^15^{begin}^{end}\r"
            f"PID|1||07710{number:07}^^^CCCD||Nguyễn^Thị Mẫu {number}||19760101|F|||Vũng Tàu||0906546652\r"
            f"RGS|1|A\rAIS|1|A|KHAM^Kham benh|{begin}\rAIP|1|A|LIC/{who:04}^Mẫu\r"
        )


def _resource(visit: Visit) -> str:
    number, start, who, state = visit
    taking = [
        {"actor": {"reference": f"Patient/{number}", "display": f"Nguyễn Thị Mẫu {number}"}, "status": "accepted"},
        {"actor": {"type": "Practitioner", "identifier": {"value": f"LIC/{who:04}"}}, "status": "accepted"},
    ]
    return json.dumps(
        {
            "resourceType": "Appointment", "id": str(number), "status": _STATUS.get(state, "booked"),
            "identifier": [{"system": "urn:his", "value": f"APP 2026/{number}"}],
            "serviceType": [{"coding": [{"code": "kham", "display": "Khám bệnh"}]}],
            "start": f"{start:%Y-%m-%dT%H:%M:%S}+07:00", "end": f"{start + _LENGTH:%Y-%m-%dT%H:%M:%S}+07:00",
            "comment": "Sẽ gọi lại hẹn giờ", "participant": taking,
        },
        ensure_ascii=False,
    )  # fmt: skip


def ndjson(visits: Iterable[Visit]) -> Iterator[str]:
    """One resource a line."""
    for visit in visits:
        yield f"{_resource(visit)}\n"


def bundle(visits: Iterable[Visit]) -> Iterator[str]:
    """One Bundle on one line."""
    yield '{"resourceType": "Bundle", "type": "collection", "entry": ['
    for place, visit in enumerate(visits):
        yield f'{", " * bool(place)}{{"resource": {_resource(visit)}}}'
    yield "]}\n"


FORMS: Final[dict[str, tuple[str, Callable[[Iterable[Visit]], Iterator[str]]]]] = {
    "hl7": ("hl7", hl7), "ndjson": ("fhir", ndjson), "bundle": ("fhir", bundle),
}  # fmt: skip
"""By name: the feed's format, and how visits are written."""
