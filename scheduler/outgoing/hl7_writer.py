"""HL7 version 2.5 messages of a schedule (SIU): S12 new, S13 moved, S14 changed, S15 cancelled, S26 did not come."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from booking.clock import ZONE
from booking.exchange.outgoing.kinds import OutEvent
from booking.exchange.outgoing.rules import Batch, Item, Visit
from booking.sheets import plain
from scheduler.outgoing.terms import Outgoing
from scheduler.outgoing.writer import key_of, service_key

EVENTS: Final = {
    OutEvent.NEW: "S12", OutEvent.MOVED: "S13", OutEvent.CHANGED: "S14", OutEvent.CANCELLED: "S15",
    OutEvent.NOSHOW: "S26",
}  # fmt: skip
_STATUS: Final = {
    "booked": "Booked", "arrived": "Started", "fulfilled": "Complete", "noshow": "Noshow", "cancelled": "Cancelled",
}  # fmt: skip
"""HL7's table 0278."""
_SEX: Final = {"male": "M", "female": "F", "undetermined": "U"}
_US: Final = "HENKHAM"
_ESCAPED: Final = str.maketrans({"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "~": "\\R\\", "&": "\\T\\"})
_END: Final = "\r"


def messages(terms: Outgoing, batch: Batch) -> bytes:
    """A file of messages, in an envelope unless the terms want none."""
    segments = [
        segment
        for position, item in enumerate(batch.items, 1)
        for segment in _message(terms, batch, item, control_id(batch.number, position))
    ]
    if terms.hl7.batch:
        head = _header(terms, batch)
        name = f"{batch.number:06d}"
        segments = [
            f"FHS|^~\\&|{head}||{_text(terms.out.name or terms.code)}||{name}",
            f"BHS|^~\\&|{head}||||{name}",
            *segments,
            f"BTS|{len(batch.items)}",
            "FTS|1",
        ]
    return "".join(segment + _END for segment in segments).encode()


def control_id(number: int, position: int) -> str:
    """MSH-10, by which answers name a message: the file's number and the message's place in it, from 1."""
    return f"{number:06d}-{position:06d}"


def _header(terms: Outgoing, batch: Batch) -> str:
    hl7 = terms.hl7
    names = (
        hl7.sending_application, hl7.sending_facility or _text(batch.facility.code), hl7.receiving_application,
        hl7.receiving_facility or _text(batch.facility.code),
    )  # fmt: skip
    return "|".join((*names, _moment(batch.made_at)))


def _message(terms: Outgoing, batch: Batch, item: Item, control: str) -> Iterable[str]:
    visit = item.visit
    event = EVENTS[item.event]
    asks = "AL" if terms.answers is not None else "NE"
    yield (
        f"MSH|^~\\&|{_header(terms, batch)}||SIU^{event}^SIU_S12|{control}|{terms.hl7.processing}|2.5"
        f"|||NE|{asks}|VNM|UNICODE UTF-8"
    )
    yield _sch(terms, item)
    yield _segment("TQ1", {1: "1", 7: _moment(visit.starts_at), 8: _moment(visit.ends_at)})
    if visit.person:
        yield _pid(visit)
    yield "RGS|1|A"
    start, minutes = _moment(visit.starts_at), str(visit.minutes)
    service = f"{_text(service_key(terms, visit))}^{_text(visit.service.name)}"
    yield _segment("AIS", {1: "1", 2: "A", 3: service, 4: start, 7: minutes, 8: "min"})
    if visit.room is not None:
        # PL: the room is its second component, the facility its fourth.
        room = f"^{_text(key_of(terms, visit.room))}^^{_text(batch.facility.code)}"
        yield _segment("AIL", {1: "1", 2: "A", 3: room, 6: start, 9: minutes, 10: "min"})
    if visit.practitioner is not None:
        who = f"{_text(key_of(terms, visit.practitioner))}^{_text(visit.practitioner.name)}"
        yield _segment("AIP", {1: "1", 2: "A", 3: who, 6: start, 9: minutes, 10: "min"})


def _sch(terms: Outgoing, item: Item) -> str:
    visit = item.visit
    code = f"{_text(visit.code)}^{_text(terms.hl7.sending_application)}"
    span = f"^^^{_moment(visit.starts_at)}^{_moment(visit.ends_at)}"
    return _segment(
        "SCH",
        {
            1: code, 2: code, 6: item.event.value.upper(), 9: str(visit.minutes), 10: "min", 11: span, 16: _US,
            20: _US, 25: _STATUS[visit.state if visit.state in _STATUS else "cancelled"],
        },
    )  # fmt: skip


def _pid(visit: Visit) -> str:
    """What the facility may see of the person, and nothing else."""
    person = {name: _text(value) for name, value in visit.person.items()}
    numbers = [
        f"{person[name]}^^^{sort}^{kind}"
        for name, sort, kind in (("citizen_id", "CCCD", "NI"), ("insurance_number", "BHYT", "HC"))
        if name in person
    ]
    words = person.get("name", "").split(" ")
    # Vietnamese names begin with the family's; what is left is given.
    name = f"{words[0]}^{' '.join(words[1:])}" if words != [""] else ""
    fields = {
        1: "1", 3: "~".join(numbers), 5: name, 6: person.get("guardian", ""),
        7: person.get("birth_date", "").replace("-", ""), 8: _SEX.get(visit.person.get("sex", ""), ""),
        11: f"^^{person['ward']}" if "ward" in person else "", 13: person.get("phone", ""),
    }  # fmt: skip
    # Both are required fields: without a number or a name of hers the booking's code stands for the person.
    fields[3] = fields[3] or f"{_text(visit.code)}^^^{_US}^VN"
    return _segment("PID", fields)


def _segment(name: str, fields: dict[int, str]) -> str:
    return "|".join([name, *(fields.get(number, "") for number in range(1, max(fields) + 1))])


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(ZONE):%Y%m%d%H%M%S%z}"


def _text(text: str) -> str:
    """A text as a component holds it: nothing in it parts anything, and no line ends in it."""
    return plain(text).translate(_ESCAPED)
