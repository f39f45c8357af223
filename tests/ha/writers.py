"""People who book without end, each until she knows, and what they were told."""

import asyncio
import random  # noqa: TID251  seeded by who starts the run
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import Final

import orjson

from tests.bench.rush.client import Client, LostError
from tests.bench.rush.world import People

AT_ONCE: Final = 12
_GIVES_UP: Final = 90.0
_AGAIN: Final = 0.25
_PAUSE: Final = 0.05


@dataclass(slots=True)
class Told:
    """What was told, and when by the loop's clock: a promise, or nothing for certain."""

    promised: list[tuple[float, str]] = field(default_factory=list)
    said: Counter[str] = field(default_factory=Counter)
    open: int = 0

    def gap(self, since: float) -> float:
        """The longest time without a promise from a moment on, in seconds."""
        moments = [since, *sorted(at for at, _ in self.promised if at >= since)]
        return max((later - earlier for earlier, later in pairwise(moments)), default=float("inf"))


class Writers:
    """Books until it is told to stop; whoever is under way then goes on until she knows."""

    def __init__(self, people: People, ports: tuple[int, ...]) -> None:
        self._people = people
        self._client = Client(list(ports), patience=20)
        self._stopping = asyncio.Event()
        self.told = Told()
        self._tasks = [asyncio.ensure_future(self._work()) for _ in range(AT_ONCE)]

    async def stop(self) -> Told:
        """Wait for those who do not know yet, and hand over what was told."""
        self._stopping.set()
        await asyncio.gather(*self._tasks)
        self._client.close()
        return self.told

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            await asyncio.sleep(_PAUSE)
            who = self._people.somebody()
            request = self._people.book(who)
            until = loop.time() + _GIVES_UP
            while loop.time() < until:
                if await self._once(request):
                    break
                await asyncio.sleep(_AGAIN)
            else:
                self.told.open += 1

    async def _once(self, request: bytes) -> bool:
        """One try with the same key; whether she knows now."""
        try:
            answer = await self._client.ask(request)
        except LostError:
            self.told.said["no answer"] += 1
            return False
        body = orjson.loads(answer.body)
        if answer.status == 201:
            self.told.promised.append((asyncio.get_running_loop().time(), body["code"]))
            self.told.said["promised"] += 1
            return True
        self.told.said[f"{answer.status} {body.get('code')}"] += 1
        return answer.status < 500


def people(seed: int, mark: str, first_day: date) -> People:
    """Somebody new in every run: telephones and keys are never used twice."""
    made = People(random.Random(seed), first_day, mark)
    made.number = seed * 50_000
    return made
