"""The desk's verbs: what each changes, what it writes into audit and events, what it refuses."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from booking import clock as booking_clock
from booking import ids
from booking.appointments.errors import AppointmentUnknown, NotChangeable
from booking.db import Database
from booking.patients.kinds import PriorityClass
from booking.queue import commands, service
from booking.queue.errors import AnotherDay, NobodyWaiting, RoomUnknown, TicketMoved, TicketUnknown
from booking.queue.kinds import TicketState
from tests import queues, seeds
from tests.queues import CLERK, Clock, Morning
from tests.seeds import FACILITY, SERVICE

pytestmark = pytest.mark.anyio


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = queues.new_clock()
    monkeypatch.setattr(booking_clock, "utc_now", made.now)
    return made


@pytest.fixture
async def morning(db: Database, client: httpx.AsyncClient, clock: Clock) -> Morning:
    return await queues.make(db, client, clock)


async def _state(morning: Morning, visit: dict[str, Any]) -> str:
    state: str = await seeds.value(
        morning.db, "SELECT state::text FROM appointment WHERE code = :code", code=visit["code"]
    )
    return state


async def _events(morning: Morning) -> list[tuple[str, dict[str, Any]]]:
    rows = await seeds.rows(morning.db, "SELECT topic, facts FROM live_event ORDER BY xid, id")
    return [(row["topic"], row["facts"]) for row in rows]


async def _audited(morning: Morning) -> list[str]:
    rows = await seeds.rows(morning.db, "SELECT action FROM audit_event WHERE actor_kind = 'staff' ORDER BY id")
    return [row["action"] for row in rows]


async def test_checking_in_makes_the_visit_arrived_and_gives_a_number_once(morning: Morning, clock: Clock) -> None:
    visit = await morning.booked(0, 1)
    clock.set(-10)
    first = await morning.check_in(visit)
    again = await morning.check_in(visit)
    assert first == again
    assert (first.label, first.state) == ("A001", TicketState.WAITING)
    assert await _state(morning, visit) == "arrived"
    assert await _audited(morning) == ["appointment.arrive", "queue.check_in"]
    assert [facts["what"] for _, facts in await _events(morning)] == ["check_in"]
    assert (await morning.walk_in()).label == "A002"


async def test_a_reminder_still_to_come_is_called_back_when_the_patient_is_there(
    morning: Morning, clock: Clock
) -> None:
    visit = await morning.booked(0, 1)
    clock.set(-10)
    await seeds.run(morning.db, "UPDATE message SET state = 'due'")
    await morning.check_in(visit)
    assert await seeds.value(morning.db, "SELECT state::text FROM message") == "superseded"


async def test_one_checks_in_on_the_day_at_the_facility_and_not_when_cancelled(morning: Morning, clock: Clock) -> None:
    visit = await morning.booked(0, 1)
    clock.moment = clock.opens - timedelta(days=1)
    with pytest.raises(AnotherDay):
        await morning.check_in(visit)
    clock.set(0)
    elsewhere = commands.CheckIn(facility="MAU-99", code=visit["code"])
    with pytest.raises(AppointmentUnknown):
        async with morning.db.transaction() as session:
            await service.check_in(session, elsewhere, by=CLERK, now=clock.moment)
    assert await _state(morning, visit) == "booked"
    clock.moment = clock.opens - timedelta(days=1)
    path = f"/api/v1/appointments/{visit['code']}/cancel"
    answer = await morning.client.post(path, headers={"Authorization": f"Bearer {visit['token']}"})
    assert answer.status_code == 200, answer.text
    clock.set(0)
    with pytest.raises(NotChangeable):
        await morning.check_in(visit)
    assert await seeds.value(morning.db, "SELECT count(*) FROM queue_ticket") == 0


async def test_a_held_place_is_no_visit_for_the_desk(morning: Morning, clock: Clock) -> None:
    visit = await morning.booked(0, 1)
    await seeds.run(morning.db, "UPDATE appointment SET state = 'held', expires_at = starts_at")
    clock.set(0)
    with pytest.raises(AppointmentUnknown):
        await morning.check_in(visit)
    await seeds.run(morning.db, "UPDATE appointment SET state = 'booked', expires_at = NULL")


async def test_a_form_sent_twice_makes_one_walk_in(morning: Morning, clock: Clock) -> None:
    clock.set(0)
    minted = ids.public_id()
    first, again = await morning.walk_in(minted), await morning.walk_in(minted)
    assert first == again
    assert (await morning.walk_in()).label == "A002"


@pytest.mark.postgres15
async def test_a_whole_visit_from_call_to_end(morning: Morning, clock: Clock) -> None:
    visit = await morning.booked(0, 1)
    clock.set(0)
    await morning.check_in(visit)
    called = await morning.call("P1")
    assert (called.state, called.room, called.called_at) == (TicketState.CALLED, "Phòng số 1", clock.moment)
    await morning.step("recall", called)
    await morning.step("enter", called)
    clock.set(9)
    done = await morning.step("finish", called)
    assert done.state is TicketState.DONE
    assert await _state(morning, visit) == "fulfilled"
    told = [facts["what"] for _, facts in await _events(morning)]
    assert told == ["check_in", "call", "recall", "enter", "finish"]
    assert await _audited(morning) == [
        "appointment.arrive", "queue.check_in", "queue.call", "queue.recall", "queue.enter", "appointment.fulfil",
        "queue.finish",
    ]  # fmt: skip
    assert await seeds.value(morning.db, "SELECT calls FROM queue_ticket") == 2
    with pytest.raises(TicketMoved) as refused:
        await morning.step("finish", called)
    assert refused.value.facts == {"state": "done"}
    with pytest.raises(NobodyWaiting):
        await morning.call("P1")


async def test_events_name_nobody(morning: Morning, clock: Clock) -> None:
    visit = await morning.booked(0, 1)
    clock.set(0)
    await morning.check_in(visit)
    await morning.call("P1")
    day = morning.world.day.isoformat()
    found = await _events(morning)
    assert {topic for topic, _ in found} == {f"queue/{morning.world.facility_id}/{day}/{morning.world.service_id}"}
    assert {key for _, facts in found for key in facts} == {"what", "number", "state", "room"}
    assert visit["code"] not in str(found)
    assert "Mẫu" not in str(found)


async def test_skipped_waits_for_nothing_until_put_back_by_that_moment(morning: Morning, clock: Clock) -> None:
    visit = await morning.booked(0, 1)
    clock.set(0)
    ticket = await morning.check_in(visit)
    await morning.call()
    await morning.step("skip", ticket)
    clock.set(2)
    other = await morning.walk_in()
    clock.set(5)
    back = await morning.step("put_back", ticket)
    assert back.state is TicketState.WAITING
    assert (await morning.call()).label == other.label
    assert (await morning.call()).label == ticket.label


async def test_whoever_leaves_is_not_one_who_did_not_come(morning: Morning, clock: Clock) -> None:
    visit = await morning.booked(0, 1)
    clock.set(0)
    ticket = await morning.check_in(visit)
    assert (await morning.step("leave", ticket)).state is TicketState.LEFT
    assert await _state(morning, visit) == "arrived"
    with pytest.raises(NobodyWaiting):
        await morning.call()


async def test_priority_counts_once_verified_two_to_one(morning: Morning, clock: Clock) -> None:
    clock.set(0)
    plain = [await morning.walk_in() for _ in range(3)]
    first = [await morning.walk_in() for _ in range(3)]
    for ticket in first:
        await morning.verify(ticket, PriorityClass.PREGNANT)
    called = [(await morning.call()).label for _ in range(6)]
    assert called == ["A004", "A005", "A001", "A006", "A002", "A003"]
    assert plain[0].label == "A001"


async def test_a_room_with_a_line_of_its_own_calls_from_it_and_numbers_stay_one_series(
    morning: Morning, clock: Clock
) -> None:
    clock.set(0)
    await morning.walk_in()
    async with morning.db.transaction() as session:
        command = commands.OpenRoomLine(facility=FACILITY, service=SERVICE, room="P2")
        await service.open_room_line(session, command, by=CLERK, now=clock.moment)
    mine = await morning.walk_in(room="P2")
    assert mine.label == "A002"
    assert (await morning.call("P1")).label == "A001"
    assert (await morning.call("P2")).label == "A002"
    sent = await morning.step("transfer", mine, service=SERVICE)
    assert (sent.label, sent.state) == ("A002", TicketState.WAITING)
    with pytest.raises(NobodyWaiting):
        await morning.call("P2")
    assert (await morning.call("P1")).label == "A002"


async def test_another_services_line_hears_of_a_transfer_too(morning: Morning, clock: Clock) -> None:
    clock.set(0)
    ticket = await morning.walk_in()
    sent = await morning.step("transfer", ticket, service=seeds.OTHER_SERVICE)
    assert sent.label == "A001"
    services = {topic.rsplit("/", 1)[1] for topic, facts in await _events(morning) if facts["what"] == "transfer"}
    assert services == {str(morning.world.service_id), str(morning.world.other_service_id)}


async def test_a_number_of_another_day_goes_into_no_line_of_today(morning: Morning, clock: Clock) -> None:
    clock.set(0)
    old = await morning.walk_in()
    clock.set(24 * 60)
    with pytest.raises(AnotherDay):
        await morning.step("transfer", old, service=seeds.OTHER_SERVICE)
    kept = "SELECT q.day = t.day FROM queue_ticket t JOIN queue q ON q.id = t.queue_id"
    assert await seeds.value(morning.db, kept)


async def test_what_belongs_to_another_facility_does_not_exist(morning: Morning, clock: Clock) -> None:
    clock.set(0)
    ticket = await morning.walk_in()
    async with morning.db.transaction() as session:
        command = commands.Leave(facility="MAU-99", ticket=ticket.public_id)
        with pytest.raises(TicketUnknown):
            await service.leave(session, command, by=CLERK, now=clock.moment)
    with pytest.raises(RoomUnknown):
        await morning.call("P77")
