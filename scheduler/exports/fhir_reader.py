"""FHIR R4: a Bundle, or NDJSON with a resource (or a Bundle) on each line. Appointments and slots make rows.

A Bundle is read entry by entry, NDJSON line by line, so neither is ever in memory as a whole.
"""

import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any, BinaryIO, Final

from booking.exchange.errors import ExportUnreadable
from booking.exchange.kinds import SkipReason, UnreadableReason
from booking.exchange.rules import Refused, Trace
from booking.text import clean
from scheduler.exports import fhir_resource as fhir
from scheduler.exports.encodings import not_decodable, open_text
from scheduler.exports.feed import Feed
from scheduler.exports.fhir_cells import CellReader, Kept
from scheduler.exports.json_pieces import JsonPieces
from scheduler.exports.kinds_of_file import looks_like
from scheduler.exports.reader import Record, Skipped

Found = Record | Refused | Skipped
_DELETED: Final = "deleted"
"""What stands for the state of what was deleted."""
_FIRST: Final = 1_000_000
"""Signs of a first line that are looked at, to tell lines of resources from one text over many lines."""


class FhirReader:
    """One record for each appointment or slot and practitioner it names; of several versions the newest counts."""

    def records(self, feed: Feed, stream: BinaryIO, _today: date, /) -> Iterator[Found]:
        """Records once the file has been read to its end; the stream stays open and belongs to the caller."""
        found = looks_like(stream)
        if found not in ("JSON", "text"):
            raise ExportUnreadable(UnreadableReason.WRONG_FORMAT, format="fhir", looks_like=found)
        text, _ = open_text(feed.csv.encoding, stream)
        file = _File(feed.limits.rows, CellReader(feed))
        try:
            _read(file, text)
        except UnicodeDecodeError as error:
            raise not_decodable(feed.csv.encoding, stream) from error
        finally:
            text.detach()
        file.check()
        yield from file.records()


@dataclass(slots=True)
class _File:
    """What a file holds.

    Attributes:
        rows: what is kept of each resource, by its key; in the order of the first, while a later one takes the
            place of an earlier.
        others: lines of what makes no row, each with the key of what it deletes.
        count: resources met, for the limit and for what a Bundle says of itself.
        total: resources that Bundles say there are.
        more: the last Bundle names a next page.
    """

    limit: int
    reader: CellReader
    rows: dict[str, Kept] = field(default_factory=dict)
    others: list[tuple[int, str]] = field(default_factory=list)
    count: int = 0
    matches: int = 0
    total: int = 0
    more: bool = False

    def take(self, line: int, found: object, *, again: dict[str, Kept] | None = None) -> None:
        """One resource, or a Bundle of them. What was met before goes into `again`, where that is given."""
        if not isinstance(found, dict) or "resourceType" not in found:
            raise ExportUnreadable(UnreadableReason.WRONG_FORMAT, format="fhir", looks_like="other JSON")
        kind = found["resourceType"]
        if kind == "Bundle":
            entries = found.get("entry")
            bundle = _Bundle(self)
            for entry in entries if isinstance(entries, list) else []:
                bundle.take(entry)
            bundle.end(found)
            return
        self.met()
        if kind == "Schedule":
            self.reader.schedules.setdefault(fhir.key_of(found), found)
        elif kind not in fhir.KINDS:
            self.others.append((line, ""))
        else:
            key = fhir.key_of(found) or f"line {line}"
            where = self.rows if again is None or key not in self.rows else again
            where[key] = self.reader.kept(line, key, found)

    def delete(self, key: str, *, again: dict[str, Kept]) -> None:
        """A resource is no more, whatever older versions of it say; of a history the first word is the newest."""
        where = self.rows if key not in self.rows else again
        where[key] = []

    def met(self) -> None:
        """One more resource, or an entry without one.

        Raises:
            ExportUnreadable: there are more than may be.
        """
        self.count += 1
        if self.count > self.limit:
            raise ExportUnreadable(UnreadableReason.TOO_MANY_ROWS, limit=self.limit)

    def check(self) -> None:
        """Whether it is all there is.

        Raises:
            ExportUnreadable: it says itself that there is more.
        """
        if self.more:
            raise ExportUnreadable(UnreadableReason.NOT_ALL, why="its last page names a next one")
        if self.total > self.matches:
            why = f"of {self.total} resources there are {self.matches}"
            raise ExportUnreadable(UnreadableReason.NOT_ALL, why=why)

    def records(self) -> Iterator[Found]:
        """What was passed over, then the rows."""
        for line, key in self.others:
            yield Skipped(line, SkipReason.OTHER_MESSAGE, traces=self._deletion(key))
        for kept in self.rows.values():
            for line, *cells in self.reader.rows(kept):
                yield Record(line, dict(zip(self.reader.names, cells, strict=True)))

    def _deletion(self, key: str) -> tuple[Trace, ...]:
        """What is deleted takes no time any more, also where only an earlier file told of it; known by its id alone."""
        if not key or self.rows.get(key) != [] or not self.reader.keyed:
            return ()
        return (Trace(clean(key), lets_go=True, state_text=_DELETED),)


