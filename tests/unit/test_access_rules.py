"""Who may do what, what a password must be, how long a failed try costs."""

from datetime import UTC, datetime, timedelta

import pytest

from booking.access.errors import PasswordRefused, StaffNameRefused, UsernameRefused
from booking.access.kinds import Right, Role
from booking.access.rules import (
    IDLE,
    RIGHTS,
    check_password,
    delay_after,
    is_live,
    read_staff_name,
    read_username,
)

NOW = datetime(2026, 11, 30, 1, 0, tzinfo=UTC)


def test_every_role_has_its_rights_and_every_right_somebody() -> None:
    assert set(RIGHTS) == set(Role)
    assert set().union(*RIGHTS.values()) == set(Right)


def test_who_reads_patients_and_who_does_not() -> None:
    """Written by hand, from the law's words: staff of the facility, and nobody else."""
    readers = {role for role, rights in RIGHTS.items() if Right.PATIENT in rights}
    assert readers == {Role.CLERK, Role.DOCTOR, Role.MANAGER}
    assert {role for role, rights in RIGHTS.items() if Right.AUDIT in rights} == {Role.AUDITOR}
    assert {role for role, rights in RIGHTS.items() if Right.STAFF in rights} == {Role.MANAGER, Role.CITY_ADMIN}


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 0), (2, 0), (3, 5), (4, 10), (5, 20), (9, 300), (50, 300), (10_000, 300)]
)
def test_a_delay_grows_and_never_becomes_a_lock(failures: int, seconds: int) -> None:
    assert delay_after(failures) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "good", ["correct horse battery", "nuoc chanh muoi ot", "Kx9-mQ2-tt7-Lp4z", "trời mưa ăn bún riêu"]
)
def test_long_passwords_are_taken(good: str) -> None:
    check_password(good, about=["le.mau"], with_code=False)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("ngan", "short"), ("thirteen sign", "short"), ("x" * 201, "short"), ("aaaaaaaaaaaaaaaa", "common"),
        ("123456123456123456", "common"), ("MatKhau123456!!", "common"), ("le.mau-le.mau-le.mau", "common"),
        ("mậtkhẩu-henkham-vungtau", "common"),
    ],
)  # fmt: skip
def test_short_and_common_ones_are_not(bad: str, reason: str) -> None:
    with pytest.raises(PasswordRefused) as refused:
        check_password(bad, about=["le.mau"], with_code=False)
    assert refused.value.facts["reason"] == reason


def test_beside_an_authenticator_ten_signs_do() -> None:
    check_password("bun-rieu-9", about=["le.mau"], with_code=True)
    with pytest.raises(PasswordRefused):
        check_password("bun-rieu-9", about=["le.mau"], with_code=False)


@pytest.mark.parametrize("raw", ["le.mau", " Le.Mau ", "ｌｅ.ｍａｕ"])
def test_a_user_name_has_one_form(raw: str) -> None:
    assert read_username(raw) == "le.mau"


@pytest.mark.parametrize("raw", ["", "ab", "9abc", "lê.mẫu", "a b c", "x" * 41, "abc.", "a\u202eb"])
def test_what_is_no_user_name(raw: str) -> None:
    with pytest.raises(UsernameRefused):
        read_username(raw)


@pytest.mark.parametrize("raw", ["", "  ", "\x00", "x" * 101])
def test_what_is_no_name(raw: str) -> None:
    with pytest.raises(StaffNameRefused):
        read_staff_name(raw)


@pytest.mark.parametrize(
    ("idle", "left", "ended", "live"),
    [
        (timedelta(0), timedelta(hours=1), None, True),
        (IDLE - timedelta(seconds=1), timedelta(hours=1), None, True),
        (IDLE, timedelta(hours=1), None, False),
        (timedelta(0), timedelta(0), None, False),
        (timedelta(0), timedelta(hours=1), NOW, False),
    ],
)
def test_when_a_session_lives(idle: timedelta, left: timedelta, ended: datetime | None, live: bool) -> None:  # noqa: FBT001
    assert is_live(seen_at=NOW - idle, expires_at=NOW + left, ended_at=ended, now=NOW) is live
