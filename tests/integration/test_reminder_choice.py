"""Reminders or none, from the page behind the link; and numbers that nothing reaches."""

import httpx
import pytest

from booking.clock import utc_now
from booking.db import Database
from booking.messages import claiming, numbers, outbox, receipts
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message
from booking.messages.receipts import Receipt
from booking.patients.rules import read_phone
from booking.sms.gateway import Accepted, Fault, Refused
from scheduler.jobs import plan_reminders
from tests import asking, seeds
from tests import outbox as box
from tests.pages import Page, read, send
from tests.people import phone

pytestmark = pytest.mark.anyio

S = MessageState


async def _booked(db: Database, client: httpx.AsyncClient) -> str:
    world = await seeds.seed(db)
    made = await asking.booked(client, world, world.slots[0])
    await plan_reminders.run(db)
    return f"/t/{made['code']}/{made['token']}"


async def _page(client: httpx.AsyncClient, path: str) -> Page:
    answer = await client.get(path)
    assert answer.status_code == 200
    return read(answer)


async def _due(db: Database) -> dict[str, tuple[str, str | None]]:
    """Everything is claimed and begun when it falls due; what became of each kind."""
    rows = await seeds.rows(
        db, "SELECT max(due_at) AS latest FROM message WHERE state = 'due' AND kind = 'reminder_day'"
    )
    now = rows[0]["latest"] or utc_now()
    async with db.transaction() as session:
        claims = await claiming.claim(session, "visit", most=20, now=now, lease=box.AT_ONCE.claimed)
    for claim in claims:
        await box.begun(db, claim, now=now)
    found = await seeds.rows(db, "SELECT kind, state, reason FROM message WHERE due_at <= :now", now=now)
    return {row["kind"]: (row["state"], row["reason"]) for row in found}


async def test_whoever_has_the_link_stops_reminders_and_takes_them_again(
    db: Database, client: httpx.AsyncClient
) -> None:
    ticket = await _booked(db, client)
    assert f"{ticket}/reminders" in (await client.get(ticket)).text
    asks = await _page(client, f"{ticket}/reminders")
    assert "Thôi nhận tin nhắc hẹn?" in asks.text
    assert phone(1).replace(" ", "")[-3:] in asks.text
    assert await seeds.value(db, "SELECT count(*) FROM number_standing") == 0  # looking changes nothing
    done = read(await send(client, asks.form("/reminders")))
    assert "Số này sẽ không nhận tin nhắc hẹn nữa." in done.text
    await send(client, asks.form("/reminders"))  # a second tap
    assert await seeds.value(db, "SELECT count(*) FROM audit_event WHERE action = 'reminders.stop'") == 1
    again = read(await send(client, done.form("/reminders")))
    assert "Số này lại nhận tin nhắc hẹn." in again.text
    # What tells her of the visit has arrived by then: beside it no reminder goes.
    await seeds.run(db, "UPDATE message SET state = 'delivered', posted_at = created_at WHERE kind = 'booked'")
    assert (await _due(db))["reminder_day"][0] == "sending"


async def test_who_stopped_gets_no_reminder_and_all_else(db: Database, client: httpx.AsyncClient) -> None:
    ticket = await _booked(db, client)
    await send(client, (await _page(client, f"{ticket}/reminders")).form("/reminders"))
    became = await _due(db)
    assert became == {"booked": ("sending", None), "reminder_day": ("suppressed", "opted_out")}


async def test_what_she_asked_for_of_her_turn_goes_to_a_number_that_stopped_reminders(db: Database) -> None:
    """Its control is the reminder, to the same number at the same moment."""
    near, reminder = [await box.write(db, kind=kind) for kind in (MessageKind.TURN_NEAR, MessageKind.REMINDER_DAY)]
    async with db.transaction() as session:
        assert await numbers.stop_reminders(session, near.phone or "", now=utc_now())
        assert await numbers.look(session, near) is None
        assert await numbers.look(session, reminder) == {"state": S.SUPPRESSED, "reason": "opted_out"}


