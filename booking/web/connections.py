"""What one connection may cost before a request stands: bytes of its head, and time.

Neither uvicorn nor its parser sets a bound: a head of any length is taken into memory, and a client that says nothing
keeps its connection. nginx bounds both; where none stands before the process, in a pod or a container, this does.
"""

import logging
from asyncio import BaseTransport, TimerHandle
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LARGEST_HEAD: Final = 32 * 1024
"""Bytes of a request's line and headers together, as in deploy/nginx; of what follows its body likewise."""

PATIENCE: Final = 15.0
"""Seconds for a whole head, and for each `PACE` of a body."""

PACE: Final = 32 * 1024
"""Bytes of a body that come within `PATIENCE`, or all that is left of it."""

MOST_WAITING: Final = 16
"""Requests that stand behind the one that is answered; browsers send none so, nginx neither."""

_SAID: Final = {
    "400 Bad Request": "Không đọc được yêu cầu. Hãy mở lại từ trang đầu.\nThe request cannot be read.\n",
    "431 Request Header Fields Too Large": (
        "Trình duyệt gửi kèm quá nhiều dữ liệu. Hãy xóa cookie của trang này rồi mở lại.\n"
        "The request's address and headers are too long.\n"
    ),
}

log = logging.getLogger(__name__)


class BoundedConnection(HttpToolsProtocol):
    """uvicorn's protocol with bounds.

    Bytes are counted since the last thing that was whole: a head, or a piece of a body. So not only heads are bounded
    but whatever else a parser keeps or passes over: trailers, the lengths of chunks, empty lines before a request.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As uvicorn makes it, one for each connection."""
        super().__init__(*args, **kwargs)
        self._unread = 0
        self._brought = 0
        self._owing = True
        """Whether the client has begun something, or has said nothing yet."""
        self._patience: TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        """Somebody is there; a head is due."""
        super().connection_made(cast("Any", transport))
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some bytes came."""
        self._unread += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._unread > LARGEST_HEAD:
            self._refuse("431 Request Header Fields Too Large")
        elif self._patience is None and (self._owing or self.cycle.response_complete):
            self._wait()

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._owing = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A head is whole.

        Raises:
            ValueError: it is too large, or too many wait; the parser stops, and `send_400_response` answers.
        """
        # What came at once with its body was counted with it.
        if self._unread > LARGEST_HEAD and self._head() > LARGEST_HEAD:
            raise ValueError
        if len(self.pipeline) >= MOST_WAITING:
            self._unread = 0
            raise ValueError
        self._unread = 0
        self._stop_waiting()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of a body."""
        self._unread = 0
        self._brought += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Nothing is owed."""
        self._unread, self._owing = 0, False
        self._stop_waiting()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  ours is said in the reader's language
        """The parser stopped."""
        too_large = self._unread > LARGEST_HEAD
        self._refuse("431 Request Header Fields Too Large" if too_large else "400 Bad Request")

    def _head(self) -> int:
        """Bytes of the head that is whole now, about."""
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _refuse(self, status: str) -> None:
        body = _SAID[status].encode()
        head = (
            f"HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {len(body)}\r\n"
            "cache-control: no-store\r\nconnection: close\r\n\r\n"
        )
        log.warning("a connection was refused", extra={"facts": {"status": int(status[:3])}})
        self._stop_waiting()
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _wait(self) -> None:
        self._brought = 0
        self._patience = self.loop.call_later(PATIENCE, self._look)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _look(self) -> None:
        """The time is over. A body that keeps its pace goes on, and one that we ourselves do not read now."""
        self._patience = None
        if self.transport.is_closing():
            return
        if self._brought >= PACE or self.flow.read_paused:
            self._wait()
        else:
            self.transport.close()
