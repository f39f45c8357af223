"""Traces by OpenTelemetry, where an endpoint is set: how long each request took, and each statement within it.

A span carries what a log line would: the method, the pattern of the route, the status; of a statement its first word
and its first table. Never a path, a query, a header, a value, an error's text or an address. What a caller says of a
trace it belongs to is not believed. The packages are the extra `otel`, imported only where they are asked for.
"""

import re
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import event
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from booking import clock
from booking.db import Database

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Tracer

UNKNOWN: Final = "(no route)"
_WORD = re.compile(r"[A-Z]+")
_TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE)\s+([a-z_]+)", re.IGNORECASE)


def tracer_to(endpoint: str, *, processor: "SpanProcessor | None" = None) -> "Tracer":
    """A tracer that sends to a collector by OTLP over HTTP.

    Args:
        endpoint: such as http://127.0.0.1:4318/v1/traces.
        processor: instead of sending them in batches.
    """
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource({"service.name": "henkham-web"}))
    provider.add_span_processor(processor or BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    return provider.get_tracer("booking")


class Traced:
    """Pure ASGI round everything: one span a request, named when its route is known."""

    def __init__(self, app: ASGIApp, *, tracer: "Tracer") -> None:
        self.app, self.tracer = app, tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        from opentelemetry.context import Context
        from opentelemetry.trace import SpanKind

        method = scope["method"] if scope["method"] in {"GET", "HEAD", "POST", "OPTIONS"} else "OTHER"
        with self.tracer.start_as_current_span(
            method, context=Context(), kind=SpanKind.SERVER, record_exception=False, set_status_on_exception=False
        ) as span:

            async def told(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                await send(message)

            try:
                await self.app(scope, receive, told)
            finally:
                route = getattr(scope.get("route"), "path", UNKNOWN)
                span.update_name(f"{method} {route}")
                span.set_attributes({"http.request.method": method, "http.route": route})


def trace_statements(database: Database, tracer: "Tracer") -> None:
    """One span a statement of the database, within the request's; the hot ones too."""
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
