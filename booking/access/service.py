"""Looking after accounts: add, change, disable, new passwords. Nobody gives away what he does not have himself."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import delete, func, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking import ids
from booking.access import sessions
from booking.access.commands import AddStaff, ChangeStaff
from booking.access.errors import (
    LastAdministrator,
    PasswordRefused,
    ScopeRefused,
    StaffUnknown,
    UsernameTaken,
)
from booking.access.kinds import DisabledReason, Role, StaffState
from booking.access.models import Staff, StaffScope
from booking.access.queries import Desk, StaffView, one_of
from booking.access.rules import EVERYWHERE, IDLE_ACCOUNT, check_password, read_staff_name, read_username
from booking.actor import Actor
from booking.columns import constraint_of
from booking.directory.models import Facility, Practitioner
from booking.errors import BookingError
from booking.trail.service import record


async def add(
    session: AsyncSession, command: AddStaff, *, asker: StaffView | None, password: str, by: Actor, now: datetime
) -> Staff:
    """Make an account; its first password must be changed at the first use.

    Args:
        session: of the door.
        command: who.
        asker: who makes it; None for the command line of the house itself.
        password: the hash of the first password (`passwords.hash_password`).
        by: for the audit.
        now: the moment.

    Raises:
        UsernameTaken, UsernameRefused, StaffNameRefused, ScopeRefused: nothing was written.
    """
    facilities = await _scope(session, command.role, command.facilities, asker)
    staff = Staff(
        public_id=ids.public_id(), username=read_username(command.username), name=read_staff_name(command.name),
        role=command.role, everywhere=command.role in EVERYWHERE, password=password, must_change=True,
        practitioner_id=await _practitioner(session, command.practitioner, facilities), created_at=now, seen_at=now,
    )  # fmt: skip
    session.add(staff)
    try:
        await session.flush()
    except IntegrityError as problem:
        if constraint_of(problem) == "staff_username_key":
            raise UsernameTaken(field="username") from None
        raise
    assert staff.id is not None
    session.add_all(StaffScope(staff_id=staff.id, facility_id=each) for each in facilities)
    record(
        session, "staff.add", "staff", staff.public_id, by=by, now=now,
        role=command.role.value, facilities=list(command.facilities),
    )  # fmt: skip
    return staff


async def change(session: AsyncSession, command: ChangeStaff, *, asker: StaffView, by: Actor, now: datetime) -> None:
    """Another name, role or scope. It holds for the next request of whoever is signed in.

    Raises:
        StaffUnknown, ScopeRefused, LastAdministrator, StaffNameRefused: nothing was written.
    """
    staff = await _locked(session, command.staff, asker)
    facilities = await _scope(session, command.role, command.facilities, asker)
    if staff.role is Role.CITY_ADMIN and command.role is not Role.CITY_ADMIN:
        await _check_others(session, staff)
    staff.name, staff.role = read_staff_name(command.name), command.role
    staff.everywhere = command.role in EVERYWHERE
    staff.practitioner_id = (
        await _still(session, staff.practitioner_id, facilities)
        if command.practitioner is None
        else await _practitioner(session, command.practitioner, facilities)
    )
    await session.execute(delete(StaffScope).where(col(StaffScope.staff_id) == staff.id))
    assert staff.id is not None
    session.add_all(StaffScope(staff_id=staff.id, facility_id=each) for each in facilities)
    record(
        session, "staff.change", "staff", staff.public_id, by=by, now=now,
        role=command.role.value, facilities=list(command.facilities),
    )  # fmt: skip


async def faults(session: AsyncSession, command: AddStaff | ChangeStaff, *, asker: StaffView) -> list[BookingError]:
    """Everything that is wrong with what somebody filled in, in the form's order, where `add` and `change` stop at one.

    What only writing can tell is left to them: a name taken in the same moment, the last administrator.
    """
    found: list[BookingError] = []
    if isinstance(command, AddStaff):
        with _noted(found):
            username = read_username(command.username)
            if await session.scalar(select(Staff.id).where(col(Staff.username) == username)) is not None:
                raise UsernameTaken(field="username")
    with _noted(found):
        read_staff_name(command.name)
    with _noted(found):
        facilities = await _scope(session, command.role, command.facilities, asker)
        await _practitioner(session, command.practitioner, facilities)
    return found


@contextmanager
def _noted(found: list[BookingError]) -> Iterator[None]:
    try:
        yield
    except BookingError as error:
        found.append(error)


async def disable(session: AsyncSession, which: object, *, asker: StaffView, by: Actor, now: datetime) -> None:
    """Close an account and end its sessions at once.

    Raises:
        StaffUnknown, LastAdministrator: nothing was written.
    """
    staff = await _locked(session, which, asker)
    if staff.role is Role.CITY_ADMIN:
        await _check_others(session, staff)
    staff.state, staff.disabled_at, staff.disabled_reason = StaffState.DISABLED, now, DisabledReason.BY_ADMIN
    assert staff.id is not None
    await sessions.end_all(session, staff.id, now=now)
    record(session, "staff.disable", "staff", staff.public_id, by=by, now=now)


async def enable(session: AsyncSession, which: object, *, asker: StaffView, by: Actor, now: datetime) -> None:
    """Open a closed account again; its 45 days begin anew."""
    staff = await _locked(session, which, asker)
    staff.state, staff.disabled_at, staff.disabled_reason = StaffState.ACTIVE, None, None
    staff.seen_at = now
    record(session, "staff.enable", "staff", staff.public_id, by=by, now=now)


async def reset_password(
    session: AsyncSession, which: object, *, asker: StaffView | None, password: str, by: Actor, now: datetime
) -> None:
    """A new first password and no authenticator: for somebody who lost hers. Her sessions end.

    `which` is the public id; for the command line of the house (`asker` None) the user name.
    """
    staff = await _locked(session, which, asker)
    staff.password, staff.must_change = password, True
    staff.authenticator = staff.authenticator_step = None
    assert staff.id is not None
    await sessions.end_all(session, staff.id, now=now)
    record(session, "staff.reset_password", "staff", staff.public_id, by=by, now=now)


def check_new_password(staff: StaffView, old: str, new: str, *, about: Sequence[str]) -> None:
    """Whether somebody may take this password, as far as it can be told from here: `known.check` asks further.

    Args:
        staff: who.
        old: the present one.
        new: the one to be.
        about: `queries.names_about` her.

    Raises:
        PasswordRefused: it is the old one, too short or easily guessed.
    """
    if new == old:
        raise PasswordRefused(field="password", reason="same")
    check_password(new, about=about, with_code=staff.has_authenticator)


async def change_password(session: AsyncSession, desk: Desk, password: str, *, by: Actor, now: datetime) -> None:
    """Take a new password (its hash); other browsers of the same person are signed out."""
    staff = (
        await session.execute(select(Staff).where(col(Staff.id) == desk.staff.staff_id).with_for_update())
    ).scalar_one()
    staff.password, staff.must_change = password, False
    await sessions.end_all(session, desk.staff.staff_id, but=desk.session, now=now)
    record(session, "staff.change_password", "staff", desk.staff.id, by=by, now=now)


async def disable_idle(session: AsyncSession, *, by: Actor, now: datetime) -> int:
    """Disable accounts nobody used for 45 days; how many. The last administrator's stays: somebody must be able to."""
    admins = select(func.count()).where(
        col(Staff.role) == Role.CITY_ADMIN,
        col(Staff.state) == StaffState.ACTIVE,
        col(Staff.seen_at) > now - IDLE_ACCOUNT,
    )
    spared = (await session.scalar(admins)) == 0
    query = (
        update(Staff)
        .where(col(Staff.state) == StaffState.ACTIVE, col(Staff.seen_at) <= now - IDLE_ACCOUNT)
        .values(state=StaffState.DISABLED, disabled_at=now, disabled_reason=DisabledReason.IDLE)
        .returning(col(Staff.public_id))
        .execution_options(synchronize_session=False)
    )
    if spared:
        query = query.where(col(Staff.role) != Role.CITY_ADMIN)
    gone = (await session.scalars(query)).all()
    for each in gone:
        record(session, "staff.disable", "staff", each, by=by, now=now, reason="idle")
    return len(gone)


