"""What was sent to whom: a list to look through, and a chart of each day."""

from collections.abc import Mapping
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from booking.access.kinds import Right
from booking.access.queries import Desk
from booking.appointments.told import queries
from booking.appointments.told.kinds import Group
from booking.appointments.told.queries import A_PAGE, Day, Told, Wanted
from booking.desk.figures.asked import Days, days_in
from booking.desk.forms import raw_of
from booking.desk.messages.standing import standing
from booking.directory import queries as directory
from booking.figures.rules import MOST_DAYS, ceiling
from booking.messages.kinds import MessageKind
from booking.patients.errors import PhoneRefused
from booking.patients.rules import read_phone
from booking.patients.service import read_by_staff
from booking.web import at_desk
from booking.web.at_desk import Place, Where, needs
from booking.web.charts import Columns, columns
from booking.web.dependencies import Ask, Asked
from booking.web.origin import check_origin
from booking.web.pages import page

router = APIRouter(prefix="/desk/{facility}/messages", include_in_schema=False)

Reader = Annotated[Desk, needs(Right.MESSAGES)]

_LONGEST: Final = 30
_CODE = 8
_PAGES: Final = 500
_FIELDS: Final = ("days", "from", "to", "state", "kind", "find", "page")

KINDS: Final = tuple(
    kind
    for kind in MessageKind
    if kind not in (MessageKind.OTP, MessageKind.REMINDER_DAY_FAMILY, MessageKind.REMINDER_HOURS_FAMILY)
)
"""What can be chosen: codes are no facility's, and the words of a family are no row's."""


@router.get("")
async def list_page(request: Request, asked: Ask, desk: Reader, where: Where) -> Response:
    """The messages of some days."""
    said = {name: value for name, value in request.query_params.items() if name != "find"}
    return await _show(request, asked, desk, where, said)


@router.post("", dependencies=[Depends(check_origin)])
async def find_page(request: Request, asked: Ask, desk: Reader, where: Where) -> Response:
    """The same for whoever is looked for by code or number, which stand in no address: those are kept in many logs."""
    form = await request.form()
    return await _show(request, asked, desk, where, {name: raw_of(form, name) for name in _FIELDS})


async def _show(request: Request, asked: Asked, desk: Desk, where: Place, said: Mapping[str, str]) -> Response:
    days = days_in(said, asked)
    group, kind, find = said.get("state", ""), said.get("kind", ""), said.get("find", "")[:_LONGEST].strip()
    named = desk.staff.may(Right.PATIENT)
    wanted, unfit = _wanted(days, group, kind, find, named=named)
    number = _number(said.get("page", ""))
    async with asked.db.transaction() as session:
        place = await directory.facility(session, where.code, at_desk=True)
        found = [] if unfit else await queries.listed(session, where.facility_id, wanted, page=number)
        by_day = await queries.by_day(session, where.facility_id, days.span.first, days.span.last)
        stands = await standing(session, asked, where)
        if named:
            for patient in {one.patient for one in found[:A_PAGE] if one.patient is not None}:
                read_by_staff(
                    session, patient, by=at_desk.actor(asked, desk), now=asked.now, facility=where.code,
                    reason="messages",
                )  # fmt: skip
    kept = {"state": group, "kind": kind}
    return page(
        request, "desk_messages.html", status=422 if unfit else days.status, personal=True, desk=desk, place=place,
        days=days, base=f"/desk/{where.code}/messages", found=found[:A_PAGE], more=len(found) > A_PAGE, number=number,
        by_day=by_day, drawn=_drawn(by_day), total=_total(by_day), stands=stands, named=named, unfit=unfit,
        kept=kept | {"find": find}, same=urlencode({name: value for name, value in kept.items() if value}),
        groups=list(Group), kinds=KINDS, most_days=MOST_DAYS,
    )  # fmt: skip


def _number(raw: str) -> int:
    """Which page, from 1."""
    return max(1, min(int(raw), _PAGES)) if raw.isascii() and raw.isdecimal() else 1


def _wanted(days: Days, group: str, kind: str, find: str, *, named: bool) -> tuple[Wanted, bool]:
    """What to look for; whether what was typed to find somebody is neither a code nor a number."""
    first, last = days.span.first, days.span.last
    state = Group(group) if group in set(Group) else None
    sort = MessageKind(kind) if kind in {each.value for each in KINDS} else None
    plain = find.replace(" ", "").upper()
    if not find:
        return Wanted(first, last, state, sort), False
    if len(plain) == _CODE and plain.isascii() and plain.isalnum() and not plain.isdecimal():
        return Wanted(first, last, state, sort, code=plain), False
    try:
        phone = read_phone(find).e164 if named else ""
    except PhoneRefused:
        phone = ""
    return Wanted(first, last, state, sort, phone=phone), not phone


def _drawn(by_day: list[Day]) -> Columns | None:
    """Arrived, on its way, did not arrive: what was not to be sent is in the table only."""
    groups = [
        (str(one.day.day), (one.of(Group.ARRIVED), one.of(Group.SENT, Group.WAITING), one.of(Group.LOST)))
        for one in by_day
    ]
    if len(by_day) == 1 or not any(sum(parts) for _, parts in groups):
        return None
    return columns(groups, most=ceiling([sum(parts) for _, parts in groups]))


def _total(by_day: list[Day]) -> dict[str, int]:
    total = {group.value: sum(one.of(group) for one in by_day) for group in Group}
    return total | {"segments": sum(one.segments for one in by_day)}


def may_name(desk: Desk, one: Told) -> bool:
    """Whether somebody may read whose message it is."""
    return desk.staff.may(Right.PATIENT) and one.patient is not None
