"""What holds for every export, however its columns are named, ordered, encoded or cut."""

import itertools
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random  # noqa: TID251 (hypothesis gives the seed)

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from booking.exchange.errors import ExportUnreadable
from booking.exchange.guarding import Signs
from booking.exchange.kinds import AbsenceMeaning
from booking.exchange.rules import (
    GridSlot,
    StagedRow,
    busy_intervals,
    closed_slots,
    closings,
    gone,
    identities,
    lengths_of,
    span_of,
)
from scheduler.exports.feed import Feed
from scheduler.exports.feed_file import parse_feed
from scheduler.exports.times import Times
from tests.exports import FEEDS, HEADER, cells_of, closed_by, read, small, truth, written

FULL = bool(os.environ.get("HENKHAM_TESTS_FULL"))
MANY = settings(max_examples=2000 if FULL else 150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FEW = settings(max_examples=100 if FULL else 6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
T0 = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)

names = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=8)


def disguised(seed: int, prefix: str, delimiter: str, encoding: str) -> tuple[Feed, bytes]:
    """The sample with every header renamed, the columns shuffled, another delimiter and encoding; and its feed."""
    header, *body = cells_of("gnuhealth-url")
    renamed = {name: f"{prefix} {number:02}" for number, name in enumerate(header)}
    order = list(range(len(header)))
    Random(seed).shuffle(order)
    rows = [[renamed[header[place]] for place in order], *([row[place] for place in order] for row in body)]
    text = (FEEDS / "gnuhealth-url.toml").read_text()
    head, columns = text.split("[columns]")
    columns, tail = columns.split("[resource_key]")
    for old, new in renamed.items():
        columns = columns.replace(
            f'"{old}"', f"{new!r}" if "'" not in new and "\\" not in new else f'"{prefix_escaped(new)}"'
        )
    head = head.replace('"utf-8"', f'"{encoding}"').replace('delimiter = ","', f'delimiter = "{delimiter}"')
    feed = parse_feed(f"{head}[columns]{columns}[resource_key]{tail}")
    return feed, written(rows, delimiter="\t" if delimiter == "tab" else delimiter, encoding=encoding)


