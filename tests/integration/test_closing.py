"""Closing times with people inside: 200 booked, 15 out of reach; moved, asked or cancelled, undone in time."""

from datetime import time, timedelta
from typing import Any

import pytest

from booking import clock
from booking.appointments import reminding
from booking.appointments.closing import queries
from booking.appointments.closing.commands import Span
from booking.appointments.closing.errors import ClosingRefused, TooLateToUndo
from booking.appointments.closing.kinds import ClosingAnswer, ClosingScope
from booking.db import Database
from scheduler.jobs import apply_closures
from tests import seeds
from tests.closings import CLOSING_STATE, close, crowd, fates, places_of, undo
from tests.seeds import FACILITY

pytestmark = pytest.mark.anyio
_SMS = "SELECT kind::text, state::text, reason, count(*) AS n FROM message WHERE kind <> 'booked' GROUP BY 1, 2, 3"


_DOCTOR = """
    INSERT INTO practitioner (facility_id, code, name, sample) SELECT id, 'BS1', 'Bác sĩ Mẫu', true FROM facility
    WHERE code = :facility
"""


async def _sms(db: Database) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for row in await seeds.rows(db, _SMS):
        at = row["kind"], row["state"]
        found[at] = found.get(at, 0) + row["n"]
    return found


async def test_two_hundred_are_moved_and_the_fifteen_out_of_reach_are_a_call_list(db: Database) -> None:
    made = await crowd(db, 200, per_slot=10, unreachable=15)
    before = await places_of(db)
    closing = await close(db, made)
    assert closing.expected == 200
    assert await seeds.value(db, "SELECT bool_or(open) FROM slot WHERE day = :day AND service_id = :s",
                             day=made.world.day, s=made.world.service_id) is False  # fmt: skip
    assert await apply_closures.run(db) == 200
    assert await seeds.value(db, CLOSING_STATE) == "applied"
    assert await fates(db) == {"moved": 200}
    assert await _sms(db) == {("moved_by_facility", "due"): 185, ("moved_by_facility", "suppressed"): 15}
    due = await seeds.rows(db, "SELECT DISTINCT due_at - created_at AS wait FROM message WHERE state = 'due'")
    assert all(timedelta(minutes=9) < row["wait"] for row in due)
    after = await places_of(db)
    assert [row["id"] for row in after] == [row["id"] for row in before]
    # Nobody is lost: each is booked on the first free day, at the very hour she had.
    assert {row["state"] for row in after} == {"booked"}
    assert {(new["starts_at"] - old["starts_at"]).days for old, new in zip(before, after, strict=True)} == {1}
    async with db.transaction() as session:
        row = await queries.row(session, closing.public_id, made.world.facility_id)
        calls = await queries.calls(session, row, made.world.facility_id, now=clock.utc_now())
    assert len(calls) == 15
    assert {call.why for call in calls} == {"no_phone", "not_a_mobile", "no_consent"}
    assert await apply_closures.run(db) == 0


async def test_undone_within_ten_minutes_everybody_has_her_old_place_and_nobody_was_told(db: Database) -> None:
    made = await crowd(db, 40, per_slot=10, unreachable=3)
    before = await places_of(db)
    closing = await close(db, made)
    await apply_closures.run(db)
    await undo(db, closing)
    waiting = "SELECT count(*) FROM message WHERE state IN ('due', 'claimed')"
    assert await seeds.value(db, waiting) == 0  # at once, before any visit is put back
    assert await apply_closures.run(db) == 40
    assert await seeds.value(db, CLOSING_STATE) == "undone"
    assert await places_of(db) == before
    assert await seeds.value(db, waiting) == 0
    assert await seeds.value(db, "SELECT count(*) FROM slot WHERE NOT open") == 0
    again = await close(db, made)
    assert again.id != closing.id
    await apply_closures.run(db)
    assert (await _sms(db))["moved_by_facility", "due"] == 37


