"""Suspicions of touting: seen by the manager of a facility the person came to, answered once, not asked again."""

import httpx
import pytest

from booking import clock
from booking.access.kinds import Role
from booking.db import Database
from booking.figures import suspicions
from booking.figures.commands import AnswerSuspicion
from booking.figures.errors import SuspicionAnswered, SuspicionUnknown
from booking.figures.kinds import Verdict
from booking.patients import flags
from booking.patients.kinds import FlagKind
from booking.patients.models import Patient
from tests import asking, pages, seeds, staff
from tests.queues import CLERK
from tests.seeds import FACILITY, World

pytestmark = [pytest.mark.anyio]
BASE = f"/desk/{FACILITY}/suspicions"


@pytest.fixture
async def world(db: Database, client: httpx.AsyncClient) -> World:
    made = await seeds.seed(db)
    await asking.booked(client, made, made.slots[0], 1)
    return made


async def _flag(db: Database, kind: FlagKind = FlagKind.CHANGED_HANDS, **facts: object) -> int:
    """A note about the patient there is; how many open ones she has."""
    async with db.transaction() as session:
        patient = await session.get_one(Patient, await seeds.value(db, "SELECT min(id) FROM patient"))
        await flags.flag(session, patient, kind, now=clock.utc_now(), **facts)
    found: int = await seeds.value(db, "SELECT count(*) FROM patient_flag WHERE settled_at IS NULL")
    return found


async def _answer(db: Database, facility: int, verdict: Verdict, flag: int | None = None) -> None:
    which = flag or await seeds.value(db, "SELECT max(id) FROM patient_flag")
    async with db.transaction() as session:
        command = AnswerSuspicion(flag=which, verdict=verdict)
        await suspicions.answer(session, facility, command, by=CLERK, now=clock.utc_now())


@pytest.mark.usefixtures("world")
async def test_a_manager_sees_and_answers(client: httpx.AsyncClient, db: Database) -> None:
    assert await _flag(db, accounts=3) == 1
    await staff.add(db, "manager.mau", Role.MANAGER, [FACILITY])
    client.cookies.set("desk", await staff.sign_in(db, "manager.mau") or "")
    page = pages.read(await client.get(BASE))
    assert "3 tài khoản cùng đặt lịch cho người này" in page.text
    code = await seeds.value(db, "SELECT code FROM appointment")
    assert page.link(f"/appointments/{code}")
    reads = "SELECT count(*) FROM audit_event WHERE action = 'patient.read' AND facts ->> 'reason' = 'suspicion'"
    assert await seeds.value(db, reads) == 1
    unsaid = await pages.send(client, page.form(f"{BASE}/"))
    assert unsaid.status_code == 422
    done = await pages.send(client, page.form(f"{BASE}/"), verdict="family")
    assert done.status_code == 200
    assert "Một gia đình có nhiều số điện thoại" in pages.read(done).text
    assert pages.read(done).forms[-1].action != page.form(f"{BASE}/").action
    told = await seeds.rows(db, "SELECT facts FROM audit_event WHERE action = 'suspicion.answer'")
    assert told == [{"facts": {"kind": "changed_hands", "verdict": "family"}}]
    assert await seeds.value(db, "SELECT count(*) FROM appointment WHERE state = 'booked'") == 1
    other = await pages.send(client, page.form(f"{BASE}/"), verdict="touting")
    assert other.status_code == 409


async def test_the_same_answer_again_changes_nothing_and_another_is_refused(db: Database, world: World) -> None:
    await _flag(db, accounts=3)
    await _answer(db, world.facility_id, Verdict.CARER)
    await _answer(db, world.facility_id, Verdict.CARER)
    with pytest.raises(SuspicionAnswered):
        await _answer(db, world.facility_id, Verdict.TOUTING)
    assert await seeds.value(db, "SELECT count(*) FROM suspicion_answer") == 1


async def test_who_never_came_to_a_facility_is_unknown_there(db: Database, world: World) -> None:
    await _flag(db, accounts=3)
    with pytest.raises(SuspicionUnknown):
        await _answer(db, world.facility_id + 1, Verdict.FAMILY)
    with pytest.raises(SuspicionUnknown):
        await _answer(db, world.facility_id, Verdict.FAMILY, flag=999)
    async with db.transaction() as session:
        assert await suspicions.open_at(session, [world.facility_id, world.facility_id + 1]) == {world.facility_id: 1}
        now = clock.utc_now()
        assert await suspicions.at_facility(session, world.facility_id + 1, "X", by=CLERK, now=now) == []


async def test_a_wrong_number_is_no_suspicion(db: Database, world: World) -> None:
    await _flag(db, FlagKind.WRONG_NUMBER)
    async with db.transaction() as session:
        assert await suspicions.open_at(session, [world.facility_id]) == {}


async def test_the_same_count_is_not_asked_again_a_higher_one_is(db: Database, world: World) -> None:
    await _flag(db, accounts=3)
    await _answer(db, world.facility_id, Verdict.FAMILY)
    assert await _flag(db, accounts=3) == 0
    assert await _flag(db, accounts=4) == 1
    await _answer(db, world.facility_id, Verdict.FAMILY)
    await seeds.run(db, "UPDATE patient_flag SET settled_at = settled_at - interval '181 days'")
    assert await _flag(db, accounts=4) == 1  # half a year later it is asked anew
    await _answer(db, world.facility_id, Verdict.FAMILY)
    assert await _flag(db, FlagKind.RENAMED, by_account=True) == 1
    await _answer(db, world.facility_id, Verdict.SAME_PERSON)
    assert await _flag(db, FlagKind.RENAMED, by_account=True) == 1  # each renaming is another one
