"""A thread with an event loop of its own, in which everything that talks to hospitals' servers happens.

So a server that makes us wait, calculate or look up names delays nobody but itself: the scheduler's own loop, in which
codes are sent, only hears that a look is over.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, ParamSpec, TypeVar

_ENDING: Final = 2.0
"""Seconds in which what is broken off must end."""

Given = ParamSpec("Given")
Got = TypeVar("Got")

_THREADS: Final = 32
"""For names that are looked up and files that are written: each may hang, and then it is one of many."""


class Apart:
    """The thread. It lives as long as the process."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="fetching")
        self._loop.set_default_executor(self._threads)
        self._thread = threading.Thread(target=self._live, name="fetching", daemon=True)
        self._thread.start()

    def _live(self) -> None:
        self._loop.run_forever()
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        if left:
            self._loop.run_until_complete(asyncio.wait(left, timeout=_ENDING))
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._loop.close()

    async def run(self, work: Coroutine[Any, Any, Got]) -> Got:
        """Have it done there; cancelling here cancels there."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def close(self) -> None:
        """Break off what still runs there, and end the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join, 2 * _ENDING)


def back_home(work: Callable[Given, Coroutine[Any, Any, Got]]) -> Callable[Given, Awaitable[Got]]:
    """From there, have something done in the loop that runs now."""
    home = asyncio.get_running_loop()

    async def called(*args: Given.args, **named: Given.kwargs) -> Got:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work(*args, **named), home))

    return called
