"""Closing with people inside, whoever dies or acts meanwhile: nobody is lost, nobody doubled, each told once."""

import asyncio
from collections import Counter

import pytest

from booking import clock
from booking.appointments import changing, invariants
from booking.appointments.closing import applying, undoing
from booking.appointments.closing.kinds import ClosingAnswer
from booking.appointments.commands import CancelAppointment, RescheduleAppointment
from booking.appointments.errors import NotChangeable, SlotClosed, SlotFull
from booking.appointments.waitlist import rules
from booking.db import Database
from booking.sealed import keys
from scheduler.jobs import apply_closures, make_offers
from tests import seeds
from tests.carrier import Carrier
from tests.closings import CLOSING_STATE, STAFF, Crowd, book, close, crowd, fates, places_of, undo
from tests.postgres import Cluster
from tests.races import judge_invariants, loose_database, quiet, until
from tests.schedulers import await_pause, end, kill, scheduler
from tests.waiters import offers_of, waits

pytestmark = pytest.mark.anyio
NOWHERE = "http://127.0.0.1:1"


async def judge(db: Database, made: Crowd, *, closed: int) -> None:
    """Each is where she was, without a word, or moved once, with one text and one row; no place twice."""
    rows = await seeds.rows(
        db,
        """
        SELECT a.id, a.slot_id, a.version, a.state::text,
               (SELECT count(*) FROM closing_visit v WHERE v.appointment_id = a.id) AS rows,
               (SELECT count(*) FROM message m WHERE m.subject_id = a.public_id
                AND m.kind = 'moved_by_facility') AS told
        FROM appointment a ORDER BY a.id
        """,
    )
    assert len(rows) == len(made.codes)
    moved = 0
    for row in rows:
        inside = row["slot_id"] in made.world.slots
        assert (row["version"], row["rows"], row["told"]) == ((1, 0, 0) if inside else (2, 1, 1)), f"half done: {row}"
        moved += not inside
    assert moved == closed
    await judge_invariants(db)


async def test_killed_half_way_the_next_run_goes_on_where_it_was(db: Database, database_url: str) -> None:
    made = await crowd(db, 12, per_slot=4)
    await close(db, made)
    with scheduler(database_url, NOWHERE, "6", module="tests.paused_closing") as process:
        await_pause(process)
        kill(process)
    await quiet(db)
    assert await seeds.value(db, CLOSING_STATE) == "applying"
    await judge(db, made, closed=5)
    assert await apply_closures.run(db) == 7
    await judge(db, made, closed=12)
    assert await seeds.value(db, CLOSING_STATE) == "applied"


async def test_two_hundred_with_a_real_scheduler_killed_on_the_way_each_text_once_and_none_out_of_reach(
    db: Database, database_url: str
) -> None:
    made = await crowd(db, 200, per_slot=10, unreachable=15)
    await close(db, made, send_now=True)
    with Carrier() as carrier:
        with scheduler(database_url, carrier.url) as first:
            await until(db, "SELECT count(*) >= 40 FROM closing_visit", seconds=60)
            kill(first)
        with scheduler(database_url, carrier.url) as second:
            await until(db, "SELECT state = 'applied' FROM closing", seconds=60)
            waiting = "SELECT count(*) = 0 FROM message WHERE kind = 'moved_by_facility' AND state NOT IN"
            await until(db, f"{waiting} ('sent', 'delivered', 'suppressed')", seconds=60)
            assert await asyncio.to_thread(end, second) == 0
        texts = await seeds.rows(
            db, "SELECT public_id::text AS id FROM message WHERE kind = 'moved_by_facility' AND state <> 'suppressed'"
        )
        accepted = carrier.log.times_accepted()
    assert len(texts) == 185
    assert {row["id"]: accepted[row["id"]] for row in texts} == {row["id"]: 1 for row in texts}
    await judge(db, made, closed=200)


