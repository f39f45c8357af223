"""What judges a storm sees what it is there for: a text lost, one doubled, a family told twice, an order upset."""

from datetime import UTC, datetime, timedelta

import pytest

from booking.cli.sms_storm import judge
from booking.cli.sms_storm_texts import Expected, row
from booking.sms.sample_carrier import AcceptedMessage, Call, CarrierLog

DUE = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)
A, B, C, D, CODE = (f"0b0e6a0e-0000-4000-8000-00000000000{number}" for number in range(5))
WELL = [A, C, D, CODE]
"""B is of the family that A speaks for."""


def _log(*order: str) -> CarrierLog:
    log = CarrierLog()
    for number, mine in enumerate(order):
        at, url = DUE + timedelta(seconds=1 + number), f"https://henkham.example/api/v1/sms/status/{mine}"
        log.accept(AcceptedMessage(at, f"SM{number}", "+84901234567", "", "HenKham", url, None))
    return log


def _expected() -> Expected:
    return Expected(DUE, [[A, B], [C], [D]], dict.fromkeys([A, B, C, D, CODE], DUE), [CODE])


def test_what_went_well_is_found_well() -> None:
    log = _log(*WELL)
    log.call(Call(DUE, None, "refuse 429/20429", 429, None))
    found = judge(log, _expected())
    assert (found.sent, found.shared, found.lost, found.doubled, found.displaced) == (3, 1, 0, 0, 0.0)
    assert (found.codes, found.codes_p99, found.p99, found.took) == (1, 4.0, 3.0, 4.0)
    assert (found.busiest_second, found.too_many) == (1, 1)


@pytest.mark.parametrize(
    ("order", "lost", "doubled"),
    [
        ([A, C, CODE], 1, 0),
        ([A, C, D], 1, 0),
        ([A, C, D, D, CODE], 0, 1),
        ([A, B, C, D, CODE], 0, 1),
        ([A, C, D, CODE, CODE], 0, 1),
        ([A, A, B, C, CODE], 1, 2),
        ([], 4, 0),
    ],
    ids=["a visit's lost", "a code lost", "doubled", "a family told twice", "a code doubled", "all of it", "nothing"],
)
def test_what_went_wrong_is_found(order: list[str], lost: int, doubled: int) -> None:
    found = judge(_log(*order), _expected())
    assert (found.lost, found.doubled) == (lost, doubled)


def test_an_order_that_is_upset_is_seen() -> None:
    assert judge(_log(D, C, A, CODE), _expected()).displaced == pytest.approx(4 / 9)


def test_news_that_goes_before_the_rest_upsets_no_order() -> None:
    expected = _expected()
    expected.news = {D}
    assert judge(_log(D, A, C, CODE), expected).displaced == 0.0
    assert judge(_log(D, C, A, CODE), expected).displaced == pytest.approx((0 + 1 / 2 + 1 / 2) / 3)
    assert judge(_log(D, A, C, CODE), _expected()).displaced > 0.0, "the control: where it is no news it does"


def test_three_of_ten_texts_are_a_familys_and_have_one_number() -> None:
    rows = [row(number, DUE, DUE, within=60, reminders=True) for number in range(20)]
    phones = [one["phone"] for one in rows]
    assert [phones.count(phone) for phone in dict.fromkeys(phones)] == [3, *[1] * 7] * 2
    assert {one["kind"] for one in rows if phones.count(one["phone"]) > 1} == {"reminder_day"}
    assert all((one["due_at"] == DUE) == ("reminder" in one["kind"]) for one in rows)
    assert not any("reminder" in row(number, DUE, DUE)["kind"] for number in range(20))
