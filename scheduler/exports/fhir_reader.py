"""FHIR R4: a Bundle, or NDJSON with a resource (or a Bundle) on each line. Appointments and slots make rows."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any, BinaryIO

from booking.exchange.errors import ExportUnreadable
from booking.exchange.kinds import SkipReason, UnreadableReason
from booking.exchange.rules import Refused
from scheduler.exports import fhir_resource as fhir
from scheduler.exports.encodings import open_text
from scheduler.exports.feed import Feed
from scheduler.exports.kinds_of_file import looks_like
from scheduler.exports.reader import Record, Skipped

Found = Record | Refused | Skipped


class FhirReader:
    """One record for each appointment or slot and practitioner it names; of several versions the newest counts."""

    def records(self, feed: Feed, stream: BinaryIO, _today: date, /) -> Iterator[Found]:
        """Records once the file has been read to its end; the stream stays open and belongs to the caller."""
        found = looks_like(stream)
        if found not in ("JSON", "text"):
            raise ExportUnreadable(UnreadableReason.WRONG_FORMAT, format="fhir", looks_like=found)
        text, _ = open_text(feed.csv.encoding, stream)
        try:
            file = _read(feed, text)
        except UnicodeDecodeError as error:
            raise ExportUnreadable(UnreadableReason.NOT_DECODABLE, encoding=feed.csv.encoding) from error
        finally:
            text.detach()
        file.check()
        yield from _records(feed, file)


@dataclass(slots=True)
class _File:
    """What a file holds.

    Attributes:
        rows: line (of a Bundle: number of the entry) and resource, by key; a later one takes the place of an earlier.
        schedules: by reference.
        others: lines of what makes no row.
        count: resources met, for the limit and for what a Bundle says of itself.
        total: resources that Bundles say there are.
        more: the last Bundle names a next page.
    """

    limit: int
    rows: dict[str, tuple[int, fhir.Json]] = field(default_factory=dict)
    schedules: dict[str, fhir.Json] = field(default_factory=dict)
    others: list[int] = field(default_factory=list)
    count: int = 0
    matches: int = 0
    total: int = 0
    more: bool = False

    def take(self, line: int, found: object, *, newest_first: bool = False) -> None:
        """One resource, or a Bundle of them."""
        if not isinstance(found, dict) or "resourceType" not in found:
            raise ExportUnreadable(UnreadableReason.WRONG_FORMAT, format="fhir", looks_like="other JSON")
        kind = found["resourceType"]
        if kind == "Bundle":
            self._bundle(found)
            return
        self.count += 1
        if self.count > self.limit:
            raise ExportUnreadable(UnreadableReason.TOO_MANY_ROWS, limit=self.limit)
        if kind == "Schedule":
            self.schedules.setdefault(fhir.key_of(found), found)
        elif kind not in fhir.KINDS:
            self.others.append(line)
        else:
            key = fhir.key_of(found) or f"line {line}"
            if not (newest_first and key in self.rows):
                self.rows[key] = (line, found)

    def _bundle(self, bundle: fhir.Json) -> None:
        entries = bundle.get("entry")
        history = bundle.get("type") == "history"
        for number, entry in enumerate(entries if isinstance(entries, list) else [], self.count + 1):
            inner = entry.get("resource") if isinstance(entry, dict) else None
            if inner is None:
                self.others.append(number)
                continue
            self.matches += _mode(entry) == "match"
            self.take(number, inner, newest_first=history)
        links = bundle.get("link")
        self.more = any(isinstance(one, dict) and one.get("relation") == "next" for one in links or [])
        said = bundle.get("total")
        self.total = (
            max(self.total, said) if isinstance(said, int) and bundle.get("type") == "searchset" else self.total
        )

    def check(self) -> None:
        """Whether it is all there is.

        Raises:
            ExportUnreadable: nothing in it, or it says itself that there is more.
        """
        if self.more:
            raise ExportUnreadable(UnreadableReason.NOT_ALL, why="its last page names a next one")
        if self.total > self.matches:
            why = f"of {self.total} resources there are {self.matches}"
            raise ExportUnreadable(UnreadableReason.NOT_ALL, why=why)


def _mode(entry: fhir.Json) -> str:
    search = entry.get("search")
    mode = search.get("mode") if isinstance(search, dict) else None
    return mode if isinstance(mode, str) else "match"


def _read(feed: Feed, text: io.TextIOWrapper) -> _File:
    whole = text.read()
    if not whole.strip():
        raise ExportUnreadable(UnreadableReason.EMPTY)
    file = _File(feed.limits.rows)
    first, _, rest = whole.lstrip().partition("\n")
    if rest.strip() and _is_json(first):
        for number, line in enumerate(whole.split("\n"), 1):
            if line.strip():
                file.take(number, _parsed(line, number))
    else:
        file.take(1, _parsed(whole, 1))
    return file


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _parsed(text: str, line: int) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
            raise ExportUnreadable(UnreadableReason.CUT_OFF, what="the end of its JSON") from error
        at = line + error.lineno - 1
        raise ExportUnreadable(UnreadableReason.DAMAGED, why=f"no JSON at line {at}") from error
    except (ValueError, RecursionError) as error:
        raise ExportUnreadable(UnreadableReason.DAMAGED, why=f"no JSON at line {line}") from error


def _records(feed: Feed, file: _File) -> Iterator[Found]:
    aliases = feed.columns.aliases()
    sorts = {
        sort
        for name, places in aliases.items()
        if name.startswith("resource.")
        for place in places
        if (sort := fhir.actors_in(place)) is not None
    }
    for line in file.others:
        yield Skipped(line, SkipReason.OTHER_MESSAGE)
    for line, resource in file.rows.values():
        several = [len(fhir.actors(resource, sort, file.schedules)) for sort in sorts]
        for number in range(max(1, *several, 0)):
            cells = {
                name: next(
                    (text for place in places if (text := fhir.read(resource, place, file.schedules, number))), ""
                )
                for name, places in aliases.items()
            }
            if number and cells.get("id"):
                cells["id"] = f"{cells['id']} #{number + 1}"
            yield Record(line, cells)
