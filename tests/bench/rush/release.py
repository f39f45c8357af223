"""Next week's times are released, and the whole town wants them in the same minute.

Somebody reads the times once, tries to book one that is free, and where it has just gone reads again and tries another,
three times at most. Then she knows: she has a place, or nothing is left. Who is turned away comes back when told.
"""

import asyncio
from collections.abc import Iterator
from datetime import date
from typing import Any

import orjson

from tests.bench.rush.client import Answer, Client, LostError
from tests.bench.rush.open_loop import Run, Visit
from tests.bench.rush.world import RUSH, People

RELOADS = 3
GIVES_UP = 30.0
"""Seconds after which somebody has no definite answer, and that is what is counted."""


class Release:
    """So many people in a minute, most of them in its beginning."""

    def __init__(self, client: Client, people: People, run: Run, days: tuple[date, date]) -> None:
        self._client, self._people, self._run, self._days = client, people, run, days
        self.promised: list[str] = []

    def arrivals(self, number: int, seconds: float) -> Iterator[tuple[float, Visit]]:
        """Twice the mean rate in the first moment, none in the last."""
        moments = sorted(self._people.dice.triangular(0, seconds, 0) for _ in range(number))
        for at in moments:
            yield at, self._person

    async def _person(self, intended: float) -> None:
        loop = asyncio.get_running_loop()
        who = self._people.somebody()
        for attempt in range(RELOADS + 1):
            free = await self._read(who, intended)
            if free is None:
                return
            if not free:
                self._run.note("told", loop.time() - intended, "nothing is left")
                return
            chosen = self._people.dice.choice(free)
            answer = await self._patiently(self._people.book(who, chosen, RUSH, attempt), "book", intended)
            if answer is None:
                return
            if answer.status == 201:
                self.promised.append(orjson.loads(answer.body)["code"])
                self._run.note("told", loop.time() - intended, "has a place")
                return
            if answer.status != 409:
                self._run.note("told", loop.time() - intended, f"status {answer.status}")
                return
        self._run.note("told", loop.time() - intended, "gave up after three reloads")

    async def _read(self, who: int, intended: float) -> list[int] | None:
        answer = await self._patiently(self._people.read_rush(who, *self._days), "slots", intended)
        if answer is None:
            return None
        items: list[dict[str, Any]] = orjson.loads(answer.body)["items"]
        return [one["id"] for one in items if one["free"]]

    async def _patiently(self, request: bytes, what: str, intended: float) -> Answer | None:
        """The same request again while she is told to come back; with its key it is the same try."""
        loop = asyncio.get_running_loop()
        while loop.time() - intended < GIVES_UP:
            asked = loop.time()
            try:
                answer = await self._client.ask(request)
            except LostError:
                self._run.said[f"{what} lost"] += 1
                continue
            if answer.status == 503:
                self._run.note("turned away", loop.time() - asked, "503")
                await asyncio.sleep(answer.retry_after * self._people.dice.uniform(0.8, 1.2))
                continue
            self._run.note(what, loop.time() - asked, str(answer.status))
            return answer
        self._run.note("told", loop.time() - intended, "no definite answer")
        return None
