"""Feeds take turns, one file each: a hospital with many files keeps none waiting, and one that is stuck waits alone."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from scheduler.exports.arrivals import Arrival
from scheduler.exports.slip_feed import AnyFeed

Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class Line:
    """A feed and its files that look complete, the oldest first. `begun`: it had a turn."""

    feed: AnyFeed
    arrivals: Iterator[Arrival]
    begun: bool = False


class Turns(Generic[Outcome]):
    """One run over the folders. Several feeds have their turn at once.

    While a file takes long, the folders of the others are looked at anew: what comes meanwhile does not wait for it.
    """

    def __init__(
        self,
        look: Callable[[Collection[str]], Awaitable[list[Line]]],
        deal: Callable[[AnyFeed, Arrival], Awaitable[tuple[Outcome, bool]]],
        *,
        at_once: int,
        seconds: float,
    ) -> None:
        """`look` at all feeds but those of these codes; `deal` with a file, and whether the feed's next may follow."""
        self._look, self._deal = look, deal
        self._at_once, self._seconds = at_once, seconds
        self._waiting: deque[Line] = deque()
        self._at_work: dict[asyncio.Task[tuple[Outcome, bool] | None], Line] = {}

    async def run(self) -> list[Outcome]:
        """Deal with all that is complete, as far as the time goes; what became of it, in the order it was done."""
        outcomes: list[Outcome] = []
        until = time.monotonic() + self._seconds
        self._waiting.extend(await self._look(()))
        try:
            self._begin(until)
            while self._at_work:
                for line, outcome, goes_on in await self._over():
                    outcomes.append(outcome)
                    if goes_on:
                        self._waiting.append(replace(line, begun=True))
                self._begin(until)
        finally:
            for task in self._at_work:
                task.cancel()
            await asyncio.gather(*self._at_work, return_exceptions=True)
        return outcomes

    async def _over(self) -> list[tuple[Line, Outcome, bool]]:
        """The turns that are over; none where all take long, and then others have been looked at."""
        done, _ = await asyncio.wait(self._at_work, timeout=self._seconds, return_when=asyncio.FIRST_COMPLETED)
        if not done and len(self._at_work) < self._at_once:
            self._waiting.extend(await self._look({line.feed.code for line in self._at_work.values()}))
        ended = [(self._at_work.pop(task), task.result()) for task in done]
        return [(line, *result) for line, result in ended if result is not None]

    def _begin(self, until: float) -> None:
        """As many as may be; whoever had a turn has no other once the time is over."""
        while self._waiting and len(self._at_work) < self._at_once:
            line = self._waiting.popleft()
            if not line.begun or time.monotonic() < until:
                self._at_work[asyncio.create_task(self._turn(line))] = line

    async def _turn(self, line: Line) -> tuple[Outcome, bool] | None:
        """The feed's oldest file; None where there is none."""
        arrival = next(line.arrivals, None)
        return None if arrival is None else await self._deal(line.feed, arrival)
