"""What is left of a password once all is taken out that anybody would try here first. Pure.

Taken out are words of this house, names, dates, rows of the keyboard and repetitions; signs that stand for letters
(p@ssw0rd) are read as those. What is left is what somebody who guesses has to find out.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import Final

from booking.text import fold

HOUSE_WORDS: Final = (
    "anh yêu em", "Bà Rịa", "bác sĩ", "bệnh nhân", "bệnh viện", "đặt khám", "đặt lịch", "điều dưỡng", "em yêu anh",
    "Hẹn Khám", "Hồ Chí Minh", "khám bệnh", "lịch hẹn", "mật khẩu", "nhân viên", "phòng khám", "quản trị", "Sài Gòn",
    "trạm y tế", "trung tâm y tế", "Việt Nam", "Vũng Tàu", "xin chào",
    "abc123", "admin", "administrator", "changeme", "doctor", "hospital", "iloveyou", "letmein", "password", "welcome",
)  # fmt: skip
"""Words no password is made of here, with or without marks and spaces; docs/operations.md, "Passwords", lists them."""

_ROWS: Final = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "1234567890", "1qaz2wsx3edc4rfv", "abcdefghijklmnopqrstuvwxyz")
_RUN: Final = 4
"""So many neighbours of a row are a run, and no part of a word."""
_SHORTEST: Final = 4
"""Letters that a word, a name or words of a name together have at least: shorter ones stand in half of all words."""
_GAP: Final = "|"
"""Stands where something was taken out, so that what stood around it makes no new word."""

_LOOKS_LIKE: Final = str.maketrans("@$013457", "asoieast")
_DAY, _MONTH, _YEAR = r"(?:0[1-9]|[12]\d|3[01])", r"(?:0[1-9]|1[0-2])", r"(?:19|20)\d\d"
_DATES: Final = re.compile(
    rf"{_DAY}{_MONTH}{_YEAR}|{_YEAR}{_MONTH}{_DAY}|(?<!\d)(?:{_DAY}{_MONTH}\d\d|{_YEAR}|{_DAY}{_MONTH})(?!\d)"
)
_ALL_AGAIN: Final = re.compile(r"(.+?)\1+")
_THRICE: Final = re.compile(r"(.{1,8}?)\1{2,}")


def plain(text: str) -> str:
    """Letters and digits only, small, without marks: `plain("Bà Rịa") == "baria"`. Signs that may mean letters stay."""
    return re.sub(r"[^\w@$]|_", "", fold(text))


def left_of(password: str, about: Iterable[str]) -> str:
    """What is left; empty where a password is nothing but what anybody would try.

    Args:
        password: as typed.
        about: user name, name, facilities of whom it shall belong to; their parts count as well.
    """
    left = plain(password)
    if again := _ALL_AGAIN.fullmatch(left):
        left = again[1]
    left = _THRICE.sub(r"\1", left)
    left = _without_runs(_DATES.sub(_GAP, left)).translate(_LOOKS_LIKE)
    for word in _words(about):
        left = left.replace(word, _GAP)
    return left.replace(_GAP, "")


def _words(about: Iterable[str]) -> list[str]:
    """All words to take out, the longest first."""
    named = {part for name in about for part in _parts(name)}
    found = {plain(word).translate(_LOOKS_LIKE) for word in (*HOUSE_WORDS, *named)}
    return sorted((word for word in found if len(word) >= _SHORTEST), key=lambda word: (-len(word), word))


def _parts(name: str) -> Iterator[str]:
    """What follows each other in a name: `Lan Mau Le` has Lan, Lan Mau, Lan Mau Le, Mau, Mau Le, Le."""
    words = re.split(r"[\W_]+", name)
    for first, last in combinations(range(len(words) + 1), 2):
        yield "".join(words[first:last])


def _without_runs(text: str) -> str:
    """Without neighbours of a row, in either direction: 1234, asdf, 9876, mnbv."""
    done, at = [], 0
    while at < len(text):
        run = max(_run(text, at, row) for row in (*_ROWS, *(row[::-1] for row in _ROWS)))
        done.append(_GAP if run >= _RUN else text[at])
        at += run if run >= _RUN else 1
    return "".join(done)


def _run(text: str, at: int, row: str) -> int:
    """How many signs from here on follow each other on the row."""
    begin = row.find(text[at])
    if begin < 0:
        return 0
    pairs = zip(text[at:], row[begin:], strict=False)
    return next(
        (number for number, (sign, key) in enumerate(pairs) if sign != key), min(len(text) - at, len(row) - begin)
    )
