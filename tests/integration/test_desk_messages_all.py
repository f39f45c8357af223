"""The list of messages at the desk has all of a facility's texts: of slips and of codes read out too, however old."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from booking.access.kinds import Role
from booking.appointments.told import queries
from booking.appointments.told.kinds import Group
from booking.clock import local_day, utc_now
from booking.db import Database
from booking.messages.kinds import MessageKind, MessageState
from tests import seeds, staff, told
from tests.seeds import FACILITY, World

pytestmark = pytest.mark.anyio

BASE = f"/desk/{FACILITY}/messages"
SLIP: dict[str, Any] = {"kind": MessageKind.INVITATION, "subject_kind": "invitation"}
READ_OUT: dict[str, Any] = {"kind": MessageKind.CODE_READ_OUT, "subject_kind": "read_out"}


@pytest.fixture
async def world(client: httpx.AsyncClient, db: Database) -> World:
    """A clerk is signed in."""
    made = await seeds.seed(db, capacities=[3, 3])
    await staff.add(db, "tiep-don.mau", Role.CLERK, [FACILITY])
    client.cookies.set("desk", await staff.sign_in(db, "tiep-don.mau") or "")
    return made


@pytest.mark.parametrize("about", [SLIP, READ_OUT], ids=["slip", "code read out"])
async def test_texts_about_no_visit_are_listed_counted_and_paid_for(
    client: httpx.AsyncClient, db: Database, world: World, about: dict[str, Any]
) -> None:
    facts = {"facility": "TYT Mau", "date": "05/12", "code": "K7M2PQ4R", "token_version": 1}
    if about is READ_OUT:
        facts = {"facility": "TYT Mau", "starts_at": utc_now().isoformat()}
    lost: dict[str, Any] = {"state": MessageState.UNDELIVERED, "sends": 1, "segments": 1, "provider_sid": "SM1"}
    made = await told.message(db, world.facility_id, **about | lost, facts=facts)
    today = local_day(utc_now())
    async with db.transaction() as session:
        (one,) = await queries.listed(session, world.facility_id, queries.Wanted(today, today, kind=made.kind))
        (day,) = await queries.by_day(session, world.facility_id, today, today)
    assert (one.id, day.of(Group.LOST), day.segments) == (made.public_id, 1, 1)
    assert f"{BASE}/{made.public_id}" in (await client.get(f"{BASE}?kind={made.kind.value}")).text
    page = await client.get(f"{BASE}/{made.public_id}")
    assert page.status_code == 200
    assert 'name="why"' not in page.text
    assert "TYT Mau" in page.text
    refused = await client.post(
        f"{BASE}/{made.public_id}",
        data={"copy": "1", "why": "Chưa thấy tin"},
        headers={"sec-fetch-site": "same-origin"},
    )
    assert refused.status_code == 422
    await seeds.run(db, "UPDATE message SET facility_id = facility_id + 1")
    assert (await client.get(f"{BASE}/{made.public_id}")).status_code == 404, "another's"


@pytest.mark.usefixtures("client")
async def test_what_waits_or_was_lost_is_on_its_day_however_long_ago_it_was_written(db: Database, world: World) -> None:
    waits = await told.message(db, world.facility_id, state=MessageState.DUE, reason="text_not_approved")
    lost = await told.message(db, world.facility_id, state=MessageState.UNDELIVERED)
    await seeds.run(db, "UPDATE message SET created_at = now() - interval '30 days'")
    today = local_day(utc_now())
    async with db.transaction() as session:
        found = await queries.listed(session, world.facility_id, queries.Wanted(today, today))
        (day,) = await queries.by_day(session, world.facility_id, today, today)
        before = today - timedelta(days=1)
        assert await queries.listed(session, world.facility_id, queries.Wanted(before, before)) == []
    assert {one.id for one in found} == {waits.public_id, lost.public_id}
    assert (day.of(Group.WAITING), day.of(Group.LOST)) == (1, 1)


@pytest.mark.usefixtures("client")
async def test_what_went_or_was_given_up_after_a_long_wait_is_on_the_day_of_that(db: Database, world: World) -> None:
    now, before = utc_now(), utc_now() - timedelta(days=9)
    late: dict[str, Any] = {"at": before, "segments": 2, "sends": 1}
    sent = await told.message(db, world.facility_id, state=MessageState.DELIVERED, **late, posted_at=now)
    moved = await told.message(db, world.facility_id, state=MessageState.EXPIRED, at=before, due_at=now)
    today = local_day(now)
    async with db.transaction() as session:
        found = await queries.listed(session, world.facility_id, queries.Wanted(today, today))
        (day,) = await queries.by_day(session, world.facility_id, today, today)
        then = local_day(before)
        assert await queries.listed(session, world.facility_id, queries.Wanted(then, then)) == []
    assert {one.id for one in found} == {sent.public_id, moved.public_id}
    assert (day.of(Group.ARRIVED), day.segments) == (1, 2)


@pytest.mark.usefixtures("client")
async def test_what_was_refused_and_waits_is_on_the_day_when_it_is_due(db: Database, world: World) -> None:
    tomorrow = utc_now() + timedelta(days=1)
    waits: dict[str, Any] = {"state": MessageState.DUE, "at": utc_now(), "posted_at": utc_now(), "due_at": tomorrow}
    made = await told.message(db, world.facility_id, **waits)
    day = local_day(tomorrow)
    async with db.transaction() as session:
        (found,) = await queries.listed(session, world.facility_id, queries.Wanted(day, day))
    assert (found.id, found.at) == (made.public_id, tomorrow)


@pytest.mark.usefixtures("client")
async def test_a_slip_is_found_by_its_code(db: Database, world: World) -> None:
    made = await told.message(db, world.facility_id, **SLIP)
    today = local_day(utc_now())
    async with db.transaction() as session:
        code = str(made.facts["code"])
        found = await queries.listed(session, world.facility_id, queries.Wanted(today, today, code=code))
        none = await queries.listed(session, world.facility_id, queries.Wanted(today, today, code="AAAAAAA2"))
    assert [one.id for one in found] == [made.public_id]
    assert none == []
