"""The one text that tells of a slip: when, to whom, never twice, never of what is settled; and the page behind it."""

from datetime import date, time, timedelta
from typing import Any

import httpx
import pytest

from booking.clock import at_local, utc_now
from booking.db import Database
from booking.invitations import service, telling
from booking.invitations.commands import TakeBack
from booking.messages import numbers, preparing, texts
from booking.messages.kinds import MessageKind, MessageState
from booking.patients import consents
from booking.patients.kinds import ConsentPurpose, Relation
from booking.records import queries as records_held
from booking.records.scope import scope_of
from scheduler.jobs import tell_invitations
from tests import pages, people, seeds
from tests.households import TODAY
from tests.outbox import CHANNEL
from tests.seeds import FACILITY, OTHER_SERVICE, SERVICE
from tests.slip_texts import (
    BOTH,
    FEED,
    MORNING,
    NAME,
    ROWS,
    agree,
    cancel,
    message,
    person,
    slip,
    states,
    take,
    told,
    visit,
)

pytestmark = pytest.mark.anyio


async def test_she_is_told_once_some_days_before(db: Database) -> None:
    await seeds.seed(db)
    await person(db)
    await take(db, slip(due=TODAY + timedelta(days=9)))
    assert await told(db) == 0, "nine days before is too early"
    assert await told(db, MORNING + timedelta(days=2)) == 1
    assert await told(db, MORNING + timedelta(days=2, minutes=10)) == 0
    assert await told(db, MORNING + timedelta(days=3)) == 0
    row = await message(db)
    assert (row.phone, row.language) == ("+84" + people.phone(1)[1:].replace(" ", ""), "vi")
    body = preparing.body_of(row, base_url="https://h.example")
    due = TODAY + timedelta(days=9)
    assert body.startswith("HenKham: ")
    assert f"hen kham lai ngay {due:%d/%m}" in body
    assert "https://h.example/i/" in body
    assert row.useful_until == at_local(due - timedelta(days=1), time(21))


async def test_only_by_day(db: Database) -> None:
    await seeds.seed(db)
    await person(db)
    await take(db, slip())
    for hour in (0, 6, 7, 20, 23):
        assert await told(db, at_local(TODAY, time(hour))) == 0
    assert await told(db, at_local(TODAY, time(19, 50))) == 1
    night = at_local(TODAY, time(21, 30))
    aside = preparing.set_aside(await message(db), CHANNEL, now=night)
    assert aside == {"state": MessageState.DUE, "due_at": at_local(TODAY + timedelta(days=1), time(7))}


@pytest.mark.parametrize(
    ("agrees", "count"),
    [
        (BOTH, 1),
        ({ConsentPurpose.INVITATION: True}, 0),
        ({ConsentPurpose.SMS: True}, 0),
        ({ConsentPurpose.INVITATION: True, ConsentPurpose.SMS: False}, 0),
        ({ConsentPurpose.INVITATION: False, ConsentPurpose.SMS: True}, 0),
    ],
)
async def test_both_consents_are_needed(db: Database, agrees: dict[ConsentPurpose, bool], count: int) -> None:
    await seeds.seed(db)
    home, hers = await person(db, agrees=agrees)
    await take(db, slip())
    assert await told(db) == count
    if not count:
        await agree(db, home, hers, BOTH)
        assert await told(db) == 1, "who agrees later is told then"


async def test_a_yes_to_an_older_wording_covers_no_text(db: Database) -> None:
    await seeds.seed(db)
    await person(db)
    await take(db, slip())
    await seeds.run(db, "ALTER TABLE consent DISABLE TRIGGER USER")
    await seeds.run(db, "UPDATE consent SET wording = 2 WHERE purpose = 'invitation'")
    assert await told(db) == 0
    await seeds.run(db, "UPDATE consent SET wording = 3 WHERE purpose = 'invitation'")
    assert await told(db) == 1
    wording = consents.WORDINGS[ConsentPurpose.INVITATION]
    assert consents.SLIPS_TEXTED_SINCE <= wording.since <= wording.version, "it is the texts' own, not the newest"


@pytest.mark.parametrize(
    "who", [{"name": "Nguyễn Thị Hai Mẫu"}, {"birth_date": date(1990, 5, 18)}, {"citizen_id": "077190000002"}]
)
async def test_nobody_is_told_who_is_not_shown(db: Database, who: dict[str, Any]) -> None:
    await seeds.seed(db)
    await person(db, **who)
    await take(db, slip())
    assert await told(db) == 0


