"""One feed's slow file keeps no other waiting: turns, and the processes that read."""

import asyncio
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from scheduler.exports.apart import ReadingProcesses
from scheduler.exports.arrivals import Arrival
from scheduler.exports.opening import opened
from scheduler.exports.slip_feed import AnyFeed
from scheduler.exports.turns import Line, Turns
from tests.exports import TODAY, small

pytestmark = pytest.mark.anyio
FEED = small()


def line(code: str, *files: str) -> Line:
    arrivals = [Arrival(Path(name), (0, 0, 0), final=True) for name in files]
    return Line(small(('code = "small"', f'code = "{code}"')), iter(arrivals))


@dataclass
class Folders:
    """Feeds with files; those named `slow` end when they are let go.

    Attributes:
        looks: what each further look finds.
        busy: the feeds that had a turn then.
    """

    lines: list[Line]
    looks: list[list[Line]] = field(default_factory=list)
    busy: list[list[str]] = field(default_factory=list)
    dealt: list[str] = field(default_factory=list)
    at_work: set[str] = field(default_factory=set)
    free: asyncio.Event = field(default_factory=asyncio.Event)
    until: int = 0
    """So many files are dealt with before the slow one is let go."""

    async def look(self, busy: Collection[str]) -> list[Line]:
        if not self.looks and busy:
            return []
        self.busy.append(sorted(busy))
        return self.looks.pop(0) if busy else self.lines

    async def deal(self, feed: AnyFeed, arrival: Arrival) -> tuple[str, bool]:
        name = arrival.path.name
        assert feed.code not in self.at_work  # one feed's files follow each other
        self.at_work.add(feed.code)
        try:
            await (self.free.wait() if name == "slow" else asyncio.sleep(0))
        finally:
            self.at_work.discard(feed.code)
        self.dealt.append(name)
        if len(self.dealt) == self.until:
            self.free.set()
        return name, name != "stuck"

    async def run(self, at_once: int = 2, seconds: float = 60) -> list[str]:
        async with asyncio.timeout(30):
            return await Turns(self.look, self.deal, at_once=at_once, seconds=seconds).run()


async def test_others_go_on_while_one_takes_long() -> None:
    folders = Folders([line("a", "slow", "a2"), line("b", "b1", "b2"), line("c", "c1")], until=3)
    assert sorted(await folders.run()) == ["a2", "b1", "b2", "c1", "slow"]
    assert folders.dealt == ["b1", "c1", "b2", "slow", "a2"]


async def test_control_one_at_a_time_they_wait() -> None:
    folders = Folders([line("a", "slow", "a2"), line("b", "b1")], until=1)
    task = asyncio.create_task(folders.run(at_once=1))
    for _ in range(20):
        await asyncio.sleep(0)
    assert folders.dealt == []
    folders.free.set()
    assert await task == ["slow", "b1", "a2"]


async def test_what_comes_meanwhile_is_looked_for_and_dealt_with() -> None:
    folders = Folders([line("a", "slow")], looks=[[], [line("b", "b1")], [line("b", "b2")]], until=2)
    await folders.run(seconds=0.01)
    assert folders.dealt == ["b1", "b2", "slow"]
    assert folders.busy[0] == []
    assert folders.busy[1:] == [["a"]] * 3


async def test_a_feed_that_is_stuck_waits_and_the_others_take_turns() -> None:
    folders = Folders([line("a", "a1", "stuck", "a3"), line("b", "b1", "b2"), line("c")])
    assert await folders.run(at_once=1) == ["a1", "b1", "stuck", "b2"]


async def test_when_the_time_is_over_each_had_one_turn() -> None:
    folders = Folders([line("a", "a1", "a2"), line("b", "b1", "b2"), line("c", "c1")])
    assert await folders.run(at_once=1, seconds=0) == ["a1", "b1", "c1"]


async def test_broken_off_nothing_goes_on_behind() -> None:
    folders = Folders([line("a", "slow"), line("b", "slow")])
    task = asyncio.create_task(folders.run())
    for _ in range(20):
        await asyncio.sleep(0)
    assert folders.at_work == {"a", "b"}
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (folders.at_work, folders.dealt) == (set(), [])


@pytest.fixture
def chatter(tmp_path: Path) -> Path:
    """A file whose reader says something and does not end."""
    path = tmp_path / "a.csv"
    path.write_text("chatter")
    return path


@pytest.fixture
def quick(tmp_path: Path) -> Path:
    path = tmp_path / "b.csv"
    path.write_text("")
    return path


@contextmanager
def pool(at_once: int) -> Iterator[ReadingProcesses]:
    found = ReadingProcesses(at_once)
    for process in found.processes:
        process.readers = "tests.misbehaving"
    yield found
    found.close()


def read(processes: ReadingProcesses, path: Path, done: threading.Event | None = None) -> int:
    with opened(path) as file:
        count = len(list(processes.read(FEED, file, today=TODAY)))
    if done is not None:
        done.set()
    return count


@pytest.mark.parametrize("at_once", [1, 2])
def test_a_file_is_read_while_another_one_is(at_once: int, chatter: Path, quick: Path) -> None:
    done = threading.Event()
    with pool(at_once) as processes:
        reading = threading.Thread(target=read, args=(processes, quick, done))
        with opened(chatter) as file:
            items = processes.read(FEED, file, today=TODAY)
            next(items)
            reading.start()
            if at_once == 1:  # the control: alone it waits for the first to end
                assert not done.wait(0.5)
            else:
                assert done.wait(60)
            del items
        reading.join(60)
        assert done.is_set()
        assert all(process._process is not None for process in processes.processes)


def test_a_second_process_begins_only_where_two_files_meet(quick: Path) -> None:
    with pool(2) as processes:
        assert read(processes, quick) == read(processes, quick) == 1
        assert [process._process is not None for process in processes.processes] == [True, False]
        assert processes.last is processes.processes[0].last is not None
