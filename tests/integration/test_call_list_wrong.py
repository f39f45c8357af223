"""A number that somebody said is not hers is offered to nobody who telephones: a stranger would hear of her visit."""

import pytest

from booking.appointments.calling import queries
from booking.appointments.closing import queries as closings
from booking.appointments.closing.kinds import ClosingAnswer
from booking.clock import utc_now
from booking.db import Database
from scheduler.jobs import apply_closures
from tests import seeds
from tests.closings import close, crowd

pytestmark = pytest.mark.anyio

LOST = "UPDATE message SET state = 'undelivered', fault = 'phone', posted_at = now(), sends = 1 WHERE state = 'due'"
WRONG = "UPDATE patient SET wrong_number_at = now()"


async def _lines(db: Database, facility: int) -> list[tuple[str, bool]]:
    async with db.transaction() as session:
        found = await queries.to_call(session, facility, now=utc_now())
    return [(one.why, one.phone is None) for one in found]


async def test_of_a_message_that_did_not_arrive(db: Database) -> None:
    made = await crowd(db, 2)
    told = """
        INSERT INTO message (public_id, subject_kind, subject_id, kind, version, copy, lane, facility_id, language,
            phone, facts, state, due_at, useful_until, attempts, sends, created_at, changed_at)
        SELECT gen_random_uuid(), 'appointment', a.public_id, 'booked', version, 7, 'visit', facility_id, 'vi',
            p.phone, '{}', 'undelivered', now(), now() + interval '1 day', 1, 1, now(), now()
        FROM appointment a JOIN patient p ON p.id = a.patient_id
    """
    await seeds.run(db, told)
    assert await _lines(db, made.world.facility_id) == [("not_delivered", False)] * 2
    await seeds.run(db, f"{WRONG} WHERE id = (SELECT min(id) FROM patient)")
    assert sorted(await _lines(db, made.world.facility_id)) == [("not_delivered", False), ("wrong_number", True)]


@pytest.mark.parametrize("answer", [ClosingAnswer.MOVE, ClosingAnswer.CANCEL])
async def test_of_a_closing(db: Database, answer: ClosingAnswer) -> None:
    made = await crowd(db, 2)
    closing = await close(db, made, answer)
    await apply_closures.run(db)
    await seeds.run(db, LOST)

    async def listed() -> list[tuple[str, bool]]:
        async with db.transaction() as session:
            found = await closings.calls(session, closing, made.world.facility_id, now=utc_now())
        return [(one.why, one.phone is None) for one in found]

    assert await listed() == [("not_delivered", False)] * 2
    await seeds.run(db, f"{WRONG} WHERE id = (SELECT min(id) FROM patient)")
    assert sorted(await listed()) == [("not_delivered", False), ("wrong_number", True)]
    assert sorted(await _lines(db, made.world.facility_id)) == sorted(await listed()), "one list"


async def test_who_waits_at_the_desk_is_spoken_to_there(db: Database) -> None:
    made = await crowd(db, 1)
    await seeds.run(db, "UPDATE appointment SET state = 'arrived'")
    closing = await close(db, made)
    await apply_closures.run(db)
    await seeds.run(db, WRONG)
    async with db.transaction() as session:
        (one,) = await closings.calls(session, closing, made.world.facility_id, now=utc_now())
    assert (one.why, one.phone) == ("here", None)
