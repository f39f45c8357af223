"""From a record to a row of ours: the resource found, the times read, the state judged, everything else forgotten."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from booking.exchange.kinds import AbsenceMeaning, NoteReason, RefusalReason, SkipReason
from booking.exchange.marks import SORTS, marks_of
from booking.exchange.rules import Refused, StagedRow, Trace
from booking.ids import CODE_ALPHABET, CODE_LENGTH
from booking.text import clean
from scheduler.exports.feed import KEY_JOINT, TABLES, Feed, folded
from scheduler.exports.further import Above, Cells, FurtherLines, Separator, in_one_cell, is_further, only, own_key
from scheduler.exports.lengths import length_of
from scheduler.exports.mixed_dates import MixedDates
from scheduler.exports.reader import Note, Record, Skipped, TakenOff, Torn
from scheduler.exports.reexam import ReexamSlip
from scheduler.exports.times import Times

QUOTED = 60
"""So many characters of a value appear in a report."""

LONG_ROW = timedelta(hours=24)
_LONGEST_GUESS = 200
"""Characters of what may be the id of a torn row."""
_HOUR = re.compile(r"\d\s?[:hg]", re.IGNORECASE)
"""A time of day: what stands in the column of starts without one is the foot of a table, and no visit."""

Item = StagedRow | ReexamSlip | Refused | Skipped | Note


class Stager:
    """Judges records by one feed."""

    def __init__(self, feed: Feed, key: bytes = b"") -> None:
        self._key = key
        self._ways = [tuple(f"resource.{name}" for name in way) for way in feed.ways]
        self._resources = feed.resource_by_key()
        self._ignored = {form for key in feed.resource_key.ignore for form in feed.forms_of(key)}
        self._times = Times(feed.times.formats, feed.times.zone)
        self._end_minutes = feed.end.minutes
        self._releases = {folded(word) for word in feed.states.releases}
        self._free = {folded(word) for word in feed.states.free}
        self._free_list = feed.absence.meaning is AbsenceMeaning.FREE_LIST
        # Where a file decides alone, a row with nobody or at no time is a visit that takes none; a message leaves out.
        self._decides = feed.absence.meaning.decides and feed.source.format != "hl7"
        self._empty = frozenset(clean(word) for word in feed.csv.null)
        self._table = feed.source.format in TABLES
        self._further = FurtherLines(self._row, lambda line, cells, start: self._end(line, cells, start)[0])
        self._separator = Separator(feed.resource_key.separator) if feed.resource_key.separator else None
        self._also = [tuple(f"resource.{name}" for name in way) for way in feed.resource_key.also]
        self._mixed = MixedDates(self._times) if self._table else None

    def stage(self, record: Record) -> Iterator[Item]:
        """A row, refusal or skip for each who is named to examine: mostly one. Before it any notes."""
        cells = self._cells(record.cells)
        if not self._table:
            yield from self._visit(record.line, cells)
            return
        if cells.get("id"):
            cells["id"] = own_key(cells["id"])
        first, *others = self._parted(cells, self._ways)
        start_text = _joined(first, "start", "start_date", "start_time")
        further = is_further(first, start_text, above=self._further.above is not None)
        if not further:
            yield from self._visit(record.line, first)
        elif not self._also or any(first[name] for way in self._ways for name in way):
            others = [first, *others]
        beside = [self._named_beside(cells, way) for way in self._also]
        for number, (way, parts) in enumerate(zip(self._also, beside, strict=True), 2):
            if not further and parts:
                who = self._resource(record.line, first_part := parts.pop(0), [way])
                yield self._further.staged(record.line, first_part, who, number=number)
        for each in others:
            yield self._further.staged(record.line, each, self._resource(record.line, each, self._ways))
        for way, parts in zip(self._also, beside, strict=True):
            for each in parts:
                yield self._further.staged(record.line, each, self._resource(record.line, each, [way]))

    def _named_beside(self, cells: Cells, way: tuple[str, ...]) -> list[Cells]:
        """The cells once for each who is named in columns beside the first's; an empty one names nobody."""
        return [each for each in self._parted(only(cells, way), [way]) if any(each[name] for name in way)]

    def _parted(self, cells: Cells, ways: Sequence[tuple[str, ...]]) -> Iterator[Cells]:
        if self._separator is None:
            return iter((cells,))
        return in_one_cell(cells, [way[0] for way in ways if len(way) == 1], self._separator, self._known)

    def between(self, *, blank: bool) -> None:
        """Something else stands between two records: what comes next is no further line of the one before.

        A page's end parts no visit where ids tell its lines.
        """
        if not blank or (self._further.above is not None and "id" not in self._further.above.cells):
            self._further.above = None

    def notes(self) -> Iterator[Note]:
        """What is odd about the file as a whole, once all was staged."""
        if self._mixed is not None and (found := self._mixed.note()):
            yield found

    def _cells(self, said: Mapping[str, str]) -> dict[str, str]:
        cells = {name: clean(text) for name, text in said.items()}
        if self._separator is not None:
            cells |= {name: self._separator.cleaned(said[name]) for name in said if name.startswith("resource.")}
        return {name: "" if text in self._empty else text for name, text in cells.items()} if self._empty else cells

    def _visit(self, line: int, cells: Mapping[str, str]) -> Iterator[Item]:
        start_text = _joined(cells, "start", "start_date", "start_time")
        resource = self._resource(line, cells, self._ways)
        start = self._start(cells) if start_text else None
        keyless = "id" in cells and not cells["id"]
        if start is not None and self._mixed is not None:
            self._mixed.look(line, cells.get("start") or cells.get("start_date", ""))
        if keyless or start is None or isinstance(resource, Skipped):
            unusable = self._unusable(line, cells, start_text, resource, start)
            if unusable.reason is not SkipReason.CONTINUATION:
                span = None if keyless or start is None else (start, self._end(line, cells, start)[0])
                self._further.above = Above(cells, span, unusable.traces, lines=1 + len(self._also))
            yield unusable
            return
        end, notes = self._end(line, cells, start)
        yield from notes
        self._further.above = Above(cells, (start, end), named={resource}, lines=1 + len(self._also))
        yield self._row(line, cells, resource, (start, end))

    def torn(self, row: Torn) -> Refused:
        """A row of another width: one of its readings may be a row that we know."""
        traces: dict[Trace, None] = {}
        for reading in row.readings:
            cells = self._cells(reading)
            if "id" in cells:
                if 0 < len(cells["id"]) <= _LONGEST_GUESS:
                    key = own_key(cells["id"])
                    traces |= dict.fromkeys(map(Trace, (key, *(f"{key} #{n + 2}" for n in range(len(self._also))))))
                continue
            resource, text = (
                self._resource(row.line, cells, self._ways),
                _joined(cells, "start", "start_date", "start_time"),
            )
            found = Trace(None, resource if isinstance(resource, str) else None, self._start(cells) if text else None)
            traces |= {found: None} if found.resource or found.starts_at else {}
        return Refused(row.line, row.reason, row.facts, tuple(traces))

    def taken_off(self, record: TakenOff) -> Skipped:
        """Somebody who takes part in a visit no more: what is known of that visit with them is over, and no more."""
        cells = {name: clean(text) for name, text in record.cells.items()}
        resource, key = self._resource(record.line, cells, self._ways), cells.get("id")
        traces: tuple[Trace, ...] = ()
        if key and isinstance(resource, str):
            traces = (Trace(key, resource, lets_go=True, state_text=cells.get("state", "")[:QUOTED], off=True),)
        return Skipped(record.line, SkipReason.OTHER_MESSAGE, traces=traces)

    def _unusable(
        self, line: int, cells: Mapping[str, str], start_text: str, resource: str | Skipped, start: datetime | None
    ) -> Refused | Skipped:
        """Why a row cannot be used, with what is known of it all the same."""
        traces = self._traces(cells, start_text, resource, start)
        facts = {"start": start_text[:QUOTED]}
        if "id" in cells and not cells["id"]:
            # A second line of one visit has no time of its own; a visit without its key cannot be followed.
            if start_text:
                return Refused(line, RefusalReason.NO_ROW_KEY, facts, traces)
            return Skipped(line, SkipReason.CONTINUATION)
        stands = not any(trace.lets_go for trace in traces)
        if not start_text:
            amiss = stands and isinstance(resource, str) and self._closes(cells)
            return Skipped(line, SkipReason.NO_START, amiss=amiss, traces=traces)
        if isinstance(resource, Skipped):
            timed = start is not None or _HOUR.search(start_text) is not None
            amiss = timed and resource.reason is SkipReason.NO_RESOURCE and self._closes(cells)
            return replace(resource, amiss=amiss, traces=traces)
        return Refused(line, RefusalReason.BAD_START, facts, traces)

    def _traces(
        self, cells: Mapping[str, str], start_text: str, resource: str | Skipped, start: datetime | None
    ) -> tuple[Trace, ...]:
        """What is known of a row that cannot be used.

        Without an id it tells of a time or a doctor that it may stand for; the foot of a table tells of neither.
        """
        ignored = isinstance(resource, Skipped) and resource.reason is SkipReason.IGNORED_RESOURCE
        known = None if isinstance(resource, Skipped) else resource
        called_off = not self._closes(cells)
        lets_go = ignored or called_off
        nobody = isinstance(resource, Skipped) and resource.reason is SkipReason.NO_RESOURCE
        silent = self._decides and (nobody or not start_text)
        if (key := cells.get("id")) and (lets_go or not silent):
            state = cells.get("state", "")[:QUOTED] if called_off else ""
            return (Trace(key, known, start, lets_go=lets_go, state_text=state),)
        if lets_go or silent or not start_text or (known is None and start is None):
            return ()
        return (Trace(None, known, start),)

    def _closes(self, cells: Mapping[str, str]) -> bool:
        word = folded(cells.get("state", ""))
        return not self._offers(cells, word) and not ("state" in cells and word in self._releases)

    def _offers(self, cells: Mapping[str, str], word: str) -> bool:
        return word in self._free if "state" in cells else self._free_list

    def _start(self, cells: Mapping[str, str]) -> datetime | None:
        if "start" in cells:
            return self._times.moment(cells["start"])
        return self._times.in_two(cells["start_date"], cells["start_time"])

    def _resource(self, line: int, cells: Mapping[str, str], ways: Sequence[tuple[str, ...]]) -> str | Skipped:
        """Our code of the first way whose key is known; a way counts when all its columns are filled."""
        unknown = ""
        for way in ways:
            values = [cells[name] for name in way]
            if not all(values):
                continue
            key = folded(KEY_JOINT.join(values))
            if key in self._resources:
                return self._resources[key]
            if key in self._ignored:
                return Skipped(line, SkipReason.IGNORED_RESOURCE)
            unknown = unknown or KEY_JOINT.join(values)[: 2 * QUOTED]
        if unknown:
            return Skipped(line, SkipReason.UNMAPPED_RESOURCE, unknown)
        return Skipped(line, SkipReason.NO_RESOURCE)

    def _known(self, text: str) -> bool:
        return folded(text) in self._resources or folded(text) in self._ignored

    def _end(self, line: int, cells: Mapping[str, str], start: datetime) -> tuple[datetime | None, list[Note]]:
        """The end, or None where the calendar must say; a bad end never makes a row harmless."""
        end: datetime | None = None
        notes: list[Note] = []
        text = self._end_text(cells)
        if text:
            end = self._read_end(text, cells, start)
            if end is None:
                notes.append(Note(line, NoteReason.BAD_END, {"end": text[:QUOTED]}))
            elif end <= start:
                notes.append(Note(line, NoteReason.END_NOT_AFTER_START, {"end": text[:QUOTED]}))
                end = None
            elif end - start > LONG_ROW:
                notes.append(Note(line, NoteReason.LONG_ROW, {"hours": int((end - start) / timedelta(hours=1))}))
        if end is None and self._end_minutes is not None:
            end = start + timedelta(minutes=self._end_minutes)
        return end, notes

    @staticmethod
    def _end_text(cells: Mapping[str, str]) -> str:
        if "duration" in cells:
            return cells["duration"]
        if "end_time" not in cells:
            return cells.get("end", "")
        day = cells.get("end_date") or cells.get("start_date", "")
        return f"{day} {cells['end_time']}".strip() if cells["end_time"] else ""

    def _read_end(self, text: str, cells: Mapping[str, str], start: datetime) -> datetime | None:
        if "duration" in cells:
            length = length_of(text)
            return None if length is None else start + length
        if "end_time" not in cells:
            return self._times.end(text)
        day = cells.get("end_date") or cells.get("start_date", "")
        end = self._times.end_in_two(day, cells["end_time"]) if day else None
        if end is None and not cells.get("end_date"):
            # A clock time alone: the start's date may stand in the start's cell, or be read only with its time.
            end = self._times.end(cells["end_time"], on=self._times.day_of(start))
        if end is None or cells.get("end_date") or end >= start:
            return end
        return self._times.midnight_after(start, end)

    def _row(
        self, line: int, cells: Mapping[str, str], resource: str, span: tuple[datetime, datetime | None]
    ) -> StagedRow:
        state = cells.get("state", "")
        word = folded(state)
        offers = self._offers(cells, word)
        return StagedRow(
            line=line,
            row_key=cells.get("id"),
            resource=resource,
            starts_at=span[0],
            ends_at=span[1],
            state_text=state[:QUOTED],
            closes=not offers and not ("state" in cells and word in self._releases),
            offers=offers,
            our_code=_code(cells.get("code", "")),
            marks=self._marks(cells) if self._key else (),
        )

    def _marks(self, cells: Mapping[str, str]) -> tuple[str, ...]:
        """Of the person, whose values go no further."""
        return marks_of({sort: cells[sort] for sort in SORTS if cells.get(sort)}, self._key)


def _code(text: str) -> str | None:
    """A booking code as we write it, however a program or a person wrote it down; any other text stays behind."""
    code = "".join(sign for sign in text.upper() if sign.isalnum())
    return code if is_code(code) else None


def is_code(text: str) -> bool:
    """Whether a text has the shape of a booking code: what else stands in that column may be anybody's name."""
    return len(text) == CODE_LENGTH and all(sign in CODE_ALPHABET for sign in text)


def _joined(cells: Mapping[str, str], whole: str, day: str, clock: str) -> str:
    if whole in cells:
        return cells[whole]
    return f"{cells[day]} {cells[clock]}".strip()
