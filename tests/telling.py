"""A hospital that is told of bookings: its terms and folders, the job that tells it, and changes by staff."""

import csv
import io
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from booking.appointments import for_others
from booking.appointments.commands import CancelForOther, MoveForOther
from booking.appointments.kinds import ChangeReason
from booking.db import Database
from scheduler.jobs import write_bookings
from scheduler.jobs.write_bookings import Memory
from tests.feeds import BY, NOW
from tests.outgoing import TERMS
from tests.seeds import value

LATER: Final = timedelta(minutes=5)
CHANGES_ONLY: Final = ('[full]\nat = "04:30"                         # the facility\'s clock\ndays_ahead = 60\n', "")
"""The worked example of a table without its whole file."""


class Desk:
    """A folder of terms, and the job that tells by them."""

    def __init__(self, db: Database, home: Path) -> None:
        self.db, self.home, self.now, self.memory = db, home, NOW, Memory()

    def add(self, name: str, *changes: tuple[str, str]) -> None:
        """Put one of the worked examples in force."""
        text = (TERMS / f"{name}.out.toml").read_text()
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        self.home.mkdir(exist_ok=True)
        (self.home / f"{name}.out.toml").write_text(text)

    async def tell(self, after: timedelta = LATER) -> list[str]:
        """One run, some minutes later; names of the files laid."""
        self.now += after
        return await write_bookings.run(self.db, self.home, now=self.now, memory=self.memory)

    def table(self, name: str) -> list[dict[str, str]]:
        """Rows of a file by their headers."""
        data = (self.home / "bookings-csv" / name).read_bytes().decode("utf-8-sig")
        return list(csv.DictReader(io.StringIO(data, newline="")))


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
