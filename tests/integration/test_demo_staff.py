"""The demo's accounts: one of each role, made once, all with the password that is printed."""

import pytest

from booking import clock
from booking.access.kinds import Role
from booking.cli import demo_staff
from booking.db import Database
from booking.directory.seeding import seed_directory, seed_sample_people
from tests import seeds, staff

pytestmark = pytest.mark.anyio


async def test_each_role_can_sign_in_and_a_second_start_changes_nothing(db: Database) -> None:
    async with db.transaction() as session:
        await seed_directory(session, clock.utc_now())
        await seed_sample_people(session)
    for _ in range(2):
        async with db.transaction() as session:
            await demo_staff.add_missing(session, now=clock.utc_now())
    assert {account.role for account in demo_staff.ACCOUNTS} == set(Role)
    assert await seeds.value(db, "SELECT count(*) FROM staff") == len(Role)
    for account in demo_staff.ACCOUNTS:
        desk = await staff.desk_of(db, await staff.sign_in(db, account.username, demo_staff.PASSWORD))
        assert desk is not None
        assert not desk.staff.must_change