async def test_a_stop_counts_for_every_spelling_of_the_number(db: Database) -> None:
    async with db.transaction() as session:
        assert await numbers.stop_reminders(session, "+84903123456", now=utc_now())
    spelled = ["0903 123 456", "+84 903.123.456", "84903123456", "0903-123-456"]
    for number in spelled:
        e164 = read_phone(number).e164
        async with db.transaction() as session:
            assert (await numbers.of_phone(session, e164)).stopped_at is not None


async def test_a_stranger_with_another_token_stops_nothing(db: Database, client: httpx.AsyncClient) -> None:
    ticket = await _booked(db, client)
    code = ticket.split("/")[2]
    answer = await client.post(f"/t/{code}/{'x' * 27}/reminders", headers={"sec-fetch-site": "same-origin"})
    assert answer.status_code == 404
    cross = await client.post(f"{ticket}/reminders", headers={"sec-fetch-site": "cross-site"})
    assert cross.status_code == 403
    assert await seeds.value(db, "SELECT count(*) FROM number_standing") == 0


async def _code(db: Database) -> Message:
    return await box.write(
        db, kind=MessageKind.OTP, lane="code", subject_kind="code", secret="123456", facts={"minutes": 5}
    )


@pytest.mark.parametrize("kind", [MessageKind.OTP, MessageKind.BOOKED, MessageKind.CANCELLED, MessageKind.CHOOSE])
async def test_a_stop_holds_back_no_code_and_no_news(db: Database, kind: MessageKind) -> None:
    message = await _code(db) if kind is MessageKind.OTP else await box.write(db, kind=kind)
    async with db.transaction() as session:
        await numbers.stop_reminders(session, message.phone or "", now=utc_now())
    claim = await box.claimed(db, lane=message.lane)
    assert await box.begun(db, claim) is not None


async def _refuse(db: Database, code: int, fault: Fault) -> Message:
    message = await box.write(db)
    posting = await box.begun(db, await box.claimed(db))
    assert posting is not None
    async with db.transaction() as session:
        await outbox.record(session, posting, Refused(code, fault), now=utc_now(), pace=box.AT_ONCE)
    return message


async def _next(db: Database) -> Message:
    """What becomes of the next text to the same number."""
    message = await box.write(db, kind=MessageKind.MOVED)
    await box.begun(db, await box.claimed(db))
    return await box.stored(db, message)


async def test_a_number_at_fault_is_flagged_and_gets_no_more_texts(db: Database) -> None:
    message = await _refuse(db, 21614, Fault.PHONE)
    async with db.transaction() as session:
        view = await numbers.of_phone(session, message.phone)
    assert (view.silent_since is not None, view.silent_code) == (True, 21614)
    after = await _next(db)
    assert (after.state, after.reason) == (S.SUPPRESSED, "unreachable")


async def test_a_text_at_fault_says_nothing_of_its_number(db: Database) -> None:
    await _refuse(db, 21617, Fault.CONTENT)
    assert (await _next(db)).state is S.SENDING


@pytest.mark.parametrize(("code", "flagged"), [(30005, True), (30006, True), (30003, False), (30007, False)])
async def test_a_receipt_flags_a_number_at_fault(db: Database, code: int, *, flagged: bool) -> None:
    message = await box.write(db)
    posting = await box.begun(db, await box.claimed(db))
    assert posting is not None
    async with db.transaction() as session:
        await outbox.record(session, posting, Accepted("SM1", "queued"), now=utc_now(), pace=box.AT_ONCE)
        await receipts.take(session, message.public_id, box.receipt("SM1", "undelivered", code), now=utc_now())
    assert ((await _next(db)).state is S.SUPPRESSED) is flagged


async def test_a_text_that_arrives_takes_the_flag_away(db: Database) -> None:
    await _refuse(db, 30006, Fault.PHONE)
    code = await _code(db)
    posting = await box.begun(db, await box.claimed(db, lane="code"))
    assert posting is not None
    async with db.transaction() as session:
        await receipts.take(session, code.public_id, Receipt("SM2", "delivered"), now=utc_now())
    assert (await _next(db)).state is S.SENDING
