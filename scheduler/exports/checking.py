"""A dry run without a database: what would be read, closed and refused."""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import BinaryIO

from booking.clock import ZONE, at_local, local_day
from booking.exchange.errors import ExportUnreadable
from booking.exchange.guarding import Scope, Signs, guard
from booking.exchange.kinds import AbsenceMeaning, NoteReason, SkipReason, UnreadableReason
from booking.exchange.rules import (
    LengthAt,
    Refused,
    Span,
    StagedRow,
    Trace,
    busy_intervals,
    meets,
    merged,
    outside_hours,
    span_of,
)
from scheduler.exports.apart import LIMITS, ReaderLost, reading_processes
from scheduler.exports.confinement import Limits
from scheduler.exports.feed import WEEKDAYS, Feed
from scheduler.exports.opening import opened
from scheduler.exports.reader import Note, Skipped
from scheduler.exports.report import LISTED, Report, most
from scheduler.exports.slip_feed import AnyFeed
from scheduler.exports.staging import Item
from scheduler.exports.states_read import states_of, unnamed
from scheduler.exports.wording import explain_unreadable

log = logging.getLogger(__name__)

_BAD_ENDS = frozenset({NoteReason.BAD_END, NoteReason.END_NOT_AFTER_START})
_LONGEST_CALENDAR = 1200  # days; a stated coverage is never longer


def check(feed: Feed, path: Path, *, today: date) -> Report:
    """Read a file by a feed and say what it would do.

    Args:
        feed: the feed.
        path: the file.
        today: the local day a moving coverage is counted from.

    Raises:
        ExportUnreadable: nothing of the file can be used.
    """
    rows, report = read_file(feed, path, today=today)
    del rows
    return report


def unreadable_json(feed: AnyFeed, error: ExportUnreadable) -> dict[str, object]:
    """The report of a file that cannot be read."""
    return {
        "feed": feed.code,
        "facility": feed.facility,
        "readable": False,
        "unreadable": {
            "reason": error.reason.value,
            "facts": {name: fact for name, fact in error.facts.items() if name != "reason"},
            "text": explain_unreadable(error),
        },
    }


def read_file(feed: Feed, path: Path, *, today: date, limits: Limits = LIMITS) -> tuple[list[StagedRow], Report]:
    """The rows to apply and the report. Rows outside the coverage are in the list: `within` takes them out."""
    try:
        with opened(path) as stream:
            return read_stream(feed, stream, today=today, limits=limits)
    except OSError as error:
        raise ExportUnreadable(UnreadableReason.CANNOT_OPEN, why=error.strerror or type(error).__name__) from error


def read_stream(
    feed: Feed, stream: BinaryIO, *, today: date, limits: Limits = LIMITS, key: bytes = b""
) -> tuple[list[StagedRow], Report]:
    """The same of an open file, read in a process of its own.

    Raises:
        ExportUnreadable: nothing of the file can be used.
        ReaderLost: nothing is known about the file.
    """
    try:
        items = reading_processes().read(feed, stream, today=today, limits=limits, key=key)
        return collect(feed, items, today=today)
    except (ExportUnreadable, ReaderLost):
        raise
    except Exception as error:  # what a file makes fail is the file's trouble, not the service's
        log.exception("what a reader told could not be used", extra={"facts": {"feed": feed.code}})
        raise ExportUnreadable(UnreadableReason.READER_FAILED, why=type(error).__name__) from error


def within(feed: Feed, rows: Iterable[StagedRow], window: Span | None) -> list[StagedRow]:
    """Rows that lie in the coverage or reach into it: overlap decides here too; all when none is stated."""
    length_at = lengths_in(feed)
    return [row for row in rows if window is None or meets(row, window, length_at)]


def _begun_in(rows: Iterable[StagedRow], window: Span | None) -> list[StagedRow]:
    """Rows that begin inside the coverage: what two files are compared by, and what can be missed in one."""
    return [row for row in rows if window is None or window[0] <= row.starts_at < window[1]]


