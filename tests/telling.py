"""Changes of visits by staff, for tests of what hospitals are told and say."""

from datetime import datetime

from booking.appointments import for_others
from booking.appointments.commands import CancelForOther, MoveForOther
from booking.appointments.kinds import ChangeReason
from booking.db import Database
from tests.feeds import BY, NOW
from tests.seeds import value


async def move(db: Database, code: str, slot: int, now: datetime = NOW) -> None:
    """To another time."""
    async with db.transaction() as session:
        command = MoveForOther(slot=slot, reason=ChangeReason.PATIENT_ASKED)
        await for_others.move(session, code, command, facility_id=await _place(db), by=BY, now=now)


async def cancel(db: Database, code: str, now: datetime = NOW) -> None:
    """Off."""
    async with db.transaction() as session:
        command = CancelForOther(reason=ChangeReason.PATIENT_ASKED)
        await for_others.cancel(session, code, command, facility_id=await _place(db), by=BY, now=now)


async def _place(db: Database) -> int:
    return int(await value(db, "SELECT id FROM facility WHERE code = 'BVVT'"))
