"""Looking after accounts: for managers those of their own facilities, for the city's administrators all."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from booking import ids
from booking.access import passwords, queries, service
from booking.access.commands import AddStaff, ChangeStaff
from booking.access.errors import (
    LastAdministrator,
    ScopeRefused,
    StaffNameRefused,
    StaffUnknown,
    UsernameRefused,
    UsernameTaken,
)
from booking.access.kinds import Right, Role
from booking.access.queries import Desk, StaffView
from booking.access.rules import EVERYWHERE
from booking.desk.forms import all_of, raw_of
from booking.directory import queries as directory
from booking.directory.examining import practitioner_named, practitioners_at
from booking.errors import BookingError
from booking.text import has_control
from booking.web import at_desk
from booking.web.at_desk import needs
from booking.web.dependencies import Ask, Asked
from booking.web.origin import check_origin
from booking.web.pages import page, see_other
from booking.web.problems import sentence, status_of

router = APIRouter(prefix="/desk/staff", include_in_schema=False, dependencies=[Depends(check_origin)])

Manager = Annotated[Desk, needs(Right.STAFF)]
_REFUSED = (UsernameTaken, UsernameRefused, StaffNameRefused, ScopeRefused, LastAdministrator)
_LONGEST = 64
_LONGEST_NAME = 400
"""Signs that commands take; what is longer is refused by the rules all the same."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the form of an account."""

    username: str = ""
    name: str = ""
    role: str = Role.CLERK.value
    facilities: tuple[str, ...] = ()
    practitioner: str = ""
    errors: dict[str, str] = field(default_factory=dict)


def _which(staff: Annotated[str, Path()]) -> UUID:
    try:
        return UUID(staff)
    except ValueError:
        raise StaffUnknown from None


Which = Annotated[UUID, Depends(_which)]


@router.get("")
async def staff_page(request: Request, asked: Ask, desk: Manager) -> Response:
    """The accounts within one's scope."""
    async with asked.db.transaction() as session:
        found = await queries.staff_of(session, desk.staff)
        places = {view.code: view for view in await directory.facilities(session)}
    return page(request, "desk_staff.html", personal=True, desk=desk, staff=found, places=places)


@router.get("/new")
async def new_page(request: Request, asked: Ask, desk: Manager) -> Response:
    """The form for a new account."""
    only = tuple(desk.staff.facilities) if len(desk.staff.facilities) == 1 else ()
    return await _show(request, asked, desk, Typed(facilities=only))


async def _show(
    request: Request, asked: Asked, desk: Desk, typed: Typed, *, one: StaffView | None = None, status: int = 200
) -> Response:
    async with asked.db.transaction() as session:
        places = [view for view in await directory.facilities(session) if view.code in desk.staff.facilities]
        examining = await practitioners_at(session, [view.code for view in places])
    roles = [role for role in Role if desk.staff.everywhere or role not in EVERYWHERE]
    return page(
        request, "desk_staff_form.html", status=status, personal=True, desk=desk, typed=typed, one=one, roles=roles,
        places=places, examining=examining,
    )  # fmt: skip


def _typed(form: FormData) -> Typed:
    return Typed(
        raw_of(form, "username"), raw_of(form, "name"), raw_of(form, "role"), all_of(form, "facilities"),
        raw_of(form, "practitioner"),
    )  # fmt: skip


def _with_errors(typed: Typed, found: Sequence[BookingError], asked: Asked) -> Typed:
    """The form as it was sent, each error by the field it stands beside."""
    said = {str(one.facts.get("field", "role")): " ".join(sentence(one, asked.language)) for one in found}
    return replace(typed, errors=said)


def _plain(raw: str) -> str:
    """A code as a command takes it; empty, and refused by its rule, where it holds signs nobody types."""
    return "" if has_control(raw) else raw[:_LONGEST]


