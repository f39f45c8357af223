"""How kept rows follow files, without a database."""

from dataclasses import replace
from datetime import timedelta

import pytest

from booking.exchange.commands import Terms
from booking.exchange.following import Changes, follow, keyed
from booking.exchange.kinds import AbsenceMeaning, VerdictKind
from booking.exchange.rules import StagedRow
from tests.feeds import WINDOW, row

SNAPSHOT = Terms(AbsenceMeaning.FULL_SNAPSHOT, WINDOW, {"chau": 30})
BUSY = Terms(AbsenceMeaning.BUSY_LIST, None, {"chau": 30})
FREE = Terms(AbsenceMeaning.FREE_LIST, WINDOW, {"chau": 30})


def after(kept: dict[str, StagedRow], rows: list[StagedRow], terms: Terms, verdict: VerdictKind) -> list[str]:
    """Times the rows kept afterwards take, and with a tilde those they offer."""
    rest = follow(kept, rows, terms, verdict).after(kept).values()
    told = [(f"{each.starts_at.hour + 7:02}:{each.starts_at.minute:02}", each) for each in rest]
    return sorted(f"{'' if each.closes else '~'}{start}" for start, each in told)


def test_a_held_file_changes_nothing() -> None:
    assert follow(keyed([row("1", "08:00")], SNAPSHOT.meaning), [], SNAPSHOT, VerdictKind.HOLD) == Changes()


@pytest.mark.parametrize("terms", [SNAPSHOT, BUSY, FREE], ids=lambda terms: terms.meaning.value)
def test_the_same_file_again_changes_nothing(terms: Terms) -> None:
    rows = [row("1", "08:00"), row("2", "09:00", closes=False, offers=True), row("1", "10:00"), row(None, "11:00")]
    kept = follow({}, rows, terms, VerdictKind.APPLY).after({})
    kept = {key: replace(each, line=0) for key, each in kept.items()}  # the database keeps no line numbers
    assert follow(kept, rows, terms, VerdictKind.APPLY) == Changes()
    assert follow(kept, rows, terms, VerdictKind.CLOSINGS_ONLY) == Changes()


def test_closings_only_never_takes_a_closing_away_and_a_whole_file_settles_it() -> None:
    kept = keyed([row("1", "08:00"), row("2", "09:00"), row("3", "10:00", closes=False)], SNAPSHOT.meaning)
    rows = [row("1", "08:30"), row("2", "09:00", closes=False), row("3", "10:30"), row("4", "11:00")]
    both = ["08:00", "08:30", "09:00", "10:30", "11:00"]
    assert after(kept, rows, SNAPSHOT, VerdictKind.CLOSINGS_ONLY) == both
    once = follow(kept, rows, SNAPSHOT, VerdictKind.CLOSINGS_ONLY).after(kept)
    assert after(once, rows, SNAPSHOT, VerdictKind.CLOSINGS_ONLY) == both
    for terms in (SNAPSHOT, BUSY):
        assert after(once, rows, terms, VerdictKind.APPLY) == ["08:30", "10:30", "11:00", "~09:00"]


def test_under_a_busy_list_a_moved_row_that_waits_is_settled_by_its_own_key_only() -> None:
    kept = keyed([row("1", "08:00"), row("2", "09:00")], BUSY.meaning)
    once = follow(kept, [row("1", "08:30"), row("2", "09:30")], BUSY, VerdictKind.CLOSINGS_ONLY).after(kept)
    assert after(once, [row("1", "08:30")], BUSY, VerdictKind.APPLY) == ["08:30", "09:00", "09:30"]


def test_a_list_of_free_times_keeps_no_row_that_says_nothing() -> None:
    rows = [row("1", "08:00", closes=False), row("2", "09:00", closes=False, offers=True), row("3", "10:00")]
    assert after({}, rows, FREE, VerdictKind.APPLY) == ["10:00", "~09:00"]
    kept = keyed(rows, FREE.meaning)
    assert after(kept, [row("2", "09:30", closes=False, offers=True)], FREE, VerdictKind.CLOSINGS_ONLY) == ["10:00"]


def test_keys_never_meet() -> None:
    rows = [row("5", "08:00"), row("5", "08:30"), row("5#2", "09:00"), row("k" * 300, "09:30"), row("k" * 301, "10:00")]
    assert len(keyed(rows, BUSY.meaning)) == 5


def test_terms_survive_being_kept() -> None:
    for terms in (SNAPSHOT, BUSY, FREE):
        assert Terms.from_plain(terms.plain()) == terms


@pytest.mark.parametrize("kept_code", [None, "K7M2QX"])
def test_closings_only_makes_no_closing_a_booking_of_ours(kept_code: str | None) -> None:
    kept = keyed([replace(row("1", "08:00"), our_code=kept_code)], SNAPSHOT.meaning)
    later = [replace(row("1", "08:00"), our_code="P4R9TW")]
    rest = follow(kept, later, SNAPSHOT, VerdictKind.CLOSINGS_ONLY).after(kept)
    assert rest["1"].our_code == kept_code
    assert {each.our_code for each in rest.values()} == {kept_code, "P4R9TW"}
    assert follow(rest, later, SNAPSHOT, VerdictKind.CLOSINGS_ONLY).after(rest) == rest
    assert [each.our_code for each in follow(rest, later, SNAPSHOT, VerdictKind.APPLY).after(rest).values()] == [
        "P4R9TW"
    ]


def test_closings_only_leaves_a_list_of_free_times_its_longer_period() -> None:
    short = replace(FREE, window=(WINDOW[0], WINDOW[0] + timedelta(days=2)), slot_minutes={"an": 15})
    both = short.beside(FREE)
    assert (both.window, dict(both.slot_minutes)) == (WINDOW, {"chau": 30, "an": 15})
    assert SNAPSHOT.beside(FREE).meaning is AbsenceMeaning.FREE_LIST
    assert FREE.beside(SNAPSHOT) == FREE
    assert BUSY.beside(SNAPSHOT) == BUSY
