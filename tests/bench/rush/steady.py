"""A busy hour as it is most of the time: many look, some hold, some book, a few drop."""

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import Final

import orjson

from tests.bench.rush.client import Answer, Client, LostError
from tests.bench.rush.open_loop import Run, Visit
from tests.bench.rush.world import People

MIX: Final = (("slots", 80), ("hold", 10), ("book", 8), ("cancel", 2))
"""Of a hundred requests."""


class Mix:
    """Requests of the mix, each of another person; a cancellation drops a visit that was booked before it."""

    def __init__(self, client: Client, people: People, run: Run) -> None:
        self._client, self._people, self._run = client, people, run
        self._booked: deque[tuple[int, str, str]] = deque(maxlen=10_000)
        self._kinds = [kind for kind, share in MIX for _ in range(share)]

    def arrivals(self, rate: float, seconds: float) -> Iterator[tuple[float, Visit]]:
        """Moments of a Poisson process: people do not come in step."""
        at = 0.0
        while (at := at + self._people.dice.expovariate(rate)) < seconds:
            yield at, self._visit

    async def _visit(self, intended: float) -> None:
        kind = self._people.dice.choice(self._kinds)
        who = self._people.somebody()
        if kind == "slots" or (kind == "cancel" and not self._booked):
            await self._ask("slots", self._people.read(who), intended)
        elif kind == "hold":
            await self._ask("hold", self._people.hold(who), intended)
        elif kind == "book":
            answer = await self._ask("book", self._people.book(who), intended)
            if answer is not None and answer.status == 201:
                made = orjson.loads(answer.body)
                self._booked.append((who, made["code"], made["token"]))
        else:
            patient, code, token = self._booked.popleft()
            await self._ask("cancel", self._people.cancel(patient, code, token), intended)

    async def _ask(self, kind: str, request: bytes, intended: float) -> Answer | None:
        loop = asyncio.get_running_loop()
        try:
            answer = await self._client.ask(request)
        except LostError:
            self._run.note(kind, loop.time() - intended, "lost")
            return None
        said = "turned away" if answer.status == 503 and b"retry-after" in answer.headers else str(answer.status)
        if said == "turned away":
            self._run.said[f"{kind} turned away"] += 1
        else:
            self._run.note(kind, loop.time() - intended, said)
        return answer
