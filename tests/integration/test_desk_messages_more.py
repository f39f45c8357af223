"""Messages at the desk: what they cost, and what is said where nobody answers or reminders are stopped."""

import httpx
import pytest

from booking.access.kinds import Role
from booking.appointments.told import queries
from booking.clock import local_day, utc_now
from booking.db import Database
from booking.messages import numbers
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.models import Message
from tests import asking, pages, seeds, staff, told
from tests.seeds import FACILITY, World

pytestmark = pytest.mark.anyio

BASE = f"/desk/{FACILITY}/messages"


@pytest.fixture
async def world(client: httpx.AsyncClient, db: Database) -> World:
    """A clerk is signed in."""
    made = await seeds.seed(db, capacities=[3, 3])
    await staff.add(db, "tiep-don.mau", Role.CLERK, [FACILITY])
    client.cookies.set("desk", await staff.sign_in(db, "tiep-don.mau") or "")
    return made


COSTS = [
    ("state = 'sent', provider_sid = 'SM1', sends = 2", 4),
    ("state = 'failed', provider_sid = 'SM1', sends = 1", 2),
    ("state = 'failed', sends = 1", 0),
    ("state = 'failed', sends = 2", 2),
    ("state = 'failed', sends = 0", 0),
    ("state = 'unknown', sends = 1", 2),
    ("state = 'due', sends = 0", 0),
]


@pytest.mark.parametrize(
    ("became", "cost"),
    COSTS,
    ids=["sent twice", "lost later", "refused at once", "then refused", "unreadable", "perhaps", "refused, and waits"],
)
async def test_every_post_that_was_taken_is_paid_for_and_no_other(
    client: httpx.AsyncClient, db: Database, world: World, became: str, cost: int
) -> None:
    made = await told.message(db, world.facility_id, state=MessageState.DUE)
    await seeds.run(db, f"UPDATE message SET segments = 2, posted_at = now(), {became}")
    today = local_day(made.due_at)
    async with db.transaction() as session:
        (day,) = await queries.by_day(session, world.facility_id, today, today)
        one = await queries.one(session, world.facility_id, made.public_id)
    assert day.segments == cost
    assert (one.segments or 0) == cost
    assert (await client.get(BASE)).status_code == 200


async def _stopped(db: Database, message: Message) -> None:
    async with db.transaction() as session:
        await numbers.stop_reminders(session, message.phone or "", now=utc_now())


async def _reminder(client: httpx.AsyncClient, db: Database, world: World, kind: MessageKind) -> Message:
    """A text that was lost, about a visit that is on; of the number the visit has."""
    await asking.booked(client, world, world.slots[0])
    change = "UPDATE message SET kind = :kind, state = 'undelivered', sends = 1 WHERE kind = 'booked'"
    await seeds.run(db, change, kind=kind.value)
    async with db.transaction() as session:
        public_id = await seeds.value(db, "SELECT public_id FROM message")
        return await queries.row(session, world.facility_id, public_id)


async def test_staff_send_no_reminder_once_more_to_who_has_stopped_them(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    message = await _reminder(client, db, world, MessageKind.REMINDER_DAY)
    page = pages.read(await client.get(f"{BASE}/{message.public_id}"))
    form = page.form(f"/messages/{message.public_id}")
    await _stopped(db, message)
    answer = await pages.send(client, form, why="Chưa thấy tin")
    assert answer.status_code == 422
    assert "chủ số đã tắt" in answer.text
    assert await seeds.value(db, "SELECT count(*) FROM message WHERE copy > 0") == 0
    assert 'name="why"' not in (await client.get(f"{BASE}/{message.public_id}")).text
    await seeds.run(db, "UPDATE message SET kind = 'booked'")  # what every test leaves behind is looked through


async def test_news_are_sent_once_more_all_the_same(client: httpx.AsyncClient, db: Database, world: World) -> None:
    message = await _reminder(client, db, world, MessageKind.BOOKED)
    await _stopped(db, message)
    page = pages.read(await client.get(f"{BASE}/{message.public_id}"))
    await pages.send(client, page.form(f"/messages/{message.public_id}"), why="Chưa thấy tin")
    assert await seeds.value(db, "SELECT count(*) FROM message WHERE copy > 0") == 1


HELD = """
    INSERT INTO sms_channel (provider, empty_at, hour_at, hour_posts, hour_usual, day_at, day_posts, held_at, held_code,
        amiss)
    VALUES (:provider, now(), now(), 0, 0, now(), 0, now(), :code, :amiss)
"""


@pytest.mark.usefixtures("world")
async def test_where_nobody_answers_nobody_is_blamed(client: httpx.AsyncClient, db: Database) -> None:
    await seeds.run(db, HELD, provider="console", code=None, amiss="unknown")
    said = (await client.get(f"{BASE}/channel")).text
    assert "nhiều tin liên tiếp gửi đi mà không có trả lời" in said
    assert "từ chối" not in said
    assert "Tài khoản" not in said
    assert "Mã xác nhận vẫn gửi bình thường." in said
    assert "nhà cung cấp không trả lời" in (await client.get(BASE)).text  # above the list as well


@pytest.mark.usefixtures("world")
async def test_a_refused_account_is_named(client: httpx.AsyncClient, db: Database) -> None:
    await seeds.run(db, HELD, provider="console", code=20003, amiss=None)
    said = (await client.get(f"{BASE}/channel")).text
    assert "từ chối" in said
    assert "20003" in said


LOST = "UPDATE sms_channel SET held_told = 'doubtful'"
FILTERED = """
    UPDATE sms_channel SET held_at = NULL, held_code = NULL, told = '{"content:booked:vi": {"since":
        "2026-11-23T05:00:00+00:00", "of": {}, "stopped_at": "2026-11-23T05:00:00+00:00",
        "probe_at": "2026-11-23T05:05:00+00:00"}}'
"""


@pytest.mark.parametrize(("code", "why"), [(39999, "Mã lỗi là 39999."), (None, "Nhà mạng không cho biết lý do.")])
@pytest.mark.usefixtures("world")
async def test_where_texts_are_taken_and_lost_nobody_is_blamed_either(
    client: httpx.AsyncClient, db: Database, code: int | None, why: str
) -> None:
    await seeds.run(db, HELD, provider="console", code=code, amiss=None)
    await seeds.run(db, LOST)
    said = (await client.get(f"{BASE}/channel")).text
    assert why in said
    assert "từ chối" not in said
    assert "Mã xác nhận vẫn gửi bình thường." in said
    assert "không đến nơi" in (await client.get(BASE)).text


@pytest.mark.usefixtures("world")
async def test_words_that_carriers_filter_are_named(client: httpx.AsyncClient, db: Database) -> None:
    await seeds.run(db, HELD, provider="console", code=None, amiss=None)
    await seeds.run(db, FILTERED)
    said = (await client.get(f"{BASE}/channel")).text
    assert "Mẫu tin bị nhà mạng chặn" in said
    assert "(booked, vi)" in said