@router.post("/new")
async def add(request: Request, asked: Ask, desk: Manager) -> Response:
    """Make the account; its first password is shown once, on the answer to this form and nowhere else."""
    typed = _typed(await request.form())
    first = ids.passphrase()
    hashed = await asyncio.to_thread(passwords.hash_password, first)
    try:
        command = AddStaff(
            username=_plain(typed.username), name=typed.name[:_LONGEST_NAME], role=_role(typed.role),
            facilities=tuple(map(_plain, typed.facilities)), practitioner=_plain(typed.practitioner),
        )  # fmt: skip
        async with asked.db.transaction() as session:
            found = await service.faults(session, command, asker=desk.staff)
            if not found:
                made = await service.add(
                    session, command, asker=desk.staff, password=hashed, by=at_desk.actor(asked, desk), now=asked.now
                )
                username = made.username
    except _REFUSED as error:
        found = [error]
    if found:
        return await _show(request, asked, desk, _with_errors(typed, found, asked), status=status_of(found[0]))
    return page(request, "desk_first_password.html", personal=True, desk=desk, username=username, first=first)


def _role(raw: str) -> Role:
    if raw not in set(Role):
        raise ScopeRefused(field="role")
    return Role(raw)


@router.get("/{staff}")
async def one_page(request: Request, asked: Ask, desk: Manager, staff: Which) -> Response:
    """One account."""
    async with asked.db.transaction() as session:
        one = await queries.one_of(session, desk.staff, staff)
        examines = "" if one.practitioner_id is None else await practitioner_named(session, one.practitioner_id)
    typed = Typed(one.username, one.name, one.role.value, () if one.everywhere else tuple(one.facilities), examines)
    return await _show(request, asked, desk, typed, one=one)


@router.post("/{staff}")
async def change(request: Request, asked: Ask, desk: Manager, staff: Which) -> Response:
    """Another name, role or scope: it holds for that person's next click."""
    typed = _typed(await request.form())
    async with asked.db.transaction() as session:
        one = await queries.one_of(session, desk.staff, staff)
    try:
        command = ChangeStaff(
            staff=staff, name=typed.name[:_LONGEST_NAME], role=_role(typed.role),
            facilities=tuple(map(_plain, typed.facilities)), practitioner=_plain(typed.practitioner),
        )  # fmt: skip
        async with asked.db.transaction() as session:
            found = await service.faults(session, command, asker=desk.staff)
            if not found:
                await service.change(session, command, asker=desk.staff, by=at_desk.actor(asked, desk), now=asked.now)
    except _REFUSED as error:
        found = [error]
    if found:
        shown = _with_errors(typed, found, asked)
        return await _show(request, asked, desk, shown, one=one, status=status_of(found[0]))
    return see_other(request, "/desk/staff")


@router.post("/{staff}/disable")
async def disable(request: Request, asked: Ask, desk: Manager, staff: Which) -> Response:
    """Close an account; its browsers are signed out."""
    async with asked.db.transaction() as session:
        await service.disable(session, staff, asker=desk.staff, by=at_desk.actor(asked, desk), now=asked.now)
    return see_other(request, "/desk/staff")


@router.post("/{staff}/enable")
async def enable(request: Request, asked: Ask, desk: Manager, staff: Which) -> Response:
    """Open a closed account again."""
    async with asked.db.transaction() as session:
        await service.enable(session, staff, asker=desk.staff, by=at_desk.actor(asked, desk), now=asked.now)
    return see_other(request, "/desk/staff")


@router.post("/{staff}/password")
async def reset_password(request: Request, asked: Ask, desk: Manager, staff: Which) -> Response:
    """A new first password, shown once."""
    first = ids.passphrase()
    hashed = await asyncio.to_thread(passwords.hash_password, first)
    async with asked.db.transaction() as session:
        one = await queries.one_of(session, desk.staff, staff)
        await service.reset_password(
            session, staff, asker=desk.staff, password=hashed, by=at_desk.actor(asked, desk), now=asked.now
        )
    return page(request, "desk_first_password.html", personal=True, desk=desk, username=one.username, first=first)
