"""Entering afterwards what happened on paper: one table of everybody of whom it is not known yet, by keyboard alone.

Each row is entered in a transaction of its own. What is refused stays typed, with why beside it; what was entered is
gone from the table, so that what remains is what is left to do.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from fastapi import APIRouter, Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from booking import ids
from booking.actor import Actor
from booking.appointments.errors import AppointmentUnknown
from booking.clock import local_day
from booking.desk.forms import raw_of
from booking.desk.queue import words
from booking.desk.queue.answers import uuid_of
from booking.desk.sheet import typed
from booking.desk.sheet.page import Seen, Text, WithSheet, day_of, look, shown
from booking.desk.sheet.typed import Line, Sent
from booking.errors import BookingError
from booking.queue import acts, commands
from booking.queue.around import ServiceToday, services_at
from booking.queue.errors import ActUnknown
from booking.queue.paper import service
from booking.queue.paper.commands import EnterRow, EnterWalkIn
from booking.queue.paper.errors import PaperOvertaken
from booking.queue.paper.queries import Entry, Part
from booking.queue.rules import UNDO_FOR
from booking.web import at_desk
from booking.web.at_desk import Place, Where
from booking.web.dependencies import Ask, Asked
from booking.web.origin import check_origin
from booking.web.pages import page, see_other

router = APIRouter(prefix="/desk/{facility}/sheet/entry", include_in_schema=False, dependencies=[Depends(check_origin)])

MOST: Final = 80
"""Rows of one form; the next follow once these are saved. A form of a whole hospital would be too large to be taken."""

_ACTS: Final = 12


@dataclass(frozen=True, slots=True)
class Row:
    """Somebody of whom it is not known what became of her, and what was typed."""

    part: Part
    entry: Entry
    line: Line


@dataclass(frozen=True, slots=True)
class Done:
    """Somebody who was entered: with the number she has now, and the one she was handed on paper."""

    number: str
    paper_number: str


@dataclass(slots=True)
class Outcome:
    """What became of a form: who was entered, what was refused, and who is no longer of that day."""

    done: list[Done]
    refused: dict[str, Line]
    walks: list[Line]
    unknown: list[Line] = field(default_factory=list)

    @property
    def status(self) -> int:
        """Of the answer."""
        return max([200, *(line.status for line in (*self.refused.values(), *self.walks, *self.unknown))])


@router.get("")
async def entry_page(
    request: Request, asked: Ask, desk: WithSheet, where: Where, day: Text = "", of: Text = "", done: Text = ""
) -> Response:
    """The table; `of` shows one service only."""
    said = int(done) if done.isascii() and done.isdecimal() else 0
    nothing = Outcome([], {}, [])
    return await _show(request, asked, desk, where, _day(day, asked), of, nothing, said=said)


def _day(raw: str, asked: Asked) -> date:
    """A day that can be entered: not one ahead."""
    today = local_day(asked.now)
    return min(day_of(raw, today), today)


@router.post("")
async def enter(request: Request, asked: Ask, desk: WithSheet, where: Where) -> Response:
    """Enter every row in which something was typed; the same form again enters nothing twice."""
    form = await request.form()
    day, of = _day(raw_of(form, "day"), asked), raw_of(form, "of")[:64]
    sent = typed.read(form, uuid_of(form, "once") or ids.public_id())
    async with asked.db.transaction() as session:
        seen = await look(session, asked, desk, where, day, reason="entry")
    outcome = await _entered(asked, at_desk.actor(asked, desk), where, seen, sent)
    if outcome.status == 200:  # noqa: PLR2004  nothing was refused
        told = f"&done={len(outcome.done)}" if outcome.done else ""
        return see_other(request, f"/desk/{where.code}/sheet/entry?day={day}{f'&of={of}' if of else ''}{told}")
    return await _show(request, asked, desk, where, day, of, outcome, said=len(outcome.done))


async def _entered(asked: Asked, by: Actor, where: Place, seen: Seen, sent: Sent) -> Outcome:
    entries = {one.key: one for part in seen.parts for one in part.entries}
    outcome = Outcome([], {}, [])
    for line in sent.rows:
        entry = entries.get(line.key)
        if not line.filled:
            continue
        if entry is None:  # cancelled or moved to another day since the form was made
            line.refuse(AppointmentUnknown(), asked.language)
            outcome.unknown.append(line)
            continue
        row = typed.row_command(sent, line, entry, facility=where.code, day=seen.day, language=asked.language)
        await _tried(asked, by, line, row, outcome)
        if line.errors:
            outcome.refused[line.key] = line
    for line in sent.walks:
        if not line.filled:
            continue
        walk = typed.walk_command(sent, line, facility=where.code, day=seen.day, language=asked.language)
        await _tried(asked, by, line, walk, outcome)
        if line.errors:
            outcome.walks.append(line)
    return outcome


async def _tried(asked: Asked, by: Actor, line: Line, command: EnterRow | EnterWalkIn | None, outcome: Outcome) -> None:
    """Enter one line; why it was not stands in the line."""
    if command is None:
        return

    async def work() -> str:
        async with asked.db.transaction() as session:
            if isinstance(command, EnterWalkIn):
                return (await service.enter_walk_in(session, command, by=by, now=asked.now)).label
            view = await service.enter(session, command, by=by, now=asked.now)
            return view.label if view else command.code or ""

    try:
        outcome.done.append(Done(await asked.db.until_known(work), line.get("paper_number")))
    except BookingError as error:
        line.refuse(error, asked.language)
        if isinstance(error, PaperOvertaken):
            line.was = ""  # how she stands now is shown, and what is sent next is said knowing it


async def _show(
    request: Request, asked: Asked, desk: WithSheet, where: Place, day: date, of: str, outcome: Outcome, *, said: int
) -> Response:
    async with asked.db.transaction() as session:
        seen = await look(session, asked, desk, where, day, reason="entry")
        services = await services_at(session, where.facility_id, day)
        lately = await _lately(session, asked, desk, where)
    rows, gone, left = _rows(seen, of, outcome)
    return page(
        request, "desk_sheet_entry.html", status=outcome.status, personal=True, echo=outcome.status == 200, desk=desk,  # noqa: PLR2004
        rows=rows[:MOST], more=max(0, len(rows) - MOST), gone=gone,
        unknown=outcome.unknown, left=left, of=of, services=services, said=said,
        done=[one for one in outcome.done if one.paper_number], walks=_walks(outcome, services, of), lately=lately,
        errors=_summary(rows, outcome), once=str(ids.public_id()), over=day != local_day(asked.now),
        **shown(seen, asked, asked.language),
    )  # fmt: skip


def _rows(seen: Seen, of: str, outcome: Outcome) -> tuple[list[Row], list[Row], int]:
    """Rows still to be entered, those refused because the desk knows by now, and how many other services have."""
    rows, gone, others = [], [], 0
    for part in seen.parts:
        for entry in part.entries:
            line = outcome.refused.get(entry.key)
            if entry.settled and line is not None:
                gone.append(Row(part, entry, line))
            elif not entry.settled and (line is not None or of in ("", part.service)):
                rows.append(Row(part, entry, line or typed.empty(entry.key)))
            elif not entry.settled:
                others += 1
    rows.sort(key=lambda row: (not row.line.errors, row.entry.starts_at or row.entry.arrived_at))
    return rows, gone, others


def _walks(outcome: Outcome, services: list[ServiceToday], of: str) -> list[Line]:
    """The refused lines first, then empty ones."""
    chosen = of or (services[0].code if services else "")
    free = [Line(f"w{number}", {"service": chosen}) for number in range(1, typed.LINES + 1 - len(outcome.walks))]
    return [
        Line(f"w{number}", line.typed, "", line.errors, line.status)
        for number, line in enumerate([*outcome.walks, *free], start=1)
    ]


def _summary(rows: list[Row], outcome: Outcome) -> list[tuple[str, str]]:
    """The errors for the list at the top: the id of the field, and the text."""
    found = [
        (f"{name or 'what'}-{row.line.key}", f"{row.entry.name or row.entry.key}: {text}")
        for row in rows
        for name, text in row.line.errors.items()
    ]
    for number, line in enumerate(outcome.walks, start=1):
        found += [
            (f"{name or 'what'}-w{number}", f"{line.get('name') or line.get('paper_number') or number}: {text}")
            for name, text in line.errors.items()
        ]
    return found


async def _lately(session: AsyncSession, asked: Asked, desk: WithSheet, where: Place) -> list[tuple[Any, str]]:
    """What this account entered from paper and may take back."""
    found = await acts.lately(session, where.facility_id, now=asked.now, most=100)
    mine = [act for act in found if act.staff == str(desk.staff.id) and act.what in ("paper", "no_show")]
    live = [act for act in mine if asked.now - act.at < UNDO_FOR][:_ACTS]
    return [(act, words.done(act.what, act.number or "", asked.language)) for act in live]


@router.post("/undo")
async def undo(request: Request, asked: Ask, desk: WithSheet, where: Where) -> Response:
    """Take back what was entered wrongly, for five minutes."""
    form, by = await request.form(), at_desk.actor(asked, desk)
    act = uuid_of(form, "act")
    if act is None:
        raise ActUnknown

    async def work() -> None:
        async with asked.db.transaction() as session:
            await acts.undo(session, commands.Undo(facility=where.code, act=act), by=by, now=asked.now)

    await asked.db.until_known(work)
    return see_other(request, f"/desk/{where.code}/sheet/entry?day={_day(raw_of(form, 'day'), asked)}")