async def test_after_the_sms_are_due_it_is_too_late(db: Database) -> None:
    made = await crowd(db, 4)
    closing = await close(db, made)
    with pytest.raises(TooLateToUndo):
        await undo(db, closing, now=closing.sms_due_at)
    at_once = await close(db, made, send_now=True)
    with pytest.raises(TooLateToUndo):
        await undo(db, at_once)
    await apply_closures.run(db)


async def test_whoever_changed_her_visit_herself_is_left_as_she_wants_it(db: Database) -> None:
    made = await crowd(db, 3, per_slot=3)
    closing = await close(db, made)
    await apply_closures.run(db)
    await seeds.run(db, "UPDATE appointment SET version = version + 1 WHERE code = :c", c=made.codes[0])
    await seeds.run(db, "UPDATE message SET version = version + 1 WHERE kind = 'moved_by_facility' AND subject_id ="
                    " (SELECT public_id FROM appointment WHERE code = :c)", c=made.codes[0])  # fmt: skip
    stands = (await places_of(db))[0]
    await undo(db, closing)
    await apply_closures.run(db)
    assert (await places_of(db))[0] == stands
    rows = await seeds.rows(db, "SELECT undone::text FROM closing_visit ORDER BY appointment_id")
    assert [row["undone"] for row in rows] == ["changed", "restored", "restored"]


async def test_asked_she_keeps_her_visit_and_no_reminder_speaks_of_the_closed_time(db: Database) -> None:
    made = await crowd(db, 4, per_slot=4, unreachable=1)
    closing = await close(db, made, ClosingAnswer.ASK)
    await apply_closures.run(db)
    assert await fates(db) == {"asked": 4}
    assert await _sms(db) == {("choose", "due"): 3, ("choose", "suppressed"): 1}
    async with db.transaction() as session:
        assert await reminding.remind(session, now=clock.utc_now()) == 0
    async with db.transaction() as session:
        row = await queries.row(session, closing.public_id, made.world.facility_id)
        calls = await queries.calls(session, row, made.world.facility_id, now=clock.utc_now())
        late = await queries.calls(session, row, made.world.facility_id, now=clock.at_local(made.world.day, time(6)))
    assert [call.why for call in calls] == ["no_phone"]
    assert sorted(call.why for call in late) == ["no_phone", "unanswered", "unanswered", "unanswered"]
    await undo(db, closing)
    await apply_closures.run(db)
    async with db.transaction() as session:
        assert await reminding.remind(session, now=clock.utc_now()) == 4


async def test_cancelled_by_the_facility_and_put_back(db: Database) -> None:
    made = await crowd(db, 5, per_slot=5)
    before = await places_of(db)
    closing = await close(db, made, ClosingAnswer.CANCEL)
    await apply_closures.run(db)
    rows = await seeds.rows(db, "SELECT DISTINCT state::text, cancelled_by::text, cancel_reason FROM appointment")
    assert rows == [{"state": "cancelled", "cancelled_by": "facility", "cancel_reason": "Bác sĩ nghỉ ốm"}]
    assert await seeds.value(db, "SELECT sum(taken) FROM slot") == 0
    await undo(db, closing)
    await apply_closures.run(db)
    assert await places_of(db) == before


async def test_with_nowhere_to_go_she_is_asked_and_keeps_her_visit(db: Database) -> None:
    made = await crowd(db, 6, per_slot=3, free_days=1)
    await seeds.run(db, "UPDATE slot SET capacity = 0, free_places = '{}' WHERE day > :day AND id <> :kept",
                    day=made.world.day, kept=next(iter(made.later.values()))[0])  # fmt: skip
    await close(db, made)
    await apply_closures.run(db)
    assert await fates(db) == {"moved": 3, "no_place": 3}
    assert {row["state"] for row in await places_of(db)} == {"booked"}


async def test_who_is_here_already_is_spoken_to(db: Database) -> None:
    made = await crowd(db, 2, per_slot=2)
    await seeds.run(db, "UPDATE appointment SET state = 'arrived' WHERE code = :c", c=made.codes[0])
    await close(db, made)
    await apply_closures.run(db)
    assert await fates(db) == {"here": 1, "moved": 1}


