"""Re-examination slips: whom they concern, used once, when they lapse."""

import asyncio
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from booking.actor import system
from booking.appointments import service as appointments
from booking.appointments.commands import CancelAppointment
from booking.clock import utc_now
from booking.db import Database
from booking.errors import OutcomeUnknown
from booking.invitations import matching, queries, service
from booking.invitations.commands import ReceiveInvitation
from booking.invitations.errors import InvitationRefused, InvitationUnknown
from booking.invitations.queries import InvitationView
from booking.patients import consents
from booking.patients.kinds import ConsentPurpose
from booking.patients.queries import ProfileView
from scheduler.jobs import lapse_invitations
from tests import people, seeds
from tests.asking import BOOK, new_key
from tests.households import TODAY, account, actor, add
from tests.seeds import FACILITY, OTHER_SERVICE, SERVICE, World

pytestmark = pytest.mark.anyio

CARD, OTHER_CARD, INSURANCE = "077190000001", "077190000002", "GD4797912345678"
NAME = "Nguyễn Thị Mẫu"
FEED = system("feed")


def _slip(**more: Any) -> ReceiveInvitation:
    usual: dict[str, Any] = {
        "source": "bv-mau", "key": "HK-1", "facility": FACILITY, "service": SERVICE, "name": "NGUYEN THI MAU",
        "birth_date": date(1990, 5, 17), "bhyt_numbers": (INSURANCE,), "due": TODAY + timedelta(days=2),
    }  # fmt: skip
    return ReceiveInvitation(**(usual | more))


async def _receive(db: Database, **more: Any) -> UUID:
    async with db.transaction() as session:
        return await service.receive(session, _slip(**more), by=FEED, now=utc_now())


async def _shown(db: Database, home: int) -> list[InvitationView]:
    async with db.transaction() as session:
        return await queries.of_account(session, home, today=TODAY)


async def _consent(db: Database, home: int, who: ProfileView, *, granted: bool = True) -> None:
    async with db.transaction() as session:
        await consents.give(
            session, who.patient_id, {ConsentPurpose.INVITATION: granted}, account_id=home, language="vi",
            channel="mobile", by=actor(home), now=utc_now(),
        )  # fmt: skip


async def _person(db: Database, number: int = 1, **more: Any) -> tuple[int, ProfileView]:
    """Somebody with the insurance card of the slip, who agreed to be shown slips."""
    home = await account(db, people.phone(number))
    usual: dict[str, Any] = {"birth_date": date(1990, 5, 17), "bhyt_number": "7912345678"}
    hers = await add(db, home, **({"name": NAME} | usual | more))
    await _consent(db, home, hers)
    return home, hers


async def _visit(client: httpx.AsyncClient, world: World, slot: int, service: str = SERVICE) -> dict[str, Any]:
    """Her visit, booked under her number, name and birth: the same patient."""
    person = {"name": NAME, "birth_date": "1990-05-17", "phone": people.phone(1)}
    body = world.booking(slot, person, service=service)
    answer = await client.post(BOOK, json=body, headers=new_key())
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def _use(db: Database, visit: dict[str, Any]) -> UUID | None:
    async with db.transaction() as session:
        return await service.use(session, await _public_id(session, visit), by=FEED, now=utc_now())


async def _public_id(session: AsyncSession, visit: dict[str, Any]) -> UUID:
    found = await session.execute(text("SELECT public_id FROM appointment WHERE code = :code"), {"code": visit["code"]})
    public_id: UUID = found.scalar_one()
    return public_id


async def test_a_slip_comes_to_the_page_of_whom_it_concerns(db: Database) -> None:
    await seeds.seed(db)
    home, hers = await _person(db)
    slip = await _receive(db)
    (shown,) = await _shown(db, home)
    assert (shown.id, shown.profile, shown.name, shown.facility, shown.service) == (
        slip,
        hers.id,
        NAME,
        FACILITY,
        SERVICE,
    )
    assert (shown.first, shown.last) == (shown.due - timedelta(days=3), shown.due + timedelta(days=10))
    row = (await seeds.rows(db, "SELECT i::text AS row FROM invitation i"))[0]["row"]
    assert "7912345678" not in row
    assert "mau" not in row.lower().replace("bv-mau", "")


