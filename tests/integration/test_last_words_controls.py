"""Without each guard that test_last_words.py and test_family_first.py are about, what it prevents is seen."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import ColumnElement, false, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking import clock
from booking.appointments import reminding, wrong_number
from booking.appointments.calling import overdue
from booking.appointments.closing import changes, last_words
from booking.appointments.closing import queries as closings
from booking.appointments.closing import service as closing_service
from booking.appointments.closing.kinds import ClosingAnswer
from booking.appointments.models import Appointment
from booking.appointments.told import queries as tellings
from booking.appointments.told import service as told
from booking.appointments.told.commands import SendAgain
from booking.clock import utc_now
from booking.db import Database
from booking.messages import looking, rules, sharing, texts
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message
from scheduler.jobs import apply_closures, plan_reminders
from tests import asking, outbox, people, seeds
from tests.carrier import Carrier
from tests.closings import STAFF, close, crowd, undo
from tests.integration import test_last_words as scenes
from tests.integration import test_outbox_families as families
from tests.integration.test_outbox_once_more import SENT

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "is_quiet", lambda *_: False)


def _answers(answer: Any) -> Callable[..., Any]:
    """Instead of a guard that looks and decides."""

    async def instead(*_: Any, **__: Any) -> Any:
        return answer

    return instead


async def test_control_an_arrival_taken_back_asks_nobody_again(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reminding, "is_asked", false)
    made = await crowd(db, 1, per_slot=1)
    await close(db, made, ClosingAnswer.ASK)
    await apply_closures.run(db)
    await scenes._back_and_forth(db, made.codes[0])
    asked = [(copy, state) for kind, copy, state in await scenes._texts(db) if kind == "choose"]
    assert asked == [(0, "superseded")], "she never hears that her visit is off"


@pytest.mark.parametrize("how", ["ended", "undone"])
async def test_control_the_loss_of_unmarked_news_is_nobody_s_call(
    db: Database, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(changes, "BY_FACILITY", "unmarked")
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
    await seeds.run(db, "UPDATE message SET state = 'expired', reason = 'number_cap' WHERE state = 'due'")
    assert await scenes._to_call(db, made.world.facility_id) == [], "who was told it is off stays at home"


async def test_control_were_every_text_news_what_she_chose_herself_would_be_called(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overdue, "_is_news", true)
    world = await seeds.seed(db, capacities=[3, 3])
    visit = await asking.booked(client, world, world.slots[0])
    await seeds.run(db, "UPDATE message SET state = 'expired', reason = 'number_cap'")
    assert [code for code, _ in await scenes._to_call(db, world.facility_id)] == [visit["code"]]


async def test_control_who_is_not_meant_reads_of_her_other_visit(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def alone(session: AsyncSession, code: str, **_: Any) -> tuple[Appointment | None, list[Appointment]]:
        query = select(Appointment).where(col(Appointment.code) == code).with_for_update()
        return (await session.execute(query)).scalar_one_or_none(), []

    monkeypatch.setattr(wrong_number, "_with_others", alone)
    _, one, other = await scenes._booked_twice(client, db)
    await plan_reminders.run(db)
    await client.get("/")
    await client.post(f"/t/{one['code']}/{one['token']}/not-me", headers={"sec-fetch-site": "same-origin"})
    left = await seeds.rows(db, "SELECT DISTINCT facts->>'code' AS code FROM message WHERE state = 'due'")
    assert {row["code"] for row in left} == {other["code"]}
    assert (await client.get(f"/t/{other['code']}/{other['token']}")).status_code == 200


async def test_control_what_staff_sent_again_and_arrived_goes_a_third_time(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await seeds.seed(db, capacities=[3, 3])
    await asking.booked(client, world, world.slots[0])
    await seeds.run(db, SENT)
    await scenes._receipt(db, "booked", 0, "undelivered", 30003)
    message: UUID = await seeds.value(db, "SELECT public_id FROM message")
    async with db.transaction() as session:
        command = SendAgain(message=message, copy_number=1, why="bà gọi")
        await told.send_again(session, world.facility_id, command, by=STAFF, now=utc_now())
    await seeds.run(db, SENT)
    await scenes._receipt(db, "booked", 1, "delivered")
    highest = tellings.copies
    looks: list[int] = []

    async def unseen(session: AsyncSession, message: Message) -> int:
        looks.append(await highest(session, message))
        return _Last(looks[-1])

    monkeypatch.setattr(tellings, "copies", unseen)
    assert await scenes._again(db) == 1
    assert looks == [1]
    assert [copy for _, copy, _ in await scenes._texts(db)] == [0, 1, 2], "she reads it twice"


class _Last(int):
    """The number of the last copy, to whoever counts on; not to whoever asks whether there is one."""

    def __gt__(self, _: int) -> bool:
        return False


async def test_control_by_any_word_a_closing_s_list_has_who_has_read_it(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def any_word(_: object) -> ColumnElement[bool]:
        return col(Message.state).in_(last_words._SAYS)

    monkeypatch.setattr(closings, "is_last_word", any_word)
    made = await crowd(db, 1, per_slot=1)
    closing = await scenes._asked_and_lost(db, made)
    await scenes._receipt(db, "choose", 1, "delivered")
    async with db.transaction() as session:
        row = await closings.row(session, closing.public_id, closing.facility_id)
        found = await closings.calls(session, row, made.world.facility_id, now=utc_now())
    assert [one.why for one in found] == ["not_delivered"]


async def test_control_a_visit_that_went_off_in_the_last_minute_is_reminded_of(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reminding, "wait", _answers(False))
    await crowd(db, 1, per_slot=1)
    await plan_reminders.run(db)
    closed = "INSERT INTO slot_closure (slot_id, source, reason, created_at) SELECT id, 'calendar', 'closed', now()"
    await seeds.run(db, f"{closed} FROM slot")
    await seeds.run(db, "UPDATE message SET due_at = now() WHERE kind = 'reminder_day'")
    with Carrier() as carrier:
        await outbox.send(outbox.sender(db, carrier.url))
        assert len(carrier.log.accepted) == 1
    await seeds.run(db, "DELETE FROM slot_closure")


async def test_control_after_an_outage_both_arrive_together(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "_beside", _answers(None))
    subject = UUID(int=5)
    await outbox.write(db, subject=subject, due_in=-30_000)
    with Carrier() as carrier:
        await outbox.write(db, subject=subject, kind=MessageKind.REMINDER_DAY, due_in=-60)
        for _ in range(4):
            await outbox.send(outbox.sender(db, carrier.url))
            await outbox.make_due(db)
        assert len(carrier.log.accepted) == 2


@pytest.fixture
def names_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text names the visit it was written for, as if that were the first."""
    carry = sharing._carry

    async def its_own(session: AsyncSession, message: Message, mine: Any, others: Any) -> None:
        await carry(session, message, mine, others)
        message.facts = {name: fact for name, fact in message.facts.items() if name != texts.FIRST}
        await session.flush()

    monkeypatch.setattr(sharing, "_carry", its_own)


