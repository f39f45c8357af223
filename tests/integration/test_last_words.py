"""Who is told what, where texts were called back, lost, sent twice or overtaken: the last word counts, and is told."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlmodel import col, select

from booking import clock
from booking.appointments import visiting
from booking.appointments.calling import queries as calling
from booking.appointments.closing import queries as closings
from booking.appointments.closing import service as closing_service
from booking.appointments.closing.kinds import ClosingAnswer
from booking.appointments.closing.models import Closing
from booking.appointments.kinds import AppointmentState
from booking.appointments.models import Appointment
from booking.appointments.told import service as told
from booking.appointments.told import trying
from booking.appointments.told.commands import SendAgain
from booking.clock import utc_now
from booking.db import Database
from booking.messages import receipts, rules
from booking.messages.kinds import MessageKind, MessageState
from scheduler.jobs import apply_closures, plan_reminders
from tests import asking, outbox, people, seeds
from tests.carrier import Carrier
from tests.closings import STAFF, Crowd, close, crowd, undo
from tests.integration.test_outbox_once_more import SENT

pytestmark = pytest.mark.anyio
LATER = timedelta(minutes=31)
_OUT = (
    "UPDATE message SET state = 'sent', provider = 'twilio', provider_sid = 'SM' || id, posted_at = now(), sends = 1,"
    " attempts = 1 WHERE kind = 'choose' AND state = 'due'"
)


@pytest.fixture(autouse=True)
def _day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "is_quiet", lambda *_: False)


async def _back_and_forth(db: Database, code: str) -> None:
    """She is checked in by mistake, which is taken back."""
    for verb in ("arrive", "back"):
        async with db.transaction() as session:
            visit = (await session.execute(select(Appointment).where(col(Appointment.code) == code))).scalar_one()
            if verb == "arrive":
                await visiting.arrive(session, visit, by=STAFF, now=utc_now())
            else:
                await visiting.take_back(session, visit, AppointmentState.BOOKED, by=STAFF, now=utc_now())


async def _texts(db: Database) -> list[tuple[str, int, str]]:
    rows = await seeds.rows(db, "SELECT kind::text, copy, state::text FROM message ORDER BY id")
    return [(row["kind"], row["copy"], row["state"]) for row in rows]


async def _to_call(db: Database, facility_id: int) -> list[tuple[str, str]]:
    async with db.transaction() as session:
        return [(one.code, one.why) for one in await calling.to_call(session, facility_id, now=utc_now())]


async def test_a_question_comes_back_with_the_visit(db: Database) -> None:
    made = await crowd(db, 1, per_slot=1)
    await close(db, made, ClosingAnswer.ASK)
    await apply_closures.run(db)
    await _back_and_forth(db, made.codes[0])
    assert (await _texts(db))[-2:] == [("choose", 0, "superseded"), ("choose", 1, "due")]


@pytest.mark.parametrize("how", ["ended", "undone"])
async def test_that_a_visit_takes_place_after_all_is_news_and_its_loss_a_call(db: Database, how: str) -> None:
    made = await crowd(db, 1, per_slot=1)
    ends = how == "ended"
    closing = await close(db, made, ClosingAnswer.ASK if ends else ClosingAnswer.MOVE, send_now=ends)
    await apply_closures.run(db)
    heard = "UPDATE message SET state = 'delivered', posted_at = now() WHERE kind IN ('choose', 'moved_by_facility')"
    await seeds.run(db, heard)
    if ends:
        async with db.transaction() as session:
            held = await closings.held(session, closing.public_id, closing.facility_id)
            await closing_service.end(session, held, by=STAFF, now=clock.utc_now())
        await apply_closures.reach_on(db)
    else:
        await undo(db, closing)
        await apply_closures.run(db)
    last = (await _texts(db))[-1]
    assert last == ("booked" if ends else "moved", 0, "due")
    assert await _to_call(db, made.world.facility_id) == []
    await seeds.run(db, "UPDATE message SET state = 'expired', reason = 'number_cap' WHERE state = 'due'")
    assert [code for code, _ in await _to_call(db, made.world.facility_id)] == made.codes


async def test_what_she_chose_herself_is_no_news(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db, capacities=[3, 3])
    await asking.booked(client, world, world.slots[0])
    await seeds.run(db, "UPDATE message SET state = 'expired', reason = 'number_cap'")
    assert await _to_call(db, world.facility_id) == []


async def _booked_twice(client: httpx.AsyncClient, db: Database) -> tuple[seeds.World, dict[str, Any], dict[str, Any]]:
    world = await seeds.seed(db, capacities=[3, 3])
    one = await asking.booked(client, world, world.slots[0])
    body = {"facility": seeds.FACILITY, "service": seeds.OTHER_SERVICE, "slot": world.other_slot}
    body |= {"patient": people.patient(1)}
    answer = await client.post("/api/v1/appointments", json=body, headers=asking.new_key())
    assert answer.status_code == 201, answer.text
    return world, one, answer.json()


async def test_who_is_not_meant_reads_of_no_other_visit_of_hers(client: httpx.AsyncClient, db: Database) -> None:
    world, one, other = await _booked_twice(client, db)
    await asking.booked(client, world, world.slots[1], number=2)  # somebody else's, of another number
    await plan_reminders.run(db)
    await client.get("/")
    done = await client.post(f"/t/{one['code']}/{one['token']}/not-me", headers={"sec-fetch-site": "same-origin"})
    assert done.status_code == 303
    left = await seeds.rows(db, "SELECT DISTINCT facts->>'code' AS code FROM message WHERE state = 'due'")
    assert {row["code"] for row in left}.isdisjoint({one["code"], other["code"]})
    assert len(left) == 1, "nobody else is concerned"
    assert (await client.get(f"/t/{other['code']}/{other['token']}")).status_code == 404
    assert {code for code, _ in await _to_call(db, world.facility_id)} == {one["code"], other["code"]}


async def _receipt(db: Database, kind: str, copy: int, status: str, code: int | None = None) -> None:
    query = "SELECT public_id, provider_sid FROM message WHERE kind::text = :kind AND copy = :copy"
    row = (await seeds.rows(db, query, kind=kind, copy=copy))[0]
    async with db.transaction() as session:
        told = outbox.receipt(row["provider_sid"], status, code)
        assert await receipts.take(session, row["public_id"], told, now=utc_now())


async def _again(db: Database) -> int:
    async with db.transaction() as session:
        return await trying.try_again(session, now=utc_now() + LATER)


@pytest.mark.parametrize("staff", [True, False])
async def test_what_staff_sent_again_does_not_go_a_third_time(
    client: httpx.AsyncClient, db: Database, *, staff: bool
) -> None:
    world = await seeds.seed(db, capacities=[3, 3])
    await asking.booked(client, world, world.slots[0])
    await seeds.run(db, SENT)
    await _receipt(db, "booked", 0, "undelivered", 30003)
    if staff:
        message: UUID = await seeds.value(db, "SELECT public_id FROM message")
        command = SendAgain(message=message, copy_number=1, why="bà gọi")
        async with db.transaction() as session:
            await told.send_again(session, world.facility_id, command, by=STAFF, now=utc_now())
        await seeds.run(db, SENT)
        await _receipt(db, "booked", 1, "delivered")
    assert await _again(db) == (0 if staff else 1)


async def _asked_and_lost(db: Database, made: Crowd) -> Closing:
    """She is asked, the text is lost and went once more."""
    closing = await close(db, made, ClosingAnswer.ASK, send_now=True)
    await apply_closures.run(db)
    await seeds.run(db, _OUT)
    await _receipt(db, "choose", 0, "undelivered", 30003)
    assert await _again(db) == 1
    await seeds.run(db, _OUT)
    return closing


@pytest.mark.parametrize(("second", "lines"), [("delivered", 0), ("undelivered", 1), (None, 1)])
async def test_a_closing_s_call_list_has_one_line_for_a_visit_by_the_last_word(
    db: Database, second: str | None, lines: int
) -> None:
    made = await crowd(db, 1, per_slot=1)
    closing = await _asked_and_lost(db, made)
    if second is not None:
        await _receipt(db, "choose", 1, second, 30003 if lines else None)
    async with db.transaction() as session:
        row = await closings.row(session, closing.public_id, closing.facility_id)
        found = await closings.calls(session, row, made.world.facility_id, now=utc_now())
    expected = [(code, "not_delivered") for code in made.codes][:lines]
    assert [(one.code, one.why) for one in found] == expected
    assert await _to_call(db, made.world.facility_id) == expected


@pytest.mark.parametrize("off", [True, False])
async def test_a_time_that_goes_off_in_the_last_minute_is_reminded_of_no_more(db: Database, *, off: bool) -> None:
    await crowd(db, 1, per_slot=1)
    await plan_reminders.run(db)
    if off:  # after the last look of the planner
        closed = "INSERT INTO slot_closure (slot_id, source, reason, created_at) SELECT id, 'calendar', 'closed', now()"
        await seeds.run(db, f"{closed} FROM slot")
    await seeds.run(db, "UPDATE message SET due_at = now() WHERE kind = 'reminder_day'")
    with Carrier() as carrier:
        await outbox.send(outbox.sender(db, carrier.url))
        assert len(carrier.log.accepted) == int(not off)
    if off:
        row = (await seeds.rows(db, "SELECT state::text, reason FROM message WHERE kind = 'reminder_day'"))[0]
        assert row == {"state": "due", "reason": "time_off"}
        await seeds.run(db, "DELETE FROM slot_closure")


@pytest.mark.parametrize("lost", [True, False])
async def test_after_an_outage_a_reminder_does_not_go_beside_its_confirmation(db: Database, *, lost: bool) -> None:
    subject = UUID(int=5)
    await outbox.write(db, subject=subject, due_in=-30_000)
    with Carrier() as carrier:
        if lost:
            await outbox.send(outbox.sender(db, carrier.url))
            await seeds.run(db, "UPDATE message SET state = 'undelivered'")
        reminder = await outbox.write(db, subject=subject, kind=MessageKind.REMINDER_DAY, due_in=-60)
        for _ in range(2):
            await outbox.send(outbox.sender(db, carrier.url))
            await outbox.make_due(db)
        assert len(carrier.log.accepted) == (2 if lost else 1)
    row = await outbox.stored(db, reminder)
    sent = (MessageState.SENT, None) if lost else (MessageState.SUPPRESSED, "beside_booking")
    assert (row.state, row.reason) == sent