@pytest.mark.parametrize(
    "who",
    [
        {"bhyt_number": "7912345679"},
        {"bhyt_number": None},
        {"name": "Nguyễn Thị Mẫu Hai"},
        {"birth_date": date(1990, 5, 18)},
        {"birth_date": date(1991, 5, 17)},
    ],
)
async def test_number_name_and_birth_must_all_fit(db: Database, who: dict[str, Any]) -> None:
    await seeds.seed(db)
    home, _ = await _person(db, **who)
    await _receive(db)
    assert await _shown(db, home) == []


async def test_a_number_entered_later_finds_the_slip(db: Database) -> None:
    await seeds.seed(db)
    home, _ = await _person(db, bhyt_number=None)
    await _receive(db, citizen_ids=(CARD,), bhyt_numbers=("not a number",))
    assert await _shown(db, home) == []
    await add(db, home, NAME, birth_date=date(1990, 5, 17), citizen_id=CARD)
    assert len(await _shown(db, home)) == 1


@pytest.mark.parametrize(("slip", "shown"), [({}, 0), ({"birth_date": None, "birth_year": 1990}, 1)])
async def test_a_year_is_enough_only_where_the_slip_has_no_more(
    db: Database, client: httpx.AsyncClient, slip: dict[str, Any], shown: int
) -> None:
    world = await seeds.seed(db)
    spy = await account(db, people.phone(1))
    await _consent(db, spy, await add(db, spy, NAME, year=1990, citizen_id=CARD))
    await _receive(db, citizen_ids=(CARD,), due=world.day, **slip)
    assert len(await _shown(db, spy)) == shown  # the second is the control: everything else fits
    person = {"name": NAME, "birth_year": 1990, "phone": people.phone(1)}
    await client.post(BOOK, json=world.booking(world.slots[0], person), headers=new_key())
    used = await seeds.value(db, "SELECT count(*) FROM invitation WHERE state = 'used'")
    assert used == shown  # nor does the visit use it up


async def test_a_slip_that_people_of_two_accounts_claim_is_shown_to_none_and_staff_see_both(
    db: Database, client: httpx.AsyncClient
) -> None:
    world = await seeds.seed(db)
    home, _ = await _person(db)
    slip = await _receive(db, due=world.day)
    assert len(await _shown(db, home)) == 1  # the control: she alone
    other, claims = await _person(db, 2)
    assert await _shown(db, home) == await _shown(db, other) == []
    await _visit(client, world, world.slots[0])
    assert await _used(db) == []
    flags = "SELECT count(*) FROM patient_flag WHERE kind = 'changed_hands' AND facts ? 'slips'"
    for _ in range(2):
        await lapse_invitations.run(db)
        assert await seeds.value(db, flags) == 2
    await _consent(db, other, claims, granted=False)
    assert [one.id for one in await _shown(db, home)] == [slip]


async def test_nothing_is_shown_without_consent_nor_after_it_was_withdrawn(db: Database) -> None:
    await seeds.seed(db)
    home, hers = await _person(db)
    await _receive(db)
    await _consent(db, home, hers, granted=False)
    assert await _shown(db, home) == []
    await _consent(db, home, hers)
    assert len(await _shown(db, home)) == 1


async def test_a_slip_of_somebody_else_does_not_exist(db: Database) -> None:
    await seeds.seed(db)
    home, _ = await _person(db)
    other, _ = await _person(db, 2, bhyt_number=None, citizen_id=OTHER_CARD)
    slip = await _receive(db)
    async with db.transaction() as session:
        assert (await queries.of_account_one(session, home, slip, today=TODAY)).id == slip
        with pytest.raises(InvitationUnknown):
            await queries.of_account_one(session, other, slip, today=TODAY)


