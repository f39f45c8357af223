"""The process that reads: what it may not do, how its end is told, and what happens when a limit is taken away."""

import os
import signal
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from booking.exchange.errors import ExportUnreadable
from booking.exchange.kinds import SkipReason
from booking.exchange.rules import StagedRow
from scheduler.exports import apart, confinement, read_export, wire
from scheduler.exports.apart import LIMITS, ReaderLost, ReadingProcess
from scheduler.exports.child import HARMLESS
from scheduler.exports.confinement import Limits
from scheduler.exports.opening import opened
from scheduler.exports.reader import Skipped
from tests.exports import EXAMPLES, HIS, SHAPES, TODAY, shape, small
from tests.hostile import endless_rows, example, memory_bomb
from tests.odd_kernels import SHARING, UNFILTERED, booted

FEED = small()
MB = 1_048_576


@pytest.fixture(scope="module")
def process() -> Iterator[ReadingProcess]:
    found = ReadingProcess("tests.misbehaving")
    yield found
    found.close()


@pytest.fixture(scope="module")
def reader() -> Iterator[ReadingProcess]:
    found = ReadingProcess()
    yield found
    found.close()


def ask(process: ReadingProcess, folder: Path, word: str, limits: Limits = LIMITS) -> list[str]:
    """What a misbehaving reader answers."""
    path = folder / "file.csv"
    path.write_text(word)
    with opened(path) as file:
        items = list(process.read(FEED, file, today=TODAY, limits=limits))
    return [item.key for item in items if isinstance(item, Skipped)]


def ended(process: ReadingProcess, folder: Path, word: str, limits: Limits = LIMITS) -> ExportUnreadable:
    """Why a misbehaving reader's file cannot be read."""
    with pytest.raises(ExportUnreadable) as caught:
        ask(process, folder, word, limits)
    return caught.value


def test_apart_a_reader_gives_what_it_gives_here(reader: ReadingProcess) -> None:
    for name, file in SHAPES.items():
        with opened(HIS / file) as stream:
            found = list(reader.read(shape(name)[0], stream, today=TODAY))
            assert found == list(read_export(shape(name)[0], stream, today=TODAY))
            assert len(found) > 1600


@pytest.mark.parametrize(
    ("word", "limits", "reason"),
    [
        ("crash", LIMITS, "reader_died"),
        ("leave", LIMITS, "reader_died"),
        ("babble", LIMITS, "reader_died"),
        ("flood", LIMITS, "reader_died"),
        ("hoard", LIMITS, "too_much_memory"),
        ("spin", replace(LIMITS, processor=1), "took_too_long"),
        ("sleep", replace(LIMITS, wall=0.3), "took_too_long"),
    ],
)
def test_each_way_to_end_is_told_apart_and_the_next_file_is_read(
    process: ReadingProcess, tmp_path: Path, word: str, limits: Limits, reason: str
) -> None:
    assert ended(process, tmp_path, word, limits).reason.value == reason
    assert ask(process, tmp_path, "") == [str(TODAY)]


def test_the_limits_are_those_of_the_kernel(process: ReadingProcess, tmp_path: Path) -> None:
    assert ask(process, tmp_path, "memory")[1] == str(512 * MB)
    assert ask(process, tmp_path, f"write {tmp_path / 'x'}")[1] == "OSError"
    assert ask(process, tmp_path, "open 100")[1] == "OSError"


