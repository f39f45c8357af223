"""The web server's process."""

import uvicorn
from fastapi import FastAPI

from booking import logs
from booking.main import create_app
from booking.settings import Settings, load

HEADERS_WITHIN = 15
"""Seconds an idle connection is kept."""


def application() -> FastAPI:
    """The app of a worker, from its environment. The inbox is never mounted here."""
    settings = load()
    logs.configure(settings.log_level)
    return create_app(settings)


def run(
    settings: Settings, *, host: str, port: int, workers: int, factory: str = "booking.cli.serving:application"
) -> None:
    """Serve until stopped."""
    logs.configure(settings.log_level)
    uvicorn.run(
        factory,
        factory=True,
        host=host,
        port=port,
        workers=workers,
        access_log=False,  # ours names the route, not the path: a path may hold a token
        log_config=None,
        server_header=False,
        date_header=True,
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_keep_alive=HEADERS_WITHIN,
        timeout_graceful_shutdown=20,
    )
