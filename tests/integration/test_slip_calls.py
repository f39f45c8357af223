"""Whoever was invited to a re-examination and did not get the SMS stands on the call list; what came of it stays."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from booking.access.kinds import Role
from booking.appointments.closing.kinds import CallOutcome
from booking.clock import utc_now
from booking.db import Database
from booking.invitations import calling, trying
from booking.invitations.calling import SlipToCall
from booking.invitations.commands import NoteSlipCall
from booking.invitations.errors import InvitationUnknown
from booking.messages import numbers
from booking.messages.settling import UnknownReason
from booking.patients import queries
from booking.patients.kinds import ConsentPurpose
from tests import pages, people, seeds, slip_texts, staff
from tests.households import TODAY
from tests.pages import Page
from tests.seeds import FACILITY, World
from tests.slip_texts import FEED, MORNING, NAME, agree, message, person, slip, take, told, visit

pytestmark = pytest.mark.anyio

CALLS = f"/desk/{FACILITY}/messages/calls"
OF_SLIPS = "WHERE subject_kind = 'invitation'"
LOST = "state = 'undelivered'"
NEVER = f"state = 'expired', reason = '{UnknownReason.NEVER_LEARNT}'"


@pytest.fixture
async def world(client: httpx.AsyncClient, db: Database) -> World:
    """She was told of her slip, and the SMS was lost; a clerk is signed in."""
    made = await seeds.seed(db, capacities=[3, 3])
    await person(db)
    await take(db, slip())
    assert await told(db) == 1
    await _became(db, LOST)
    await staff.add(db, "tiep-don.mau", Role.CLERK, [FACILITY])
    client.cookies.set("desk", await staff.sign_in(db, "tiep-don.mau") or "")
    client.headers["sec-fetch-site"] = "same-origin"
    return made


async def _became(db: Database, what: str) -> None:
    await seeds.run(db, f"UPDATE message SET provider = 'twilio', posted_at = now(), sends = 1, {what} {OF_SLIPS}")


async def _listed(db: Database, world: World) -> list[SlipToCall]:
    async with db.transaction() as session:
        return await calling.to_call(session, world.facility_id, now=utc_now())


async def _page(client: httpx.AsyncClient) -> Page:
    answer = await client.get(CALLS)
    assert answer.status_code == 200, answer.text
    return pages.read(answer)


async def _called(client: httpx.AsyncClient, db: Database, outcome: str, **typed: str) -> Page:
    which = await seeds.value(db, "SELECT public_id FROM invitation")
    form = (await _page(client)).form(f"/calls/slips/{which}")
    return pages.read(await pages.send(client, form, outcome=outcome, **typed))


@pytest.mark.usefixtures("world")
async def test_she_is_telephoned_and_what_came_of_it_is_kept(client: httpx.AsyncClient, db: Database) -> None:
    page = await _page(client)
    for said in (
        NAME,
        "Lời mời khám lại",
        "tin nhắn không đến",
        "Còn 1 người cần gọi",
        (await message(db)).facts["code"],
    ):
        assert said in page.text, said
    assert people.phone(1).replace("+84", "0")[-3:] in page.text
    read = "SELECT count(*) FROM audit_event WHERE action = 'patient.read' AND facts->>'reason' = 'call_list'"
    assert await seeds.value(db, read) == 1
    assert "gọi lại chiều" in (await _called(client, db, "no_answer", note="gọi lại chiều")).text
    done = await _called(client, db, "cancelled")
    assert "○" not in done.text, "nobody is left to be called"
    assert "không khám lại" in done.text
    assert "Không còn ai cần gọi" in done.text
    row = await seeds.rows(db, "SELECT call::text, calls, note FROM invitation_call")
    assert row == [{"call": "cancelled", "calls": 2, "note": "gọi lại chiều"}]
    acts = "SELECT facts->>'outcome' AS outcome FROM audit_event WHERE action = 'invitation.call' ORDER BY id"
    assert [one["outcome"] for one in await seeds.rows(db, acts)] == ["no_answer", "cancelled"]
    assert await seeds.value(db, "SELECT state::text FROM invitation") == "open", "it stays hers"


STATES = [
    (LOST, "not_delivered"), ("state = 'failed'", "not_delivered"),
    ("state = 'suppressed', reason = 'unreachable'", "unreachable"),
    ("state = 'expired', reason = 'number_cap'", "not_sent"), (NEVER, "not_known"),
]  # fmt: skip


@pytest.mark.parametrize(("became", "why"), STATES)
async def test_whatever_kept_the_sms_away_she_is_on_the_list(db: Database, world: World, became: str, why: str) -> None:
    await _became(db, became)
    found = await _listed(db, world)
    assert [(one.name, one.why, one.open) for one in found] == [(NAME, why, True)]


async def test_a_number_that_is_not_hers_is_not_called(client: httpx.AsyncClient, db: Database, world: World) -> None:
    """It was said after the SMS went; where her account is, another number of hers is called."""
    hers = "+84" + people.phone(1)[1:]
    await seeds.run(db, "UPDATE patient SET wrong_number_at = now(), phone_index = 'x', phone = NULL")
    assert [(one.why, one.phone) for one in await _listed(db, world)] == [("not_delivered", hers)]
    assert hers in (await client.get(CALLS)).text
    await seeds.run(db, "UPDATE patient SET phone = account.phone, phone_index = account.phone_index FROM account")
    await seeds.run(db, "UPDATE profile SET ended_at = now()")
    assert [(one.why, one.phone, one.silent) for one in await _listed(db, world)] == [("wrong_number", None, False)]
    page = (await client.get(CALLS)).text
    assert "không có số điện thoại" in page
    assert hers not in page


OFF = [
    "UPDATE message SET state = 'delivered'",
    "UPDATE message SET state = 'due'",
    "UPDATE message SET state = 'suppressed', reason = 'opted_out'",
    "UPDATE invitation SET state = 'withdrawn'",
    "UPDATE invitation SET state = 'lapsed'",
    "UPDATE invitation SET due = due - 60, first_day = first_day - 60, last_day = last_day - 60",
    "UPDATE patient SET no_sms = true",
    "UPDATE patient SET citizen_id_index = 'x'",
]


@pytest.mark.parametrize("change", OFF)
async def test_who_got_it_or_is_not_to_be_told_is_not_called(db: Database, world: World, change: str) -> None:
    assert await _listed(db, world)
    await seeds.run(db, change)
    assert await _listed(db, world) == []


async def test_who_takes_her_agreement_back_is_not_called(db: Database, world: World) -> None:
    home = await seeds.value(db, "SELECT id FROM account")
    async with db.transaction() as session:
        (hers,) = await queries.profiles(session, home, today=TODAY)
    for purpose in (ConsentPurpose.SMS, ConsentPurpose.INVITATION):
        for granted in (False, True):
            await agree(db, home, hers, {purpose: granted})
            assert len(await _listed(db, world)) == granted


async def test_a_slip_of_another_facility_is_not_there(db: Database, world: World) -> None:
    which = await seeds.value(db, "SELECT public_id FROM invitation")
    command, elsewhere = NoteSlipCall(outcome=CallOutcome.REACHED, note=""), world.facility_id + 1
    async with db.transaction() as session:
        assert await calling.to_call(session, elsewhere, now=utc_now()) == []
        with pytest.raises(InvitationUnknown):
            await calling.note_call(session, elsewhere, which, command, by=FEED, now=utc_now())
        with pytest.raises(InvitationUnknown):
            await calling.number_works(session, elsewhere, which, by=FEED, now=utc_now())
        await calling.note_call(session, world.facility_id, which, command, by=FEED, now=utc_now())


async def test_who_books_is_on_the_list_no_more(client: httpx.AsyncClient, db: Database, world: World) -> None:
    await visit(client, world, world.slots[0])
    assert await _listed(db, world) == []


async def test_the_clerk_books_for_her_at_once_and_her_slip_is_used(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    way = (await _page(client)).link("/book?patient=")
    assert (await client.get(way.split("&mark=")[0])).status_code == 404, "the control: nobody has shown her to us"
    page = pages.read(await client.get(way))
    assert NAME in page.text
    booked = await pages.send(client, page.form("/visits"))
    assert booked.status_code == 200, booked.text
    assert await seeds.value(db, "SELECT state::text FROM invitation") == "used"
    assert await _listed(db, world) == []
    assert "Không cần gọi cho ai" in (await _page(client)).text


async def test_on_another_day_there_is_something_new_to_tell(
    client: httpx.AsyncClient, db: Database, world: World
) -> None:
    await _called(client, db, "reached")
    assert [one.open for one in await _listed(db, world)] == [False]
    await seeds.run(db, "UPDATE invitation SET due = due + 1")
    assert [(one.open, one.calls) for one in await _listed(db, world)] == [(True, 0)]


async def test_who_is_to_be_called_comes_before_who_was_and_a_long_list_says_so(
    client: httpx.AsyncClient, db: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _called(client, db, "reached")
    await person(db, 2, name="Lê Văn Mẫu", citizen_id="077190000002")
    await take(db, slip(key="k2", name="Lê Văn Mẫu", citizen_ids=("077190000002",), due=TODAY + timedelta(days=6)))
    await told(db)
    await _became(db, LOST)
    assert [(one.name, one.open) for one in await _listed(db, world)] == [("Lê Văn Mẫu", True), (NAME, False)]
    assert "Có thể còn nữa" not in (await _page(client)).text
    monkeypatch.setattr(calling, "MOST", 1)
    page = await _page(client)
    assert "Lê Văn Mẫu" in page.text
    assert NAME not in page.text
    assert "Có thể còn nữa" in page.text


@pytest.mark.parametrize(("outcome", "goes"), [("reached", 0), ("cancelled", 0), ("no_answer", 1)])
@pytest.mark.usefixtures("world")
async def test_who_was_spoken_to_needs_no_other_sms(
    client: httpx.AsyncClient, db: Database, outcome: str, goes: int
) -> None:
    await seeds.run(db, f"UPDATE message SET again_at = now(), once_more = true {OF_SLIPS}")
    await _called(client, db, outcome)
    async with db.transaction() as session:
        later = max(MORNING, utc_now()) + timedelta(minutes=1)
        assert await trying.try_again(session, now=later) == goes
    await _called(client, db, "reached")
    assert await slip_texts.states(db) == ["undelivered", *["superseded"] * goes]


@pytest.mark.usefixtures("world")
async def test_a_number_that_works_again_gets_messages(client: httpx.AsyncClient, db: Database) -> None:
    row = await message(db)
    async with db.transaction() as session:
        await numbers.refused(session, row.id or 0, 104, now=utc_now())
    await pages.send(client, (await _page(client)).form("/works"))
    assert await seeds.value(db, "SELECT silent_since FROM number_standing") is None
    assert await seeds.value(db, "SELECT count(*) FROM audit_event WHERE action = 'number.works'") == 1


@pytest.mark.usefixtures("world")
async def test_what_is_no_outcome_or_no_slip_of_this_place_changes_nothing(
    client: httpx.AsyncClient, db: Database
) -> None:
    which = await seeds.value(db, "SELECT public_id FROM invitation")
    tries: list[tuple[str, Any]] = [(str(which), "moved"), (str(which), ""), ("x", "reached")]
    await seeds.run(db, "UPDATE invitation SET state = 'withdrawn'")
    for address, outcome in [*tries, (str(which), "reached")]:
        answer = await client.post(f"{CALLS}/slips/{address}", data={"outcome": outcome})
        assert answer.status_code == 404, (address, outcome)
    assert await seeds.value(db, "SELECT count(*) FROM invitation_call") == 0