async def test_a_time_published_later_within_the_span_is_closed_too(db: Database) -> None:
    made = await crowd(db, 2, per_slot=2)
    await close(db, made)
    await apply_closures.run(db)
    late = await seeds.add_slot(db, made.world, capacity=2)
    assert await apply_closures.reach_on(db) == 1
    assert await seeds.value(db, "SELECT open FROM slot WHERE id = :id", id=late) is False
    assert await apply_closures.reach_on(db) == 0


async def test_nothing_to_close_is_refused(db: Database) -> None:
    made = await crowd(db, 1)
    empty = made.span[0] - timedelta(days=1), made.span[0]
    span = Span(scope=ClosingScope.FACILITY, starts_at=empty[0], ends_at=empty[1])
    with pytest.raises(ClosingRefused) as refused:
        await close(db, made, span=span)
    assert refused.value.facts["reason"] == "nothing"


async def test_one_doctor_only_and_nobody_elses(db: Database) -> None:
    made = await crowd(db, 4, per_slot=2)
    await seeds.run(db, _DOCTOR, facility=FACILITY)
    await seeds.run(db, "UPDATE slot SET practitioner_id = (SELECT id FROM practitioner) WHERE id = :id",
                    id=made.world.slots[0])  # fmt: skip
    starts, ends = made.span
    span = Span(scope=ClosingScope.PRACTITIONER, practitioner="BS1", starts_at=starts, ends_at=ends)
    await close(db, made, span=span)
    await apply_closures.run(db)
    closed = await seeds.rows(db, "SELECT id FROM slot WHERE NOT open")
    assert closed == [{"id": made.world.slots[0]}]
    assert await fates(db) == {"moved": 2}
    # The other doctor's later time of the same day is nearer than tomorrow, but it is full.
    assert {row["slot_id"] for row in await places_of(db)} & {made.world.slots[0]} == set()


@pytest.mark.parametrize(
    "more",
    [
        {"scope": ClosingScope.PRACTITIONER, "practitioner": "BS1"},
        {"scope": ClosingScope.SESSION, "session_id": 1},
        {"scope": ClosingScope.CITY},
    ],
)
async def test_what_belongs_to_another_facility_cannot_be_closed(db: Database, more: dict[str, Any]) -> None:
    made = await crowd(db, 1)
    await seeds.run(
        db, "INSERT INTO facility (code, kind, state, name, name_en, sms_name, confirmed, search_key, sort_key)"
        " VALUES ('MAU-02', 'health_station', 'open', 'Trạm Khác', 'Other', 'TYT', true, '', '')",
    )  # fmt: skip
    await seeds.run(db, _DOCTOR, facility=FACILITY)
    made.world.facility_id = await seeds.value(db, "SELECT id FROM facility WHERE code = 'MAU-02'")
    if "session_id" in more:
        more = more | {"session_id": made.world.session_id}
    starts, ends = made.span
    with pytest.raises(ClosingRefused) as refused:
        await close(db, made, span=Span(starts_at=starts, ends_at=ends, **more))
    assert refused.value.facts["reason"] == "scope"
    assert await seeds.value(db, "SELECT bool_and(open) FROM slot") is True


async def test_whoever_was_told_all_the_same_is_told_that_it_is_undone(db: Database) -> None:
    made = await crowd(db, 2, per_slot=2)
    closing = await close(db, made)
    await apply_closures.run(db)
    await seeds.run(db, "UPDATE message SET state = 'sent', posted_at = now() WHERE id ="
                    " (SELECT min(id) FROM message WHERE kind = 'moved_by_facility')")  # fmt: skip
    await undo(db, closing)
    await apply_closures.run(db)
    assert await seeds.value(db, CLOSING_STATE) == "undone"
    told = await seeds.rows(db, "SELECT state::text, reason FROM message WHERE kind = 'moved' ORDER BY id")
    assert told == [{"state": "due", "reason": None}, {"state": "suppressed", "reason": "undone"}]
