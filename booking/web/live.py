"""Live pages: one relay a process reads the events, everybody who listens hears those of her topic.

The relay asks the database several times a second while somebody listens, and not at all otherwise. Who listens has a
short memory of her own: a reader too slow for it is sent away, to come back with the position she has reached. What she
missed is then read from the table, so that nothing is left out and nothing comes twice.
"""

import asyncio
import logging
import signal
import threading
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from types import FrameType
from typing import Any, Final

from booking.db import Database
from booking.errors import Busy
from booking.trail.live import BATCH, Event, Position, events_after, horizon, missed
from booking.web.limits import network

log = logging.getLogger(__name__)

EVERY: Final = 0.3
"""Seconds between two looks at the table."""

REST: Final = 2.0
"""Seconds after a look that failed."""

MEMORY: Final = 256
"""Events a listener may be behind."""


class StreamsFull(Busy):
    """So many pages listen already, in this process or from this network, that one more must ask now and then."""

    code = "streams_full"


class Listener:
    """Who hears the events of one topic, in order, each once."""

    def __init__(self, topic: str, heard: Position, *, memory: int = MEMORY) -> None:
        self.topic = topic
        self.heard = heard
        self.over = False
        self._memory = memory
        self._waiting: deque[Event] = deque()
        self._woken = asyncio.Event()

    def hear(self, event: Event) -> None:
        """Take an event, unless it is another topic's or was heard already."""
        if self.over or not event.on(self.topic) or event.position <= self.heard:
            return
        if len(self._waiting) >= self._memory:
            self.end()
            return
        self.heard = event.position
        self._waiting.append(event)
        self._woken.set()

    def recall(self, events: Sequence[Event]) -> None:
        """Put what came before she joined in front of what she heard since; too much sends her away after its start."""
        waiting = [*events, *self._waiting]
        if len(waiting) > self._memory:
            waiting = waiting[: self._memory]
            self.heard = waiting[-1].position
            self.end()
        self._waiting = deque(waiting)
        self._woken.set()

    def end(self) -> None:
        """Send the listener away once she has heard what waits for her."""
        self.over = True
        self._woken.set()

    async def next(self, seconds: float) -> list[Event] | None:
        """What came since the last call, waiting for it so long; [] when nothing came, None when all is over."""
        if not self._waiting and not self.over:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._woken.wait()
        self._woken.clear()
        found = list(self._waiting)
        self._waiting.clear()
        return None if self.over and not found else found


class Relay:
    """The one reader of a process."""

    def __init__(self, db: Database, *, most: int, most_per_address: int, every: float = EVERY) -> None:
        self._db = db
        self._most, self._most_per_address = most, most_per_address
        self._every = every
        self._listeners: set[Listener] = set()
        self._addresses: Counter[str] = Counter()
        self._starting = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._read = Position(0, 0)
        self._closed = False

    @asynccontextmanager
    async def listen(self, topic: str, address: str, *, since: Position | None = None) -> AsyncIterator[Listener]:
        """Hear a topic's events until the block ends: from `since`, or from now.

        "Now" is where the relay has come to, which may be a look behind: whoever reads the tables after this begins
        misses nothing, and may be told of the last moment again.

        Raises:
            StreamsFull: as many listen as may.
        """
        counted = network(address)
        if self._closed or len(self._listeners) >= self._most or self._addresses[counted] >= self._most_per_address:
            raise StreamsFull(retry_after=30)
        listener = Listener(topic, Position(0, 0))
        self._listeners.add(listener)  # before anything is awaited, so that the limits hold
        self._addresses[counted] += 1
        try:
            await self._catch_up(listener, since)
            yield listener
        finally:
            self._listeners.discard(listener)
            self._addresses[counted] -= 1
            if not self._addresses[counted]:
                del self._addresses[counted]

    async def _catch_up(self, listener: Listener, since: Position | None) -> None:
        listener.heard = Position(2**63 - 1, 2**63 - 1)  # deaf until we know from where on
        if self._resting():
            async with self._starting:
                if self._resting():  # nobody else started it while we waited
                    async with self._db.hot() as hot:
                        self._read = await horizon(hot)
                    self._task = asyncio.create_task(self._run())
        # Whoever listens has heard all up to `_read` whenever we are not in the middle of `_look`, as here: she hears
        # from there on, and what came before is put in front. So nobody waits while we read it.
        joined = self._read
        listener.heard = joined if since is None else max(since, joined)
        if since is not None and since < joined:
            async with self._db.hot() as hot:
                listener.recall(await missed(hot, listener.topic, since, joined, most=MEMORY + 1))

    def _resting(self) -> bool:
        return self._task is None or self._task.done()

    async def _run(self) -> None:
        while self._listeners and not self._closed:
            try:
                await self._look()
            except Exception:  # whatever it is, who listens keeps her page, and the page says how old it is
                log.exception("live events cannot be read", extra={"facts": {"code": "live"}})
                await asyncio.sleep(REST)
            await asyncio.sleep(self._every)

    async def _look(self) -> None:
        more = True
        while more:
            async with self._starting, self._db.hot() as hot:
                found = await events_after(hot, self._read)
                for event in found:
                    for listener in self._listeners:
                        listener.hear(event)
                    self._read = event.position
            more = len(found) == BATCH

    def end(self) -> None:
        """Send everybody away; nobody may listen any more."""
        self._closed = True
        for listener in self._listeners:
            listener.end()

    async def close(self) -> None:
        """End, and wait for the reader."""
        self.end()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @property
    def listening(self) -> int:
        """How many listen."""
        return len(self._listeners)


@contextmanager
def ending_on_signals(relay: Relay) -> Iterator[None]:
    """End the streams as soon as the process is told to stop: a server waits for open answers, and theirs never end.

    Signals reach the main thread only; where the server runs in another (in tests), whoever stops it closes the pages.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before: dict[signal.Signals, Any] = {}

    def handler(then: Any) -> Callable[[int, FrameType | None], None]:
        def told(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(relay.end)
            if callable(then):
                then(number, frame)

        return told

    for number in (signal.SIGTERM, signal.SIGINT):
        then = signal.getsignal(number)
        if callable(then) and then is not signal.default_int_handler:  # a server's own; nobody else's is touched
            before[number] = then
            signal.signal(number, handler(then))
    try:
        yield
    finally:
        for number, then in before.items():
            signal.signal(number, then)
