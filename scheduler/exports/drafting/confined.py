"""A draft made where a file is read: in a process of its own, which may die of it. See `apart.py` and `child.py`.

It stands in the place of the readers: what it says goes over the same line, as notes of skipped rows that hold text.
"""

import re
from collections.abc import Iterator
from datetime import date
from typing import BinaryIO, Final

from booking.exchange.kinds import SkipReason
from scheduler.exports.apart import LIMITS, ReadingProcess
from scheduler.exports.confinement import Limits
from scheduler.exports.drafting import CannotTellError, Wishes, draft
from scheduler.exports.feed import Feed
from scheduler.exports.feed_file import parse_feed
from scheduler.exports.kinds_of_file import looks_like
from scheduler.exports.reader import Skipped
from scheduler.exports.staging import Item

_PIECE: Final = 1_500
_NAME: Final = "export"
_FORMATS: Final = {"xlsx": "xlsx", "hl7": "hl7", "ical": "ical", "html": "html", "JSON": "fhir", "XML": "html"}
_FEED: Final = """
code = "x"
facility = "{facility}"
[source]
format = "{form}"
pattern = "*{ending}"
[columns]
{place}
[times]
formats = "iso"
zone = "UTC"
[absence]
meaning = "busy_list"
[resources.x]
keys = "x"
slot_minutes = 5
"""
_PLACES: Final = {
    "hl7": 'start = "SCH-11.4"\n[columns.resource]\nx = "AIP-3"',
    "fhir": 'start = "start"\n[columns.resource]\nx = "practitioner"',
    "ical": 'start = "start"\n[columns.resource]\nx = "calendar"',
}
_ANY_PLACE: Final = 'start = "a"\n[columns.resource]\nx = "b"'


def read_export(feed: Feed, stream: BinaryIO, *, today: date) -> Iterator[Item]:
    """The draft in pieces, line 1; or on line 2 why nothing can be proposed; last, on line 3, what is left open."""
    stream.seek(0)
    try:
        name = f"{_NAME}{feed.source.pattern.removeprefix('*')}"
        found = draft(stream.read(), name, today=today, wishes=Wishes({"facility": feed.facility}, []))
    except CannotTellError as error:
        yield _said(2, str(error))
        return
    for start in range(0, len(found.text), _PIECE):
        yield _said(1, found.text[start : start + _PIECE])
    for each in found.untold:
        yield _said(3, each)


def _said(line: int, text: str) -> Skipped:
    return Skipped(line, SkipReason.OTHER_MESSAGE, text.replace("\0", "")[:_PIECE])


def draft_apart(
    stream: BinaryIO, *, facility: str, name: str, today: date, limits: Limits = LIMITS
) -> tuple[str, list[str], str | None]:
    """The draft, what is to be filled in, or why there is none.

    Raises:
        ExportUnreadable: the file cannot be read at all.
        ReaderLost: nothing is known about the file.
    """
    form = _FORMATS.get(looks_like(stream), "csv")
    code = facility if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}", facility) else "X"
    ending = found[0] if (found := re.search(r"\.[A-Za-z0-9]{1,8}$", name)) else ""
    feed = parse_feed(_FEED.format(facility=code, form=form, ending=ending, place=_PLACES.get(form, _ANY_PLACE)))
    told: dict[int, list[str]] = {1: [], 2: [], 3: []}
    process = ReadingProcess(__name__)  # drafts are rare: nothing stays behind for the next one
    try:
        for item in process.read(feed, stream, today=today, limits=limits):
            if isinstance(item, Skipped) and item.line in told:
                told[item.line].append(item.key)
    finally:
        process.close()
    return "".join(told[1]), told[3], "".join(told[2]) or None
