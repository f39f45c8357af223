"""What is kept how long: on the day before its border each kind is there, on the day after it is gone."""

# ruff: noqa: ARG001  every way to make a row takes the same three, whatever it needs

import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from booking import clock, sealed
from booking.appointments.kinds import AppointmentState
from booking.appointments.waitlist.kinds import EntryState
from booking.db import Database
from booking.invitations.kinds import InvitationState
from booking.messages.channel.kinds import TallyScope
from booking.messages.kinds import MessageState
from booking.records.service import NOBODY
from booking.requests.kinds import RequestState
from booking.retention.table import TABLE, Kept
from booking.trail import forgetting
from scheduler.jobs import housekeeping
from tests import seeds
from tests.old_rows import put
from tests.seeds import World

pytestmark = [pytest.mark.anyio, pytest.mark.postgres15]

BY_NAME = {each.name: each for each in TABLE}
_HOUR = timedelta(hours=1)


async def _person(session: AsyncSession, **more: Any) -> int:
    return int(await put(session, "patient", name="Trần Cũ Mẫu", birth_year=1960, **more))


async def _visit(session: AsyncSession, world: World, at: datetime, **more: Any) -> int:
    values = {"state": AppointmentState.FULFILLED, "slot_id": world.slots[0], "facility_id": world.facility_id}
    patient = more.pop("patient_id", None) or await _person(session, created_at=at)
    spans = {"starts_at": at, "ends_at": at + timedelta(minutes=15), "created_at": at}
    return int(await put(session, "appointment", patient_id=patient, **values | spans | more))


async def _holds(session: AsyncSession, world: World, at: datetime) -> None:
    await put(
        session, "appointment", state=AppointmentState.LAPSED, slot_id=world.slots[0], starts_at=at, ends_at=at,
        expires_at=at, device=b"d",
    )  # fmt: skip


async def _visits(session: AsyncSession, world: World, at: datetime) -> None:
    account = await put(session, "account")
    visit = await _visit(session, world, at, account_id=account, cancel_reason="x")
    await put(session, "visit_call", appointment_id=visit, note="gọi chị Mẫu")


async def _ticket(session: AsyncSession, world: World, at: datetime, **more: Any) -> None:
    day = clock.local_day(at)
    line = await put(
        session, "queue", facility_id=world.facility_id, service_id=world.service_id, day=day, late_minutes=None
    )
    await put(session, "queue_ticket", queue_id=line, facility_id=world.facility_id, day=day, state="waiting", **more)


async def _tickets(session: AsyncSession, world: World, at: datetime) -> None:
    await _ticket(session, world, at, patient_id=await _person(session), priority_reason="x")


async def _walk_ins(session: AsyncSession, world: World, at: datetime) -> None:
    await _ticket(session, world, at, name="Khách Mẫu", phone="+84903000001")


async def _series(session: AsyncSession, world: World, at: datetime) -> None:
    series = await put(session, "visit_series", patient_id=await _person(session), made_at=at - timedelta(days=60))
    day = clock.local_day(at)
    await put(session, "series_date", series_id=series, due=day, first_day=day, last_day=day)


async def _people(session: AsyncSession, world: World, at: datetime) -> None:
    account = await put(session, "account", seen_at=at)
    await put(session, "profile", account_id=account, patient_id=await _person(session, created_at=at))


async def _accounts(session: AsyncSession, world: World, at: datetime) -> None:
    await put(session, "account", seen_at=at, phone="+84903000001")


async def _wishes(session: AsyncSession, world: World, at: datetime) -> None:
    await put(session, "near_wish", appointment_id=await _visit(session, world, clock.utc_now()), said_at=at)


async def _waits(session: AsyncSession, world: World, at: datetime) -> None:
    who = {"account_id": await put(session, "account"), "patient_id": await _person(session)}
    entry = await put(session, "waitlist_entry", state=EntryState.OVER, ended_at=at, **who)
    await put(session, "waitlist_target", entry_id=entry, service_id=world.service_id)


