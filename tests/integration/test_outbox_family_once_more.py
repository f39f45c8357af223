"""A family's shared reminder that did not arrive goes once more, and a cancel takes its reminder from nobody else."""

from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest

from booking.appointments.told import trying
from booking.clock import utc_now
from booking.db import Database
from booking.messages import receipts, rules, sharing
from booking.messages import service as messages
from scheduler.jobs import plan_reminders, try_again
from tests import asking, seeds
from tests import outbox as box
from tests.carrier import Carrier

pytestmark = pytest.mark.anyio

PHONE = "0903 123 456"
NOW = "UPDATE message SET due_at = now() - interval '1 second' WHERE kind = 'reminder_day' AND state = 'due'"
TOLD = "UPDATE message SET state = 'sent' WHERE kind = 'booked' AND state = 'due'"
LATER = "UPDATE message SET state = 'expired' WHERE kind <> 'reminder_day' AND state = 'due'"
WAIT_OVER = "UPDATE message SET again_at = now() - interval '1 second' WHERE again_at IS NOT NULL"
COPIES = (
    "SELECT state::text, coalesce(reason, '') AS reason FROM message WHERE copy = 1 ORDER BY facts->>'starts_at', id"
)


@pytest.fixture(autouse=True)
def by_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """No reminder goes at night, whenever this runs."""
    monkeypatch.setattr(rules, "is_quiet", lambda *_: False)


async def _family(db: Database, client: httpx.AsyncClient, number: int = 2) -> list[dict[str, Any]]:
    """Visits of one number in the slots of one morning, with reminders that are due."""
    world = await seeds.seed(db, capacities=[3, 3, 3])
    visits = []
    for at in range(number):
        answer = await asking.book(client, world, world.slots[at], at + 1, phone=PHONE)
        assert answer.status_code == 201, answer.text
        visits.append(answer.json())
    await plan_reminders.run(db)
    await seeds.run(db, TOLD)
    return visits


async def _cancel(client: httpx.AsyncClient, visit: dict[str, Any]) -> None:
    path = f"/api/v1/appointments/{visit['code']}/cancel"
    answer = await client.post(path, json={}, headers=asking.opens(visit) | asking.new_key())
    assert answer.status_code == 200, answer.text


async def _posted(db: Database, carrier: Carrier) -> list[str]:
    """The reminders that the carrier takes now, whoever stepped aside among them."""
    before = len(carrier.log.accepted)
    for _ in range(2):
        await seeds.run(db, NOW)
        await box.send(box.sender(db, carrier.url))
    return [one.body for one in carrier.log.accepted[before:] if "Nhac" in one.body]


async def _lost(db: Database, carrier: Carrier, code: int = 30003) -> None:
    """The reminder that was posted last did not arrive, and the wait for another is over."""
    last = [one for one in carrier.log.accepted if "Nhac" in one.body][-1]
    async with db.transaction() as session:
        row = await seeds.value(db, "SELECT public_id FROM message WHERE provider_sid = :sid", sid=last.sid)
        said = box.receipt(last.sid, "undelivered", code)
        assert await receipts.take(session, row, said, now=utc_now())
    await seeds.run(db, WAIT_OVER)
    await box.rested(db)


async def _after_a_loss(
    db: Database, client: httpx.AsyncClient, cancelled: Sequence[int], number: int = 2
) -> tuple[list[dict[str, Any]], list[str]]:
    """Some cancel while the shared reminder is about to go once more; the visits, and what the carrier then takes."""
    visits = await _family(db, client, number)
    with Carrier() as carrier:
        (shared,) = await _posted(db, carrier)
        assert f"Nhac {number} lich kham mai" in shared
        await _lost(db, carrier)
        assert await try_again.run(db) == 1
        for one in cancelled:
            await _cancel(client, visits[one])
        bodies = await _posted(db, carrier)
    await seeds.run(db, LATER)
    return visits, bodies


async def test_all_of_it_is_one_text_again(db: Database, client: httpx.AsyncClient) -> None:
    visits, (body,) = await _after_a_loss(db, client, [], 3)
    assert "Nhac 3 lich kham mai" in body
    assert visits[0]["code"] in body
    covered = {"state": "suppressed", "reason": "covered"}
    assert await seeds.rows(db, COPIES) == [{"state": "sent", "reason": ""}, covered, covered]


