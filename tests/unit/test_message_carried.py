"""How long a carrier may keep a text: nobody's telephone rings at night for what was posted in the evening."""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from booking.clock import ZONE
from booking.messages import nights
from booking.messages.kinds import MessageKind, SuppressedReason

K = MessageKind
MINUTES: Final = {n: timedelta(minutes=n) for n in (1, 2, 5, 15)}
DAYS: Final = timedelta(days=3)
NEWS: Final = [K.MOVED, K.CANCELLED, K.MOVED_BY_FACILITY, K.CANCELLED_BY_FACILITY, K.CHOOSE, K.CONFLICT]
BY_DAY: Final = [K.REMINDER_DAY, K.REMINDER_HOURS, K.OFFER, K.INVITATION]
ROWS: Final = [one for one in MessageKind if "family" not in one.value]


def at(text: str, zone: ZoneInfo = ZONE) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def carried(
    kind: MessageKind, now: str, useful: str | timedelta = DAYS, *, old: timedelta = timedelta(hours=1),
    once_more: bool = False, zone: ZoneInfo = ZONE,
) -> str:  # fmt: skip
    """The local time until which a carrier may deliver a text."""
    moment = at(now, zone)
    until = moment + useful if isinstance(useful, timedelta) else at(useful, zone)
    awake = nights.awake_until(moment - old, once_more=once_more)
    found = nights.carried_until(kind, until, awake, now=moment, zone=zone)
    return f"{found.astimezone(zone):%Y-%m-%d %H:%M}"


def rests(kind: MessageKind, now: str, useful: str, *, old: timedelta = timedelta(hours=1)) -> str | None:
    """When it goes instead."""
    awake = nights.awake_until(at(now) - old, once_more=False)
    found = nights.rests_until(kind, at(useful), awake, now=at(now), zone=ZONE)
    return found.astimezone(ZONE).strftime("%Y-%m-%d %H:%M") if isinstance(found, datetime) else found


@pytest.mark.parametrize("kind", [kind for kind in ROWS if kind is not K.OTP])
@pytest.mark.parametrize("day", ["2026-11-24", "2026-12-31", "2028-02-29", "2027-02-05"])
def test_what_goes_by_day_is_carried_until_nine_in_the_evening(kind: MessageKind, day: str) -> None:
    assert carried(kind, f"{day} 10:00") == f"{day} 21:00"
    assert carried(kind, f"{day} 07:00") == f"{day} 21:00"
    assert carried(kind, f"{day} 20:50") == f"{day} 21:00"


def test_nothing_is_carried_for_longer_than_it_is_of_use() -> None:
    assert carried(K.INVITATION, "2026-11-24 10:00", "2026-11-24 11:30") == "2026-11-24 11:30"


def test_in_the_facility_s_zone() -> None:
    """09:00 in Vũng Tàu is 11:00 in Tokyo and the evening before in New York: each has its own nine o'clock."""
    for zone in (ZoneInfo("Asia/Tokyo"), ZoneInfo("America/New_York"), ZONE):
        assert carried(K.BOOKED, "2026-12-31 20:00", zone=zone) == "2026-12-31 21:00"
    tokyo = ZoneInfo("Asia/Tokyo")
    now = at("2026-12-31 20:30", tokyo)
    until = nights.carried_until(K.INVITATION, now + DAYS, None, now=now, zone=ZONE)
    assert until == at("2026-12-31 21:00"), "18:30 with her"


@pytest.mark.parametrize("kind", ROWS)
def test_a_code_and_what_somebody_would_set_out_in_vain_without_is_carried_through_the_night(kind: MessageKind) -> None:
    """Posted at 20:58 on 31 December of a visit on the morning after."""
    found = carried(kind, "2026-12-31 20:58", "2027-01-01 09:00")
    through = kind is K.OTP or kind in NEWS
    assert found == ("2027-01-01 09:00" if through else "2026-12-31 21:00")


def test_a_visit_before_seven_is_confirmed_through_the_night() -> None:
    assert carried(K.BOOKED, "2026-12-31 20:40", "2027-01-01 06:30") == "2027-01-01 06:30"
    assert carried(K.BOOKED, "2026-12-31 20:40", "2027-01-01 07:30") == "2026-12-31 21:00"


@pytest.mark.parametrize("kind", [K.BOOKED, K.MOVED, K.CANCELLED, K.CODE_READ_OUT])
def test_who_has_just_done_something_is_awake_for_a_quarter_of_an_hour_and_no_more(kind: MessageKind) -> None:
    old = MINUTES[2]
    assert carried(kind, "2026-12-31 20:59", old=old) == "2026-12-31 21:12"
    assert carried(kind, "2026-12-31 23:55", old=old) == "2027-01-01 00:08", "across midnight and the year"
    assert carried(kind, "2027-01-01 06:50", old=old) == "2027-01-01 21:00", "when that is over it is day"
    assert carried(kind, "2026-12-31 20:59", old=old, once_more=True) == "2026-12-31 21:00"


@pytest.mark.parametrize("kind", BY_DAY)
def test_what_goes_by_day_only_is_not_carried_for_whoever_is_awake(kind: MessageKind) -> None:
    assert carried(kind, "2026-12-31 20:58", old=timedelta(0)) == "2026-12-31 21:00"


def test_a_carrier_is_given_a_minute() -> None:
    now = at("2026-11-24 20:59").replace(second=50)
    until = nights.carried_until(K.OFFER, now + MINUTES[15], None, now=now, zone=ZONE)
    assert until - now == MINUTES[1]
    until = nights.carried_until(K.OFFER, now + timedelta(seconds=20), None, now=now, zone=ZONE)
    assert until - now == timedelta(seconds=20)


@pytest.mark.parametrize("kind", [kind for kind in ROWS if kind is not K.OTP])
def test_what_would_leave_right_before_the_night_and_is_of_use_after_it_waits(kind: MessageKind) -> None:
    assert rests(kind, "2026-12-31 20:59", "2027-01-02 15:00") == "2027-01-01 07:00"
    assert rests(kind, "2026-12-31 20:56", "2027-01-02 15:00") == "2027-01-01 07:00"
    assert rests(kind, "2026-12-31 20:55", "2027-01-02 15:00") == "2027-01-01 07:00"
    assert rests(kind, "2026-12-31 20:54", "2027-01-02 15:00") is None
    assert rests(kind, "2027-01-01 06:59", "2027-01-02 15:00") == "2027-01-01 07:00"


def test_what_is_of_no_use_after_it_goes_while_it_is_day() -> None:
    """A place that is kept until half past nine, a reminder of tomorrow: lost for certain if they waited."""
    assert rests(K.OFFER, "2026-12-31 20:59", "2026-12-31 21:30") is None
    assert rests(K.REMINDER_DAY, "2026-12-31 20:59", "2026-12-31 21:00") is None
    assert rests(K.OFFER, "2026-12-31 21:00", "2026-12-31 21:30") is SuppressedReason.QUIET_HOURS


def test_a_code_waits_for_no_morning_and_no_more_does_who_is_awake() -> None:
    assert rests(K.OTP, "2026-12-31 20:59", "2027-01-01 21:00") is None
    assert rests(K.BOOKED, "2026-12-31 20:59", "2027-01-02 15:00", old=MINUTES[2]) is None
    assert rests(K.CHOOSE, "2026-12-31 20:59", "2027-01-01 09:00") is None, "she would set out in vain"