def test_no_setting_and_no_secret_is_handed_on(
    process: ReadingProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HENKHAM_SEAL_KEY", "a secret")
    assert "HENKHAM" not in ask(process, tmp_path, "environment")[1]


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_there_is_no_network(
    process: ReadingProcess, tmp_path: Path, listening: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = ask(process, tmp_path, f"connect {listening}")[1]
    if not process.alone:
        pytest.skip("this kernel gives no network namespaces, or no filters")
    assert answer == "PermissionError"  # not even a socket; without that filter, a socket and nobody to reach:
    monkeypatch.setattr(apart, "_BOOT", booted(UNFILTERED))
    unfiltered = ReadingProcess("tests.misbehaving")
    assert ask(unfiltered, tmp_path, f"connect {listening}")[1] == "OSError"
    unfiltered.close()


@pytest.fixture
def forbidding(monkeypatch: pytest.MonkeyPatch) -> Iterator[ReadingProcess]:
    """A kernel that gives no namespaces and knows no filters."""
    monkeypatch.setattr(apart, "_BOOT", booted(SHARING, UNFILTERED))
    found = ReadingProcess("tests.misbehaving")
    yield found
    found.close()


def test_where_the_network_cannot_be_taken_away_only_harmless_formats_are_read(
    forbidding: ReadingProcess, tmp_path: Path, listening: int
) -> None:
    assert ask(forbidding, tmp_path, f"connect {listening}")[1] == "connected"  # the control of the test above
    assert not forbidding.alone
    path = tmp_path / "empty"
    path.touch()
    for name in EXAMPLES:
        feed = example(name)[0]
        with opened(path) as file:
            if feed.source.format in HARMLESS:
                list(forbidding.read(feed, file, today=TODAY))
                continue
            with pytest.raises(ExportUnreadable) as caught:
                list(forbidding.read(feed, file, today=TODAY))
            assert caught.value.reason.value == "not_confined"
            list(forbidding.read(feed, file, today=TODAY, limits=replace(LIMITS, with_network=True)))


def test_a_memory_bomb_ends_its_reader_and_without_the_limit_takes_more(reader: ReadingProcess, tmp_path: Path) -> None:
    case, path = memory_bomb(3_500_000), tmp_path / "bomb.json"
    path.write_bytes(case.data)
    small_limit = replace(LIMITS, memory=160 * MB)  # the true one is met in integration/test_hostile_exports.py
    with opened(path) as file:
        with pytest.raises(ExportUnreadable) as caught:
            list(reader.read(case.feed, file, today=TODAY, limits=small_limit))
        assert caught.value.reason.value == "too_much_memory"
        assert reader.last is not None
        assert reader.last.peak < 160 * 1024
        with pytest.raises(ExportUnreadable) as freed:
            list(reader.read(case.feed, file, today=TODAY, limits=replace(LIMITS, memory=None, wall=60)))
        assert freed.value.reason.value == "too_many_rows"
        assert reader.last.peak > 160 * 1024


def test_endless_rows_end_at_the_limit_and_without_it_do_not_end(reader: ReadingProcess, tmp_path: Path) -> None:
    case, path = endless_rows(), tmp_path / "rows.xlsx"
    path.write_bytes(case.data)
    with opened(path) as file:
        for limits, seconds in ((replace(LIMITS, processor=1), 1), (replace(LIMITS, processor=None, wall=3), 3)):
            with pytest.raises(ExportUnreadable) as caught:
                list(reader.read(case.feed, file, today=TODAY, limits=limits))
            assert (caught.value.reason.value, caught.value.facts["seconds"]) == ("took_too_long", seconds)


def test_when_the_process_itself_is_killed_nothing_is_known_and_the_next_file_is_read(tmp_path: Path) -> None:
    process = ReadingProcess("tests.misbehaving")
    ask(process, tmp_path, "")
    assert process._process is not None
    number = process._process.pid
    killer = threading.Timer(0.3, os.kill, (number, signal.SIGKILL))
    killer.start()
    with pytest.raises(ReaderLost):
        ask(process, tmp_path, "sleep")
    assert ask(process, tmp_path, "") == [str(TODAY)]
    assert process._process.pid != number
    process.close()


def test_whoever_stops_listening_leaves_no_child_behind(process: ReadingProcess, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("chatter")
    with opened(path) as file:
        items = process.read(FEED, file, today=TODAY)
        assert isinstance(next(items), Skipped)
        del items
    assert process.last is not None
    assert process.last.signal == signal.SIGKILL
    assert ask(process, tmp_path, "") == [str(TODAY)]


NOW = datetime(2026, 11, 23, 1, tzinfo=UTC)
ROW = StagedRow(2, "1", "an", NOW, None, "busy", closes=True)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"an"', b'"nobody"'), (b'"1"', b"null"), (b'"1"', b"1"), (b'"1"', b'"\\u0000"'), (b"[0,2", b"[0,-2"),
        (b"[0,", b"[9,"), (b"+00:00", b""), (b"2026-11-23T", b"2026-13-23T"), (b",1,null]", b",3,null]"),
        (b",1,null]", b",1]"), (b"[0", b"0"), (b'"busy"', b'"' + b"a" * 99 + b'"'), (b"[0,", b"[4,"),
        (b',null,"busy"', b',"2026-11-22T01:00:00+00:00","busy"'), (b"[0,2", b"[0,2e400"), (b'"1"', b'["1"]'),
    ],
)  # fmt: skip
def test_a_line_that_no_reader_writes_is_not_believed(old: bytes, new: bytes) -> None:
    line = wire.line_of(ROW)
    assert old in line
    assert wire.Listener(FEED).hear(line) == ROW
    listener = wire.Listener(FEED)
    try:
        heard = listener.hear(line.replace(old, new, 1))
    except wire.Garbled:
        return
    assert heard is None
    assert not listener.ended


def test_an_end_that_counts_wrong_is_no_end() -> None:
    listener = wire.Listener(FEED)
    listener.hear(wire.line_of(Skipped(1, SkipReason.BLANK)))
    listener.hear(wire.end_of(2))
    assert not listener.ended


@pytest.mark.parametrize(("make", "word"), [
    (lambda path: path.symlink_to("/etc/passwd"), "a link"), (os.mkfifo, "a pipe"),
    (lambda path: path.mkdir(), "a folder"),
])  # fmt: skip
def test_only_plain_files_are_opened(make: object, word: str, tmp_path: Path) -> None:
    assert callable(make)
    make(tmp_path / "a.csv")
    with pytest.raises(ExportUnreadable) as caught:
        opened(tmp_path / "a.csv")
    assert caught.value.reason.value == "not_a_file"
    assert word in str(caught.value.facts["why"])


def test_limits_are_those_of_the_manual() -> None:
    assert (confinement.Limits().memory, confinement.Limits().processor, confinement.Limits().wall) == (
        512 * MB,
        20,
        120,
    )