@pytest.mark.parametrize(("cancelled", "left"), [(0, 1), (1, 0)], ids=["the first", "the second"])
async def test_whoever_is_left_is_reminded_of_one_visit(
    db: Database, client: httpx.AsyncClient, cancelled: int, left: int
) -> None:
    visits, (body,) = await _after_a_loss(db, client, [cancelled])
    assert "Nhac lich kham" in body
    assert visits[left]["code"] in body


@pytest.mark.parametrize("cancelled", [0, 1, 2])
async def test_two_that_are_left_of_three_are_two(db: Database, client: httpx.AsyncClient, cancelled: int) -> None:
    visits, (body,) = await _after_a_loss(db, client, [cancelled], 3)
    assert "Nhac 2 lich kham mai" in body
    assert visits[0 if cancelled else 1]["code"] in body


async def test_nobody_is_reminded_where_all_are_off(db: Database, client: httpx.AsyncClient) -> None:
    _, bodies = await _after_a_loss(db, client, [0, 1])
    assert bodies == []


async def _one_for_all(session: Any, message: Any, **more: Any) -> int:
    """Control: another row for the carrier alone, as it said how many it stood for."""
    if message.reason == "covered":
        return 0
    visit = await trying._visit(session, message, now=more["now"])
    assert visit is not None
    notice = messages.Notice(
        visit.public_id, message.kind, message.version, message.facility_id, message.facts, due_at=more["now"],
        useful_until=message.useful_until, copy=1, once_more=True,
    )  # fmt: skip
    to = messages.Recipient(message.phone, message.language)
    return await messages.write(session, [notice], to, now=more["now"])


async def test_control_one_row_for_all_of_it_leaves_the_second_without_a_reminder(
    db: Database, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trying, "_one", _one_for_all)
    _, bodies = await _after_a_loss(db, client, [0])
    assert bodies == []


async def test_control_one_row_for_all_of_it_tells_of_a_visit_that_is_off(
    db: Database, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trying, "_one", _one_for_all)
    _, (body,) = await _after_a_loss(db, client, [1])
    assert "Nhac 2 lich kham mai" in body


async def test_control_rows_that_do_not_join_their_family_are_a_text_each(
    db: Database, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def alone(*_: Any) -> None:
        """Nothing is noted."""

    join: Callable[..., Any] = sharing.join

    async def only_the_first_time(session: Any, notices: Any, to: Any) -> None:
        await (join if notices[0].copy == 0 else alone)(session, notices, to)

    monkeypatch.setattr(sharing, "join", only_the_first_time)
    _, bodies = await _after_a_loss(db, client, [])
    assert len(bodies) == 2


async def test_what_our_configuration_loses_twice_goes_a_third_time_for_whoever_is_on(
    db: Database, client: httpx.AsyncClient
) -> None:
    visits = await _family(db, client, 3)
    with Carrier() as carrier:
        await _posted(db, carrier)
        await _lost(db, carrier, 30002)
        assert await try_again.run(db) == 1
        await seeds.run(db, "UPDATE sms_channel SET held_at = NULL, held_code = NULL, probe_at = NULL")
        assert len(await _posted(db, carrier)) == 1
        await _lost(db, carrier, 30002)
        await _cancel(client, visits[1])
        assert await try_again.run(db) == 1
        await seeds.run(db, "UPDATE sms_channel SET held_at = NULL, held_code = NULL, probe_at = NULL")
        (body,) = await _posted(db, carrier)
    await seeds.run(db, LATER)
    assert "Nhac 2 lich kham mai" in body
    again = "SELECT count(*) FROM message WHERE kind = 'reminder_day' AND copy = 2"
    assert await seeds.value(db, again) == 2


async def test_who_takes_no_messages_by_now_is_not_told_of(db: Database, client: httpx.AsyncClient) -> None:
    await _family(db, client)
    with Carrier() as carrier:
        await _posted(db, carrier)
        await _lost(db, carrier)
        await seeds.run(db, "UPDATE patient SET no_sms = true WHERE id = (SELECT max(id) FROM patient)")
        assert await try_again.run(db) == 1
        (body,) = await _posted(db, carrier)
    await seeds.run(db, LATER)
    assert "Nhac lich kham" in body