async def test_the_same_slip_again_is_one_and_says_what_is_new(db: Database) -> None:
    await seeds.seed(db)
    home, _ = await _person(db)
    first = await _receive(db)
    assert await _receive(db) == first
    assert await _receive(db, due=TODAY + timedelta(days=5)) == first
    (shown,) = await _shown(db, home)
    assert shown.due == TODAY + timedelta(days=5)
    actions = await seeds.rows(db, "SELECT action FROM audit_event WHERE object_kind = 'invitation' ORDER BY id")
    assert [row["action"] for row in actions] == ["invitation.receive", "invitation.change"]


@pytest.mark.parametrize(
    "slip",
    [
        {"bhyt_numbers": ()},
        {"bhyt_numbers": ("12", "GD9999999999999")},
        {"last": TODAY},
        {"last": TODAY + timedelta(days=800)},
    ],
)
async def test_a_slip_that_can_concern_nobody_is_refused(db: Database, slip: dict[str, Any]) -> None:
    await seeds.seed(db)
    with pytest.raises(InvitationRefused):
        await _receive(db, **slip)


async def test_a_visit_uses_the_slip_it_answers_once(db: Database, client: httpx.AsyncClient) -> None:
    world = await seeds.seed(db)
    home, _ = await _person(db)
    slip = await _receive(db, due=world.day)
    assert len(await _shown(db, home)) == 1
    visit = await _visit(client, world, world.slots[0])  # the JSON door uses it
    assert await _used(db) == [(slip, visit["code"])]
    assert await _shown(db, home) == []
    assert await _use(db, visit) is None
    assert await _receive(db) == slip  # the old file again does not open it
    assert await _shown(db, home) == []


async def test_a_visit_elsewhere_or_outside_the_window_uses_nothing(db: Database, client: httpx.AsyncClient) -> None:
    world = await seeds.seed(db)
    home, _ = await _person(db)
    await _receive(db, due=world.day + timedelta(days=20))
    await _visit(client, world, world.slots[0])
    await _receive(db, key="HK-2", due=world.day)
    await _visit(client, world, world.other_slot, OTHER_SERVICE)
    assert await _used(db) == []
    assert len(await _shown(db, home)) == 2


async def test_a_cancelled_visit_gives_the_slip_back(db: Database, client: httpx.AsyncClient) -> None:
    world = await seeds.seed(db)
    home, _ = await _person(db)
    slip = await _receive(db, due=world.day)
    visit = await _visit(client, world, world.slots[0])
    assert await _used(db) == [(slip, visit["code"])]
    async with db.transaction() as session:
        await appointments.cancel(
            session, visit["code"], visit["token"], CancelAppointment(), by=FEED, now=utc_now()
        )  # fmt: skip
    assert [one.id for one in await _shown(db, home)] == [slip]
    assert await _use(db, visit) is None  # a form that comes once more uses nothing for a visit given up


async def _used(db: Database) -> list[tuple[UUID, str]]:
    """Slips that were used, and the codes of their visits."""
    query = "SELECT i.public_id, a.code FROM invitation i JOIN appointment a ON a.id = appointment_id ORDER BY i.id"
    return [(row["public_id"], row["code"]) for row in await seeds.rows(db, query)]


