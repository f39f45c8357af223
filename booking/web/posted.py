"""A page that answers a form has no place in a browser's history: whoever comes back to it would have to send it anew.

Chromium shows ERR_CACHE_MISS there, because what is personal is kept nowhere. So with scripts such a page takes the
place of a page that can be asked for: of the form itself, or of the nearest page above.
"""

from fastapi import Request
from starlette.routing import Match
from starlette.types import Scope

_FAILED = 500


def steps_up(request: Request, status: int) -> int | None:
    """How far above this answer the page is that takes its place, 0 for its own address; None where it needs none.

    A form whose outcome is not known sends itself again: to look at it anew must not lose that, so it stays as it is.
    """
    if request.method != "POST" or status >= _FAILED:
        return None
    parts = request.url.path.rstrip("/").split("/")
    return next(up for up in range(len(parts)) if _is_page(request, "/".join(parts[: len(parts) - up]) or "/"))


def _is_page(request: Request, path: str) -> bool:
    asked: Scope = {**request.scope, "method": "GET", "path": path}
    return path == "/" or any(route.matches(asked)[0] is Match.FULL for route in request.app.router.routes)
