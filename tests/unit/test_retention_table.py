"""The table of what is kept: the document says what the code does, and no table of the database is forgotten."""

import re
from datetime import timedelta
from pathlib import Path

from sqlmodel import SQLModel

from booking.migrations import tables
from booking.retention import feeds, texts
from booking.retention.table import TABLE, Kept
from booking.trail import shortening
from scheduler.jobs import check_invariants

_OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"


def _line(kept: Kept) -> tuple[str, ...]:
    where = ", ".join(f"`{name}`" for name in kept.tables) or "files"
    return kept.name, kept.what, where, kept.period, kept.since, kept.why


def _told() -> list[tuple[str, ...]]:
    section = _OPERATIONS.read_text("utf-8").split("## What is kept, and how long", 1)[1].split("\n## ", 1)[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if re.match(r"\|[^-]", line)]
    return [tuple(cell.strip() for cell in row) for row in rows[1:]]


def test_the_document_says_what_the_code_does() -> None:
    assert _told() == [_line(kept) for kept in TABLE]


def test_no_table_is_forgotten() -> None:
    assert tables.METADATA is SQLModel.metadata
    named = {name for kept in TABLE for name in kept.tables}
    assert named == set(SQLModel.metadata.tables)


def test_what_is_removed_by_age_has_a_period_and_what_has_none_says_why() -> None:
    assert len({kept.name for kept in TABLE}) == len(TABLE)
    for kept in TABLE:
        assert kept.since, kept.name
        assert kept.why, kept.name
        by_age = kept.sweep is not None or not kept.tables
        assert (kept.how_long is not None) == by_age, kept.name


def test_the_audit_is_kept_for_a_year_whatever_somebody_sets() -> None:
    assert shortening.AUDIT_KEPT >= shortening.FLOOR
    assert shortening.FLOOR.days >= 365


def test_invariants_ask_about_no_visit_whose_texts_or_audit_may_be_gone() -> None:
    """A text is written when a visit is booked, which may be half a year before it."""
    written_before = timedelta(days=180)
    assert check_invariants.LOOKED_BACK + written_before < min(texts.TEXTS_KEPT, shortening.AUDIT_KEPT)


def test_every_folder_files_are_put_away_into_has_a_period() -> None:
    told = {kept.name.removeprefix("files: "): kept.how_long for kept in TABLE if kept.name.startswith("files: ")}
    assert told == feeds.FILES_KEPT
