"""What the JSON door takes: JSON."""

from fastapi import Request
from starlette.exceptions import HTTPException


async def takes_json(request: Request) -> None:
    """Refuse a body that is not called JSON: nothing is guessed about what somebody meant.

    Raises:
        HTTPException: 415.
    """
    if request.method not in ("POST", "PUT", "PATCH") or not await request.body():
        return
    named = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if named != "application/json" and not (named.startswith("application/") and named.endswith("+json")):
        raise HTTPException(415)