async def _message(session: AsyncSession, world: World, at: datetime, **more: Any) -> int:
    values = {"state": MessageState.DELIVERED, "phone": "+84903000001", "phone_index": b"i", "facts": {"code": "X"}}
    return int(await put(session, "message", created_at=at, useful_until=at, **values | more))


async def _texts(session: AsyncSession, world: World, at: datetime) -> None:
    await put(session, "message_receipt", message_id=await _message(session, world, at))


async def _families(session: AsyncSession, world: World, at: datetime) -> None:
    message = await _message(session, world, clock.utc_now())
    await put(session, "reminder_family", message_id=message, useful_until=at)


async def _notes(session: AsyncSession, world: World, at: datetime) -> None:
    flag = await put(session, "patient_flag", patient_id=await _person(session), settled_at=at)
    await put(session, "suspicion_answer", flag_id=flag)


async def _slips(session: AsyncSession, world: World, at: datetime) -> None:
    day = clock.local_day(at)
    slip = await put(
        session, "invitation", facility_id=world.facility_id, state=InvitationState.LAPSED, marks=[b"m"],
        due=day, first_day=day, last_day=day,
    )  # fmt: skip
    await put(session, "invitation_call", invitation_id=slip, due=day, note="gọi chị Mẫu")


async def _feed_files(session: AsyncSession, world: World, at: datetime) -> None:
    for _ in range(21):  # the last twenty of a feed are kept whatever their age
        file = await put(session, "feed_file", feed="f", received_at=at)
        await put(session, "feed_run", feed_file_id=file, feed="f")


async def _files_out(session: AsyncSession, world: World, at: datetime) -> None:
    for number in (1, 2):  # the last of a feed is kept whatever its age
        file = await put(session, "out_file", feed="f", facility_id=world.facility_id, number=number, handed_at=at)
        await put(session, "out_answered", out_file_id=file)


async def _feed_rows(session: AsyncSession, world: World, at: datetime) -> None:
    await put(session, "feed_row", feed="f", starts_at=at, feed_file_id=await put(session, "feed_file"))


async def _requests(session: AsyncSession, world: World, at: datetime) -> None:
    values = {"state": RequestState.DONE, "answer": "x", "ended_at": at}
    await put(session, "data_request", facility_id=world.facility_id, **values)


def _plain(table: str, column: str, **more: Any) -> Callable[..., Awaitable[None]]:
    async def make(session: AsyncSession, world: World, at: datetime) -> None:
        await put(session, table, **{column: at} | more)

    return make


async def _staff_sessions(session: AsyncSession, world: World, at: datetime) -> None:
    await put(session, "staff_session", staff_id=await put(session, "staff", state="active"), expires_at=at)


async def _sessions(session: AsyncSession, world: World, at: datetime) -> None:
    await put(session, "patient_session", account_id=await put(session, "account"), expires_at=at)


