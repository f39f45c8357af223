"""JSON logs: one line an event, the request id on each, no personal data.

Call sites pass facts in `extra={"facts": {...}}`; only names on the list below come through, so that a phone number
put there by mistake is dropped, not printed. Messages are constant texts.
"""

import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime

import orjson

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Set once per request or job run."""

_ALLOWED = frozenset({
    "method", "route", "status", "ms", "job", "feed", "file", "count", "code", "state", "message_id", "attempt",
    "error_code", "reason", "provider", "port", "pid", "facility", "due", "sent", "applied", "closed", "opened",
    "conflicts", "refused", "invariant", "rows", "version", "seconds", "kind", "language",
})  # fmt: skip


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON; of an exception its type and where, never its text (drivers quote values)."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "text": _text(record),
        }
        if (current := request_id.get()) is not None:
            line["request_id"] = current
        facts = getattr(record, "facts", None)
        if isinstance(facts, dict):
            line |= {name: value for name, value in facts.items() if name in _ALLOWED}
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["where"] = _where(record)
        return orjson.dumps(line, default=str).decode()


_LOOP = "asyncio"
_LOOP_SAYS = frozenset({
    "Task exception was never retrieved", "Future exception was never retrieved",
    "Task was destroyed but it is pending!", "Unhandled exception in event loop",
})  # fmt: skip


def _text(record: logging.LogRecord) -> str:
    """The message; of the event loop's own the first line, if it is constant: it prints what a task was working on."""
    if record.name != _LOOP:
        return record.getMessage()
    first = record.getMessage().partition("\n")[0]
    return first if first in _LOOP_SAYS else "the event loop has something to say"


def _where(record: logging.LogRecord) -> list[str]:
    trace = record.exc_info[2] if record.exc_info else None
    steps = []
    while trace is not None:
        code = trace.tb_frame.f_code
        steps.append(f"{code.co_filename.rsplit('/', 2)[-1]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return steps[-8:]


_QUIET = {"uvicorn.access": "CRITICAL", "apscheduler": "WARNING", "urllib3": "ERROR", "asyncssh": "CRITICAL"}


def configure(level: str = "INFO") -> None:
    """Send everything through one JSON handler on stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Access lines are ours (with the route instead of the path: a path may hold a token); chatty libraries are muted,
    # and so are warnings of urllib3: they print addresses with the query, in which the provider wants a number;
    # what goes wrong on a line to a hospital's server is told in words of ours, without who signs in there.
    for name, quiet in _QUIET.items():
        logging.getLogger(name).setLevel(quiet)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers[:] = []
        logging.getLogger(name).propagate = True