async def _locked(session: AsyncSession, which: object, asker: StaffView | None) -> Staff:
    if asker is not None:
        await one_of(session, asker, which)  # type: ignore[arg-type]
    found = col(Staff.public_id) == which if asker is not None else col(Staff.username) == which
    staff = await session.scalar(select(Staff).where(found).with_for_update())
    if staff is None:
        raise StaffUnknown
    return staff


async def _scope(session: AsyncSession, role: Role, codes: tuple[str, ...], asker: StaffView | None) -> list[int]:
    """The rows of the facilities of a scope, if the asker may give it."""
    if asker is not None and not asker.everywhere and (role in EVERYWHERE or set(codes) - set(asker.facilities)):
        raise ScopeRefused(field="facilities")
    if role in EVERYWHERE:
        return []
    rows = await session.execute(select(Facility.id).where(col(Facility.code).in_(codes), ~col(Facility.training)))
    found = [each for each in rows.scalars() if each is not None]
    if not found or len(found) != len(set(codes)):
        raise ScopeRefused(field="facilities")
    return found


async def _practitioner(session: AsyncSession, named: str | None, facilities: list[int]) -> int | None:
    if not named:
        return None
    facility, _, code = named.partition("/")
    row = await session.scalar(
        select(Practitioner)
        .join(Facility, col(Facility.id) == col(Practitioner.facility_id))
        .where(col(Facility.code) == facility, col(Practitioner.code) == code, col(Facility.id).in_(facilities))
    )
    if row is None:
        raise ScopeRefused(field="practitioner", reason="practitioner")
    return row.id


async def _still(session: AsyncSession, practitioner_id: int | None, facilities: list[int]) -> int | None:
    """Who an account is of the facility's doctors, as long as its scope has that facility."""
    known = select(col(Practitioner.id)).where(
        col(Practitioner.id) == practitioner_id, col(Practitioner.facility_id).in_(facilities)
    )
    return await session.scalar(known)


async def _check_others(session: AsyncSession, staff: Staff) -> None:
    others = await session.execute(
        select(Staff.id)
        .where(col(Staff.role) == Role.CITY_ADMIN, col(Staff.state) == StaffState.ACTIVE, col(Staff.id) != staff.id)
        .with_for_update()
    )
    if others.first() is None:
        raise LastAdministrator
