"""The table of docs/feeds.md: what becomes of an earlier closing when its row says less, by what absence means."""

import re

import pytest

from scheduler.exports.feed_file import parse_feed
from tests.exports import FEEDS, ROOT, small, small_file
from tests.unit.test_exchange_standing import COVERAGE, DAY, OTHERS, after, now
from tests.unit.test_feed_taken_off import closed_after, message

IGNORING = ("[resources.an]", '[resource_key]\nignore = "Dr Old"\n[resources.an]')
CHANGED = {
    "called off": now("17", "2026-11-23 08:00", "", "Dr An", "cancelled"),
    "gone from the file": small_file(*OTHERS),
    "without a doctor": now("17", "2026-11-23 08:00", "", "", "busy"),
    "without a start": now("17", "", "", "Dr An", "busy"),
    "of a resource in `resource_key.ignore`": now("17", "2026-11-23 08:00", "", "Dr Old", "busy"),
    "of a resource that is neither mapped nor ignored": now("17", "2026-11-23 08:00", "", "Dr New", "busy"),
    "refused": now("17", "23.11.2026", "", "Dr An", "busy"),
}
MEANINGS = {"full_snapshot": 1, "busy_list": 2, "change_feed": 2}


def table() -> dict[str, list[str]]:
    part = (ROOT / "docs" / "feeds.md").read_text().split("a row that was taken is now", 1)[1].split("\n\n")[0]
    return {cells[0]: cells for line in part.splitlines()[2:] if (cells := re.split(r"\s*\|\s*", line.strip("| ")))}


@pytest.mark.parametrize("meaning", MEANINGS)
def test_the_table_tells_what_happens(meaning: str) -> None:
    more = COVERAGE if meaning == "full_snapshot" else ""
    feed = small(('"busy_list"', f'"{meaning}"'), IGNORING, more=more)
    rows = table()
    for words, second in CHANGED.items():
        (said,) = (cells for name, cells in rows.items() if name.startswith(words))
        left = after(feed, [DAY, *OTHERS], second)
        assert left == (["08:00"] if said[MEANINGS[meaning]].startswith("stays") else []), (words, meaning)
    assert len(rows) == len(CHANGED) + 1
    assert after(feed, [DAY, *OTHERS], now("17", "2026-11-23 09:00", "", "Dr An", "busy")) == ["09:00"]


@pytest.mark.parametrize("words", ["without a doctor", "without a start", "refused"])
def test_a_row_that_is_called_off_may_leave_out_what_it_likes(words: str) -> None:
    second = CHANGED[words].replace(b"busy\r\n28", b"cancelled\r\n28")
    assert second != CHANGED[words]
    for meaning in MEANINGS:
        feed = small(('"busy_list"', f'"{meaning}"'), more=COVERAGE if meaning == "full_snapshot" else "")
        assert after(feed, [DAY, *OTHERS], second) == []


def test_what_a_message_leaves_out_stays() -> None:

    text = (FEEDS / "hl7-siu.toml").read_text().replace('"change_feed"', '"full_snapshot"')
    feed = parse_feed(f"{text}\n{COVERAGE}")
    assert closed_after(feed, message("S12", "BS01").encode(), message("S14").encode()) == ["an 00:30"]