async def test_what_was_lost_between_a_booking_and_its_slip_is_made_up_for(
    db: Database, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await seeds.seed(db)
    home, _ = await _person(db)
    slip = await _receive(db, due=world.day)
    key, person = new_key(), {"name": NAME, "birth_date": "1990-05-17", "phone": people.phone(1)}
    body = world.booking(world.slots[0], person)

    async def lost(*_: Any, **__: Any) -> None:
        raise OutcomeUnknown(retry_after=1)

    with monkeypatch.context() as broken:
        broken.setattr(service, "use", lost)
        answer = await client.post(BOOK, json=body, headers=key)
    assert answer.status_code == 503
    assert (await _used(db), len(await _shown(db, home))) == ([], 1)
    again = await client.post(BOOK, json=body, headers=key)  # the same request says what really happened
    assert again.headers["idempotent-replayed"] == "true"
    assert await _used(db) == [(slip, again.json()["code"])]
    # Whoever does not ask again is found by the job; the control is the line before it.
    await seeds.run(db, "UPDATE invitation SET state = 'open', appointment_id = NULL")
    assert await _used(db) == []
    await lapse_invitations.run(db)
    assert await _used(db) == [(slip, again.json()["code"])]


async def test_a_visit_of_before_the_slip_is_not_taken_for_its_answer(db: Database, client: httpx.AsyncClient) -> None:
    world = await seeds.seed(db)
    home, _ = await _person(db)
    await _visit(client, world, world.slots[0])
    await _receive(db, due=world.day)
    await lapse_invitations.run(db)
    assert (await _used(db), len(await _shown(db, home))) == ([], 1)


async def _two(db: Database, world: World, client: httpx.AsyncClient) -> list[dict[str, Any]]:
    """Two visits, and a slip that came since and that both answer."""
    visits = [
        await _visit(client, world, world.slots[0]),
        await _visit(client, world, world.other_slot, OTHER_SERVICE),
    ]
    await _receive(db, due=world.day, service=None)
    return visits


async def _twice(db: Database, visits: list[dict[str, Any]]) -> list[UUID | None]:
    """Each visit uses the slip in a transaction of its own, at once."""
    both = asyncio.Barrier(2)

    async def one(visit: dict[str, Any]) -> UUID | None:
        async with db.transaction() as session:
            found = await _public_id(session, visit)
            await both.wait()
            return await service.use(session, found, by=FEED, now=utc_now())

    return list(await asyncio.gather(*(one(visit) for visit in visits)))


async def test_two_visits_at_once_use_one_slip_once(db: Database, client: httpx.AsyncClient) -> None:
    world = await seeds.seed(db)
    await _person(db)
    visits = await _two(db, world, client)
    assert sum(used is not None for used in await _twice(db, visits)) == 1


async def test_control_without_the_lock_both_think_they_used_it(
    db: Database, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await seeds.seed(db)
    await _person(db)
    visits = await _two(db, world, client)
    real, both = matching.of_patient, asyncio.Barrier(2)

    async def unlocked(*args: Any, **options: Any) -> Any:
        found = await real(*args, **(options | {"lock": False}))
        await both.wait()
        return found

    monkeypatch.setattr(matching, "of_patient", unlocked)
    assert sum(used is not None for used in await _twice(db, visits)) == 2


async def test_slips_lapse_and_are_withdrawn(db: Database) -> None:
    await seeds.seed(db)
    home, _ = await _person(db)
    await _receive(db, last=TODAY + timedelta(days=3))
    await _receive(db, key="HK-2")
    assert await lapse_invitations.run(db, now=utc_now() + timedelta(days=4)) == 1
    assert await lapse_invitations.run(db, now=utc_now() + timedelta(days=4)) == 0
    async with db.transaction() as session:
        for _ in range(2):
            await service.withdraw(session, "bv-mau", "HK-2", by=FEED, now=utc_now())
        with pytest.raises(InvitationUnknown):
            await service.withdraw(session, "bv-mau", "HK-9", by=FEED, now=utc_now())
    assert await _shown(db, home) == []
    states = await seeds.rows(db, "SELECT state::text FROM invitation ORDER BY source_key")
    assert [row["state"] for row in states] == ["lapsed", "withdrawn"]
    await _receive(db, last=TODAY + timedelta(days=30))
    assert len(await _shown(db, home)) == 1
