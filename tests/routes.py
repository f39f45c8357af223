"""Every route of the app, those of included routers too: for tests that must forget none."""

from collections.abc import Iterator

from fastapi import FastAPI


def routes(app: FastAPI) -> list[tuple[str, set[str]]]:
    """Path and methods of each."""
    return list(_walk(list(app.routes)))


def _walk(found: list[object]) -> Iterator[tuple[str, set[str]]]:
    for route in found:
        if hasattr(route, "methods"):
            yield str(getattr(route, "path", "")), set(route.methods or ())
        inner = getattr(route, "original_router", None) or getattr(route, "app", None)
        if inner is not None and hasattr(inner, "routes"):
            yield from _walk(list(inner.routes))