class _Bundle:
    """One Bundle. What it is, and whether it is all, may stand behind its entries."""

    def __init__(self, file: _File) -> None:
        self._file = file
        self._number = file.count
        self._again: dict[str, Kept] = {}

    def take(self, entry: object) -> None:
        """One entry."""
        self._number += 1
        inner = entry.get("resource") if isinstance(entry, dict) else None
        if inner is None:
            self._file.met()
            if key := _deleted(entry):
                self._file.delete(key, again=self._again)
            self._file.others.append((self._number, key))
            return
        self._file.matches += _mode(entry) == "match"
        self._file.take(self._number, inner, again=self._again)

    def end(self, said: fhir.Json) -> None:
        """What the Bundle says of itself. Of a history the first version of a resource is the newest."""
        if said.get("type") != "history":
            self._file.rows.update(self._again)
        links = said.get("link")
        links = links if isinstance(links, list) else []
        self._file.more = any(isinstance(one, dict) and one.get("relation") == "next" for one in links)
        total = said.get("total")
        if isinstance(total, int) and said.get("type") == "searchset":
            self._file.total = max(self._file.total, total)


def _deleted(entry: Any) -> str:
    """The key of what a history or a transaction deletes; empty where an entry deletes none that could make rows."""
    request = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(request, dict) or request.get("method") != "DELETE":
        return ""
    found = request.get("url") or entry.get("fullUrl")
    key = fhir.reference_of(found)
    # What is deleted by a search has no id of its own.
    return key if key.split("/")[0] in fhir.KINDS and "?" not in str(found) else ""


def _mode(entry: Any) -> str:
    search = entry.get("search")
    mode = search.get("mode") if isinstance(search, dict) else None
    return mode if isinstance(mode, str) else "match"


def _read(file: _File, text: io.TextIOWrapper) -> None:
    number, first = 0, ""
    while not first.strip():
        number, first = number + 1, text.readline(_FIRST)
        if not first:
            raise ExportUnreadable(UnreadableReason.EMPTY)
    if first.endswith("\n") and _is_json(first):
        file.take(number, json.loads(first))
        _lines(file, text, number)
        return
    pieces = JsonPieces(text, first, number)
    _document(file, pieces)
    ended = pieces.line
    if pieces.sign():
        if ended > number or pieces.line == ended:  # more stands behind it, and it is no line of several
            raise pieces.damaged()
        _lines(file, pieces.rest(), pieces.line - 1)


def _lines(file: _File, lines: Iterable[str], number: int) -> None:
    """Each line a resource, or a Bundle."""
    for line in lines:
        number += 1
        if line.strip():
            file.take(number, _parsed(line, number))


def _document(file: _File, pieces: JsonPieces) -> None:
    """One text, however long: of a Bundle each entry is taken before the next is read."""
    if pieces.sign() != "{":
        file.take(1, pieces.value())
        return
    said: dict[str, Any] = {}
    bundle: _Bundle | None = None
    for key in pieces.members():
        if key == "entry" and said.get("resourceType") == "Bundle" and pieces.sign() == "[":
            bundle = bundle or _Bundle(file)
            for entry in pieces.elements():
                bundle.take(entry)
        else:
            said[key] = pieces.value()
    if bundle is None:
        file.take(1, said)
    else:
        bundle.end(said)


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
        raise ExportUnreadable(UnreadableReason.DAMAGED, why=f"no JSON at line {line}") from error
    except (ValueError, RecursionError) as error:
        raise ExportUnreadable(UnreadableReason.DAMAGED, why=f"no JSON at line {line}") from error
