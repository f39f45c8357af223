"""A reader reaches no socket of the machine, and each layer is what keeps it off: without it one answers."""

import os
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from booking.exchange.errors import ExportUnreadable
from scheduler.exports import apart, no_sockets
from scheduler.exports.apart import LIMITS, ReadingProcess
from scheduler.exports.no_sockets import MACHINES
from scheduler.exports.opening import opened
from tests.exports import TODAY
from tests.hostile import example
from tests.odd_kernels import SHARING, UNFILTERED, booted
from tests.unit.test_feed_apart import ask

X32 = 0x40000000
KNOWN = pytest.mark.skipif(
    sys.platform != "linux" or os.uname().machine not in MACHINES, reason="no filter is written for this machine"
)
Boot = Callable[..., ReadingProcess]


@pytest.fixture
def boot(monkeypatch: pytest.MonkeyPatch) -> Iterator[Boot]:
    """Begin a process on a kernel without this or that."""
    begun: list[ReadingProcess] = []

    def begin(*odd: str) -> ReadingProcess:
        monkeypatch.setattr(apart, "_BOOT", booted(*odd) if odd else plain)
        begun.append(ReadingProcess("tests.misbehaving"))
        return begun[-1]

    plain = apart._BOOT
    yield begin
    for process in begun:
        process.close()


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A socket that is a file, as PostgreSQL has one, and one that has a name only."""
    path, name = tmp_path / ".s.PGSQL.5432", f"@henkham{tmp_path}"
    with socket.socket(socket.AF_UNIX) as file, socket.socket(socket.AF_UNIX) as abstract:
        file.bind(str(path))
        abstract.bind(name.replace("@", "\0"))
        file.listen()
        abstract.listen()
        yield str(path), name


@KNOWN
def test_no_socket_of_the_machine_answers_a_reader(boot: Boot, tmp_path: Path, listening: tuple[str, str]) -> None:
    process = boot()
    assert [ask(process, tmp_path, f"unix {where}")[1] for where in listening] == ["PermissionError"] * 2
    assert ask(process, tmp_path, "calls")[1].split() == list(MACHINES[os.uname().machine].refused)
    sharing = boot(SHARING)  # the filter alone keeps it from both
    assert [ask(sharing, tmp_path, f"unix {where}")[1] for where in listening] == ["PermissionError"] * 2
    assert not sharing.alone


def test_without_the_filter_they_answer(boot: Boot, tmp_path: Path, listening: tuple[str, str]) -> None:
    file, name = listening
    unfiltered = boot(UNFILTERED)
    assert ask(unfiltered, tmp_path, f"unix {file}")[1] == "connected"
    assert not {"socket", "connect", "bind"} & set(ask(unfiltered, tmp_path, "calls")[1].split())
    assert ask(boot(SHARING, UNFILTERED), tmp_path, f"unix {name}")[1] == "connected"


def test_where_the_kernel_knows_no_filter_only_harmless_formats_are_read(boot: Boot, tmp_path: Path) -> None:
    process, feed = boot(UNFILTERED), example("fhir")[0]
    assert ask(process, tmp_path, "") == [str(TODAY)]
    assert not process.alone
    path = tmp_path / "empty"
    path.touch()
    with opened(path) as file:
        with pytest.raises(ExportUnreadable) as caught:
            list(process.read(feed, file, today=TODAY))
        assert caught.value.reason.value == "not_confined"
        list(process.read(feed, file, today=TODAY, limits=replace(LIMITS, with_network=True)))


def answer(machine: str, number: int, architecture: int | None = None) -> str:
    """What the filter says to a call, by the rules of the kernel's little machine."""
    steps = no_sockets.program(MACHINES[machine])
    told = {0: number, 4: MACHINES[machine].architecture if architecture is None else architecture}
    held = place = 0
    while True:
        code, so, otherwise, value = steps[place]
        place += 1
        if code == 0x20:
            held = told[value]
        elif code == 0x06:
            return {0x7FFF0000: "allowed", 0x00050001: "refused"}[value]
        else:
            place += so if (held == value if code == 0x15 else held >= value) else otherwise


@pytest.mark.parametrize(
    ("machine", "others"), [("x86_64", (0, 1, 40, 44, 54, 56, 435)), ("aarch64", (0, 63, 204, 220))]
)
def test_the_filter_refuses_what_it_names_and_nothing_else(machine: str, others: tuple[int, ...]) -> None:
    refused = set(MACHINES[machine].refused.values())
    assert all(answer(machine, number) == "refused" for number in refused)
    assert all(answer(machine, number) == "allowed" for number in set(range(470)) - refused)
    assert all(answer(machine, number) == "allowed" for number in others)
    assert answer(machine, X32 | 41) == answer(machine, X32) == "refused"  # the same calls by their second names
    assert answer(machine, others[0], architecture=0x40000003) == "refused"  # 32-bit calls, among them socketcall
