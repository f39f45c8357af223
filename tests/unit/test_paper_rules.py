"""Times as they are written by hand, and which of them can be."""

from datetime import UTC, datetime, time, timedelta

import pytest

from booking.queue.paper.errors import PaperRefused, PaperTimeRefused
from booking.queue.paper.kinds import Outcome
from booking.queue.paper.rules import check_day, check_outcome, mark, read_clock, settled

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
DUE = NOW - timedelta(hours=2)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("745", time(7, 45)), ("0745", time(7, 45)), ("7:45", time(7, 45)), ("7h45", time(7, 45)),
        ("7 giờ 45", time(7, 45)), ("7g5", time(7, 5)), ("8", time(8)), ("8h", time(8)), ("13.30", time(13, 30)),
        ("1330", time(13, 30)), ("  7 : 45 ", time(7, 45)), ("", None), ("  ", None),
    ],
)  # fmt: skip
def test_a_time_is_read_as_it_is_written(typed: str, meant: time | None) -> None:
    assert read_clock(typed, field="came") == meant


@pytest.mark.parametrize("typed", ["25", "7:61", "abc", "12345", "-7", "7:45 pm", "2400", "٧:٤٥x"])
def test_what_is_no_time_is_refused(typed: str) -> None:
    with pytest.raises(PaperTimeRefused) as refused:
        read_clock(typed, field="called")
    assert refused.value.facts == {"field": "called", "reason": "unread"}


def _minutes(after: int | None) -> datetime | None:
    return None if after is None else DUE + timedelta(minutes=after)


@pytest.mark.parametrize(
    ("came", "called", "finished", "assumed"),
    [
        (-10, 5, 20, (-10, 5, 20)), (None, 5, 20, (0, 5, 20)), (None, -5, None, (-5, -5, -5)),
        (None, None, -20, (-20, None, -20)), (3, None, None, (3, None, 3)), (None, None, None, (0, None, 0)),
    ],
)  # fmt: skip
def test_only_what_a_ticket_cannot_be_without_is_assumed(
    came: int | None, called: int | None, finished: int | None, assumed: tuple[int | None, ...]
) -> None:
    found = settled(
        Outcome.SEEN, came=_minutes(came), called=_minutes(called), finished=_minutes(finished), due=DUE, now=NOW
    )
    assert (found.came, found.called, found.finished) == tuple(_minutes(one) for one in assumed)
    assert ("came" in found.assumed) == (came is None)
    assert ("finished" in found.assumed) == (finished is None)


@pytest.mark.parametrize(
    ("came", "called", "finished", "field", "reason"),
    [(10, 5, None, "called", "order"), (10, None, 5, "finished", "order"), (None, 500, None, "called", "future")],
)
def test_times_that_cannot_be_are_refused(
    came: int | None, called: int | None, finished: int | None, field: str, reason: str
) -> None:
    with pytest.raises(PaperTimeRefused) as refused:
        settled(
            Outcome.SEEN, came=_minutes(came), called=_minutes(called), finished=_minutes(finished), due=DUE, now=NOW
        )
    assert refused.value.facts == {"field": field, "reason": reason}


def test_who_was_not_booked_needs_a_time() -> None:
    with pytest.raises(PaperTimeRefused) as refused:
        settled(Outcome.WAITS, came=None, called=None, finished=None, due=None, now=NOW)
    assert refused.value.facts["reason"] == "missing"


def test_nobody_waits_in_a_day_that_is_over_and_who_checked_in_has_come() -> None:
    today = NOW.date()
    check_outcome(Outcome.WAITS, day=today, today=today, there=False)
    for outcome, day, there in (
        (Outcome.WAITS, today - timedelta(days=1), False), (Outcome.MISSED, today, True), (Outcome.WAITS, today, True),
    ):  # fmt: skip
        with pytest.raises(PaperRefused):
            check_outcome(outcome, day=day, today=today, there=there)


@pytest.mark.parametrize("days", [-8, 1])
def test_a_day_ahead_or_long_over_is_not_entered(days: int) -> None:
    check_day(NOW.date() - timedelta(days=7), NOW.date())
    with pytest.raises(PaperRefused):
        check_day(NOW.date() + timedelta(days=days), NOW.date())


def test_any_act_of_the_desk_makes_another_mark() -> None:
    marks = [mark("booked", None), mark("arrived", 1), mark("arrived", 2), mark(None, 1), mark("noshow", None)]
    assert len(set(marks)) == len(marks)
