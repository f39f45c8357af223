"""What the doors share: who asks, problems, headers, limits, pages. No tables."""

from fastapi import FastAPI

from booking.web import health, metrics, problems
from booking.web.crowd import Crowd
from booking.web.security import Shell


def install(app: FastAPI) -> None:
    """What every answer goes through, whichever door gives it."""
    problems.install(app)
    app.add_middleware(Shell, secure=app.state.settings.public_base_url.startswith("https://"))
    app.add_middleware(
        Crowd, most=app.state.settings.requests_at_once, base_url=app.state.settings.public_base_url
    )  # outermost
    if (endpoint := app.state.settings.otlp_endpoint) is not None:
        from booking import tracing
        from booking.web.tracing import Traced

        tracer = tracing.tracer_to(endpoint, of="henkham-web")
        tracing.trace_statements(app.state.db, tracer)
        app.add_middleware(Traced, tracer=tracer)
    app.include_router(health.router)
    app.include_router(metrics.router)
