"""The call list and news that did not go in time: held, capped, expired, never learnt; of what she cannot know."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from booking.access.kinds import Role
from booking.appointments.calling import overdue, queries
from booking.appointments.calling.queries import ToCall
from booking.clock import utc_now
from booking.db import Database
from booking.messages.kinds import MessageKind, MessageState
from booking.messages.settling import UnknownReason
from tests import asking, pages, seeds, staff, told
from tests.people import name
from tests.seeds import FACILITY, World

pytestmark = pytest.mark.anyio

CALLS = f"/desk/{FACILITY}/messages/calls"
K = MessageKind
LONG = "now() - interval '61 minutes'"
LATELY = "now() - interval '59 minutes'"
AS_NEWS = "UPDATE message SET created_at = {long}, changed_at = {long}, {became} WHERE kind = :kind"
HELD = "state = 'due', due_at = {long}"
CAPPED = "state = 'due', due_at = now() + interval '9 hours', reason = 'number_cap'"
REFUSED = "state = 'due', due_at = now() + interval '5 minutes', attempts = 3, reason = 'passing'"
EXPIRED = "state = 'expired', due_at = {long}, reason = 'facility_cap'"
UNKNOWN = "state = 'unknown', posted_at = {long}, sends = 2, due_at = now()"
NEVER = f"state = 'expired', due_at = {{long}}, posted_at = {{long}}, reason = '{UnknownReason.NEVER_LEARNT}'"


@pytest.fixture
async def world(client: httpx.AsyncClient, db: Database) -> World:
    made = await seeds.seed(db, capacities=[3, 3])
    await asking.booked(client, made, made.slots[0])
    return made


async def _listed(db: Database, world: World) -> list[ToCall]:
    async with db.transaction() as session:
        return await queries.to_call(session, world.facility_id, now=utc_now())


async def _became(db: Database, became: str, kind: MessageKind, *, long: str = LONG) -> None:
    """A text of this kind about the visit, as it became; no other but the confirmation."""
    await seeds.run(db, "DELETE FROM message WHERE kind <> 'booked'")
    if kind is not K.BOOKED:
        visit = await seeds.rows(db, "SELECT public_id, facility_id FROM appointment")
        await told.message(
            db, visit[0]["facility_id"], subject=visit[0]["public_id"], kind=kind, state=MessageState.DUE
        )
    await seeds.run(db, AS_NEWS.format(long=long, became=became.format(long=long)), kind=kind.value)


STATES = [
    (HELD, "waiting"), (CAPPED, "waiting"), (REFUSED, "waiting"), (EXPIRED, "not_sent"), (UNKNOWN, "not_known"),
    (NEVER, "not_known"),
]  # fmt: skip


@pytest.mark.parametrize(("became", "why"), STATES, ids=["held", "cap", "refused", "expired", "unknown", "never"])
async def test_news_that_did_not_go_in_time_stand_on_the_list(
    db: Database, world: World, became: str, why: str
) -> None:
    for kind in (K.MOVED_BY_FACILITY, K.CHOOSE, K.CONFLICT):
        await _became(db, became, kind)
        assert [(one.why, one.asked) for one in await _listed(db, world)] == [(why, kind is not K.MOVED_BY_FACILITY)]


@pytest.mark.parametrize("became", [HELD, REFUSED, UNKNOWN], ids=["held", "refused", "unknown"])
async def test_news_have_an_hour(db: Database, world: World, became: str) -> None:
    await _became(db, became, K.CHOOSE, long=LATELY)
    assert await _listed(db, world) == []


async def test_what_is_planned_for_later_is_not_overdue(db: Database, world: World) -> None:
    await _became(db, "state = 'due', due_at = now() + interval '9 hours'", K.CHOOSE)
    assert await _listed(db, world) == []


@pytest.mark.parametrize("kind", [K.BOOKED, K.REMINDER_DAY, K.MOVED, K.RUNNING_LATE])
async def test_what_she_knows_herself_or_is_of_its_minute_calls_nobody(
    db: Database, world: World, kind: MessageKind
) -> None:
    for became, _ in STATES:
        await _became(db, became, kind)
        assert await _listed(db, world) == []


async def test_a_reminder_that_arrives_after_the_news_takes_her_off_the_list(db: Database, world: World) -> None:
    await _became(db, HELD, K.MOVED_BY_FACILITY)
    assert await _listed(db, world)
    await _became(db, "state = 'delivered', due_at = now()", K.MOVED_BY_FACILITY)
    assert await _listed(db, world) == []


async def _desk(client: httpx.AsyncClient, db: Database) -> None:
    await staff.add(db, "tiep-don.mau", Role.CLERK, [FACILITY])
    client.cookies.set("desk", await staff.sign_in(db, "tiep-don.mau") or "")


async def _changed_by_the_desk(client: httpx.AsyncClient, db: Database, what: str, reason: str, **more: Any) -> None:
    await _desk(client, db)
    code = await seeds.value(db, "SELECT code FROM appointment")
    path = f"/desk/{FACILITY}/appointments/{code}/{what}"
    answer = await client.post(path, data={"reason": reason, **more}, headers={"sec-fetch-site": "same-origin"})
    assert answer.status_code in (200, 303), answer.text


@pytest.mark.parametrize(("reason", "listed"), [("practitioner_away", True), ("patient_asked", False)])
async def test_who_is_moved_by_the_facility_did_not_ask_for_it(
    client: httpx.AsyncClient, db: Database, world: World, *, reason: str, listed: bool
) -> None:
    await _changed_by_the_desk(client, db, "move", reason, slot=str(world.slots[1]))
    later = f"UPDATE message SET due_at = {LONG}, created_at = {LONG} WHERE state = 'due'"
    await seeds.run(db, later)
    assert [one.why for one in await _listed(db, world)] == ["waiting"] * listed


@pytest.mark.parametrize(("reason", "listed"), [("practitioner_away", True), ("patient_asked", False)])
async def test_who_is_cancelled_by_the_facility_is_told_so_on_the_telephone(
    client: httpx.AsyncClient, db: Database, world: World, *, reason: str, listed: bool
) -> None:
    await _changed_by_the_desk(client, db, "cancel", reason)
    await seeds.run(db, "UPDATE message SET state = 'expired', reason = 'number_cap' WHERE kind = 'cancelled'")
    found = await _listed(db, world)
    assert [(one.why, one.starts_at) for one in found] == [("not_sent", None)] * listed
    page = pages.read(await client.get(CALLS))
    assert ("tin không gửi kịp" in page.text) is listed
    if listed:
        assert name(1) in page.text
        visit = await seeds.value(db, "SELECT public_id FROM appointment")
        await pages.send(client, page.form(f"/calls/{visit}"), outcome="reached")
        assert [one.open for one in await _listed(db, world)] == [False]


@pytest.mark.usefixtures("world")
async def test_words_for_each_reason_stand_on_the_page(client: httpx.AsyncClient, db: Database) -> None:
    await _desk(client, db)
    for became, said in ((HELD, "tin chưa gửi được"), (EXPIRED, "tin không gửi kịp"), (UNKNOWN, "chưa rõ tin có đến")):
        await _became(db, became, K.CHOOSE)
        assert said in (await client.get(CALLS)).text


async def test_control_without_the_look_at_what_is_overdue_the_list_is_blind(
    db: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _became(db, HELD, K.CHOOSE)
    monkeypatch.setattr(overdue, "AFTER", timedelta(days=9))
    assert await _listed(db, world) == []
