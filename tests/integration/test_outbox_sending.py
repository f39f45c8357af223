"""One sender, one carrier, every answer; the carrier's log is the judge."""

import asyncio
import json
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from booking.clock import at_local, local_day, utc_now
from booking.db import Database
from booking.logs import JsonLines
from booking.messages import outbox, preparing, texts
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.outbox import Pace
from booking.messages.preparing import Channel
from booking.sealed import keys
from booking.sms.bounded import Limits
from scheduler.jobs import send_messages
from tests.carrier import Carrier, plans, unused_port
from tests.carrier.client import QUICK
from tests.outbox import (
    BASE,
    CHANNEL,
    accepted,
    begun,
    claimed,
    in_the_night,
    make_due,
    mine,
    rested,
    send,
    sender,
    stored,
    until,
    write,
)

pytestmark = [pytest.mark.anyio, pytest.mark.postgres15]


async def test_what_is_due_is_sent_once_with_its_link_and_its_receipt_address(db: Database) -> None:
    message = await write(db)
    with Carrier() as carrier:
        assert await send(sender(db, carrier.url)) == 1
        assert await send(sender(db, carrier.url)) == 0
        (taken,) = carrier.log.accepted
    row = await stored(db, message)
    assert (row.state, row.provider_sid, row.attempts, row.sends) == (MessageState.SENT, taken.sid, 1, 1)
    assert row.lease_until is None
    assert taken.to == message.phone
    assert taken.callback_url == f"{BASE}/api/v1/sms/status/{message.public_id}"
    token = keys().link_token(str(message.subject_id), 1)
    assert taken.body.endswith(f"{BASE}/t/{message.facts['code']}/{token}")
    assert 0 < (taken.valid_seconds or 0) <= 36_000


async def test_what_is_not_due_yet_waits_and_lanes_do_not_mix(db: Database) -> None:
    later = await write(db, due_in=60)
    code = await write(db, lane="code")
    with Carrier() as carrier:
        assert await send(sender(db, carrier.url)) == 0
        assert await send(sender(db, carrier.url, lane="code")) == 1
        assert accepted(carrier) == mine([code])
    assert (await stored(db, later)).state is MessageState.DUE


async def test_the_oldest_goes_first_and_of_equals_the_nearest_visit(db: Database) -> None:
    now = utc_now()
    far = await write(db, due_at=now, starts_in=9000)
    near = await write(db, due_at=now, starts_in=3000)
    oldest = await write(db, due_at=now - timedelta(seconds=5), starts_in=9999)
    with Carrier() as carrier:
        alone = sender(db, carrier.url)
        alone.together = 1
        await send(alone)
        assert accepted(carrier) == mine([oldest, near, far])


@pytest.mark.parametrize(("code", "reason"), [(21211, "phone"), (21610, "phone"), (21617, "content")])
async def test_a_refusal_for_good_is_kept_with_its_code(db: Database, code: int, reason: str) -> None:
    message = await write(db)
    with Carrier() as carrier:
        carrier.plan(plans.refuse(400, code))
        await send(sender(db, carrier.url))
        assert accepted(carrier) == []
        assert len(carrier.log.calls) == 1
    row = await stored(db, message)
    assert (row.state, row.error_code, row.reason) == (MessageState.FAILED, code, reason)


async def test_too_many_requests_waits_as_long_as_the_carrier_asks(db: Database) -> None:
    message = await write(db)
    with Carrier() as carrier:
        carrier.plan(plans.too_many("40"))
        await send(sender(db, carrier.url))
        row = await stored(db, message)
        assert (row.state, row.attempts, row.sends) == (MessageState.DUE, 1, 0)
        assert row.due_at >= row.changed_at + timedelta(seconds=40)
        await make_due(db)
        await send(sender(db, carrier.url))
        assert len(carrier.log.calls) == 1  # it is the whole channel that was told to wait
        await rested(db)
        await send(sender(db, carrier.url))
        assert accepted(carrier) == mine([message])
    assert (await stored(db, message)).state is MessageState.SENT


async def test_a_carrier_that_cannot_be_reached_is_tried_again(db: Database) -> None:
    message = await write(db)
    await send(sender(db, f"http://127.0.0.1:{unused_port()}"))
    row = await stored(db, message)
    assert (row.state, row.sends, row.reason) == (MessageState.DUE, 0, "passing")
    assert row.due_at > row.changed_at


