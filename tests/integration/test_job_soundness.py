"""How long ago a job last ran well stands in the database, so that every web process shows it."""

from datetime import timedelta

import pytest

from booking.clock import utc_now
from booking.db import Database
from booking.watch import queries
from scheduler.jobs import say_alive
from scheduler.soundness import Soundness

pytestmark = pytest.mark.anyio


async def _silent(db: Database) -> dict[str, float]:
    async with db.transaction() as session:
        found = await queries.look(session, now=utc_now())
    return {one.labels["job_name"]: one.value for one in found if one.name == "job_silent_seconds"}


async def test_a_job_that_fails_grows_old_and_another_schedulers_newer_word_stays(db: Database) -> None:
    ours, other = Soundness(), Soundness()
    for each, ago in ((ours, 5), (other, 3600)):
        for name in ("well", "gone") if each is other else ("well",):
            each.expect(name, timedelta(seconds=60))
            each.ends(name, utc_now() - timedelta(seconds=ago), well=True)
    await say_alive.run(db, other)
    assert min((await _silent(db)).values()) >= 3600, "control: nobody else ran it"
    await say_alive.run(db, ours)
    await say_alive.run(db, other)
    await say_alive.run(db, ours)
    found = await _silent(db)
    assert set(found) == {"well"}, "what is no longer in the timetable is not waited for"
    assert 5 <= found["well"] < 3600
