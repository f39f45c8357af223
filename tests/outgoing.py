"""Bookings to be told to a hospital, for tests: visits made to order, and the worked examples of terms."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from booking.exchange.outgoing.kinds import OutEvent
from booking.exchange.outgoing.rules import Batch, Item, Named, Visit
from scheduler.outgoing.terms import Outgoing
from scheduler.outgoing.terms_file import load_terms
from tests.exports import FEEDS

TERMS = FEEDS / "out"
MADE = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)
MSH = "MSH|^~\\&|HIS|BVVT|HENKHAM|BVVT|20261123080000||ACK^S12^ACK|77|P|2.5"
"""How an acknowledgement begins."""
HOSPITAL = Named("BVVT", "Bệnh viện Vũng Tàu")
NASTY = "=1+1|^~\\&\r\nMẫu"
"""What must not be taken for a formula, for a sign that parts anything, or for the end of a line."""


def terms(name: str) -> Outgoing:
    """One of the worked examples."""
    return load_terms(TERMS / f"{name}.out.toml")


def visit(
    number: int = 1,
    *,
    state: str = "booked",
    clock: str = "07:30",
    minutes: int = 30,
    practitioner: str | None = "chau",
    room: str | None = None,
    service: str = "Khám tim mạch",
    person: Mapping[str, str] | None = None,
) -> Visit:
    """A visit to doctor Châu on 23 November 2026."""
    start = datetime.fromisoformat(f"2026-11-23T{clock}:00+07:00").astimezone(UTC)
    return Visit(
        id=number, slot_id=100 + number, public_id=f"00000000-0000-4000-8000-{number:012d}", code=f"ABCD{number:04d}",
        state=state, version=1, starts_at=start, ends_at=start + timedelta(minutes=minutes),
        practitioner=Named(practitioner, "Nguyễn Thị Châu Mẫu") if practitioner else None,
        room=Named(room, "Phòng 12") if room else None, service=Named("kham-tim-mach", service), person=person or {},
    )  # fmt: skip


def batch(*items: Item | Visit, number: int = 17, full: bool = False) -> Batch:
    """A file's worth; a visit alone is a new one."""
    told = [item if isinstance(item, Item) else Item(OutEvent.NEW, item) for item in items]
    return Batch("x", HOSPITAL, number, full, MADE, told)