CASES: dict[str, tuple[Callable[..., Awaitable[None]], str]] = {
    "holds": (_holds, "SELECT count(*) FROM appointment"),
    "visits": (
        _visits,
        (
            "SELECT (SELECT count(*) FROM appointment a JOIN patient p ON p.id = a.patient_id"
            f" WHERE p.name <> '{NOBODY}')"
            " + (SELECT count(*) FROM visit_call) + (SELECT count(account_id) + count(cancel_reason) FROM appointment)"
        ),
    ),
    "tickets": (_tickets, "SELECT count(patient_id) + count(priority_reason) FROM queue_ticket"),
    "series": (_series, "SELECT (SELECT count(*) FROM visit_series) + (SELECT count(*) FROM series_date)"),
    "people": (
        _people,
        (
            f"SELECT (SELECT count(*) FROM patient WHERE name <> '{NOBODY}')"
            " + (SELECT count(*) FROM profile WHERE ended_at IS NULL)"
        ),
    ),
    "accounts": (_accounts, "SELECT count(*) FROM account WHERE ended_at IS NULL"),
    "walk-ins": (_walk_ins, "SELECT count(name) + count(phone) FROM queue_ticket"),
    "wishes": (_wishes, "SELECT count(*) FROM near_wish"),
    "waits": (_waits, "SELECT (SELECT count(*) FROM waitlist_entry) + (SELECT count(*) FROM waitlist_target)"),
    "texts' contents": (_texts, "SELECT count(phone_index) + count(nullif(facts, '{}')) FROM message"),
    "texts": (_texts, "SELECT (SELECT count(*) FROM message) + (SELECT count(*) FROM message_receipt)"),
    "families": (_families, "SELECT count(*) FROM reminder_family"),
    "tallies": (_plain("message_tally", "since", scope=TallyScope.HOUR.value), "SELECT count(*) FROM message_tally"),
    "reconciliations": (_plain("sms_reconciliation", "done_at"), "SELECT count(*) FROM sms_reconciliation"),
    "answers": (_plain("idempotency_record", "created_at"), "SELECT count(*) FROM idempotency_record"),
    "counters": (_plain("rate_counter", "window_start"), "SELECT count(*) FROM rate_counter"),
    "events": (_plain("live_event", "at"), "SELECT count(*) FROM live_event"),
    "runs": (_plain("job_run", "scheduled_for", name="old"), "SELECT count(*) FROM job_run WHERE name = 'old'"),
    "codes": (_plain("verification_code", "created_at"), "SELECT count(*) FROM verification_code"),
    "sessions": (_sessions, "SELECT count(*) FROM patient_session"),
    "staff sessions": (_staff_sessions, "SELECT count(*) FROM staff_session"),
    "delays": (_plain("sign_in_delay", "next_try_at"), "SELECT count(*) FROM sign_in_delay"),
    "notes": (_notes, "SELECT (SELECT count(*) FROM patient_flag) + (SELECT count(*) FROM suspicion_answer)"),
    "staged rows": (_feed_rows, "SELECT count(*) FROM feed_row"),
    "slips": (_slips, "SELECT (SELECT count(*) FROM invitation) + (SELECT count(*) FROM invitation_call)"),
    "history of feeds": (_feed_files, "SELECT greatest(0, count(*) - 20) FROM feed_file"),
    "files out": (_files_out, "SELECT greatest(0, count(*) - 1) FROM out_file"),
    "told": (_plain("out_told", "starts_at"), "SELECT count(*) FROM out_told"),
    "files shown": (_plain("shown_file", "shown_at"), "SELECT count(*) FROM shown_file"),
    "requests": (_requests, "SELECT count(*) FROM data_request"),
}


def test_every_kind_that_is_removed_has_its_border_tried() -> None:
    assert {each.name for each in TABLE if each.sweep is not None} == {*CASES, "audit"}, "the audit: test_audit_cut"


@pytest.mark.parametrize("name", CASES)
async def test_a_kind_is_there_before_its_border_and_gone_after_it(db: Database, name: str) -> None:
    kept, (make, left) = BY_NAME[name], CASES[name]
    assert kept.how_long is not None
    world = await seeds.seed(db)
    # In the morning of the facility's day, so that a day is one whether it is counted in days or in hours.
    now = clock.at_local(clock.local_day(clock.utc_now()), housekeeping.NIGHTLY) + timedelta(hours=8)
    async with db.transaction() as session:
        await make(session, world, now - kept.how_long + _HOUR)
    before = await seeds.value(db, left)
    assert before > 0
    await _sweep(db, kept, now)
    assert await seeds.value(db, left) == before, "too early"
    await _sweep(db, kept, now + timedelta(days=2))
    assert await seeds.value(db, left) == 0, "too late"
    await _no_visits(db)


async def _no_visits(db: Database) -> None:
    """Visits that nobody booked are no world the invariants know."""
    await seeds.run(db, "TRUNCATE appointment CASCADE")


async def _sweep(db: Database, kept: Kept, now: datetime) -> int:
    assert kept.sweep is not None
    removed, gone = 0, 1
    while gone:
        async with db.transaction() as session:
            gone = await kept.sweep(session, now=now)
        removed += gone
    return removed


