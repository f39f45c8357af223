"""What several receipts in a row tell: pure."""

from datetime import UTC, datetime, timedelta

from booking.messages.channel import runs

NOON = datetime(2026, 11, 23, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def _noted(what: str, *numbers: str, apart: timedelta = MINUTE) -> runs.Runs:
    found: runs.Runs = {}
    for each, number in enumerate(numbers):
        found = runs.noted(found, what, number, f"text {each}", NOON + each * apart)
    return found


def test_different_numbers_count_and_one_counts_once() -> None:
    assert not runs.several(_noted("doubtful:1", "a", "a", "b", "b")["doubtful:1"])
    assert runs.several(_noted("doubtful:1", "a", "b", "c")["doubtful:1"])


def test_what_is_further_apart_than_an_hour_is_no_run() -> None:
    assert not runs.several(_noted("doubtful:1", "a", "b", "c", apart=timedelta(minutes=61))["doubtful:1"])


def test_receipts_come_in_any_order_and_the_run_begins_with_the_first_post() -> None:
    found = _noted("doubtful:1", "a", "b", apart=-MINUTE)
    assert runs.arrived(found, "booked:vi", NOON - 2 * MINUTE) == found
    assert runs.arrived(found, "booked:vi", NOON - MINUTE) == {}


def test_a_text_that_arrived_ends_runs_of_codes_and_that_of_its_own_words() -> None:
    found = _noted("content:booked:vi", "a") | _noted("doubtful:-", "b") | _noted("content:moved:vi", "c")
    assert list(runs.arrived(found, "booked:vi", NOON)) == ["content:moved:vi"]
    assert runs.arrived(found, "booked:vi", NOON - MINUTE) == found, "it was posted before"


def test_codes_of_a_provider_s_own_do_not_fill_the_row_and_a_stop_is_not_forgotten_for_them() -> None:
    found = _noted("content:booked:vi", "a", "b", "c")
    found["content:booked:vi"] = runs.stop(found["content:booked:vi"], NOON)
    for code in range(100):
        found = runs.noted(found, runs.doubt(code), "a", "t", NOON + MINUTE)
    assert len(found) <= 17
    assert runs.waiting(found) == [("booked", "vi")]


def test_a_stopped_wording_is_tried_by_one_and_opened_where_nobody_said_a_word() -> None:
    run = runs.stop(_noted("content:booked:vi", "a", "b", "c")["content:booked:vi"], NOON)
    assert runs.probe(run, NOON) == (NOON + runs.EVERY, None)
    wait, tried = runs.probe(run, NOON + runs.EVERY)
    assert wait is None
    assert tried
    assert runs.probe(tried, NOON + runs.EVERY) == (NOON + 2 * runs.EVERY, None)
    assert runs.probe(tried, NOON + 2 * runs.EVERY) == (None, {})
    again = runs.refused_again(tried, NOON + runs.EVERY, NOON + runs.EVERY + MINUTE)
    wait, after = runs.probe(again, NOON + 2 * runs.EVERY + MINUTE)
    assert (wait, bool(after)) == (None, True), "it was filtered: only one tries again"