@dataclass(slots=True)
class _Pile:
    """What a reader yields, sorted."""

    rows: list[StagedRow] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    unmapped: Counter[str] = field(default_factory=Counter)
    amiss: Counter[SkipReason] = field(default_factory=Counter)
    traces: list[Trace] = field(default_factory=list)

    def take(self, item: Item) -> None:
        if isinstance(item, StagedRow):
            self.rows.append(item)
        elif isinstance(item, Refused):
            self.refused.append(item)
            self.traces += item.traces
        elif isinstance(item, Note):
            self.notes.append(item)
        elif isinstance(item, Skipped):
            self.skipped[item.reason.value] += 1
            self.amiss[item.reason] += item.amiss
            self.traces += item.traces
            if item.reason is SkipReason.UNMAPPED_RESOURCE:
                self.unmapped[item.key] += 1


def collect(feed: Feed, items: Iterable[Item], *, today: date) -> tuple[list[StagedRow], Report]:
    """Sort what a reader yields into rows and counts."""
    pile = _Pile()
    for item in items:
        pile.take(item)
    rows, window = pile.rows, feed.window(today)
    outside = _outside(feed, rows, window)
    notes = sorted([*pile.notes, *_duplicates(rows), *outside], key=lambda note: note.line)
    signs = _signs(feed, pile, window, outside=len(outside))
    starts = [row.starts_at for row in _begun_in(rows, window)]
    states = states_of(feed, rows)
    closes = sum(row.closes for row in rows)
    return rows, Report(
        feed=feed.code,
        facility=feed.facility,
        read=len(rows),
        closes=closes,
        releases=len(rows) - closes,
        offers=sum(row.offers for row in rows),
        assumed_ends=sum(row.ends_at is None for row in rows),
        skipped=dict(pile.skipped),
        refused=dict(Counter(row.reason.value for row in pile.refused)),
        refused_rows=tuple(pile.refused[:LISTED]),
        notes=dict(Counter(note.reason.value for note in notes)),
        noted_rows=tuple(notes[:LISTED]),
        unmapped=most(pile.unmapped),
        unknown_states=most(unnamed(states)),
        first_start=min(starts, default=None),
        last_start=max(starts, default=None),
        window=window,
        signs=signs,
        verdict=guard(
            None, signs, scope=Scope(today, window, meaning=feed.absence.meaning), limits=feed.guards.thresholds()
        ),
        busy=_busy(feed, within(feed, rows, window), window),
        states=states,
        traces=(*pile.traces, *_elsewhere(feed, rows, window)),
    )


def _duplicates(rows: Iterable[StagedRow]) -> list[Note]:
    first: dict[str, int] = {}
    return [
        Note(row.line, NoteReason.DUPLICATE_KEY, {"first_line": first[row.row_key]})
        for row in rows
        if row.row_key is not None and first.setdefault(row.row_key, row.line) != row.line
    ]


def _outside(feed: Feed, rows: list[StagedRow], window: Span | None) -> list[Note]:
    inside = set(map(id, within(feed, rows, window)))
    return [
        Note(row.line, NoteReason.OUTSIDE_COVERAGE, {"day": local_day(row.starts_at).isoformat()})
        for row in rows
        if id(row) not in inside
    ]


def _elsewhere(feed: Feed, rows: list[StagedRow], window: Span | None) -> list[Trace]:
    """Rows outside the coverage whose id has another inside it, of a list of busy times.

    They apply nothing, not even that the id has one row less.
    """
    if feed.absence.meaning is not AbsenceMeaning.BUSY_LIST or window is None:
        return []
    inside = within(feed, rows, window)
    ids, seen = {row.row_key for row in inside if row.row_key}, set(map(id, inside))
    out = [row for row in rows if row.row_key in ids and row.closes and id(row) not in seen]
    return [Trace(row.row_key, row.resource, row.starts_at) for row in out]