async def test_a_visit_nobody_closed_and_another_of_that_day_both_become_nobody_s(db: Database) -> None:
    world = await seeds.seed(db)
    now = clock.utc_now()
    old = now - timedelta(days=800)
    async with db.transaction() as session:
        for place, state in enumerate((AppointmentState.BOOKED, AppointmentState.ARRIVED, AppointmentState.NOSHOW)):
            await _visit(session, world, old, state=state, place=place + 1, service_id=world.service_id)
    assert await _sweep(db, BY_NAME["visits"], now) == 3
    assert await _sweep(db, BY_NAME["people"], now) == 3
    names = await seeds.rows(db, "SELECT DISTINCT name, birth_year, citizen_id FROM patient")
    assert names == [{"name": NOBODY, "birth_year": 0, "citizen_id": None}]
    await _no_visits(db)


async def test_people_somebody_still_needs_keep_their_names(db: Database) -> None:
    """The other ways to be heard of: a visit, a list that is used, a wait, a record she was joined to."""
    world = await seeds.seed(db)
    now = clock.utc_now()
    old = now - timedelta(days=800)
    async with db.transaction() as session:
        people = [await _person(session, created_at=old) for _ in range(3)]
        await _visit(session, world, now, patient_id=people[0])
        account = await put(session, "account", seen_at=now)
        await put(session, "profile", account_id=account, patient_id=people[1])
        await put(session, "waitlist_entry", account_id=account, patient_id=people[2], state=EntryState.WAITING)
        await _person(session, created_at=old, merged_into_id=people[0])
        alone = await _person(session, created_at=old)
    assert await _sweep(db, BY_NAME["people"], now) == 1
    assert await seeds.value(db, "SELECT name FROM patient WHERE id = :id", id=alone) == NOBODY
    await _no_visits(db)


async def test_a_thousand_rows_go_in_batches_and_a_row_somebody_holds_is_left(db: Database) -> None:
    now = clock.utc_now()
    old = now - timedelta(days=60)
    async with db.transaction() as session:
        for number in range(25):
            await put(session, "idempotency_record", key=str(number), created_at=old)
    async with db.transaction() as holder:
        await holder.execute(text("SELECT 1 FROM idempotency_record WHERE key = '7' FOR UPDATE"))
        async with db.transaction() as session:
            assert await forgetting.forget_answers(session, now=now, most=10) == 10
        assert await _sweep(db, BY_NAME["answers"], now) == 14
    assert await seeds.value(db, "SELECT key FROM idempotency_record") == "7"


async def test_sealed_columns_of_an_emptied_text_hold_nothing(db: Database) -> None:
    world = await seeds.seed(db)
    async with db.transaction() as session:
        await _message(session, world, clock.utc_now() - timedelta(days=300))
    await _sweep(db, BY_NAME["texts' contents"], clock.utc_now())
    value = await seeds.value(db, "SELECT phone FROM message")
    assert sealed.keys().unseal(value) == ""


async def test_files_that_were_put_away_go_by_their_folder_and_nothing_else(tmp_path: Path) -> None:
    feed = Path(__file__).parents[2] / "deploy" / "feeds" / "workbook.toml"
    toml = re.sub(r"(?m)^folder = .*$", f'folder = "{tmp_path / "drop"}"', feed.read_text("utf-8"))
    (tmp_path / "one.toml").write_text(toml, "utf-8")
    for name in ("done", "held", "quarantine", "other"):
        (tmp_path / "drop" / name).mkdir(parents=True)
        for file in ("a.xlsx", "a.xlsx.report.txt"):
            (tmp_path / "drop" / name / file).write_text("x")
    (tmp_path / "drop" / "done" / "link").symlink_to(feed)
    (tmp_path / "drop" / "arriving.xlsx").write_text("x")
    now = clock.utc_now()
    for days, removed in ((29, 0), (31, 2), (89, 0), (91, 4), (4_000, 0)):
        assert housekeeping.tidy(tmp_path, now=now + timedelta(days=days)) == removed, days
    left = sorted(path.relative_to(tmp_path / "drop").as_posix() for path in (tmp_path / "drop").rglob("*"))
    assert left == [
        "arriving.xlsx",
        "done",
        "done/link",
        "held",
        "other",
        "other/a.xlsx",
        "other/a.xlsx.report.txt",
        "quarantine",
    ]
    assert feed.exists()
