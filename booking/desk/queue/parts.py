"""The parts of a queue that change, as HTML: rows by key, their order by section, and what stands above them.

A page is made of them, and so is the stream: it sends the rows that are new or different, the orders that changed, and
nothing else. Rows depend on the person and the language only, so thirty desks that hear of one call render one row.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from booking.desk.queue import words
from booking.i18n import Language, show_time
from booking.queue.acts import Act, lately
from booking.queue.kinds import TicketState
from booking.queue.rules import UNDO_FOR, Turn
from booking.queue.service import POLICY
from booking.queue.sheet import Person, Sheet, sheet
from booking.trail.live import Position
from booking.web.at_desk import Place
from booking.web.dependencies import Asked, language_of
from booking.web.streaming import fragment

TEMPLATE: Final = "desk_queue_parts.html"
FRESH: Final = timedelta(seconds=10)
"""So old a sheet may be when nothing was told of: bookings of the day change it too, and tell nothing."""

_EMPTY: Final = "<td data-band>"
"""The cell of a row for the band; a test knows that the template has it."""

_MOST_ROWS: Final = 20_000
_MOST_ACTS: Final = 100
_ACTS_SHOWN: Final = 6


@dataclass(frozen=True, slots=True)
class Known:
    """A sheet, and what may be undone at its facility, as of one position. `bands` as they are written, by number."""

    heard: Position
    at: datetime
    sheet: Sheet
    acts: tuple[Act, ...]
    bands: Mapping[str, str]


@dataclass(slots=True)
class Sheets:
    """The sheets of this process, and the rows it rendered."""

    found: dict[tuple[int, date], Known] = field(default_factory=dict)
    rows: dict[tuple[object, ...], str] = field(default_factory=dict)
    reading: dict[tuple[int, date], asyncio.Lock] = field(default_factory=dict)

    async def known(
        self, asked: Asked, place: Place, service_id: int, day: date, *, heard: Position, now: datetime
    ) -> Known:
        """The day's sheet, not older than what was heard; never one that was begun to be read before it."""
        key = (service_id, day)
        async with self.reading.setdefault(key, asyncio.Lock()):  # all hear at once: one reads for all
            there = self.found.get(key)
            if there is not None and there.heard >= heard and now - there.at < FRESH:
                return there
            async with asked.db.transaction() as session:
                made = await read(session, place, service_id, day, heard=heard, now=now)
        self.found = {one: kept for one, kept in self.found.items() if now - kept.at < FRESH}
        if key not in self.found or heard >= self.found[key].heard:
            self.found[key] = made
        return made

    def row(self, request: Request, kind: str, person: Person, *, place: Place, over: bool) -> str:
        """One row as HTML."""
        language = language_of(request)
        key = (language, place.code, kind, person, over)
        found = self.rows.get(key)
        if found is None:
            if len(self.rows) >= _MOST_ROWS:
                self.rows.clear()
            found = fragment(
                request, TEMPLATE, kind, one=person, over=over, facility=place.code, **_named(person, language)
            ).strip()
            self.rows[key] = found
        return found


def _named(person: Person, language: Language) -> dict[str, str]:
    return {
        "verified": words.priority(person.verified, language) if person.verified else "",
        "claimed": words.priority(person.claimed, language) if person.claimed else "",
    }


