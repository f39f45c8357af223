"""Until when a request about data is answered; the document says the same."""

import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from booking.requests import rules
from booking.requests.kinds import RequestKind

_OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
FRIDAY = date(2026, 11, 20)


def _weekend(day: date) -> bool:
    return day.weekday() > 4


def test_the_first_answer_is_given_within_two_days_on_which_somebody_works() -> None:
    assert rules.reply_by(FRIDAY - timedelta(days=2), _weekend) == FRIDAY
    assert rules.reply_by(FRIDAY, _weekend) == date(2026, 11, 24)
    assert rules.reply_by(FRIDAY, lambda day: _weekend(day) or day == date(2026, 11, 24)) == date(2026, 11, 25)


def test_the_last_day_counts_and_the_one_after_is_late() -> None:
    due = rules.due(RequestKind.SEE, FRIDAY)
    assert due == date(2026, 11, 30)
    assert [rules.days_left(due, due + timedelta(days=days)) for days in (-10, 0, 1)] == [10, 0, -1]


@pytest.mark.parametrize("kind", RequestKind)
def test_each_kind_has_a_period_and_the_document_says_it(kind: RequestKind) -> None:
    words = {"see": "see, or a copy", "withdraw": "withdraw an agreement", "object": "object to a use"}
    section = _OPERATIONS.read_text("utf-8").split("## Requests about personal data", 1)[1].split("\n## ", 1)[0]
    told = re.search(rf"(?m)^\| {words.get(kind.value, kind.value)} \| (\d+) working days \| (\d+) days \|$", section)
    assert told is not None
    assert (int(told[1]), int(told[2])) == (rules.REPLY_DAYS, rules.DAYS[kind])
