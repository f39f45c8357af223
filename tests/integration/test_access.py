"""Staff accounts: signing in, what ends a session, who may look after whom."""

import asyncio
from datetime import timedelta

import pyotp
import pytest

from booking import clock, ids
from booking.access import passwords, queries, service, sessions
from booking.access.commands import AddStaff, ChangeStaff
from booking.access.errors import (
    AuthenticatorRefused,
    LastAdministrator,
    ScopeRefused,
    SignInDelayed,
    StaffUnknown,
    UsernameTaken,
)
from booking.access.kinds import Role
from booking.access.queries import Desk
from booking.db import Database
from tests import places, seeds, staff
from tests.places import OTHER, STATION
from tests.staff import BY, PASSWORD

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(db: Database) -> None:
    async with db.transaction() as session:
        await places.make(session, clock.utc_now())


async def _desk(db: Database, username: str) -> Desk:
    found = await staff.desk_of(db, await staff.sign_in(db, username))
    assert found is not None
    return found


@pytest.mark.usefixtures("world")
async def test_the_right_password_opens_and_nothing_else_does(db: Database) -> None:
    await staff.add(db, "thu.mau", Role.CLERK, [STATION])
    desk = await _desk(db, " Thu.Mau ")
    assert (desk.staff.role, list(desk.staff.facilities)) == (Role.CLERK, [STATION])
    assert await staff.sign_in(db, "thu.mau", PASSWORD + "x") is None
    assert await staff.sign_in(db, "nobody.mau") is None
    assert await staff.desk_of(db, "a token of nobody's") is None


@pytest.mark.usefixtures("world")
async def test_neither_password_nor_token_stands_in_the_database(db: Database) -> None:
    await staff.add(db, "thu.mau", Role.CLERK, [STATION])
    token = await staff.sign_in(db, "thu.mau")
    assert token is not None
    for table in ("staff", "staff_session", "sign_in_delay", "audit_event"):
        held = await seeds.value(db, f"SELECT coalesce(string_agg(t::text, ' '), '') FROM {table} t")
        assert token not in held
        assert PASSWORD not in held
    assert (await seeds.value(db, "SELECT password FROM staff")).startswith("$argon2id$")


async def test_a_name_nobody_has_is_delayed_like_any_other(db: Database) -> None:
    for _ in range(3):
        assert await staff.sign_in(db, "nobody.mau", "wrong") is None
    with pytest.raises(SignInDelayed) as delayed:
        await staff.sign_in(db, "nobody.mau", "wrong")
    assert delayed.value.facts["retry_after"] in range(1, 7)


@pytest.mark.usefixtures("world")
async def test_a_success_forgives_the_failures(db: Database) -> None:
    await staff.add(db, "thu.mau", Role.CLERK, [STATION])
    for _ in range(2):
        assert await staff.sign_in(db, "thu.mau", "wrong") is None
    assert await staff.sign_in(db, "thu.mau") is not None
    assert await seeds.value(db, "SELECT count(*) FROM sign_in_delay") == 0


@pytest.mark.parametrize("guarded", [True, False])
async def test_parallel_guesses_are_counted_before_they_are_answered(
    db: Database, monkeypatch: pytest.MonkeyPatch, *, guarded: bool
) -> None:
    """The control: where a failed try costs no delay, all twenty are heard."""
    if not guarded:
        monkeypatch.setattr(sessions, "delay_after", lambda _: timedelta(0))

    now = clock.utc_now()  # one moment for all, as a burst of guesses has

    async def guess() -> bool:
        try:
            async with db.transaction() as session:
                await sessions.begin(session, "nobody.mau", now=now)
        except SignInDelayed:
            return False
        return True

    heard = sum(await asyncio.gather(*(guess() for _ in range(20))))
    assert heard == 3 if guarded else heard == 20