async def read(
    session: AsyncSession, place: Place, service_id: int, day: date, *, heard: Position, now: datetime
) -> Known:
    """The sheet and the acts, in the caller's transaction."""
    acts = await lately(session, place.facility_id, now=now, most=_MOST_ACTS)
    whole = await sheet(session, service_id, day)
    bands = whole.bands(now=now, policy=POLICY)
    shown = {key: f"{show_time(band.start)}–{show_time(band.end)}" for key, band in bands.items()}
    return Known(heard, now, whole, tuple(acts), shown)


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks: at which service, from which room (None: the desk), as which account.

    `own`: at the line the room calls from alone, as a doctor's list does.
    """

    place: Place
    service_id: int
    room_id: int | None
    staff: str
    own: bool = False

    def has_called(self, one: Person) -> bool:
        """Whether somebody called stands before this viewer, so that the keys act on her.

        Several work at the desk at once, each with her own calls; where nobody is known to have called, with that too.
        """
        return one.room_id == self.room_id and (self.room_id is not None or one.called_by in (None, self.staff))


@dataclass(frozen=True, slots=True)
class Parts:
    """What is shown. `heads` are the names of the sections of lines, by section.

    `bands` stand beside the rows: they change with every call and every few minutes, for many people at once.
    """

    html: Mapping[str, str]
    rows: Mapping[str, str]
    order: Mapping[str, tuple[str, ...]]
    heads: Mapping[str, str | None]
    bands: Mapping[str, str]

    def whole(self, key: str) -> str:
        """A row as a page has it: with when its person may expect to be called."""
        return self.rows[key].replace(_EMPTY, f"{_EMPTY}{self.bands.get(key, '')}", 1)

    def since(self, before: "Parts | None") -> dict[str, Any]:
        """What a page that shows `before` must be told."""
        old = before or Parts({}, {}, {}, {}, {})
        return {
            "html": {name: part for name, part in self.html.items() if old.html.get(name) != part},
            "rows": {key: row for key, row in self.rows.items() if old.rows.get(key) != row},
            "bands": {key: band for key, band in self.bands.items() if old.bands.get(key) != band},
            "order": {name: keys for name, keys in self.order.items() if old.order.get(name) != keys},
        }


def parts(request: Request, viewer: Viewer, known: Known, now: datetime) -> Parts:
    """All parts for one viewer."""
    sheets: Sheets = request.app.state.sheets
    whole, language = known.sheet, language_of(request)
    rows: dict[str, str] = {}
    order: dict[str, tuple[str, ...]] = {}
    mine = whole.line_of(viewer.room_id)
    upcoming: tuple[Person, Turn] | None = None

    def add(section: str, kind: str, people: list[Person]) -> None:
        order[section] = tuple(one.key for one in people)
        for one in people:
            comes = kind == "expected" and not one.noshow and not one.off
            over = comes and one.ends_at is not None and one.ends_at <= now
            rows[one.key] = sheets.row(request, kind, one, place=viewer.place, over=over)

    for line_id in whole.lines:
        if viewer.own and (mine is None or line_id != mine.id):
            continue
        turns = whole.turns(line_id, now=now, policy=POLICY)
        add(f"line-{line_id}", "waiting", [one for one, _ in turns])
        if mine is not None and mine.id == line_id and turns:
            upcoming = turns[0]
    add("called", "called", list(whole.called))
    add("aside", "aside", list(whole.aside))
    add("expected", "expected", list(whole.expected))
    current = [one for one in whole.called if viewer.has_called(one)]
    acts = [act for act in known.acts if act.staff == viewer.staff and now - act.at < UNDO_FOR][:_ACTS_SHOWN]
    html = {
        "now": fragment(request, TEMPLATE, "now", people=current, facility=viewer.place.code),
        "next": fragment(
            request, TEMPLATE, "next", one=upcoming[0] if upcoming else None,
            why=words.why(upcoming[1], language) if upcoming else "",
            **(_named(upcoming[0], language) if upcoming else {"verified": "", "claimed": ""}),
        ),
        "counts": fragment(request, TEMPLATE, "counts", **_counts(whole), late=mine),
        "acts": fragment(
            request, TEMPLATE, "acts", facility=viewer.place.code,
            acts=[(act, words.done(act.what, act.number or "", language)) for act in acts],
        ),
    }  # fmt: skip
    heads = {f"line-{line.id}": line.room for line in whole.lines.values()}
    return Parts(html, rows, order, heads, known.bands)


def _counts(whole: Sheet) -> dict[str, int]:
    return {
        "waiting": sum(len(line) for line in whole.waiting.values()),
        "expected": sum(not one.noshow and not one.off for one in whole.expected),
        "done": whole.done,
        "at_tests": sum(one.state is TicketState.AT_TESTS for one in whole.aside),
    }