@pytest.mark.parametrize(
    "plan",
    [plans.error_after_accepting(), plans.stall_after_accepting(), plans.broken_body(), plans.without_sid(),
     plans.close_after_accepting(), plans.redirect("/elsewhere"), plans.html_page(), plans.bare(408)],
    ids=lambda plan: plan.name,
)  # fmt: skip
async def test_what_may_have_been_sent_is_unknown_and_not_posted_again(db: Database, plan: plans.Plan) -> None:
    message = await write(db)
    with Carrier() as carrier:
        carrier.plan(plan)
        await send(sender(db, carrier.url, limits=QUICK))
        await send(sender(db, carrier.url))
        assert accepted(carrier) == mine([message]) * plan.accepts
    row = await stored(db, message)
    assert (row.state, row.lease_until, row.sends) == (MessageState.UNKNOWN, None, 1)


async def test_too_late_is_not_sent_and_is_recorded(db: Database) -> None:
    message = await write(db, useful=-1)
    with Carrier() as carrier:
        await send(sender(db, carrier.url))
        assert carrier.log.calls == []
    row = await stored(db, message)
    assert (row.state, row.reason, row.lease_until) == (MessageState.EXPIRED, "time_passed", None)


async def _begun_in_production(db: Database, at: datetime, *registered: str) -> bool:
    """Whether the one message that is due at this moment would be posted."""
    claim = await claimed(db, now=at)
    async with db.transaction() as session:
        strict = Channel("twilio", BASE, production=True, registered=frozenset(registered))
        posting = await outbox.begin(session, claim, through=strict, now=at, lease=timedelta(seconds=9))
    return posting is not None


async def test_a_text_that_is_not_approved_waits_and_goes_once_it_is(db: Database) -> None:
    message, now = await write(db), utc_now()
    assert not await _begun_in_production(db, now)
    row = await stored(db, message)
    assert (row.state, row.reason, row.lease_until, row.sends) == (MessageState.DUE, "text_not_approved", None, 0)
    assert now < row.due_at <= now + timedelta(minutes=5)
    assert await _begun_in_production(db, row.due_at, texts.TEMPLATES[row.kind, row.language].name)


async def test_what_nobody_approves_in_time_expires_and_says_why(db: Database) -> None:
    message = await write(db, useful=60)
    assert not await _begun_in_production(db, utc_now())
    row = await stored(db, message)
    assert (row.state, row.due_at) == (MessageState.DUE, message.useful_until)
    assert not await _begun_in_production(db, row.due_at)
    row = await stored(db, message)
    assert (row.state, row.reason) == (MessageState.EXPIRED, "text_not_approved")