async def test_whom_two_accounts_claim_is_not_told(db: Database) -> None:
    await seeds.seed(db)
    await person(db, 1)
    await person(db, 2, relation=Relation.OTHER)
    await take(db, slip())
    assert await told(db) == 0


async def test_a_childs_slip_is_told_to_who_looks_after_her(db: Database) -> None:
    await seeds.seed(db)
    child: dict[str, Any] = {
        "name": "Lê Bảo Mẫu",
        "birth_date": TODAY - timedelta(days=4 * 365),
        "relation": Relation.CHILD,
    }
    born: date = child["birth_date"]
    card = f"0773{born:%y}000001"
    await person(db, 3, **child, citizen_id=card, guardian_name="Lê Văn Mẫu")
    await take(db, slip(name="LE BAO MAU", birth_date=born, citizen_ids=(card,)))
    assert await told(db) == 1


async def test_who_has_a_visit_already_is_not_told(client: httpx.AsyncClient, db: Database) -> None:
    """Also one that was booked at the desk before the slip came: the slip says nothing new."""
    world = await seeds.seed(db)
    await person(db)
    made = await visit(client, world, world.slots[0])
    assert TODAY < world.day <= TODAY + timedelta(days=7)
    await take(db, slip(due=world.day))
    assert await told(db) == 0
    await cancel(db, made)
    assert await told(db) == 1, "the control: without the visit she is"


async def test_booking_calls_the_text_back(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db)
    await person(db)
    await take(db, slip(due=world.day, service=None))
    assert await told(db) == 1
    await visit(client, world, world.slots[0])  # the JSON door uses the slip
    assert await states(db) == ["superseded"]
    assert await told(db) == 0


async def test_a_visit_for_something_else_calls_nothing_back(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db)
    await person(db)
    await take(db, slip(due=world.day, service=OTHER_SERVICE))
    assert await told(db) == 1
    await visit(client, world, world.slots[0])
    assert await states(db) == ["due"]


async def test_what_the_hospital_changes_or_takes_back_is_called_back(db: Database) -> None:
    await seeds.seed(db)
    await person(db)
    await take(db, slip())
    assert await told(db) == 1
    await take(db, slip())
    assert await states(db) == ["due"], "the same once more changes nothing"
    await take(db, slip(due=TODAY + timedelta(days=6)))
    assert await states(db) == ["superseded"]
    assert await told(db) == 1
    assert await states(db) == ["superseded", "due"]
    body = preparing.body_of(await message(db), base_url="https://h.example")
    assert f"{TODAY + timedelta(days=6):%d/%m}" in body
    await take(db, TakeBack(source="feed:x", key="k1"))
    assert await states(db) == ["superseded", "superseded"]
    assert await told(db) == 0


async def test_what_was_sent_is_not_sent_anew_for_another_day(db: Database) -> None:
    await seeds.seed(db)
    await person(db)
    await take(db, slip())
    assert await told(db) == 1
    await seeds.run(db, "UPDATE message SET state = 'sent'")
    await take(db, slip(due=TODAY + timedelta(days=6)))
    assert await told(db) == 0


async def test_a_slip_that_lapsed_is_called_back(db: Database) -> None:
    await seeds.seed(db)
    await person(db)
    await take(db, slip())
    assert await told(db) == 1
    async with db.transaction() as session:
        await service.lapse(session, by=FEED, now=MORNING + timedelta(days=16))
    assert await states(db) == ["superseded"]


@pytest.mark.parametrize("purpose", [ConsentPurpose.SMS, ConsentPurpose.INVITATION])
async def test_a_consent_taken_back_stops_what_waits(db: Database, purpose: ConsentPurpose) -> None:
    await seeds.seed(db)
    home, hers = await person(db)
    await take(db, slip())
    assert await told(db) == 1
    await agree(db, home, hers, {purpose: False})
    assert await seeds.rows(db, ROWS) == [{"state": "suppressed", "reason": "no_consent", "version": 1}]


