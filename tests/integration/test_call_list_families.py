"""The call list and reminders that one text stands for: only what became of that text is a reason to telephone."""

import httpx
import pytest

from booking.appointments.calling import queries
from booking.clock import utc_now
from booking.db import Database
from booking.messages import sharing
from booking.messages.kinds import MessageKind, MessageState, SuppressedReason
from tests import asking, seeds, told
from tests.seeds import World

pytestmark = pytest.mark.anyio

S = MessageState


@pytest.fixture
async def world(client: httpx.AsyncClient, db: Database) -> World:
    """Two visits; the reminder of the first stands for the second, too."""
    made = await seeds.seed(db, capacities=[3])
    for number in (1, 2):
        await asking.booked(client, made, made.slots[0], number)
    carrier, covered = [
        await told.message(
            db, made.facility_id, subject=row["public_id"], kind=MessageKind.REMINDER_DAY, state=state, reason=reason
        )
        for row, state, reason in zip(
            await seeds.rows(db, "SELECT public_id FROM appointment ORDER BY id"),
            (S.SENT, S.SUPPRESSED),
            (None, SuppressedReason.COVERED.value),
            strict=True,
        )
    ]
    shared = """
        INSERT INTO reminder_family (message_id, family, useful_until, carried_by)
        SELECT id, 'x', useful_until, CASE WHEN id <> :carrier THEN CAST(:carrier AS bigint) END
        FROM message WHERE id IN (:carrier, :covered)
    """
    await seeds.run(db, shared, carrier=carrier.id, covered=covered.id)
    return made


async def _whys(db: Database, world: World, state: MessageState) -> list[str]:
    became = """
        UPDATE message SET state = CAST(:state AS message_state), posted_at = now(), sends = 1,
            lease_until = CASE WHEN :state IN ('claimed', 'sending') THEN now() + interval '1 minute' END
        WHERE kind = 'reminder_day' AND reason IS NULL
    """
    await seeds.run(db, became, state=state.value)
    async with db.transaction() as session:
        return [one.why for one in await queries.to_call(session, world.facility_id, now=utc_now())]


@pytest.mark.parametrize("state", [S.SENT, S.DUE, S.CLAIMED, S.SENDING, S.UNKNOWN, S.SUPERSEDED, S.DELIVERED])
async def test_nobody_is_called_for_a_shared_text_that_is_out_or_was_called_back(
    db: Database, world: World, state: MessageState
) -> None:
    assert await _whys(db, world, state) == []


@pytest.mark.parametrize("state", [S.UNDELIVERED, S.FAILED])
async def test_both_are_called_where_it_was_lost(db: Database, world: World, state: MessageState) -> None:
    assert await _whys(db, world, state) == ["not_delivered"] * 2


async def test_whom_a_second_try_stood_for_is_called_where_it_went_too_late(db: Database, world: World) -> None:
    assert await _whys(db, world, S.EXPIRED) == ["not_sent"]


async def test_control_who_believes_every_carrier_calls_the_family(
    db: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "_carriers", sharing.carriers)
    assert await _whys(db, world, S.SENT) == ["waiting"]