@pytest.mark.usefixtures("world")
async def test_an_authenticators_code_is_needed_once_there_is_one_and_is_good_once(db: Database) -> None:
    await staff.add(db, "thu.mau", Role.CLERK, [STATION])
    desk = await _desk(db, "thu.mau")
    secret = pyotp.random_base32()
    now = clock.utc_now()

    async def enrol(code: str) -> None:
        async with db.transaction() as session:
            attempt = await sessions.begin(session, "thu.mau", now=now)
            await sessions.enrol(session, attempt, desk, secret, code, present="", by=BY, now=now)

    with pytest.raises(AuthenticatorRefused):
        await enrol("000000" if pyotp.TOTP(secret).now() != "000000" else "1")
    await enrol(pyotp.TOTP(secret).at(now - timedelta(seconds=30)))
    assert await staff.sign_in(db, "thu.mau") is None
    code = pyotp.TOTP(secret).at(clock.utc_now())
    assert await staff.sign_in(db, "thu.mau", code=f"{code[:3]} {code[3:]}") is not None
    assert await staff.sign_in(db, "thu.mau", code=code) is None


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    "ending",
    [
        "UPDATE staff_session SET seen_at = seen_at - interval '15 minutes'",
        "UPDATE staff_session SET expires_at = now()",
        "UPDATE staff_session SET ended_at = now()",
        "UPDATE staff SET state = 'disabled', disabled_at = now()",
    ],
)
async def test_what_ends_a_session(db: Database, ending: str) -> None:
    await staff.add(db, "thu.mau", Role.CLERK, [STATION])
    token = await staff.sign_in(db, "thu.mau")
    assert await staff.desk_of(db, token) is not None
    await seeds.run(db, ending)
    assert await staff.desk_of(db, token) is None


@pytest.mark.usefixtures("world")
async def test_a_changed_scope_holds_for_the_next_request(db: Database) -> None:
    clerk = await staff.add(db, "thu.mau", Role.CLERK, [STATION])
    await staff.add(db, "admin.mau", Role.CITY_ADMIN)
    admin, token = await _desk(db, "admin.mau"), await staff.sign_in(db, "thu.mau")
    command = ChangeStaff(staff=clerk.public_id, name="Thu Mẫu", role=Role.CLERK, facilities=(OTHER,))
    async with db.transaction() as session:
        await service.change(session, command, asker=admin.staff, by=BY, now=clock.utc_now())
    desk = await staff.desk_of(db, token)
    assert desk is not None
    assert list(desk.staff.facilities) == [OTHER]


@pytest.mark.usefixtures("world")
async def test_a_new_name_leaves_the_doctor_who_she_is_and_another_facility_does_not(db: Database) -> None:
    await seeds.run(
        db, "INSERT INTO practitioner (facility_id, code, name, sample) SELECT id, 'bs-mau', 'Bác sĩ Mẫu', true"
        " FROM facility WHERE code = :code", code=STATION,
    )  # fmt: skip
    doctor = await staff.add(db, "thu.mau", Role.DOCTOR, [STATION])
    await staff.add(db, "admin.mau", Role.CITY_ADMIN)
    admin = await _desk(db, "admin.mau")

    async def change(*facilities: str, **more: str) -> object:
        command = ChangeStaff(staff=doctor.public_id, name="Thu Mẫu", role=Role.DOCTOR, facilities=facilities, **more)
        async with db.transaction() as session:
            await service.change(session, command, asker=admin.staff, by=BY, now=clock.utc_now())
        return await seeds.value(db, "SELECT practitioner_id FROM staff WHERE username = 'thu.mau'")

    assert (known := await change(STATION, practitioner=f"{STATION}/bs-mau")) is not None
    assert await change(STATION, OTHER) == known
    assert await change(STATION, practitioner="") is None
    assert await change(STATION, practitioner=f"{STATION}/bs-mau") == known
    assert await change(OTHER) is None


@pytest.mark.usefixtures("world")
async def test_nobody_looks_after_more_than_he_has(db: Database) -> None:
    await staff.add(db, "manager.mau", Role.MANAGER, [STATION])
    elsewhere = await staff.add(db, "elsewhere.mau", Role.CLERK, [OTHER])
    admin = await staff.add(db, "admin.mau", Role.CITY_ADMIN)
    manager = (await _desk(db, "manager.mau")).staff
    async with db.transaction() as session:
        assert [one.username for one in await queries.staff_of(session, manager)] == ["manager.mau"]
    for other in (elsewhere, admin):
        async with db.transaction() as session:
            with pytest.raises(StaffUnknown):
                await service.disable(session, other.public_id, asker=manager, by=BY, now=clock.utc_now())
    for role, codes in ((Role.CLERK, (OTHER,)), (Role.CLERK, (STATION, OTHER)), (Role.CITY_ADMIN, ())):
        command = AddStaff(username="new.mau", name="New Mẫu", role=role, facilities=codes)
        async with db.transaction() as session:
            with pytest.raises(ScopeRefused):
                await service.add(session, command, asker=manager, password="x", by=BY, now=clock.utc_now())
    assert await seeds.value(db, "SELECT count(*) FROM staff") == 3


