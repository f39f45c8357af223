"""Server-Sent Events: an answer that goes on as long as somebody listens."""

from collections.abc import AsyncIterator, Callable
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from booking import ids
from booking.i18n import Language
from booking.trail.live import Position
from booking.web.dependencies import language_of
from booking.web.live import Listener, Relay
from booking.web.pages import environment

BEAT: Final = 15.0
"""Seconds after which something is sent in any case: a line that is dead is noticed, one that is idle is kept open."""

HEARTBEAT: Final = b": beat\n\n"


def opening() -> bytes:
    """The first lines: after how many milliseconds a browser comes back. Not all at once after a restart."""
    return f"retry: {int(ids.jitter(1000, 2500))}\n\n".encode()


def event(data: object, *, position: Position, name: str = "message") -> bytes:
    """One event; `position` comes back as Last-Event-ID."""
    return f"id: {position}\nevent: {name}\ndata: ".encode() + orjson.dumps(data) + b"\n\n"


def fragment(request: Request, template: str, block: str, **context: object) -> str:
    """One block of a template, for a page that is open to put in place of what it shows there."""
    return fragment_in(language_of(request), template, block, **context)


def fragment_in(language: Language, template: str, block: str, **context: object) -> str:
    """Likewise in a language of the page's own choosing."""
    found = environment(language).get_template(template)
    return "".join(found.blocks[block](found.new_context(context)))


class EventStream(StreamingResponse):
    """Listens while it is being sent, and not before: who hangs up early leaves no listener behind."""

    def __init__(
        self,
        relay: Relay,
        topic: str,
        address: str,
        says: Callable[[Listener], AsyncIterator[bytes]],
        *,
        since: Position | None = None,
    ) -> None:
        """The answer.

        Args:
            relay: of the process.
            topic: what is listened to.
            address: of the reader, for the limits.
            says: what is sent, told the listener; it ends when `Listener.next` says None.
            since: the position the reader has reached; None for a new one.
        """
        super().__init__(
            iter(()),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},  # a proxy must not gather it
        )
        self._relay, self._topic, self._address, self._says, self._since = relay, topic, address, says, since

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the reader hangs up or is sent away.

        Raises:
            StreamsFull: before anything was sent.
        """
        async with self._relay.listen(self._topic, self._address, since=self._since) as listener:
            self.body_iterator = self._says(listener)
            await super().__call__(scope, receive, send)
