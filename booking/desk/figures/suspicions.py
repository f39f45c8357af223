"""Suspicions of touting at a facility: what was seen, and the manager's answer. Reading a name is in the audit."""

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from booking.access.kinds import Right
from booking.access.queries import Desk
from booking.desk.forms import raw_of
from booking.directory import queries as directory
from booking.errors import BookingError
from booking.figures import suspicions
from booking.figures.commands import AnswerSuspicion
from booking.figures.errors import SuspicionAnswered, SuspicionUnknown, VerdictMissing
from booking.figures.kinds import Verdict
from booking.i18n import marked as _
from booking.i18n import translate
from booking.records.at_facility import staff_names
from booking.web import at_desk
from booking.web.at_desk import Place, Where, needs
from booking.web.dependencies import Ask, Asked
from booking.web.origin import check_origin
from booking.web.pages import page, see_other
from booking.web.problems import sentence, status_of

router = APIRouter(prefix="/desk/{facility}/suspicions", include_in_schema=False, dependencies=[Depends(check_origin)])

VERDICTS: Final[Mapping[Verdict, str]] = {
    Verdict.FAMILY: _("One family with several telephones"),
    Verdict.CARER: _("Books for people in their care"),
    Verdict.SAME_PERSON: _("One person with two numbers, or a name put right"),
    Verdict.MISTAKE: _("Typed wrongly"),
    Verdict.TOUTING: _("Places taken to be handed on"),
}
_NUMBER: Final = 15


async def _guard(desk: Annotated[Desk, needs(Right.REPORTS)]) -> Desk:
    """Names stand here: whoever has no business with records sees counts elsewhere."""
    desk.staff.check(Right.PATIENT)
    return desk


Guard = Annotated[Desk, Depends(_guard)]


@router.get("")
async def suspicions_page(request: Request, asked: Ask, desk: Guard, where: Where) -> Response:
    """Notes about people of this facility; open ones first."""
    return await _show(request, asked, desk, where)


async def _show(
    request: Request, asked: Asked, desk: Desk, where: Place, *, error: BookingError | None = None, at: int = 0
) -> Response:
    async with asked.db.transaction() as session:
        place = await directory.facility(session, where.code)
        found = await suspicions.at_facility(
            session, where.facility_id, where.code, by=at_desk.actor(asked, desk), now=asked.now
        )
        names = await staff_names(session, [one.answered_by for one in found])
    return page(
        request, "desk_suspicions.html", status=status_of(error) if error else 200, personal=True, desk=desk,
        place=place, base=f"/desk/{where.code}/suspicions", found=found, names=names, error_at=at,
        verdicts=[(one.value, translate(asked.language, text)) for one, text in VERDICTS.items()],
        error=" ".join(sentence(error, asked.language)) if error else "",
    )  # fmt: skip


@router.post("/{flag}")
async def answer(request: Request, asked: Ask, desk: Guard, where: Where, flag: Annotated[str, Path()]) -> Response:
    """Say what a note means."""
    if not (flag.isascii() and flag.isdecimal() and len(flag) <= _NUMBER):
        raise SuspicionUnknown
    said = raw_of(await request.form(), "verdict")
    if said not in set(Verdict):
        return await _show(request, asked, desk, where, error=VerdictMissing(field="verdict"), at=int(flag))
    command = AnswerSuspicion(flag=int(flag), verdict=Verdict(said))

    async def work() -> None:
        async with asked.db.transaction() as session:
            await suspicions.answer(
                session, where.facility_id, command, by=at_desk.actor(asked, desk), now=asked.now
            )  # fmt: skip

    try:
        await asked.db.until_known(work)
    except SuspicionAnswered as error:
        return await _show(request, asked, desk, where, error=error)
    return see_other(request, f"/desk/{where.code}/suspicions")
