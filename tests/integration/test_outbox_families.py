"""A family's visits on one morning share one reminder, and whoever is left of the family is reminded all the same."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy.sql.selectable import GenerativeSelect
from sqlmodel import col, select

from booking.appointments.calling import queries as calls
from booking.clock import utc_now
from booking.db import Database
from booking.ids import opaque_key
from booking.messages import claiming, outbox, sharing, texts
from booking.messages.claiming import Claim
from booking.messages.kinds import ApprovalState, MessageKind, MessageState
from booking.messages.models import Message, ReminderFamily
from booking.messages.outbox import Posting
from booking.messages.preparing import Channel
from booking.sms.gateway import Accepted, Fault, Outcome, Refused, Unknown
from scheduler.jobs import plan_reminders
from tests import outbox as box
from tests import people, seeds
from tests.outbox import until_somebody_waits

pytestmark = [pytest.mark.anyio]

PHONE = "0903 123 456"
LEASE = timedelta(seconds=60)
DAY, S = MessageKind.REMINDER_DAY, MessageState


async def _booked(client: httpx.AsyncClient, world: seeds.World, slot: int, number: int, **more: Any) -> dict[str, Any]:
    body = world.booking(slot, people.patient(number, **{"phone": PHONE} | more))
    answer = await client.post("/api/v1/appointments", json=body, headers={"Idempotency-Key": opaque_key()})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def _cancel(client: httpx.AsyncClient, visit: dict[str, Any]) -> None:
    headers = {"Authorization": f"Bearer {visit['token']}", "Idempotency-Key": opaque_key()}
    answer = await client.post(f"/api/v1/appointments/{visit['code']}/cancel", json={}, headers=headers)
    assert answer.status_code == 200, answer.text


async def _reminders(db: Database) -> list[Message]:
    """The reminders of the day before, by the time of their visits."""
    query = select(Message).where(col(Message.kind) == DAY).order_by(col(Message.facts)["starts_at"].astext)
    async with db.transaction() as session:
        return list((await session.execute(query)).scalars())


async def _family(db: Database, client: httpx.AsyncClient, *numbers: int) -> tuple[list[dict[str, Any]], datetime]:
    """Visits of one number in the slots of one morning, reminders written; and when those fall due."""
    world = await seeds.seed(db, capacities=[3, 3, 3])
    visits = [await _booked(client, world, world.slots[at], number) for at, number in enumerate(numbers)]
    await _plan(db)
    return visits, (await _reminders(db))[0].due_at


async def _plan(db: Database) -> None:
    """Write the reminders; what was sent when the visits were booked is out of the way."""
    await plan_reminders.run(db)
    await seeds.run(db, "UPDATE message SET state = 'sent' WHERE kind = 'booked' AND state = 'due'")


async def _claim(db: Database, now: datetime, most: int = 10) -> list[Claim]:
    async with db.transaction() as session:
        return await claiming.claim(session, "visit", most=most, now=now, lease=LEASE)


async def _pass(
    db: Database, now: datetime, outcome: Outcome | None = None, *, through: Channel = box.CHANNEL
) -> list[str]:
    """Claim what is due and take each to its outcome, in order; the texts that were posted."""
    bodies = []
    for claim in await _claim(db, now):
        async with db.transaction() as session:
            posting = await outbox.begin(session, claim, through=through, now=now, lease=LEASE)
        if posting is not None:
            bodies.append(posting.outgoing.body)
            await _record(db, posting, outcome or Accepted(f"SM{posting.id}", "queued"), now)
    return bodies


async def _record(db: Database, posting: Posting, outcome: Outcome, now: datetime) -> None:
    async with db.transaction() as session:
        await outbox.record(session, posting, outcome, now=now, pace=box.AT_ONCE)


def _only_reminders_of_the_day(bodies: list[str]) -> list[str]:
    return [one for one in bodies if "mai " in one]


def _later(now: datetime) -> datetime:
    return now + timedelta(seconds=20)


async def _posted(db: Database, now: datetime, outcome: Outcome | None = None, **more: Any) -> list[str]:
    return _only_reminders_of_the_day(await _pass(db, now, outcome, **more))


async def _states(db: Database) -> list[tuple[MessageState, str | None]]:
    return [(row.state, row.reason) for row in await _reminders(db)]


async def test_a_familys_morning_is_one_text(db: Database, client: httpx.AsyncClient) -> None:
    visits, now = await _family(db, client, 1, 2, 3)
    (body,) = await _posted(db, now)
    assert body.startswith("HenKham: Nhac 3 lich kham mai ")
    assert visits[0]["code"] in body
    assert ", tu 07:30." in body
    assert await _posted(db, _later(now)) == []
    assert await _states(db) == [(S.SENT, None), (S.SUPPRESSED, "covered"), (S.SUPPRESSED, "covered")]
    carrier, *others = await _reminders(db)
    async with db.transaction() as session:
        covered = await sharing.covered_by(session, [one.id or 0 for one in others])
    assert set(covered.values()) == {carrier.subject_id}
    assert len(covered) == 2


async def test_another_number_another_half_of_the_day_or_another_language_has_its_own(
    db: Database, client: httpx.AsyncClient
) -> None:
    world = await seeds.seed(db, capacities=[5])
    afternoon = await seeds.add_slot(
        db, world, capacity=1, starts_at=datetime.fromisoformat(f"{world.day}T14:00:00+07:00")
    )
    await _booked(client, world, world.slots[0], 1)
    await _booked(client, world, world.slots[0], 2, phone="0903 123 457")
    await _booked(client, world, afternoon, 3)
    await _plan(db)
    bodies = await _posted(db, (await _reminders(db))[0].due_at)
    assert len(bodies) == 3
    assert all("Nhac lich kham" in one for one in bodies)


async def test_all_spellings_of_a_number_are_one(db: Database, client: httpx.AsyncClient) -> None:
    world = await seeds.seed(db, capacities=[5])
    for number, phone in enumerate(["0903123456", "+84 903 123 456", "84903123456", "090.312.3456"], 1):
        await _booked(client, world, world.slots[0], number, phone=phone)
    await _plan(db)
    (body,) = await _posted(db, (await _reminders(db))[0].due_at)
    assert "Nhac 4 lich kham" in body


async def test_when_the_first_visit_is_cancelled_another_carries_on(db: Database, client: httpx.AsyncClient) -> None:
    visits, now = await _family(db, client, 1, 2, 3)
    await _cancel(client, visits[0])
    (body,) = await _posted(db, now)
    assert "Nhac 2 lich kham" in body
    assert visits[1]["code"] in body
    assert [one[0] for one in await _states(db)] == [S.SUPERSEDED, S.SENT, S.SUPPRESSED]


async def _cancelled_while_it_is_posted(db: Database, client: httpx.AsyncClient) -> list[str]:
    """The carrier's visit is cancelled during its post, which is then refused; what the family hears after that."""
    visits, now = await _family(db, client, 1, 2)
    first, second = [one for one in await _claim(db, now) if one.id in {row.id for row in await _reminders(db)}]
    posting = await box.begun(db, first, now=now)
    assert posting is not None
    assert await box.begun(db, second, now=now) is None
    assert "Nhac 2 lich kham" in posting.outgoing.body
    await _cancel(client, visits[0])
    await _record(db, posting, Refused(429, Fault.PASSING), now)
    assert (await _reminders(db))[0].state is S.SUPERSEDED
    return await _posted(db, _later(now))


