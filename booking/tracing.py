"""Traces by OpenTelemetry, where an endpoint is set: how long each piece of work took, and each statement within it.

A span carries what a log line would: a name that is written in the code, a pattern, a status, an outcome; of a
statement its first word and its first table. Never a path, a query, a header, a value, an error's text or an address.
The packages are the extra `otel`, imported only where they are asked for.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import event

from booking import clock
from booking.db import Database

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Tracer as Tracer  # noqa: PLC0414  for whoever hands one on

Told = Callable[..., None]
"""Adds facts to a span: numbers and constant words, as a log line's."""

_WORD: Final = re.compile(r"[A-Z]+")
_TABLE: Final = re.compile(r"\b(?:FROM|INTO|UPDATE)\s+([a-z_]+)", re.IGNORECASE)

_traced_by: ContextVar["Tracer | None"] = ContextVar("traced_by", default=None)
"""Who traces the work that is being done; tasks that it starts inherit it."""


def tracer_to(endpoint: str, *, of: str, processor: "SpanProcessor | None" = None) -> "Tracer":
    """A tracer that sends to a collector by OTLP over HTTP.

    Args:
        endpoint: such as http://127.0.0.1:4318/v1/traces.
        of: the process, as the collector shows it.
        processor: instead of sending them in batches.
    """
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource({"service.name": of}))
    provider.add_span_processor(processor or BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    return provider.get_tracer("booking")


@contextmanager
def traced(tracer: "Tracer | None", name: str, **facts: str | int) -> Iterator[None]:
    """A piece of work that nobody outside asked for, such as a job: a trace of its own. None: nothing is made."""
    if tracer is None:
        yield
        return
    from opentelemetry.context import Context

    whose = _traced_by.set(tracer)
    try:
        with _span(tracer, name, facts, context=Context()):
            yield
    finally:
        _traced_by.reset(whose)


@contextmanager
def within(name: str, **facts: str | int) -> Iterator[Told]:
    """A part of such work, also where a task does it that was started there; nothing where it is not traced."""
    tracer = _traced_by.get()
    if tracer is None:
        yield _untold
        return
    with _span(tracer, name, facts) as told:
        yield told


def _untold(**_: str | int | None) -> None:
    """Nobody listens."""


@contextmanager
def _span(tracer: "Tracer", name: str, facts: dict[str, str | int], **more: Any) -> Iterator[Told]:
    from opentelemetry.trace import Status, StatusCode

    attributes = {f"henkham.{each}": value for each, value in facts.items()}
    with tracer.start_as_current_span(
        name, attributes=attributes, record_exception=False, set_status_on_exception=False, **more
    ) as span:

        def told(**also: str | int | None) -> None:
            span.set_attributes({f"henkham.{each}": value for each, value in also.items() if value is not None})

        try:
            yield told
        except Exception as problem:
            span.set_attribute("error.type", type(problem).__name__)
            span.set_status(Status(StatusCode.ERROR))
            raise


def trace_statements(database: Database, tracer: "Tracer") -> None:
    """One span a statement of the database, within the request's or the job's; the hot ones too."""
    engine = database.engine.sync_engine

    def before(_connection: Any, _cursor: Any, _sql: str, _values: Any, context: Any, _many: bool) -> None:  # noqa: FBT001
        if context is not None:
            context.began_at = clock.nanoseconds()

    def after(_connection: Any, _cursor: Any, sql: str, _values: Any, context: Any, _many: bool) -> None:  # noqa: FBT001
        began = getattr(context, "began_at", None)
        if began is not None:
            _statement(tracer, sql, began)

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)

    def asked(query: Any) -> None:
        _statement(tracer, query.query, clock.nanoseconds() - int(query.elapsed * 1e9))

    async def watched(connection: Any) -> None:
        connection.add_query_logger(asked)

    database.hot_opened = watched


def _statement(tracer: "Tracer", sql: str, began: int) -> None:
    from opentelemetry.trace import SpanKind

    word, table = _WORD.search(sql.upper()), _TABLE.search(sql)
    name = " ".join(filter(None, (word and word[0], table and table[1].lower())))
    tracer.start_span(
        name or "statement", kind=SpanKind.CLIENT, start_time=began, attributes={"db.system.name": "postgresql"}
    ).end()
