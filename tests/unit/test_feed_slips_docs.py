"""What docs/feeds.md says of slips is so: its keys are the model's, its example is a feed and reads its sample."""

import io
import re
from datetime import date

from booking.exchange.kinds import VerdictKind
from scheduler.exports import read_export
from scheduler.exports.feed_file import load_any, parse_any
from scheduler.exports.reexam import ReexamSlip
from scheduler.exports.slip_checking import collect, summary
from scheduler.exports.slip_feed import SlipFeed, Slips
from scheduler.exports.xml130_tables import PERSON, SLIP
from tests.exports import FEEDS, ROOT, TODAY
from tests.insurance import CANARY

MANUAL = (ROOT / "docs" / "feeds.md").read_text()
PART = MANUAL.split("## Re-examination slips\n", 1)[1].split("\n## ", 1)[0]
SAMPLE = (ROOT / "tests" / "data" / "feeds" / "phieu-hen.xml").read_bytes()


def rows() -> dict[str, str]:
    """Keys of the table and their defaults."""
    cells = [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in PART.splitlines()]
    return {row[0]: row[1] for row in cells if row[0].startswith("slips.")}


def test_the_table_of_keys_is_the_model_with_its_defaults() -> None:
    told = rows()
    assert set(told) == {f"slips.{name}" for name in Slips.model_fields}
    feed = parse_any(re.findall(r"```toml\n(.*?)```", PART, re.DOTALL)[0])
    assert isinstance(feed, SlipFeed)
    for name in ("days_before", "days_after"):
        assert told[f"slips.{name}"] == str(getattr(feed.slips, name))
    assert (feed.slips.service, feed.slips.departments, feed.slips.cancelled) == (None, {}, ())


def test_the_columns_that_are_read_are_named_and_no_others() -> None:
    for table, columns in (("Of table 14 are read", SLIP), ("of table 1 `MA_LK`", PERSON)):
        sentence = PART.split(table, 1)[1].split(";" if table.startswith("Of") else ". **", 1)[0]
        assert set(re.findall(r"`([A-Z_]+)`", sentence)) | {"MA_LK"} == columns
    assert not {name for name in SLIP | PERSON if "BENH" in name or "CHAN_DOAN" in name}


def test_the_worked_example_reads_its_sample() -> None:
    feed = load_any(FEEDS / "reexam-slips.toml")
    assert isinstance(feed, SlipFeed)
    slips, report = collect(feed, read_export(feed, io.BytesIO(SAMPLE), today=TODAY))
    assert [(slip.due, slip.service, slip.cancelled) for slip in slips] == [
        (date(2026, 11, 30), "kham-tim-mach", False),
        (date(2026, 12, 2), None, False),
        (None, None, True),
    ]
    assert all(slip.name.casefold().endswith("mẫu") or slip.cancelled for slip in slips)
    assert (report.refused_rows, report.noted_rows, report.verdict.kind) == ((), (), VerdictKind.APPLY)
    assert "3 slips can be used, 1 taken back" in summary(report)[0]
    assert isinstance(slips[0], ReexamSlip)
    assert CANARY not in repr(slips)


def test_the_json_is_described_name_by_name() -> None:
    feed = load_any(FEEDS / "reexam-slips.toml")
    assert isinstance(feed, SlipFeed)
    _, report = collect(feed, read_export(feed, io.BytesIO(SAMPLE), today=TODAY))
    told = PART.split("`--json` prints", 1)[1].split(", as described", 1)[0]
    assert re.findall(r"`(\w+)`", told) == list(report.as_json())
