"""The job that applies closings, standing still half way: `python -m tests.paused_closing 5 [undo] [in_pieces]`.

It says "paused" in the middle of the fifth visit, where her new place is taken and the text is to be written: a place
to kill it at. With `in_pieces` each step before that was committed by itself, as no transaction of ours is. The pause
is made here, from outside; the product knows nothing of it.
"""

import asyncio
import sys
from typing import Any

from booking import sealed
from booking.db import Database
from booking.messages import service
from booking.settings import load
from scheduler.jobs import apply_closures

_write = service.write
_count = 0


def _until(number: int, *, in_pieces: bool) -> Any:
    async def write(session: Any, *given: Any, **more: Any) -> int:
        global _count  # noqa: PLW0603  a process of its own
        _count += 1
        if _count == number:
            if in_pieces:
                await session.commit()
            sys.stdout.write("paused\n")
            sys.stdout.flush()
            await asyncio.Event().wait()
        return await _write(session, *given, **more)

    return write


if __name__ == "__main__":
    settings = load()
    sealed.install(settings.keyring())
    pause = _until(int(sys.argv[1]), in_pieces="in_pieces" in sys.argv)
    setattr(service, "write", pause)  # noqa: B010  the product's function, replaced for this process
    asyncio.run(apply_closures.run(Database(settings.database_url, pool=2)))
