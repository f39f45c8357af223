"""What six digits are, how long one waits for more of them, whose birth date opens a family."""

from datetime import UTC, date, datetime, timedelta

import pytest

from booking.patients.errors import CodeRefused
from booking.patients.rules import Birth
from booking.patients.signing_rules import OWN, SHARED, opens_family, read_code, retry_after, span

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
LAN = Birth(1958, date(1958, 3, 2))
MAI = Birth(1931)


@pytest.mark.parametrize("raw", ["123456", " 123 456 ", "123-456", "123.456", "12 34 56", "123 456"])
def test_a_code_is_six_digits_however_they_are_grouped(raw: str) -> None:
    assert read_code(raw) == "123456"


@pytest.mark.parametrize("raw", ["", "12345", "1234567", "12345a", "१२३४५६", "123+456", "-123456-7", "1" * 400])
def test_anything_else_is_no_code(raw: str) -> None:
    with pytest.raises(CodeRefused) as refused:
        read_code(raw)
    assert refused.value.facts == {"field": "code", "reason": "form"}


def test_one_more_may_be_asked_for_until_there_are_enough() -> None:
    before = [NOON - timedelta(minutes=50), NOON - timedelta(minutes=5)]
    assert retry_after(before, most=3, within=HOUR, now=NOON) is None
    assert retry_after([], most=1, within=HOUR, now=NOON) is None


def test_the_oldest_of_the_last_ones_says_when() -> None:
    before = [NOON - timedelta(minutes=minutes) for minutes in (70, 50, 30, 10)]
    wait = retry_after(before, most=3, within=HOUR, now=NOON)
    assert wait is not None
    assert retry_after(before, most=3, within=HOUR, now=NOON + timedelta(seconds=wait - 2)) is not None
    assert retry_after(before, most=3, within=HOUR, now=NOON + timedelta(seconds=wait)) is None


def test_the_turn_of_an_hour_gives_nothing_away() -> None:
    just_before = [NOON - timedelta(seconds=second) for second in (1, 2, 3)]
    assert retry_after(just_before, most=3, within=HOUR, now=NOON + timedelta(seconds=1)) is not None


def test_more_than_enough_waits_for_the_right_one() -> None:
    """The cap was lowered since: it is the third from the end that must have gone."""
    before = [NOON - timedelta(minutes=minutes) for minutes in (59, 40, 20, 2, 1)]
    wait = retry_after(before, most=3, within=HOUR, now=NOON)
    assert wait is not None
    assert timedelta(minutes=40) <= timedelta(seconds=wait) <= timedelta(minutes=41)


def test_a_day_of_anyone_opens_the_family() -> None:
    assert opens_family(Birth(1958, date(1958, 3, 2)), [MAI, LAN])
    assert not opens_family(Birth(1958, date(1958, 3, 3)), [MAI, LAN])


def test_a_year_opens_it_only_where_no_day_is_known() -> None:
    assert not opens_family(Birth(1958), [LAN])
    assert not opens_family(Birth(1931), [MAI, LAN])
    assert opens_family(Birth(1931), [MAI])
    assert opens_family(Birth(1931, date(1931, 5, 5)), [MAI])
    assert not opens_family(Birth(1932), [MAI])


def test_a_family_of_nobody_opens_to_nobody() -> None:
    assert not opens_family(LAN, [])


def test_a_shared_telephone_forgets_soon() -> None:
    assert span(shared=True) is SHARED
    assert span(shared=False) is OWN
    assert SHARED.life == timedelta(minutes=30)
    assert OWN.life == timedelta(days=30)
    assert OWN.renewed_after == timedelta(days=1)
    assert SHARED.renewed_after < SHARED.life