def _signs(feed: Feed, pile: _Pile, window: Span | None, *, outside: int) -> Signs:
    inside = _begun_in(pile.rows, window)
    silent = (SkipReason.BLANK.value, SkipReason.CONTINUATION.value)
    passed = sum(count for reason, count in pile.skipped.items() if reason not in silent)
    compared, strange = outside_hours(inside, hours_of(feed, inside))
    return Signs(
        rows=len(pile.rows) + len(pile.refused) + passed,
        read=len(pile.rows),
        refused=len(pile.refused),
        unmapped=pile.skipped[SkipReason.UNMAPPED_RESOURCE.value],
        outside_period=outside,
        compared=compared,
        outside_hours=strange,
        without_resource=pile.amiss[SkipReason.NO_RESOURCE],
        without_start=pile.amiss[SkipReason.NO_START],
        bad_ends=sum(note.reason in _BAD_ENDS for note in pile.notes),
        let_go=sum(trace.lets_go for trace in pile.traces),
        real_dates=sum(int(note.facts["dates"]) for note in pile.notes if note.reason is NoteReason.DATES_MIXED),
        days=Counter(local_day(row.starts_at) for row in inside),
        resources=_per_resource(inside),
    )


def _per_resource(rows: Iterable[StagedRow]) -> dict[str, Counter[date]]:
    found: dict[str, Counter[date]] = {}
    for row in rows:
        found.setdefault(row.resource, Counter())[local_day(row.starts_at)] += 1
    return found


def hours_of(feed: Feed, rows: Iterable[StagedRow]) -> dict[str, list[Span]]:
    """The sessions that the feed itself gives, on the days of the rows and one before and after."""
    days = {local_day(row.starts_at) for row in rows}
    if not days:
        return {}
    last = min(max(days), min(days) + timedelta(days=_LONGEST_CALENDAR))
    count = (last - min(days)).days + 3
    calendar = [min(days) + timedelta(days=number - 1) for number in range(count)]
    return {
        code: sorted(
            (at_local(day, time.fromisoformat(hours.start)), at_local(day, time.fromisoformat(hours.end)))
            for day in calendar
            for hours in resource.hours
            if WEEKDAYS[day.weekday()] in hours.days
        )
        for code, resource in feed.resources.items()
        if resource.hours
    }


def lengths_in(feed: Feed) -> LengthAt:
    """Length of a visit by the feed alone: of the session of `hours` that holds the start, else `slot_minutes`."""

    def length_at(resource: str, moment: datetime) -> timedelta:
        here = moment.astimezone(ZONE)
        clock, weekday = f"{here:%H:%M}", WEEKDAYS[here.weekday()]
        for hours in feed.resources[resource].hours:
            if weekday in hours.days and hours.start <= clock < hours.end:
                return timedelta(minutes=hours.slot_minutes)
        return timedelta(minutes=feed.resources[resource].slot_minutes)

    return length_at


def _busy(feed: Feed, rows: list[StagedRow], window: Span | None) -> dict[str, tuple[Span, ...]]:
    """Per mapped resource the times that rows take; of a list of free times also all of the period not offered."""
    length_at = lengths_in(feed)
    spans = [(code, span) for code, theirs in busy_intervals(rows, length_at).items() for span in theirs]
    if feed.absence.meaning is AbsenceMeaning.FREE_LIST and window is not None:
        free = merged((row.resource, span_of(row, length_at)) for row in rows if row.offers)
        spans += [(code, gap) for code in feed.resources for gap in _complement(free.get(code, []), window)]
    found = merged(spans)
    return {code: tuple(found.get(code, ())) for code in feed.resources}


def _complement(spans: Sequence[Span], window: Span) -> list[Span]:
    """What of the window the (merged, sorted) spans leave over."""
    left: list[Span] = []
    since = window[0]
    for start, end in spans:
        if start > since:
            left.append((since, min(start, window[1])))
        since = max(since, end)
        if since >= window[1]:
            return left
    return [*left, (since, window[1])]