async def test_a_cancel_during_the_post_leaves_nobody_without_a_reminder(
    db: Database, client: httpx.AsyncClient
) -> None:
    (body,) = await _cancelled_while_it_is_posted(db, client)
    assert "Nhac lich kham" in body


async def test_control_who_trusts_a_post_that_is_out_loses_the_reminder(
    db: Database, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "_POSTED", (*sharing._POSTED, S.SENDING, S.CLAIMED))
    monkeypatch.setattr(sharing, "_OUT", ())
    assert await _cancelled_while_it_is_posted(db, client) == []


async def test_whoever_is_tried_next_after_a_refusal_speaks_for_all(db: Database, client: httpx.AsyncClient) -> None:
    _, now = await _family(db, client, 1, 2)
    refused = await _posted(db, now, Refused(429, Fault.PASSING, 60.0))
    (taken,) = await _posted(db, now + timedelta(minutes=5))
    assert {one[:26] for one in (*refused, taken)} == {"HenKham: Nhac 2 lich kham "}
    assert await _posted(db, now + timedelta(minutes=6)) == []
    assert sorted(state for state, _ in await _states(db)) == [S.SENT, S.SUPPRESSED]


async def test_a_shared_text_that_is_refused_covers_nobody(db: Database, client: httpx.AsyncClient) -> None:
    """The provider refuses the first for good: the next of the family speaks for those who are left."""
    _, now = await _family(db, client, 1, 2, 3)
    first, *others = [one for one in await _claim(db, now) if one.id in {row.id for row in await _reminders(db)}]
    posting = await box.begun(db, first, now=now)
    assert posting is not None
    assert "Nhac 3 lich kham" in posting.outgoing.body
    for other in others:
        assert await box.begun(db, other, now=now) is None
    await _record(db, posting, Refused(30007, Fault.CONTENT), now)
    (body,) = await _posted(db, _later(now))
    assert "Nhac 2 lich kham" in body
    assert await _posted(db, _later(_later(now))) == []
    assert [one[0] for one in await _states(db)] == [S.FAILED, S.SENT, S.SUPPRESSED]


