"""One span a request, by `booking.tracing`. What a caller says of a trace it belongs to is not believed."""

from typing import TYPE_CHECKING, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

UNKNOWN: Final = "(no route)"


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