def prefix_escaped(text: str) -> str:
    """As a TOML string."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


@FEW
@given(
    seed=st.integers(0, 2**32),
    prefix=names,
    delimiter=st.sampled_from([",", ";", "|", "tab", "~"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
)
def test_renamed_shuffled_and_rewritten_it_closes_the_same(
    seed: int, prefix: str, delimiter: str, encoding: str
) -> None:
    feed, data = disguised(seed, prefix, delimiter, encoding)
    assert closed_by(read(feed, data)[0]) == truth()


def test_with_the_unchanged_feed_the_disguised_file_is_not_read() -> None:
    _, data = disguised(1, "x", ",", "utf-8")
    with pytest.raises(ExportUnreadable):
        read(parse_feed((FEEDS / "gnuhealth-url.toml").read_text()), data)


def test_rows_in_any_order_close_the_same() -> None:
    header, *body = cells_of("gnuhealth-url")
    Random(7).shuffle(body)
    feed = parse_feed((FEEDS / "gnuhealth-url.toml").read_text())
    assert closed_by(read(feed, written([header, *body]))[0]) == truth()


ROWS = [
    ("1", "2026-11-23 07:30", "2026-11-23 08:00", "Dr An", "busy"),
    ("22", "2026-11-23 09:00", "", "Dr An", 'no "show"\r\nat all'),
    ("333", "2026-11-24 09:00", "2026-11-24 09:30", "Dr An", "free"),
    ("4444", "2026-11-25 10:00", "2026-11-25 10:30", "Dr An", ""),
]
# The id stands last: a cut id looks exactly like another one.
LAST_ID = [(*HEADER[1:], HEADER[0]), *((*row[1:], row[0]) for row in ROWS)]


def _what(rows: Sequence[StagedRow]) -> list[tuple[object, ...]]:
    return [(row.row_key, row.starts_at, row.ends_at, row.state_text, row.closes) for row in rows]


def _cut_anywhere(feed: Feed, encoding: str) -> list[tuple[int, bool]]:
    """Each cut that could be read, and whether it gave a begin of the true rows."""
    data = written(LAST_ID, encoding=encoding)
    whole = _what(read(feed, data)[0])
    found = []
    for cut in range(len(data)):
        try:
            rows, _ = read(feed, data[:cut])
        except ExportUnreadable:
            continue
        found.append((cut, _what(rows) == whole[: len(rows)]))
    return found


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_cut_at_any_byte_it_is_unreadable_or_a_true_begin(encoding: str) -> None:
    found = _cut_anywhere(small(more=f'\n[csv]\nencoding = "{encoding}"\n'), encoding)
    assert found
    assert all(true for _, true in found)


def test_without_the_rule_of_the_last_line_end_a_cut_gives_wrong_rows() -> None:
    found = _cut_anywhere(small(more='\n[csv]\nlast_line_end = "optional"\n'), "utf-8")
    assert not all(true for _, true in found)


@MANY
@given(data=st.binary(max_size=300), good=st.booleans())
@example(data=b'"', good=True)
@example(data=b"\r", good=True)
def test_no_bytes_end_in_anything_but_rows_or_unreadable(data: bytes, good: bool) -> None:  # noqa: FBT001
    feed = small()
    try:
        rows, report = read(feed, (written([HEADER]) if good else b"") + data)
    except ExportUnreadable:
        return
    assert report.read == len(rows)


starts = st.integers(0, 200).map(lambda number: T0 + timedelta(minutes=5 * number))
rows_of = st.lists(
    st.builds(
        StagedRow,
        line=st.integers(1, 99),
        row_key=st.sampled_from([None, "a", "b"]),
        resource=st.sampled_from(["an", "binh", "nobody"]),
        starts_at=starts,
        ends_at=st.none() | starts,
        state_text=st.just(""),
        closes=st.booleans(),
        offers=st.booleans(),
    ),
    max_size=25,
)


@st.composite
def slots_of(draw: st.DrawFn) -> list[GridSlot]:
    """Sessions of two resources, each with its own slot length; ids in no order of time."""
    slots: list[GridSlot] = []
    for resource in ("an", "binh"):
        minute = 0
        for _ in range(draw(st.integers(0, 3))):
            minute += 5 * draw(st.integers(0, 30))
            length = draw(st.sampled_from([10, 15, 30]))
            for _ in range(draw(st.integers(1, 6))):
                start = T0 + timedelta(minutes=minute)
                slots.append(GridSlot(len(slots), resource, start, start + timedelta(minutes=length)))
                minute += length
    return draw(st.permutations(slots))


def assumed(row: StagedRow, slots: Sequence[GridSlot]) -> datetime:
    """The end by brute force."""
    if row.ends_at is not None and row.ends_at > row.starts_at:
        return row.ends_at
    theirs = [slot for slot in slots if slot.resource == row.resource]
    holding = [slot for slot in theirs if slot.starts_at <= row.starts_at < slot.ends_at]
    lengths = [slot.ends_at - slot.starts_at for slot in holding or theirs]
    return row.starts_at + min(lengths, default=timedelta(minutes=15))


@MANY
@given(rows=rows_of, slots=slots_of())
def test_the_sweep_finds_what_brute_force_finds(rows: list[StagedRow], slots: list[GridSlot]) -> None:
    expected = {}
    for slot in slots:
        because = [
            row
            for row in rows
            if row.closes
            and row.resource == slot.resource
            and row.starts_at < slot.ends_at
            and assumed(row, slots) > slot.starts_at
        ]
        if because:
            expected[slot.id] = because
    assert closings(rows, slots) == expected


@MANY
@given(rows=rows_of, slots=slots_of())
def test_the_busy_times_overlap_the_same_slots(rows: list[StagedRow], slots: list[GridSlot]) -> None:
    busy = busy_intervals(rows, lengths_of(slots))
    for spans in busy.values():
        assert all(one[1] < other[0] for one, other in itertools.pairwise(spans))
    met = {
        slot.id
        for slot in slots
        if any(start < slot.ends_at and end > slot.starts_at for start, end in busy.get(slot.resource, []))
    }
    assert met == set(closings(rows, slots))


@MANY
@given(rows=rows_of, slots=slots_of())
def test_under_a_free_list_open_means_offered_every_minute_and_taken_in_none(
    rows: list[StagedRow], slots: list[GridSlot]
) -> None:
    window = (T0, T0 + timedelta(hours=8))
    closed = closed_slots(rows, slots, meaning=AbsenceMeaning.FREE_LIST, window=window)
    length_at = lengths_of(slots)
    taken = closings(rows, slots)
    for slot in slots:
        minutes = [slot.starts_at + timedelta(minutes=m) for m in range((slot.ends_at - slot.starts_at).seconds // 60)]
        free = [span_of(row, length_at) for row in rows if row.offers and row.resource == slot.resource]
        offered = all(any(start <= minute < end for start, end in free) for minute in minutes)
        inside = window[0] <= slot.starts_at < window[1]
        assert (slot.id in closed) == (slot.id in taken or (inside and not offered))


@MANY
@given(rows=rows_of)
def test_every_row_has_a_key_of_its_own_that_the_next_file_gives_again(rows: list[StagedRow]) -> None:
    keys = identities(rows)
    assert len(set(keys)) == len(rows) == len(keys)
    assert identities(rows) == keys


@pytest.mark.parametrize("meaning", AbsenceMeaning)
def test_only_a_full_snapshot_takes_back_and_only_in_its_window(meaning: AbsenceMeaning) -> None:
    window = (T0, T0 + timedelta(days=1))
    previous = {"kept": T0, "gone": T0, "before": T0 - timedelta(1), "at its end": window[1]}
    taken_back = gone(previous, {"kept"}, meaning=meaning, window=window)
    assert taken_back == ({"gone"} if meaning is AbsenceMeaning.FULL_SNAPSHOT else set())


@MANY
@given(
    moment=st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)),  # noqa: DTZ001 (the zone is the feed's)
    form=st.sampled_from(["%d/%m/%Y %H:%M", "%Y%m%d%H%M", "%m-%d-%y %I.%M %p", "%H:%M %d %b %Y", "%Y-%m-%dT%H:%M:%S"]),
)
def test_what_was_written_by_a_format_is_read_back(moment: datetime, form: str) -> None:
    moment = moment.replace(second=0, microsecond=0)
    assert Times([form], "UTC").moment(moment.strftime(form)) == moment.replace(tzinfo=UTC)


def test_signs_survive_being_kept_as_json() -> None:
    signs = read(small(), written([HEADER, *ROWS]))[1].signs
    assert signs.read == 4
    assert Signs.from_plain(signs.plain()) == signs
