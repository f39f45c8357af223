"""For every reader: its processor's limit ends it, and without the limit it goes on until somebody else ends it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest

from booking.exchange.errors import ExportUnreadable
from scheduler.exports import READERS
from scheduler.exports.apart import LIMITS, ReadingProcess
from scheduler.exports.feed_file import parse_any
from scheduler.exports.opening import opened
from scheduler.exports.slip_feed import AnyFeed
from scheduler.exports.thresholds import Limits
from tests.conftest import FULL
from tests.exports import TODAY
from tests.hostile import endless_rows
from tests.insurance import insurance_file, visit
from tests.rendering import RENDERERS, WORDS, Visit, feed_of

SOME = ("html", "hl7")
"""In `make test`; a bomb for `xlsx` and one for `fhir` stand in test_feed_apart.py besides."""
WIDE = Limits(megabytes=1000, rows=5_000_000)
SLIPS = 'code = "s"\nfacility = "BVVT"\n[source]\nformat = "xml130"\npattern = "*"\n[slips]\nhospital = "77001"\n'
MANY = {"csv": 900, "html": 260, "hl7": 260, "fhir": 900, "ical": 120, "xml130": 80}
"""So often is a file of 500 rows said: many seconds of reading, far from the limit of memory."""


@pytest.fixture(scope="module")
def reader() -> Iterator[ReadingProcess]:
    found = ReadingProcess()
    yield found
    found.close()


@cache
def rows() -> list[Visit]:
    start = datetime(2026, 11, 23, tzinfo=UTC)
    return [Visit(f"k{number}", start + timedelta(minutes=number), start + timedelta(minutes=number + 15), "", "an")
            for number in range(500)]  # fmt: skip


def large(form: str) -> tuple[AnyFeed, bytes]:
    """A feed and a file that takes many seconds to read."""
    if form == "xlsx":
        case = endless_rows()
        return case.feed, case.data
    if form == "xml130":
        data = insurance_file(*(visit(number) for number in range(1, 101)))
        begin, end = data.index(b"<HOSO>"), data.rindex(b"</HOSO>") + len(b"</HOSO>")
        return parse_any(SLIPS), data[:begin] + data[begin:end] * (5 * MANY[form]) + data[end:]
    state, doctor = WORDS.get(form, ("Đã đặt",))[0], "Practitioner/an" if form == "fhir" else "an"
    data = RENDERERS[form]([replace(one, state=state, doctor=doctor) for one in rows()])
    head, body, tail = b"", data, b""
    if form == "csv":
        head, _, body = data.partition(b"\n")
        head += b"\n"
    if form == "html":
        begin, end = data.index(b"</tr>") + 5, data.index(b"</table>")
        head, body, tail = data[:begin], data[begin:end], data[end:]
    return feed_of(form, doctor, "x"), head + body * MANY[form] + tail


@pytest.mark.parametrize("form", READERS if FULL else SOME)
def test_the_limit_ends_every_reader_and_without_it_nothing_does(
    reader: ReadingProcess, tmp_path: Path, form: str
) -> None:
    feed, data = large(form)
    feed = feed.model_copy(update={"limits": WIDE})
    path = tmp_path / "large"
    path.write_bytes(BytesIO(data).getbuffer())
    with opened(path) as file:
        for limits, seconds in ((replace(LIMITS, processor=1), 1), (replace(LIMITS, processor=None, wall=2), 2)):
            with pytest.raises(ExportUnreadable) as caught:
                for _ in reader.read(feed, file, today=TODAY, limits=limits):
                    pass
            assert (caught.value.reason.value, caught.value.facts["seconds"]) == ("took_too_long", seconds)