@pytest.mark.parametrize("arrived", [False, True], ids=["lost", "arrived"])
async def test_whom_a_shared_text_stood_for_is_called_when_it_did_not_arrive(
    db: Database, client: httpx.AsyncClient, *, arrived: bool
) -> None:
    """All of the family, and who is left of it where the visit that carried the text is cancelled."""
    visits, now = await _family(db, client, 1, 2, 3)
    assert len(await _posted(db, now)) == 1
    facility = await seeds.value(db, "SELECT DISTINCT facility_id FROM appointment")
    heard = "UPDATE message SET state = CAST(:state AS message_state) WHERE kind = 'reminder_day' AND state = 'sent'"
    await seeds.run(db, heard, state="delivered" if arrived else "undelivered")

    async def listed() -> set[tuple[str, str]]:
        async with db.transaction() as session:
            return {(one.code, one.why) for one in await calls.to_call(session, facility, now=utc_now())}

    codes = [one["code"] for one in visits]
    assert await listed() == (set() if arrived else {(code, "not_delivered") for code in codes})
    await _cancel(client, visits[0])
    assert await listed() == (set() if arrived else {(code, "not_delivered") for code in codes[1:]})


async def test_nobody_goes_while_it_is_unknown_what_became_of_the_carrier(
    db: Database, client: httpx.AsyncClient
) -> None:
    _, now = await _family(db, client, 1, 2)
    assert len(await _posted(db, now, Unknown("no answer in time"))) == 1
    assert await _posted(db, _later(now)) == []
    assert [one[0] for one in await _states(db)] == [S.UNKNOWN, S.DUE]


async def test_somebody_booked_after_the_shared_text_has_her_own(db: Database, client: httpx.AsyncClient) -> None:
    world = await seeds.seed(db, capacities=[3, 3])
    await _booked(client, world, world.slots[0], 1)
    await _booked(client, world, world.slots[0], 2)
    await _plan(db)
    now = (await _reminders(db))[0].due_at
    assert len(await _posted(db, now)) == 1
    await _booked(client, world, world.slots[1], 3)
    await _plan(db)
    (body,) = await _posted(db, _later(now))
    assert "Nhac lich kham" in body


async def test_where_the_shared_words_are_not_approved_each_goes_alone(db: Database, client: httpx.AsyncClient) -> None:
    _, now = await _family(db, client, 1, 2)
    alone = frozenset(one.name for one in texts.TEMPLATES.values() if one.kind not in texts.FAMILY.values())
    through = Channel("twilio", box.BASE, production=True, registered=alone)
    bodies = await _posted(db, now, through=through)
    assert len(bodies) == 2
    assert all("Nhac lich kham" in one for one in bodies)
    assert ApprovalState.APPROVED not in {one.approval for one in texts.TEMPLATES.values()}


async def _the_first_comes_back_while_the_second_begins(db: Database, client: httpx.AsyncClient) -> list[Posting]:
    """The second is about to be posted, uncommitted, when the first, that was put off, begins as well."""
    await _family(db, client, 1, 2)
    first, second = await _reminders(db)
    now = first.due_at
    await seeds.run(db, "UPDATE message SET due_at = due_at + interval '9 seconds' WHERE id = :id", id=first.id)
    (late,) = [one for one in await _claim(db, now) if one.id == second.id]
    soon = now + timedelta(seconds=9)
    async with db.transaction() as session:
        one = await outbox.begin(session, late, through=box.CHANNEL, now=now, lease=LEASE)
        (early,) = [each for each in await _claim(db, soon) if each.id == first.id]
        other = asyncio.create_task(box.begun(db, early, now=soon))
        await until_somebody_waits(db, other)
    return [posting for posting in (one, await other) if posting is not None]


async def test_two_senders_post_one_text(db: Database, client: httpx.AsyncClient) -> None:
    (posting,) = await _the_first_comes_back_while_the_second_begins(db, client)
    assert "Nhac 2 lich kham" in posting.outgoing.body


async def test_control_without_the_lock_the_family_is_told_twice(
    db: Database, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    locking = GenerativeSelect.with_for_update

    def unlocked(query: Any, **more: Any) -> Any:
        of_family = "reminder_family.family =" in str(query)
        return query if of_family else locking(query, **more)

    monkeypatch.setattr(GenerativeSelect, "with_for_update", unlocked)
    assert len(await _the_first_comes_back_while_the_second_begins(db, client)) == 2


async def test_who_shared_what_is_forgotten_after_a_month(db: Database, client: httpx.AsyncClient) -> None:
    _, now = await _family(db, client, 1, 2)
    async with db.transaction() as session:
        assert await sharing.forget_families(session, now=now + timedelta(days=30)) == 0
        assert await sharing.forget_families(session, now=now + timedelta(days=40)) == 4
        assert (await session.execute(select(ReminderFamily))).all() == []
