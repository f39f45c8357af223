"""The web server's process."""

import logging
import socket
from typing import Any

import uvicorn
from fastapi import FastAPI

from booking import keyed, logs
from booking.access import known
from booking.cli.terminal import told_to_start
from booking.main import create_app
from booking.settings import Settings, load

log = logging.getLogger(__name__)

_HOW: dict[str, Any] = {
    "factory": True,
    "access_log": False,  # ours names the route, not the path: a path may hold a token
    "log_config": None,
    "server_header": False,
    "proxy_headers": True,
    "timeout_keep_alive": 15,
    "timeout_graceful_shutdown": 20,
    "http": "booking.web.connections:BoundedConnection",
    "ws": "none",  # no route of ours is one
}


def application() -> FastAPI:
    """The app of a worker, from its environment. The inbox is never mounted here."""
    settings = load()
    logs.configure(settings.log_level)
    return create_app(settings)


def run(settings: Settings, *, host: str, port: int, workers: int) -> None:
    """Serve until stopped; where the file of breached passwords cannot be searched, say so and end instead."""
    with told_to_start():
        known.check_file(settings.breached_passwords)
        keyed.agree_at_start(settings)
    logs.configure(settings.log_level)
    for remark in settings.remarks:
        log.warning(remark)
    uvicorn.run(
        "booking.cli.serving:application",
        host=host,
        port=port,
        workers=workers,
        forwarded_allow_ips=settings.trusted_proxies,
        **_HOW,
    )


def run_on(listening: int, factory: str) -> None:
    """Serve on a socket that was inherited, in this process alone."""
    uvicorn.Server(uvicorn.Config(factory, **_HOW)).run(sockets=[socket.socket(fileno=listening)])
