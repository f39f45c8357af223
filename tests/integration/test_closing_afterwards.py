"""What comes after a closing: undone with somebody there, opened again, one visit at fault, the same key once more."""

import pytest

from booking import clock
from booking.appointments.calling import queries as calling
from booking.appointments.closing import queries
from booking.appointments.closing.kinds import ClosingAnswer
from booking.appointments.closing.models import Closing
from booking.appointments.closing.queries import Call
from booking.db import Database
from scheduler.jobs import apply_closures
from tests import seeds
from tests.closings import CLOSING_STATE, Crowd, close, crowd, places_of, undo

pytestmark = pytest.mark.anyio
_UNDONE = "SELECT undone::text FROM closing_visit ORDER BY appointment_id"


async def _calls(db: Database, made: Crowd, closing: Closing) -> list[Call]:
    """The closing's own call list; whoever is open on it stands on the facility's list, too."""
    now = clock.utc_now()
    async with db.transaction() as session:
        row = await queries.row(session, closing.public_id, made.world.facility_id)
        found = await queries.calls(session, row, made.world.facility_id, now=now)
        everywhere = await calling.to_call(session, made.world.facility_id, now=now)
    assert {call.visit for call in found} == {call.visit for call in everywhere}
    return found


@pytest.mark.parametrize("answer", [ClosingAnswer.MOVE, ClosingAnswer.ASK])
async def test_whoever_has_come_meanwhile_is_left_where_she_is_and_spoken_to(
    db: Database, answer: ClosingAnswer
) -> None:
    made = await crowd(db, 2, per_slot=2)
    closing = await close(db, made, answer)
    await apply_closures.run(db)
    await seeds.run(db, "UPDATE appointment SET state = 'arrived' WHERE code = :c", c=made.codes[0])
    here = (await places_of(db))[0]
    await undo(db, closing)
    await apply_closures.run(db)
    assert await seeds.value(db, CLOSING_STATE) == "undone"
    assert (await places_of(db))[0] == here
    assert [row["undone"] for row in await seeds.rows(db, _UNDONE)] == ["changed", "restored"]
    assert [(call.why, call.code) for call in await _calls(db, made, closing)] == [("here", made.codes[0])]
