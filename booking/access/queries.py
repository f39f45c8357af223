"""Who somebody is, as every door sees it: read anew for each request, so that a changed scope holds at once."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.access.errors import RightMissing, StaffUnknown
from booking.access.kinds import Right, Role, StaffState
from booking.access.models import Staff, StaffScope, StaffSession
from booking.access.rules import RIGHTS, is_live
from booking.directory.models import Facility
from booking.sealed import keys


@dataclass(frozen=True, slots=True)
class StaffView:
    """Somebody who works here.

    Attributes:
        staff_id: the row.
        id: shown outside.
        facilities: code and row id of each facility of the scope, in the order of the directory's names.
        everywhere: the scope is the city; `facilities` then lists all there are.
        practice: likewise the places to practise, which stand in nobody's scope and are open to everybody.
    """

    staff_id: int
    id: UUID
    username: str
    name: str
    role: Role
    everywhere: bool
    facilities: dict[str, int]
    practitioner_id: int | None
    state: StaffState
    has_authenticator: bool
    must_change: bool
    seen_at: datetime
    practice: dict[str, int]

    def may(self, right: Right) -> bool:
        """Whether the role includes this."""
        return right in RIGHTS[self.role]

    def check(self, right: Right) -> None:
        """Raises RightMissing when it does not."""
        if not self.may(right):
            raise RightMissing(right=right.value)


@dataclass(frozen=True, slots=True)
class Desk:
    """A browser that is signed in, and who is at it."""

    session: UUID
    staff: StaffView


@dataclass(frozen=True, slots=True)
class SessionView:
    """One browser somebody is signed in on."""

    id: UUID
    browser: str
    address: str | None
    created_at: datetime
    seen_at: datetime


async def at_desk(session: AsyncSession, token: str, *, now: datetime) -> Desk | None:
    """Who sits before a browser with this token; None when it opens nothing (any more)."""
    query = (
        select(StaffSession, Staff)
        .join(Staff, col(Staff.id) == col(StaffSession.staff_id))
        .where(col(StaffSession.token_hash) == keys().index("staff_session", token))
    )
    found = (await session.execute(query)).first()
    if found is None:
        return None
    opened, staff = found
    live = is_live(seen_at=opened.seen_at, expires_at=opened.expires_at, ended_at=opened.ended_at, now=now)
    if not live or staff.state is not StaffState.ACTIVE:
        return None
    return Desk(opened.public_id, await _view(session, staff))


async def staff_of(session: AsyncSession, asker: StaffView) -> list[StaffView]:
    """The accounts somebody may look after: all, or those whose whole scope lies within the asker's."""
    rows = (await session.scalars(select(Staff).order_by(col(Staff.username)))).all()
    views = [await _view(session, row) for row in rows]
    return [view for view in views if within(view, asker)]


async def one_of(session: AsyncSession, asker: StaffView, staff: UUID) -> StaffView:
    """One account within the asker's scope; StaffUnknown when there is none."""
    row = await session.scalar(select(Staff).where(col(Staff.public_id) == staff))
    view = await _view(session, row) if row is not None else None
    if view is None or not within(view, asker):
        raise StaffUnknown
    return view


def within(other: StaffView, asker: StaffView) -> bool:
    """Whether an account may be looked after by the asker: nobody manages more than he has himself."""
    if asker.everywhere:
        return True
    return not other.everywhere and bool(other.facilities) and set(other.facilities) <= set(asker.facilities)


async def sessions_of(session: AsyncSession, staff_id: int, *, now: datetime) -> list[SessionView]:
    """The browsers somebody is signed in on, the newest first."""
    rows = await session.scalars(
        select(StaffSession)
        .where(col(StaffSession.staff_id) == staff_id, col(StaffSession.ended_at).is_(None))
        .order_by(col(StaffSession.id).desc())
    )
    return [
        SessionView(row.public_id, row.browser, row.address, row.created_at, row.seen_at)
        for row in rows
        if is_live(seen_at=row.seen_at, expires_at=row.expires_at, ended_at=row.ended_at, now=now)
    ]


async def names_about(session: AsyncSession, staff: StaffView) -> tuple[str, ...]:
    """What somebody could make a password of first: her own names, and those of where she works."""
    names = await session.scalars(select(col(Facility.name)).where(col(Facility.id).in_(staff.facilities.values())))
    return staff.username, staff.name, *names


async def _view(session: AsyncSession, staff: Staff) -> StaffView:
    assert staff.id is not None
    rows = (await session.execute(_scope(staff))).all()
    return StaffView(
        staff_id=staff.id,
        id=staff.public_id,
        username=staff.username,
        name=staff.name,
        role=staff.role,
        everywhere=staff.everywhere,
        facilities={code: number for code, number, training in rows if number is not None and not training},
        practitioner_id=staff.practitioner_id,
        state=staff.state,
        has_authenticator=staff.authenticator is not None,
        must_change=staff.must_change,
        seen_at=staff.seen_at,
        practice={code: number for code, number, training in rows if number is not None and training},
    )


def _scope(staff: Staff) -> Select[str, int | None, bool]:
    query = select(col(Facility.code), col(Facility.id), col(Facility.training)).order_by(col(Facility.sort_key))
    if staff.everywhere:
        return query
    mine = select(col(StaffScope.facility_id)).where(col(StaffScope.staff_id) == staff.id)
    return query.where(or_(col(Facility.id).in_(mine), col(Facility.training)))