async def test_the_text_stands_in_what_is_held_about_her(db: Database) -> None:
    await seeds.seed(db)
    home, hers = await person(db)
    await take(db, slip())
    assert await told(db) == 1
    async with db.transaction() as session:
        held = await records_held.held(
            session, await scope_of(session, home, hers.id, today=TODAY), today=TODAY
        )  # fmt: skip
    assert [row["what_for"] for row in held["messages"]] == ["invitation"]
    assert [row["state"] for row in held["invitations"]] == ["open"]


async def test_a_number_that_takes_no_reminders_takes_no_invitation(db: Database) -> None:
    await seeds.seed(db)
    await person(db)
    await take(db, slip())
    assert await told(db) == 1
    row = await message(db)
    assert row.phone is not None
    async with db.transaction() as session:
        assert await numbers.look(session, row) is None
        await numbers.stop_reminders(session, row.phone, now=utc_now())
        assert await numbers.look(session, row) == {"state": MessageState.SUPPRESSED, "reason": "opted_out"}


async def test_a_desks_own_series_is_not_texted(db: Database) -> None:
    await seeds.seed(db)
    await person(db)
    await take(db, slip(source="desk-series"))
    assert await told(db) == 0


async def test_many_slips_are_told_page_by_page(db: Database) -> None:
    await seeds.seed(db)
    await person(db)
    await take(db, *[slip(key=f"k{number}", service=None) for number in range(5)])
    assert await tell_invitations.run(db, now=MORNING, most=2) == 5


async def test_the_page_behind_the_link(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db)
    await person(db)
    await take(db, slip(due=world.day))
    assert await told(db) == 1
    way = texts.render(MessageKind.INVITATION, "vi", {"facility": "", "date": "", "code": "", "link": "x"})
    assert way.endswith("x")
    path = preparing.body_of(await message(db), base_url="").rpartition(" ")[2]
    page = await client.get(path)
    assert page.status_code == 200
    assert "Lời mời khám lại" in page.text
    assert NAME not in page.text, "a text has more readers than one"
    assert f"/f/{FACILITY}/{SERVICE}?start=" in page.text
    wrong = await client.get(path[:-1] + ("A" if path[-1] != "A" else "B"))
    strange = await client.get("/i/AAAAAAAA/" + path.rpartition("/")[2])
    assert (wrong.status_code, strange.status_code) == (404, 404)
    made = await visit(client, world, world.slots[0])
    assert "Đã có lịch hẹn khám theo phiếu này" in (await client.get(path)).text
    await cancel(db, made)
    assert f"/f/{FACILITY}/{SERVICE}?start=" in (await client.get(path)).text
    await take(db, TakeBack(source="feed:x", key="k1"))
    await seeds.run(db, "UPDATE invitation SET state = 'withdrawn', appointment_id = NULL")
    assert "không còn dùng để đặt lịch ở đây" in (await client.get(path)).text


async def test_the_link_of_the_text_stops_such_texts(client: httpx.AsyncClient, db: Database) -> None:
    world = await seeds.seed(db)
    await person(db)
    await take(db, slip(due=world.day))
    assert await told(db) == 1
    row = await message(db)
    path = preparing.body_of(row, base_url="").rpartition(" ")[2]
    assert f'href="{path}/reminders"' in (await client.get(path)).text
    for stopped in (True, False):
        page = await client.get(f"{path}/reminders")
        assert page.status_code == 200
        assert (row.phone or "")[-3:] in page.text
        await pages.send(client, pages.read(page).form("/reminders"))
        async with db.transaction() as session:
            assert ((await numbers.of_phone(session, row.phone)).stopped_at is not None) is stopped
            assert (await numbers.look(session, row) is not None) is stopped
    events = await seeds.rows(db, "SELECT action FROM audit_event WHERE action LIKE 'reminders.%' ORDER BY id")
    assert [one["action"] for one in events] == ["reminders.stop", "reminders.take"]
    wrong = f"{path[:-1]}{'A' if path[-1] != 'A' else 'B'}/reminders"
    answers = [await client.get(wrong), await client.post(wrong, headers={"sec-fetch-site": "same-origin"})]
    assert [answer.status_code for answer in answers] == [404, 404]


def test_the_hours_of_the_job_lie_in_the_day() -> None:
    assert (time(8), time(20)) == telling.BY_DAY
    assert telling.is_time(at_local(TODAY, time(8)))
    assert not telling.is_time(at_local(TODAY, time(20)))
