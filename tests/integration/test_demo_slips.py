"""The demo's slips: read, and the first of their people is invited and told."""

from datetime import date, time
from pathlib import Path

import pytest

from booking.availability.seeding import seed_sample_timetable
from booking.cli import demo_slips
from booking.clock import at_local
from booking.db import Database
from booking.directory.seeding import seed_directory
from booking.patients.kinds import ConsentPurpose
from booking.records import service as records
from scheduler.jobs import read_exports, tell_invitations
from scheduler.jobs.read_exports import Memory
from tests import people, seeds
from tests.households import TODAY, account, actor, add

pytestmark = pytest.mark.anyio


async def test_the_sample_is_read_once_a_day_and_its_person_is_told(db: Database, tmp_path: Path) -> None:
    now = at_local(TODAY, time(9))
    async with db.transaction() as session:
        await seed_directory(session, now)
        await seed_sample_timetable(session, TODAY)
    feeds, drop = tmp_path / "feeds", tmp_path / 'exports "of the" hospital'
    for folder in (feeds, drop):
        folder.mkdir()
    for _ in range(2):
        demo_slips.write(feeds, drop, today=TODAY)
        (outcome,) = await read_exports.run(db, feeds, now=now, memory=Memory())
        assert outcome.where == "done"
    assert await seeds.value(db, "SELECT count(*) FROM invitation WHERE state = 'open'") == 2
    home = await account(db, people.phone(1))
    day, month, year = map(int, demo_slips.BORN.split("/"))
    born = date(year, month, day)
    hers = await add(db, home, demo_slips.NAME, birth_date=born, citizen_id=demo_slips.CARD)
    both = {ConsentPurpose.INVITATION: True, ConsentPurpose.SMS: True}
    async with db.transaction() as session:
        await records.answer(session, home, hers.id, both, language="vi", channel="mobile", by=actor(home), now=now)
    assert await tell_invitations.run(db, now=now) == 1
