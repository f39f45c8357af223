"""What the queue tells by SMS: a delay to those who are not here, a turn that is near to who asked; each once."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from booking import clock as booking_clock
from booking import ids
from booking.appointments.closing import service as closings
from booking.appointments.closing.commands import CloseTimes, Span
from booking.appointments.closing.kinds import ClosingAnswer, ClosingScope
from booking.db import Database
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message
from booking.messages.preparing import body_of
from booking.queue import acts, commands, service, sheet, texting
from booking.queue.texting import NEAR, REST
from booking.queue.wishing import forget_wishes
from scheduler.jobs import apply_closures
from tests import queues, seeds
from tests.queues import CLERK, Clock, Morning
from tests.seeds import FACILITY, LENGTH, SERVICE

pytestmark = pytest.mark.anyio
SAME = {"sec-fetch-site": "same-origin"}
Visit = dict[str, Any]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = queues.new_clock()
    monkeypatch.setattr(booking_clock, "utc_now", made.now)
    return made


@pytest.fixture
async def morning(db: Database, client: httpx.AsyncClient, clock: Clock) -> Morning:
    made = await queues.make(db, client, clock)
    clock.set(0)
    return made


async def _late(morning: Morning, minutes: int, *, text: bool = True) -> int:
    command = commands.SayLate(facility=FACILITY, service=SERVICE, minutes=minutes, text=text)
    async with morning.db.transaction() as session:
        return await service.say_late(session, command, by=CLERK, now=morning.clock.moment)


async def _texts(morning: Morning, kind: MessageKind, visit: Visit | None = None) -> list[dict[str, Any]]:
    """Texts of a kind, the oldest first; of one visit where it is named."""
    return await seeds.rows(
        morning.db,
        "SELECT state::text, due_at, useful_until, facts, copy FROM message"
        " WHERE kind = :kind AND (CAST(:code AS text) IS NULL OR facts ->> 'code' = :code) ORDER BY id",
        kind=kind.value, code=None if visit is None else visit["code"],
    )  # fmt: skip


async def _states(morning: Morning, visit: Visit) -> list[tuple[str, int]]:
    found = await _texts(morning, MessageKind.RUNNING_LATE, visit)
    return [(row["state"], row["facts"]["late"]) for row in found]


async def _sent(morning: Morning) -> None:
    """What was due went."""
    await seeds.run(
        morning.db, "UPDATE message SET state = 'sent', posted_at = :now WHERE state = 'due'", now=morning.clock.moment
    )


async def test_a_delay_is_texted_to_who_is_not_here_and_rests_for_two_minutes(morning: Morning, clock: Clock) -> None:
    here, coming, over = [await morning.booked(slot, number) for number, slot in enumerate((1, 2, 0), 1)]
    clock.set(20)  # the time of `over` ended at 15
    await morning.check_in(here)
    assert await _late(morning, 40) == 1
    (text,) = await _texts(morning, MessageKind.RUNNING_LATE)
    assert text["facts"]["code"] == coming["code"]
    assert text["due_at"] == clock.moment + REST
    assert text["useful_until"] == clock.opens + timedelta(minutes=30 + 40)
    assert await _states(morning, over) == []
    async with morning.db.transaction() as session:
        message = await session.get_one(Message, await seeds.value(morning.db, "SELECT max(id) FROM message"))
        assert "kham tre 40 phut" in body_of(message, base_url="https://henkham.example")


async def test_a_delay_is_told_again_only_when_it_is_another_by_a_quarter_of_an_hour(morning: Morning) -> None:
    visit = await morning.booked(2, 1)
    await _late(morning, 40)
    await _sent(morning)
    assert await _late(morning, 50) == 0
    assert await _late(morning, 55) == 1
    assert await _states(morning, visit) == [("sent", 40), ("due", 55)]
    assert await _late(morning, 90) == 1  # the other one is called back before it went
    assert await _states(morning, visit) == [("sent", 40), ("superseded", 55), ("due", 90)]


async def test_when_the_session_catches_up_before_the_text_went_it_goes_no_more(morning: Morning) -> None:
    visit = await morning.booked(2, 1)
    await _late(morning, 40)
    assert await _late(morning, 0, text=False) == 0
    assert await _states(morning, visit) == [("superseded", 40)]


async def test_who_arrives_or_cancels_is_told_of_no_delay(morning: Morning, client: httpx.AsyncClient) -> None:
    arrives, cancels = await morning.booked(2, 1), await morning.booked(3, 2)
    await _late(morning, 40)
    await morning.check_in(arrives)
    gone = await client.post(f"/t/{cancels['code']}/{cancels['token']}/not-coming", headers=SAME)
    assert gone.status_code == 303, gone.text
    assert await _states(morning, arrives) == await _states(morning, cancels) == [("superseded", 40)]


async def test_a_delay_that_is_taken_back_reaches_nobody(morning: Morning, clock: Clock) -> None:
    visit = await morning.booked(2, 1)
    await _late(morning, 400)
    async with morning.db.transaction() as session:
        found = await acts.lately(session, morning.world.facility_id, now=clock.moment)
        await acts.undo(session, commands.Undo(facility=FACILITY, act=found[0].id), by=CLERK, now=clock.moment)
    assert await _states(morning, visit) == [("superseded", 400)]
    assert await _late(morning, 40) == 1
    assert await _states(morning, visit) == [("superseded", 400), ("due", 40)]


async def test_whoever_was_asked_for_another_time_is_told_of_no_delay_and_not_waited_for(
    morning: Morning, clock: Clock
) -> None:
    slots = morning.world.slots
    comes, asked, shut, off = [await morning.booked(slot, number) for number, slot in enumerate((0, 1, 2, 3), 1)]
    closing = CloseTimes(
        key=ids.public_id(), answer=ClosingAnswer.ASK, reason="Bác sĩ nghỉ ốm",
        span=Span(scope=ClosingScope.FACILITY, starts_at=clock.opens + LENGTH, ends_at=clock.opens + LENGTH * 2),
    )  # fmt: skip
    async with morning.db.transaction() as session:
        made = await closings.close(session, morning.world.facility_id, closing, by=CLERK, now=clock.moment)
    await apply_closures.run(morning.db, now=clock.moment)
    assert await seeds.value(morning.db, "SELECT fate::text FROM closing_visit") == "asked"
    # One that a closing has shut and not come to yet, and one whose day the calendar gives off.
    for slot, source in ((slots[2], made.source + "x"), (slots[3], "calendar")):
        await seeds.run(
            morning.db, "INSERT INTO slot_closure (slot_id, source, reason, created_at) VALUES (:s, :w, 'x', now())",
            s=slot, w=source,
        )  # fmt: skip
        await seeds.run(morning.db, "UPDATE slot SET open = false WHERE id = :s", s=slot)
    assert await _late(morning, 40) == 1
    assert [await _states(morning, one) for one in (comes, asked, shut, off)] == [[("due", 40)], [], [], []]
    async with morning.db.transaction() as session:
        day = await sheet.sheet(session, morning.world.service_id, morning.world.day)
    assert {one.key: one.off for one in day.expected} == {
        comes["code"]: False, asked["code"]: True, shut["code"]: True, off["code"]: True,
    }  # fmt: skip


async def test_a_delay_is_not_texted_unless_chosen_nor_when_it_is_short(morning: Morning) -> None:
    await morning.booked(2, 1)
    assert await _late(morning, 40, text=False) == 0
    assert await _late(morning, 10) == 0
    assert await _texts(morning, MessageKind.RUNNING_LATE) == []


async def test_the_night_is_waited_for(morning: Morning, clock: Clock) -> None:
    visit = await morning.booked(2, 1)
    clock.set(-60)  # half past six
    await _late(morning, 40)
    (text,) = await _texts(morning, MessageKind.RUNNING_LATE, visit)
    assert text["due_at"] == clock.opens - timedelta(minutes=30)


async def test_who_was_told_of_a_delay_has_come_in_time_by_so_much_later(morning: Morning, clock: Clock) -> None:
    told, untold = await morning.booked(1, 1), await morning.booked(1, 2)
    await seeds.run(morning.db, "UPDATE patient SET no_sms = true WHERE id = (SELECT max(id) FROM patient)")
    assert await _late(morning, 40) == 1
    await _sent(morning)
    clock.set(45)  # the booked time was from 15 to 30
    walk_in = await morning.walk_in()
    tickets = {(await morning.check_in(untold)).label: "untold", walk_in.label: "walk_in"}
    tickets[(await morning.check_in(told)).label] = "told"
    assert [tickets[(await morning.call()).label] for _ in range(3)] == ["told", "walk_in", "untold"]


async def _wish(client: httpx.AsyncClient, visit: Visit, wanted: str = "yes") -> None:
    answer = await client.post(
        f"/t/{visit['code']}/{visit['token']}/near", data={"wanted": wanted}, headers=SAME, follow_redirects=False
    )
    assert answer.status_code == 303, answer.text


async def _line(morning: Morning, people: int) -> None:
    for _ in range(people):
        await morning.walk_in()


async def test_who_asked_is_told_once_that_her_turn_is_near(
    morning: Morning, client: httpx.AsyncClient, clock: Clock
) -> None:
    asks, does_not = await morning.booked(1, 1), await morning.booked(1, 2)
    await _line(morning, NEAR + 2)  # all due before the booked time of both
    clock.set(16)
    for visit in (asks, does_not):
        await morning.check_in(visit)
    await _wish(client, asks)
    page = (await client.get(f"/t/{asks['code']}/{asks['token']}/today", headers={"accept-language": "en"})).text
    assert "An SMS comes when about 5 people" in page
    await morning.call()
    assert await _texts(morning, MessageKind.TURN_NEAR) == []
    await morning.call()
    (text,) = await _texts(morning, MessageKind.TURN_NEAR)
    assert (text["facts"]["code"], text["facts"]["ahead"], text["state"]) == (asks["code"], NEAR, "due")
    await morning.call()
    assert len(await _texts(morning, MessageKind.TURN_NEAR)) == 1
    for _ in range(NEAR):
        await morning.call()  # the last of these calls her
    (text,) = await _texts(morning, MessageKind.TURN_NEAR)
    assert text["state"] == "superseded"


async def test_a_wish_that_is_taken_back_and_one_of_another_day_tell_nothing(
    morning: Morning, client: httpx.AsyncClient, clock: Clock
) -> None:
    visit = await morning.booked(1, 1)
    clock.moment = clock.opens - timedelta(days=1)
    await _wish(client, visit)
    assert await seeds.value(morning.db, "SELECT count(*) FROM near_wish") == 0
    clock.set(0)
    await _line(morning, 3)
    await morning.check_in(visit)
    await _wish(client, visit)
    await _wish(client, visit)
    assert await seeds.value(morning.db, "SELECT count(*) FROM near_wish") == 1
    await _wish(client, visit, "no")
    clock.set(16)
    await morning.call()
    assert await _texts(morning, MessageKind.TURN_NEAR) == []
    noted = await seeds.rows(morning.db, "SELECT facts FROM audit_event WHERE action = 'queue.near' ORDER BY id")
    assert [row["facts"]["wanted"] for row in noted] == [True, False]


async def test_no_wish_is_offered_where_no_sms_reaches(morning: Morning, client: httpx.AsyncClient) -> None:
    visit = await morning.booked(1, 1)
    path = f"/t/{visit['code']}/{visit['token']}/today"
    assert "/near" in (await client.get(path)).text
    silent = "INSERT INTO number_standing (phone_index, silent_since) SELECT phone_index, now() FROM patient"
    await seeds.run(morning.db, silent)
    assert "/near" not in (await client.get(path)).text
    await seeds.run(morning.db, "UPDATE number_standing SET silent_since = NULL, stopped_at = now()")
    said = (await client.get(path)).text  # she may ask all the same, and reads that it comes
    assert "/near" in said
    assert "riêng tin này vẫn gửi" in said
    await seeds.run(morning.db, "UPDATE patient SET no_sms = true")
    assert "/near" not in (await client.get(path)).text


async def test_wishes_are_forgotten_after_two_days(morning: Morning, client: httpx.AsyncClient, clock: Clock) -> None:
    await _wish(client, await morning.booked(1, 1))
    for days, left in ((1, 1), (3, 0)):
        async with morning.db.transaction() as session:
            await forget_wishes(session, now=clock.moment + timedelta(days=days))
        assert await seeds.value(morning.db, "SELECT count(*) FROM near_wish") == left


async def test_control_without_its_memory_a_delay_is_told_again_and_again(
    morning: Morning, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = await morning.booked(2, 1)
    await _late(morning, 40)
    await _sent(morning)
    monkeypatch.setattr(texting, "_differs", lambda _told, _minutes: True)
    assert await _late(morning, 40) == 1
    assert await _states(morning, visit) == [("sent", 40), (MessageState.DUE.value, 40)]
