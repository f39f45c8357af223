"""Messages of a facility for tests of the desk: rows as they are when something became of them."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from booking import ids
from booking.actor import system
from booking.clock import ZONE, local_day, utc_now
from booking.db import Database
from booking.invitations import service as invitations
from booking.invitations.commands import ReceiveInvitation
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message
from booking.sealed import keys
from tests import seeds


async def fill(db: Database, facility: str) -> dict[str, str]:
    """One message of a facility, and one slip; what stands for them in addresses."""
    place = await seeds.value(db, "SELECT id FROM facility WHERE code = :code", code=facility)
    command = ReceiveInvitation(
        source="feed:x", key=facility, facility=facility, name="Nguyễn Thị Mẫu", birth_year=1990,
        citizen_ids=("077190000001",), due=local_day(utc_now()),
    )  # fmt: skip
    async with db.transaction() as session:
        slip = await invitations.receive(session, command, by=system("feed:x"), now=utc_now())
    return {"message": str((await message(db, place)).public_id), "slip": str(slip)}


async def message(
    db: Database,
    facility_id: int,
    *,
    subject: UUID | None = None,
    kind: MessageKind = MessageKind.BOOKED,
    state: MessageState = MessageState.DELIVERED,
    phone: str | None = "+84903123456",
    at: datetime | None = None,
    **more: Any,
) -> Message:
    """A message of a facility, about a visit or about nothing."""
    when = at or utc_now()
    starts = (when + timedelta(days=1)).astimezone(ZONE)
    facts = {"facility": "TYT Mau", "code": ids.booking_code(), "starts_at": starts.isoformat(), "token_version": 1}
    values: dict[str, Any] = {
        "public_id": ids.public_id(), "subject_kind": "appointment", "subject_id": subject or ids.public_id(),
        "kind": kind, "version": 1, "lane": "visit", "facility_id": facility_id, "language": "vi", "phone": phone,
        "phone_index": keys().index("phone", phone) if phone else None, "facts": facts, "state": state, "due_at": when,
        "useful_until": when + timedelta(days=1), "created_at": when, "changed_at": when,
        "posted_at": when if state in (MessageState.SENT, MessageState.DELIVERED) else None,
        "segments": 1 if state in (MessageState.SENT, MessageState.DELIVERED) else None,
        "sends": int(state in (MessageState.SENT, MessageState.DELIVERED)),
    }  # fmt: skip
    made = Message(**values | more)
    async with db.transaction() as session:
        session.add(made)
    return made
