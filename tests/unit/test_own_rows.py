"""Rows that carry our code near the time of our visit, without a database."""

from dataclasses import replace
from datetime import timedelta

import pytest

from booking.exchange import recognising
from booking.exchange.kinds import AbsenceMeaning, ClashKind
from booking.exchange.recognising import MISSING, Known, OurVisit, recognise
from booking.exchange.rules import StagedRow
from tests.feeds import moment, row

CODE = "ABCD2345"
VISIT = OurVisit(
    1, CODE, 7, live=True, holds=True, starts_at=moment("08:00"), ends_at=moment("08:30"),
    resources=frozenset({"chau", "P1"}),
)  # fmt: skip


def known(*rows: StagedRow, visit: OurVisit = VISIT, meaning: AbsenceMeaning = AbsenceMeaning.FULL_SNAPSHOT) -> Known:
    """Under the visit's code."""
    return recognise({str(number): each for number, each in enumerate(rows)}, {CODE: visit}, meaning)


def ours(start: str, end: str | None = None, *, closes: bool = True) -> StagedRow:
    return replace(row("1", start, end, closes=closes), our_code=CODE)


def taken(found: Known) -> list[tuple[str, str]]:
    """From when to when rows take time, on the hospital's clock."""
    here = timedelta(hours=7)
    return [
        (f"{each.starts_at + here:%H:%M}", f"{each.ends_at + here:%H:%M}" if each.ends_at else "")
        for each in found.rows.values()
        if each.closes
    ]


@pytest.mark.parametrize(
    ("start", "end", "left"),
    [
        ("08:00", "08:30", []),
        ("07:45", "08:30", []),
        ("07:50", "08:20", []),
        ("07:50", None, []),
        ("07:59", "09:00", [("08:30", "09:00")]),
        ("07:45", "08:00", [("07:45", "08:00")]),  # a slot of a quarter of an hour before: theirs, until they say more
        ("07:46", "07:50", [("07:46", "07:50")]),
    ],
)
def test_a_row_that_begins_a_quarter_of_an_hour_before_is_the_visit(
    start: str, end: str | None, left: list[tuple[str, str]]
) -> None:
    found = known(ours(start, end))
    assert (found.own, found.clashes, taken(found)) == (1, {}, left)


@pytest.mark.parametrize(("start", "end"), [("07:44", "08:30"), ("07:30", "08:00"), ("08:30", "09:00")])
def test_further_away_it_is_another_time(start: str, end: str) -> None:
    found = known(ours(start, end))
    assert found.own == 0
    assert [clash.kind for clash in found.clashes.values()] == [ClashKind.MOVED]
    assert taken(found) == [(start, end)]


def test_control_by_its_own_time_alone_it_would_be_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognising, "EARLY", timedelta())
    found = known(ours("07:50", "08:20"))
    assert [clash.kind for clash in found.clashes.values()] == [ClashKind.MOVED]


def test_called_off_or_missing_there_it_is_so_a_little_early_too() -> None:
    assert [each.kind for each in known(ours("07:50", closes=False)).clashes.values()] == [ClashKind.RELEASED]
    gone = replace(ours("07:50", closes=False), state_text=MISSING)
    assert [each.kind for each in known(gone).clashes.values()] == [ClashKind.MISSING]


def test_where_the_visit_was_before_it_was_moved_a_little_on_takes_nothing() -> None:
    """The hospital has not heard of the move yet."""
    moved = replace(VISIT, been=frozenset({moment("07:45")}))
    found = known(ours("07:45", "08:00"), visit=moved)
    assert (found.own, found.clashes, taken(found)) == (0, {}, [])


def test_a_second_row_under_the_code_is_somebody_elses() -> None:
    found = known(ours("07:50", "08:20"), ours("07:55", "08:25"))
    assert (found.own, taken(found)) == (1, [("07:55", "08:25")])


def test_somebody_elses_row_near_it_takes_its_time() -> None:
    found = known(row("1", "07:50", "08:20"))
    assert (found.own, taken(found)) == (0, [("07:50", "08:20")])