@pytest.mark.usefixtures("names_itself")
async def test_control_a_family_comes_for_its_second_visit(db: Database, client: httpx.AsyncClient) -> None:
    """The first of them is due later: her reminder is at 19:00, the other's at 18:00."""
    world = await seeds.seed(db, capacities=[3, 3, 3])
    await seeds.run(db, "UPDATE service SET remind_day_at = '19:00' WHERE id = :id", id=world.service_id)
    later = "starts_at = starts_at + interval '2 hours', ends_at = ends_at + interval '2 hours'"
    await seeds.run(db, f"UPDATE slot SET {later} WHERE id = :id", id=world.other_slot)
    await families._booked(client, world, world.slots[0], 1)
    body = {"facility": seeds.FACILITY, "service": seeds.OTHER_SERVICE, "slot": world.other_slot}
    body |= {"patient": people.patient(2, phone=families.PHONE)}
    assert (await client.post("/api/v1/appointments", json=body, headers=asking.new_key())).status_code == 201
    await families._plan(db)
    dues = sorted(row.due_at for row in await families._reminders(db))
    (text,) = await families._posted(db, dues[0])
    assert "Nhac 2 lich kham" in text
    assert ", tu 07:30." not in text, "it says when the second is expected, and the first comes too late"


async def test_control_who_counts_the_cancelled_gives_way_to_it_for_ever(
    db: Database, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = (MessageState.DUE, MessageState.CLAIMED, MessageState.SUPERSEDED)
    monkeypatch.setattr(sharing, "_is_free", lambda one, _: one.state in waits)
    visits, now = await families._family(db, client, 1, 2)
    await families._cancel(client, visits[0])
    for seconds in (0, 20, 3600):
        assert await families._posted(db, now + timedelta(seconds=seconds)) == [], "who is left is not reminded"


async def test_control_after_an_arrival_taken_back_a_family_has_two_texts(
    db: Database, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    visits, now = await families._family(db, client, 1, 2)
    monkeypatch.setattr(sharing, "join", _answers(None))
    await scenes._back_and_forth(db, visits[1]["code"])
    texts = await families._posted(db, now)
    texts += await families._posted(db, now + timedelta(seconds=20))
    assert len(texts) == 2
    assert not any("Nhac 2 lich kham" in one for one in texts)
