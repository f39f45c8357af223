"""A byte that is no text of its encoding is told with the line it stands on, however far a decoder has read ahead."""

import pytest

from booking.exchange.errors import ExportUnreadable
from booking.exchange.kinds import UnreadableReason
from scheduler.exports.feed_file import load_feed
from scheduler.exports.wording import explain_unreadable
from tests.exports import FEEDS, ROOT, read, small, small_file

ROWS = [[str(number), "2026-11-23 08:00", "", "Dr An", "busy"] for number in range(4000)]


@pytest.mark.parametrize("line", [1, 3, 700, 4001])
@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r"])
def test_the_line_of_a_bad_byte_is_told(line: int, end: bytes) -> None:
    lines = small_file(*ROWS).split(b"\r\n")
    lines[line - 1] = lines[line - 1][:3] + b"\xff" + lines[line - 1][3:]
    with pytest.raises(ExportUnreadable) as caught:
        read(small(), end.join(lines))
    assert (caught.value.reason, caught.value.facts["line"]) == (UnreadableReason.NOT_DECODABLE, line)
    assert f"Line {line} holds" in explain_unreadable(caught.value)


def test_of_text_after_a_mark_and_of_two_bytes_a_sign_too() -> None:
    feed = small(('format = "csv"', 'format = "csv"\n[csv]\nencoding = "utf-16"'))
    data = small_file(*ROWS).decode().encode("utf-16")
    place = data.index("\n3000,".encode("utf-16-le")) + 2
    with pytest.raises(ExportUnreadable) as caught:
        read(feed, data[:place] + b"\x00\xdc" + data[place:])
    assert caught.value.facts["line"] == 3002


@pytest.mark.parametrize(
    ("name", "file", "word"),
    [
        ("hl7-siu", "siu.hl7", b"AIP|"),
        ("fhir", "bundle.json", b"booked"),
        ("page-named-xls", "lich-hen.xls", b"</tr>"),
        ("calendar", "calendar.ics", b"DTSTART"),
    ],
)
def test_every_format_of_text_tells_it(name: str, file: str, word: bytes) -> None:
    data = (ROOT / "tests" / "data" / "feeds" / file).read_bytes()
    head, _, tail = data.partition(word)
    assert tail
    with pytest.raises(ExportUnreadable) as caught:
        read(load_feed(FEEDS / f"{name}.toml"), head + b"\xff\xff" + word + tail)
    assert caught.value.facts["line"] == len(head.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"))