async def test_waiting_for_approval_is_told_once_a_minute_for_each_text(
    db: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(preparing, "_told", {})
    now = utc_now()
    for language, later in (("vi", 0), ("vi", 59), ("en", 59), ("vi", 60)):
        await write(db, language=language)
        assert not await _begun_in_production(db, now + timedelta(seconds=1 + later))
    told = [(one.levelname, JsonLines().format(one)) for one in caplog.records if one.name == preparing.log.name]
    assert [level for level, _ in told] == ["ERROR"] * 3
    facts = [(json.loads(line)["kind"], json.loads(line)["language"]) for _, line in told]
    assert facts == [("booked", "vi"), ("booked", "en"), ("booked", "vi")]


async def test_a_reminder_in_the_night_waits_for_the_morning_or_is_dropped(db: Database) -> None:
    night = in_the_night(utc_now())
    useful = (night - utc_now()).total_seconds()
    message = await write(db, kind=MessageKind.REMINDER_HOURS, useful=useful + 12 * 3600)
    assert await begun(db, await claimed(db), now=night) is None
    row = await stored(db, message)
    assert row.state is MessageState.DUE
    assert row.due_at > night
    assert row.due_at in {
        at_local(local_day(night) + timedelta(days=more), row.due_at.time().replace(hour=7)) for more in (0, 1)
    }
    late = await write(db, kind=MessageKind.REMINDER_DAY, useful=useful + 60)
    assert await begun(db, await claimed(db), now=night) is None
    row = await stored(db, late)
    assert (row.state, row.reason) == (MessageState.EXPIRED, "quiet_hours")


async def test_an_offer_that_was_held_up_until_the_night_is_not_sent(db: Database) -> None:
    night = in_the_night(utc_now())
    useful = (night - utc_now()).total_seconds() + 15 * 60
    message = await write(db, kind=MessageKind.OFFER, useful=useful)
    assert await begun(db, await claimed(db), now=night) is None
    row = await stored(db, message)
    assert (row.state, row.reason, row.posted_at) == (MessageState.EXPIRED, "quiet_hours", None)


async def test_other_texts_go_at_night_too_where_they_were_written_then(db: Database) -> None:
    night = in_the_night(utc_now())
    message = await write(db, useful=3 * 86_400)
    assert await begun(db, await claimed(db), now=night) is None  # written by day, and held up until now
    assert (await stored(db, message)).due_at > night
    await write(db, useful=3 * 86_400, created_at=night - timedelta(minutes=10))
    assert await begun(db, await claimed(db), now=night) is not None


async def test_one_row_that_cannot_be_read_does_not_stop_the_others(db: Database) -> None:
    broken = await write(db, facts={"code": "K7M2PQ4R"})
    sealed_wrongly = await write(db)
    async with db.transaction() as session:
        await session.execute(
            text("UPDATE message SET phone = 'other'::bytea || '\\x00'::bytea WHERE id = :id"),
            {"id": sealed_wrongly.id},
        )
    good = await write(db)
    with Carrier() as carrier:
        await send(sender(db, carrier.url))
        assert accepted(carrier) == mine([good])
    assert (await stored(db, broken)).reason == "unreadable: MissingFactError"
    async with db.transaction() as session:
        query = text("SELECT state, reason FROM message WHERE id = :id")
        row = (await session.execute(query, {"id": sealed_wrongly.id})).one()
    assert tuple(row) == ("failed", "unreadable: UnsealError")


async def test_a_hanging_post_does_not_stop_the_lane(db: Database) -> None:
    first = await write(db)
    with Carrier() as carrier:
        carrier.plan(plans.stall_after_accepting())
        made = sender(db, carrier.url, limits=Limits(connect=1, read=30))
        task = asyncio.create_task(send_messages.run(made, stop=asyncio.Event(), poll=0.05))
        assert await asyncio.to_thread(carrier.wait_for_stall)
        second = await write(db)
        await until(db, second, MessageState.SENT)
        assert (await stored(db, first)).state is MessageState.SENDING
        carrier.release()
        assert await task == 2
        assert accepted(carrier) == mine([first, second])


async def test_stopping_claims_nothing_more_and_waits_for_the_post_that_is_out(db: Database) -> None:
    first = await write(db)
    stop = asyncio.Event()
    with Carrier() as carrier:
        carrier.plan(plans.stall_after_accepting())
        made = sender(db, carrier.url, limits=Limits(connect=1, read=30))
        task = asyncio.create_task(send_messages.run(made, stop=stop, poll=0.05))
        assert await asyncio.to_thread(carrier.wait_for_stall)
        stop.set()
        second = await write(db)
        carrier.release()
        assert await task == 1
    assert (await stored(db, first)).state is MessageState.SENT
    assert (await stored(db, second)).state is MessageState.DUE


async def test_nothing_due_costs_one_look_at_the_index(db: Database) -> None:
    query = """
        EXPLAIN (COSTS OFF) SELECT id FROM message
        WHERE state IN ('due') AND lane = 'visit' AND due_at <= now()
        ORDER BY due_at, facts ->> 'starts_at', id LIMIT 8 FOR UPDATE SKIP LOCKED
    """
    async with db.transaction() as session:
        await session.execute(text("INSERT INTO message (public_id, subject_kind, subject_id, kind, version, copy,"
            " lane, language, phone, facts, state, due_at, useful_until, attempts, sends, created_at, changed_at)"
            " SELECT gen_random_uuid(), 'appointment', gen_random_uuid(), 'booked', 1, 0, 'visit', 'vi', 'x', '{}',"
            " 'sent', now(), now(), 1, 1, now(), now() FROM generate_series(1, 5000)"))  # fmt: skip
        await session.execute(text("ANALYZE message"))
        plan = "\n".join(row[0] for row in await session.execute(text(query)))
    assert "Scan using message_due" in plan


async def test_a_lost_connection_while_recording_is_no_lost_outcome(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = await write(db)
    record, tries = outbox.record, []

    async def once_lost(*args: object, **more: object) -> object:
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionResetError
        return await record(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(outbox, "record", once_lost)
    with Carrier() as carrier:
        await send(sender(db, carrier.url))
        assert accepted(carrier) == mine([message])
    assert len(tries) == 2
    assert (await stored(db, message)).state is MessageState.SENT


async def test_a_lease_of_one_claim_is_not_that_of_another(db: Database) -> None:
    await write(db)
    first = await claimed(db, lease=1)
    async with db.transaction() as session:
        again, _ = await outbox.end_leases(session, now=utc_now() + timedelta(seconds=5))
    assert again == 1
    second = await claimed(db, lease=1, now=utc_now() + timedelta(seconds=5))
    assert second.lease_until != first.lease_until
    assert await begun(db, first) is None
    assert await begun(db, second) is not None
    assert CHANNEL.provider == "twilio"
    assert Pace().sending > timedelta(seconds=21)