@pytest.mark.usefixtures("world")
async def test_a_user_name_is_given_once(db: Database) -> None:
    await staff.add(db, "thu.mau", Role.CLERK, [STATION])
    with pytest.raises(UsernameTaken):
        await staff.add(db, "thu.mau", Role.CLERK, [STATION])


async def test_the_last_administrator_stays(db: Database) -> None:
    first = await staff.add(db, "first.mau", Role.CITY_ADMIN)
    asker = (await _desk(db, "first.mau")).staff
    async with db.transaction() as session:
        with pytest.raises(LastAdministrator):
            await service.disable(session, first.public_id, asker=asker, by=BY, now=clock.utc_now())
    await staff.add(db, "second.mau", Role.CITY_ADMIN)
    async with db.transaction() as session:
        await service.disable(session, first.public_id, asker=asker, by=BY, now=clock.utc_now())
    assert await seeds.value(db, "SELECT count(*) FROM staff WHERE state = 'active'") == 1


@pytest.mark.usefixtures("world")
async def test_accounts_nobody_uses_are_disabled_but_not_the_last_administrator(db: Database) -> None:
    await staff.add(db, "admin.mau", Role.CITY_ADMIN)
    await staff.add(db, "idle.mau", Role.CLERK, [STATION])
    await staff.add(db, "used.mau", Role.CLERK, [STATION])
    await seeds.run(db, "UPDATE staff SET seen_at = now() - interval '45 days' WHERE username <> 'used.mau'")
    async with db.transaction() as session:
        assert await service.disable_idle(session, by=BY, now=clock.utc_now()) == 1
    left = await seeds.rows(db, "SELECT username FROM staff WHERE state = 'active' ORDER BY username")
    assert [row["username"] for row in left] == ["admin.mau", "used.mau"]


@pytest.mark.usefixtures("world")
async def test_a_new_password_ends_the_other_browsers(db: Database) -> None:
    await staff.add(db, "thu.mau", Role.CLERK, [STATION], must_change=True)
    token, other = await staff.sign_in(db, "thu.mau"), await staff.sign_in(db, "thu.mau")
    desk = await staff.desk_of(db, token)
    assert desk is not None
    assert desk.staff.must_change
    async with db.transaction() as session:
        new = passwords.hash_password("hai ba con cua do")
        await service.change_password(session, desk, new, by=BY, now=clock.utc_now())
    assert await staff.desk_of(db, token) is not None
    assert await staff.desk_of(db, other) is None
    assert await staff.sign_in(db, "thu.mau") is None
    assert await staff.sign_in(db, "thu.mau", "hai ba con cua do") is not None


@pytest.mark.usefixtures("world")
async def test_one_ends_ones_own_sessions_only(db: Database) -> None:
    await staff.add(db, "thu.mau", Role.CLERK, [STATION])
    await staff.add(db, "lan.mau", Role.CLERK, [STATION])
    mine, hers = await _desk(db, "thu.mau"), await _desk(db, "lan.mau")
    for which in (hers.session, ids.public_id()):
        async with db.transaction() as session:
            with pytest.raises(StaffUnknown):
                await sessions.end(session, mine, which, by=BY, now=clock.utc_now())
    async with db.transaction() as session:
        await sessions.end(session, mine, mine.session, by=BY, now=clock.utc_now())
        assert await queries.sessions_of(session, mine.staff.staff_id, now=clock.utc_now()) == []


@pytest.mark.usefixtures("world")
async def test_every_change_is_in_the_audit_and_names_no_password(db: Database) -> None:
    await staff.add(db, "thu.mau", Role.CLERK, [STATION])
    await staff.sign_in(db, "thu.mau", "wrong")
    await staff.sign_in(db, "thu.mau")
    found = await seeds.rows(db, "SELECT action, result, facts FROM audit_event ORDER BY id")
    assert [(row["action"], row["result"]) for row in found] == [
        ("staff.add", "done"), ("staff.sign_in", "refused"), ("staff.sign_in", "done"),
    ]  # fmt: skip
