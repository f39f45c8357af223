"""Who of the staff read which record: for the auditor. Looking at it is in the audit too."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from booking.access.kinds import Right
from booking.access.queries import Desk
from booking.clock import ZONE
from booking.desk.figures import files
from booking.desk.figures.asked import Days, csv_file, days_of, named, strictly, xlsx_file
from booking.directory import queries as directory
from booking.figures import reads
from booking.figures.kinds import Oddity
from booking.figures.reads import Outstanding, Read, Wanted
from booking.figures.rules import MOST_DAYS, Span
from booking.i18n import marked as _
from booking.i18n import translate
from booking.web import at_desk
from booking.web.at_desk import needs
from booking.web.dependencies import Ask, Asked
from booking.web.pages import page

router = APIRouter(prefix="/desk/reads", include_in_schema=False)

Auditor = Annotated[Desk, needs(Right.AUDIT)]
_LONGEST: Final = 64

WHY: Final[Mapping[str, str]] = {
    "search": _("Searched for"), "book": _("Booking a visit"), "visit": _("The visit's page"),
    "slip": _("Printing the slip"), "move": _("Moving the visit"), "cancel": _("Cancelling the visit"),
    "series": _("A series of visits"), "duplicate": _("Two records compared"), "merge": _("Two records joined"),
    "calendar": _("Who is inside a changed time"), "closing": _("Who is inside a closed time"),
    "closing_call": _("Call list of a closing"), "suspicion": _("A suspicion of touting"),
    "sheet": _("The day's sheet"), "kept": _("The day's sheet kept on the desk's machine"),
    "entry": _("Entering what happened on paper"), "messages": _("Messages to patients"),
    "call_list": _("Call list of the facility"), "queue": _("The queue"), "queue_list": _("The queue's list"),
    "correct": _("Putting a record right"), "code": _("A code read out to her number"),
    "request": _("A request about her data"),
    "due": _("Asking somebody to a visit that is due"), "clash": _("A clash with the hospital's own list"),
}  # fmt: skip
"""What a record was read for: the desk's words; a test finds each of them in the code."""

ODD: Final[Mapping[str, str]] = {
    Oddity.NO_VISIT.value: _("many people without a visit there"),
    Oddity.MANY.value: _("far more than others of the role"),
    Oddity.NIGHT.value: _("at night"),
}


@dataclass(frozen=True, slots=True)
class Typed:
    """What was asked for, as it was typed."""

    staff: str
    person: str
    facility: str

    def query(self, days: Days) -> str:
        """The same question in an address."""
        more = {"staff": self.staff, "person": self.person, "facility": self.facility}
        return "&".join([days.query, urlencode({name: value for name, value in more.items() if value})])


def _typed(request: Request) -> Typed:
    staff, person, facility = (
        request.query_params.get(name, "")[:_LONGEST].strip() for name in ("staff", "person", "facility")
    )
    return Typed(staff, person, facility)


async def _found(
    asked: Asked, desk: Desk, span: Span, typed: Typed, *, most: int, taken: bool
) -> tuple[list[Read], list[Outstanding], bool]:
    """The readings, what stands out, and whether the person is known. Asking is written down."""
    async with asked.db.transaction() as session:
        person = await reads.person_of(session, typed.person) if typed.person else None
        wanted = Wanted(span, _uuid(typed.staff), person, typed.facility or None)
        reads.looked(session, wanted, by=at_desk.actor(asked, desk), now=asked.now, taken=taken)
        if typed.person and person is None:
            return [], [], False
        return (
            await reads.listed(session, wanted, most=most),
            await reads.standing_out(session, wanted),
            True,
        )


def _uuid(raw: str) -> UUID | None:
    try:
        return UUID(raw)
    except ValueError:
        return None


@router.get("")
async def reads_page(request: Request, asked: Ask, desk: Auditor) -> Response:
    """The readings of a span of days: what stands out first."""
    days, typed = days_of(request, asked), _typed(request)
    found, odd, known = await _found(asked, desk, days.span, typed, most=reads.SHOWN + 1, taken=False)
    async with asked.db.transaction() as session:
        people = await reads.everybody(session)
        facilities = {one.code: one for one in await directory.facilities(session)}
    return page(
        request, "desk_reads.html", status=days.status, personal=True, desk=desk, days=days, base="/desk/reads",
        typed=typed, query=typed.query(days), known=known, found=found[: reads.SHOWN], more=len(found) > reads.SHOWN,
        shown=reads.SHOWN, taken=reads.TAKEN, odd=odd, people=people, facilities=facilities,
        why={key: translate(asked.language, text) for key, text in WHY.items()},
        odd_words={key: translate(asked.language, text) for key, text in ODD.items()},
        most_days=MOST_DAYS, zone=ZONE,
    )  # fmt: skip


@router.get("/all.csv")
async def reads_csv(request: Request, asked: Ask, desk: Auditor) -> Response:
    """The readings as CSV."""
    span = strictly(request, asked)
    found, _odd, _known = await _found(asked, desk, span, _typed(request), most=reads.TAKEN, taken=True)
    return csv_file(files.reads(found, WHY, asked.language), named("reads", span), asked.language)


@router.get("/all.xlsx")
async def reads_xlsx(request: Request, asked: Ask, desk: Auditor) -> Response:
    """The readings and what stands out as XLSX."""
    span = strictly(request, asked)
    found, odd, _known = await _found(asked, desk, span, _typed(request), most=reads.TAKEN, taken=True)
    sheets = [files.reads(found, WHY, asked.language), files.outstanding(odd, ODD, asked.language)]
    return xlsx_file(sheets, named("reads", span), asked)
