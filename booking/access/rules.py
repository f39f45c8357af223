"""Who may do what, how long a session lives, what a password must be. Pure: plain values in, an answer or a refusal."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from booking.access.errors import PasswordRefused, StaffNameRefused, UsernameRefused
from booking.access.guessing import left_of, plain
from booking.access.kinds import Right, Role
from booking.text import clean, has_control

RIGHTS: Final[dict[Role, frozenset[Right]]] = {
    Role.CLERK: frozenset({Right.QUEUE, Right.BOOK, Right.PATIENT, Right.MESSAGES}),
    Role.DOCTOR: frozenset({Right.QUEUE, Right.BOOK, Right.PATIENT}),
    Role.MANAGER: frozenset(set(Right) - {Right.AUDIT}),
    Role.CITY_ADMIN: frozenset(set(Right) - {Right.AUDIT, Right.PATIENT, Right.QUEUE, Right.REQUESTS}),
    Role.AUDITOR: frozenset({Right.AUDIT, Right.REPORTS}),
}
"""A city administrator keeps the house in order and has no business with patients' records; an auditor only reads."""

EVERYWHERE: Final = frozenset({Role.CITY_ADMIN, Role.AUDITOR})
"""Roles whose scope is the city. The others need facilities."""

IDLE: Final = timedelta(minutes=15)
"""A desk that nobody touched for so long is signed out. (Decree 356/2025; our choice of the number.)"""

LONGEST: Final = timedelta(hours=12)
"""No session outlives a working day."""

IDLE_ACCOUNT: Final = timedelta(days=45)
"""An account nobody used for so long is disabled (level 3 of information security)."""

PASSWORD_ALONE: Final = 14
"""Characters a password needs where it stands alone."""

PASSWORD_WITH_CODE: Final = 10
"""Characters it needs beside an authenticator."""

PASSWORD_LONGEST: Final = 200
_DIFFERENT: Final = 5
"""Different signs a password has at least: not aaaaaaaa, not 12121212."""

_NAME_LONGEST: Final = 100

_FREE_FAILURES: Final = 3
_DELAY_MOST: Final = timedelta(minutes=5)
_USERNAME = re.compile(r"[a-z][a-z0-9.-]{1,38}[a-z0-9]")


def delay_after(failures: int) -> timedelta:
    """How long nothing is heard after so many failures in a row: none for the first ones, then doubling to 5 minutes.

    A delay and no lock: a lock would let a stranger close somebody's account.
    """
    beyond = failures - _FREE_FAILURES
    return timedelta(0) if beyond < 0 else min(_DELAY_MOST, timedelta(seconds=5 * 2 ** min(beyond, 10)))


def read_username(raw: str) -> str:
    """A user name in its one form.

    Raises:
        UsernameRefused: it is not 3 to 40 letters without marks, digits, dots and dashes.
    """
    name = clean(raw).lower()
    if not _USERNAME.fullmatch(name):
        raise UsernameRefused(field="username")
    return name


def read_staff_name(raw: str) -> str:
    """A name colleagues know somebody by.

    Raises:
        StaffNameRefused: empty, longer than 100 signs, or with control signs.
    """
    name = clean(raw)
    if has_control(raw.strip()) or not 1 <= len(name) <= _NAME_LONGEST:
        raise StaffNameRefused(field="name")
    return name


def check_password(password: str, *, about: Iterable[str], with_code: bool) -> None:
    """Whether a password is long enough and more than names and words of the house; no rules about signs.

    Whether it is known elsewhere is asked of files: `known.check`.

    Args:
        password: as typed.
        about: user name, name and facilities of whom it shall belong to.
        with_code: it stands beside an authenticator.

    Raises:
        PasswordRefused: too short or too long, or easily guessed.
    """
    least = PASSWORD_WITH_CODE if with_code else PASSWORD_ALONE
    if not least <= len(password) <= PASSWORD_LONGEST:
        raise PasswordRefused(field="password", reason="short", least=least)
    if len(set(plain(password))) < _DIFFERENT or len(left_of(password, about)) < least // 2:
        raise PasswordRefused(field="password", reason="common", least=least)


def is_live(*, seen_at: datetime, expires_at: datetime, ended_at: datetime | None, now: datetime) -> bool:
    """Whether a session still opens anything."""
    return ended_at is None and now < expires_at and now - seen_at < IDLE