async def test_control_in_pieces_the_judge_finds_somebody_half_moved(cluster: Cluster) -> None:
    async with loose_database(cluster) as (url, db):
        made = await crowd(db, 4, per_slot=4)
        await close(db, made)
        with scheduler(url, NOWHERE, "2", "in_pieces", module="tests.paused_closing") as process:
            await_pause(process)
            kill(process)
        await quiet(db)
        with pytest.raises(AssertionError, match="half done"):
            await judge(db, made, closed=1)


async def test_undoing_killed_half_way_goes_on_where_it_was(db: Database, database_url: str) -> None:
    made = await crowd(db, 8, per_slot=4)
    before = await places_of(db)
    closing = await close(db, made)
    await apply_closures.run(db)
    await undo(db, closing)
    with scheduler(database_url, NOWHERE, "4", module="tests.paused_closing") as process:
        await_pause(process)
        kill(process)
    await quiet(db)
    await judge_invariants(db)
    back = await seeds.value(db, "SELECT count(*) FROM closing_visit WHERE undone = 'restored'")
    assert back == 3
    assert await seeds.value(db, "SELECT bool_or(open) FROM slot s WHERE s.id = :id", id=made.world.slots[0]) is False
    assert await apply_closures.run(db) == 5
    assert await places_of(db) == before
    assert await seeds.value(db, CLOSING_STATE) == "undone"
    assert await seeds.value(db, "SELECT count(*) FROM message WHERE state IN ('due', 'claimed')") == 0


async def test_three_schedulers_at_once_do_what_one_does(db: Database) -> None:
    made = await crowd(db, 30, per_slot=5)
    await close(db, made)
    done = await asyncio.gather(*(apply_closures.run(db) for _ in range(3)))
    assert sum(done) == 30
    await judge(db, made, closed=30)


