"""A request about data at a facility, for tests of the desk."""

from datetime import datetime
from uuid import UUID

from booking import clock, ids
from booking.actor import Actor, ActorKind
from booking.db import Database
from booking.requests import service
from booking.requests.commands import MakeRequest
from booking.requests.kinds import RequestDoor, RequestKind
from tests import seeds

BY = Actor(ActorKind.STAFF, id=str(ids.public_id()), address="127.0.0.1")


async def make(
    db: Database, facility: str, kind: RequestKind = RequestKind.DELETE, *, at: datetime | None = None
) -> UUID:
    """One that was handed in at the desk; its public id."""
    place = await seeds.value(db, "SELECT id FROM facility WHERE code = :code", code=facility)
    command = MakeRequest(
        id=ids.public_id(), kind=kind, door=RequestDoor.DESK, name="Trần Thị Mẫu", phone="+84903123456",
        said="Xóa giúp số điện thoại cũ.",
    )  # fmt: skip
    async with db.transaction() as session:
        await service.make(session, place, command, by=BY, now=at or clock.utc_now())
    return command.id


async def fill(db: Database, facility: str) -> dict[str, str]:
    """What stands for it in addresses."""
    return {"request": str(await make(db, facility))}
