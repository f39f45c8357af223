"""The carrier's memory: append-only, thread-safe, and on disk too where a test wants to judge after a crash."""

import json
import re
import threading
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True)
class AcceptedMessage:
    """A message the carrier took: from this moment on it counts as sent."""

    at: datetime
    sid: str
    to: str
    body: str
    sender: str
    callback_url: str | None
    valid_seconds: int | None

    @property
    def message_id(self) -> str | None:
        """Our own id, out of the address for receipts."""
        found = _UUID.findall(self.callback_url or "")
        return found[-1] if found else None


@dataclass(frozen=True)
class Call:
    """A POST, whatever became of it; status None where no answer was given."""

    at: datetime
    to: str | None
    plan: str
    status: int | None
    sid: str | None


class CarrierLog:
    """What happened, in order."""

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._path = path
        self._accepted: list[AcceptedMessage] = []
        self._calls: list[Call] = []

    def accept(self, message: AcceptedMessage) -> None:
        """A message was taken."""
        with self._lock:
            self._accepted.append(message)
            self._write("accepted", message)

    def call(self, call: Call) -> None:
        """A POST was answered or dropped."""
        with self._lock:
            self._calls.append(call)
            self._write("call", call)

    def _write(self, event: str, entry: AcceptedMessage | Call) -> None:
        if self._path is not None:
            with self._path.open("a") as file:
                file.write(json.dumps({"event": event, **asdict(entry)}, default=str) + "\n")

    @property
    def accepted(self) -> list[AcceptedMessage]:
        """Everything taken so far, in order."""
        with self._lock:
            return list(self._accepted)

    @property
    def calls(self) -> list[Call]:
        """Every POST answered or dropped so far, in order."""
        with self._lock:
            return list(self._calls)

    def times_accepted(self) -> dict[str | None, int]:
        """Our message id → how often it was taken: above 1 somebody got a text twice."""
        times: dict[str | None, int] = {}
        for message in self.accepted:
            times[message.message_id] = times.get(message.message_id, 0) + 1
        return times