async def test_control_without_looking_for_the_row_two_of_them_move_somebody_twice(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> bool:
        return False

    async with loose_database(cluster, "ALTER TABLE closing_visit DROP CONSTRAINT closing_visit_key") as (_, db):
        made = await crowd(db, 2, per_slot=2)
        await close(db, made)
        async with db.transaction() as session:
            ((closing_id, _),) = await applying.at_work(session)
            visits = await applying.left(session, closing_id, most=5)
        monkeypatch.setattr(applying, "_is_over", never)
        for visit in visits * 2:
            async with db.transaction() as session:
                await applying.settle(session, closing_id, visit, now=clock.utc_now())
        with pytest.raises(AssertionError, match="half done"):
            await judge(db, made, closed=2)


async def _of_patients(db: Database, made: Crowd) -> Counter[str]:
    """Patients cancel and move by themselves while the job is at it, from the other end."""
    rows = await seeds.rows(db, "SELECT code, public_id::text AS id, token_version FROM appointment ORDER BY id")
    rows.reverse()
    free = [slot for slots in made.later.values() for slot in slots]
    outcomes: Counter[str] = Counter()
    for number, row in enumerate(rows[: len(rows) // 2]):
        token = keys().link_token(row["id"], row["token_version"])
        try:
            async with db.transaction() as session:
                if number % 2:
                    await changing.cancel(
                        session, row["code"], token, CancelAppointment(), by=STAFF, now=clock.utc_now()
                    )
                else:
                    wish = RescheduleAppointment(slot=free[number % len(free)])
                    await changing.reschedule(
                        session, row["code"], token, wish, by=STAFF, now=clock.utc_now(), per_phone=99
                    )
            outcomes["cancelled" if number % 2 else "moved"] += 1
        except (SlotFull, SlotClosed, NotChangeable) as refused:
            outcomes[refused.code] += 1
    return outcomes


@pytest.mark.parametrize("answer", list(ClosingAnswer))
async def test_patients_move_and_cancel_while_two_schedulers_work_and_somebody_undoes_it(
    db: Database, answer: ClosingAnswer
) -> None:
    made = await crowd(db, 40, per_slot=5)
    closing = await close(db, made, answer)

    async def undone() -> None:
        await until(db, "SELECT count(*) > 10 FROM closing_visit")
        await undo(db, closing)

    _, _, found, _ = await asyncio.gather(
        apply_closures.run(db), apply_closures.run(db), _of_patients(db, made), undone()
    )
    while await apply_closures.run(db):
        pass
    await apply_closures.run(db)
    await judge_invariants(db)
    assert await seeds.value(db, CLOSING_STATE) == "undone"
    assert found["cancelled"] + found["moved"] > 10
    gone = await seeds.value(db, "SELECT count(*) FROM appointment WHERE cancelled_by = 'patient'")
    states = Counter(row["state"] for row in await places_of(db))
    assert states == Counter({"booked": 40 - gone, "cancelled": gone})  # nobody is lost, nobody doubled
    assert await seeds.value(db, "SELECT count(*) FROM slot_closure WHERE source LIKE 'closing:%'") == 0


async def test_whoever_was_cancelled_by_us_and_booked_that_day_anew_keeps_the_new_visit(db: Database) -> None:
    made = await crowd(db, 1)
    closing = await close(db, made, ClosingAnswer.CANCEL)
    await apply_closures.run(db)
    other = await seeds.add_slot(db, made.world, capacity=1)
    patient = await seeds.value(db, "SELECT patient_id FROM appointment")
    (anew,) = await book(db, [(other, 1, patient)])
    await undo(db, closing)
    await apply_closures.run(db)
    assert await seeds.value(db, "SELECT undone::text FROM closing_visit") == "stays"
    assert await seeds.value(db, "SELECT state::text FROM appointment WHERE code <> :c", c=anew) == "cancelled"
    assert await seeds.value(db, CLOSING_STATE) == "undone"
    told = "SELECT kind::text || ' ' || state FROM message ORDER BY id DESC LIMIT 1"
    assert await seeds.value(db, told) == "cancelled_by_facility due"


async def test_holds_and_offers_in_closed_times_end_and_whoever_waits_waits_on(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "telling", lambda *_: True)
    made = await crowd(db, 2, per_slot=2)
    slot = await seeds.add_slot(db, made.world, capacity=2)
    await waits(db, made.world, 900)
    await make_offers.run(db)
    assert [one["state"] for one in await offers_of(db)] == ["live"]
    await close(db, made)
    await apply_closures.run(db)
    assert [(one["state"], one["visit"]) for one in await offers_of(db)] == [("withdrawn", "lapsed")]
    assert await seeds.value(db, "SELECT state::text FROM waitlist_entry") == "waiting"
    assert await seeds.value(db, "SELECT taken FROM slot WHERE id = :id", id=slot) == 0
    assert await seeds.value(db, "SELECT state::text FROM message WHERE kind = 'offer'") == "superseded"
    assert await fates(db) == {"moved": 2}


async def test_control_without_the_closed_slots_somebody_takes_an_old_place_and_it_cannot_be_given_back(
    cluster: Cluster,
) -> None:
    async with loose_database(cluster) as (_, db):
        made = await crowd(db, 2, per_slot=2)
        closing = await close(db, made)
        await apply_closures.run(db)
        await seeds.run(db, "UPDATE slot SET taken = 2, free_places = '{}' WHERE id = :id", id=made.world.slots[0])
        await undo(db, closing)
        await apply_closures.run(db)
        assert {row["undone"] for row in await seeds.rows(db, "SELECT undone::text FROM closing_visit")} == {"stays"}
        async with db.transaction() as session:
            assert await undoing.left(session, closing.id or 0, most=5) == []


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        ("UPDATE closing SET state = 'undone'", "a_closing_that_is_over_closes_nothing"),
        ("UPDATE closing_visit SET new_slot_id = old_slot_id", "nobody_is_moved_by_a_closing_without_a_trace"),
    ],
)
async def test_control_each_invariant_sees_what_it_is_there_for(cluster: Cluster, spoil: str, rule: str) -> None:
    async with loose_database(cluster) as (_, db):
        await close(db, await crowd(db, 1))
        await apply_closures.run(db)
        async with db.transaction() as session:
            assert await invariants.broken(session) == {}
        await seeds.run(db, spoil)
        async with db.transaction() as session:
            assert rule in await invariants.broken(session)
