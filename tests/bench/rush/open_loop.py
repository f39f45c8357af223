"""Arrivals sent off at their own moments, and what became of each."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from hdrh.histogram import HdrHistogram

LAG_MOST_MS = 20.0
"""A run in which the generator itself was later than that, for one arrival in a hundred, measured the generator."""

_MICRO = 1_000_000
_LONGEST = 120 * _MICRO


def histogram() -> HdrHistogram:
    """Microseconds, to two minutes, in three digits."""
    return HdrHistogram(1, _LONGEST, 3)


@dataclass(slots=True)
class Run:
    """What a run measured: seconds from the intended moment to the answer, by what was asked; and what was said."""

    took: dict[str, HdrHistogram] = field(default_factory=dict)
    said: Counter[str] = field(default_factory=Counter)
    lag: HdrHistogram = field(default_factory=histogram)
    seconds: float = 0.0

    def note(self, what: str, seconds: float, said: str) -> None:
        """One answer."""
        self.took.setdefault(what, histogram()).record_value(max(1, min(_LONGEST, int(seconds * _MICRO))))
        self.said[f"{what} {said}"] += 1

    def ms(self, what: str, percentile: float) -> float:
        """A percentile in milliseconds; 0 where nothing was asked."""
        found = self.took.get(what)
        return found.get_value_at_percentile(percentile) / 1000 if found is not None and found.total_count else 0.0

    @property
    def all(self) -> HdrHistogram:
        """Every latency together."""
        whole = histogram()
        for each in self.took.values():
            whole.add(each)
        return whole

    @property
    def lag_ms(self) -> float:
        """How late the generator sent one arrival in a hundred off."""
        return float(self.lag.get_value_at_percentile(99)) / 1000

    @property
    def void(self) -> bool:
        """Whether the generator was too late to measure anybody else."""
        return self.lag_ms > LAG_MOST_MS

    def count(self, *endings: str) -> int:
        """How many answers ended in one of these words."""
        return sum(number for said, number in self.said.items() if said.endswith(endings))


def _faults(run: Run, task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        run.said[f"a fault of the generator: {task.exception()!r:.120}"] += 1


Visit = Callable[[float], Awaitable[None]]
"""What somebody does who arrives; given the moment she meant to, on the loop's clock."""


async def drive(arrivals: Iterable[tuple[float, Visit]], run: Run, *, patience: float = 60.0) -> None:
    """Send each off at its moment, in seconds from now; then wait for those still under way.

    Nobody waits for anybody: a slow answer delays no arrival.
    """
    loop = asyncio.get_running_loop()
    began = loop.time() + 0.1
    under_way: set[asyncio.Task[None]] = set()
    started = time.perf_counter()
    for at, visit in arrivals:
        intended = began + at
        await asyncio.sleep(max(0.0, intended - loop.time()))
        run.lag.record_value(max(1, int((loop.time() - intended) * _MICRO)))
        task = asyncio.ensure_future(visit(intended))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
        task.add_done_callback(partial(_faults, run))
    run.seconds = time.perf_counter() - started
    if under_way:
        _, left_over = await asyncio.wait(set(under_way), timeout=patience)
        for task in left_over:
            task.cancel()
        run.said["nothing within the patience"] += len(left_over)
