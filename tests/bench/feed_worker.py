"""A scheduler that only reads exports, for the bench: looks when it is told, and says what each phase took.

It speaks over its standard streams: a line `look` makes one look at all folders, the answer is one line of JSON.
"""

import asyncio
import functools
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from booking import sealed, settings
from booking.clock import utc_now
from booking.db import Database
from booking.exchange import queries, service
from scheduler.exports import arrivals
from scheduler.exports.apart import reading_processes
from scheduler.jobs import read_exports
from scheduler.jobs.read_exports import Memory

spent: dict[str, list[float]] = {}
"""By phase: seconds on the wall, and of this process's CPU."""


def _note(phase: str, wall: float, cpu: float) -> None:
    before = spent.setdefault(phase, [0.0, 0.0])
    before[0] += time.perf_counter() - wall
    before[1] += time.process_time() - cpu


def _timed(where: Any, name: str, phase: str) -> None:
    """Put a stopwatch around a function of a module."""
    verb: Callable[..., Any] = getattr(where, name)

    @functools.wraps(verb)
    def plain(*args: Any, **more: Any) -> Any:
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            return verb(*args, **more)
        finally:
            _note(phase, wall, cpu)

    @functools.wraps(verb)
    async def awaited(*args: Any, **more: Any) -> Any:
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            return await verb(*args, **more)
        finally:
            _note(phase, wall, cpu)

    setattr(where, name, awaited if asyncio.iscoroutinefunction(verb) else plain)


def peak() -> int:
    """Kilobytes of memory that this process held at most since it was asked last."""
    status = Path("/proc/self/status").read_text()
    found = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    Path("/proc/self/clear_refs").write_text("5")
    return int(found.split()[1])


async def _look(db: Database, feeds: Path, memory: Memory) -> dict[str, Any]:
    spent.clear()
    wall, cpu = time.perf_counter(), time.process_time()
    outcomes = await read_exports.run(db, feeds, now=utc_now(), memory=memory)
    end = reading_processes().last
    return {
        "files": [(each.file, each.where) for each in outcomes],
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "phases": spent,
        "peak": peak(),
        "child_peak": end.peak if end else 0,
        "child_cpu": end.processor if end else 0,
    }


def _stopwatches() -> None:
    names: tuple[tuple[Any, str, str], ...] = (
        (arrivals, "take", "hash"),
        (read_exports, "read_stream", "read"),
        (queries, "plan", "compare"),
        (service, "apply_file", "compare and apply"),
    )
    for where, name, phase in names:
        _timed(where, name, phase)


async def _serve(url: str, feeds: Path) -> None:
    _stopwatches()
    sealed.install(settings.load().keyring())  # file names stand in the log as keyed signs
    db, memory = Database(url, pool=2), Memory()
    peak()
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        answer: Awaitable[dict[str, Any]] = _look(db, feeds, memory)
        print(json.dumps(await answer), flush=True)
    await db.close()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], Path(sys.argv[2])))
