"""How operations of the JSON door on holds and appointments begin: in JSON, with a token or without.

One dependency instead of three: each costs a booking a twentieth of its time.
"""

import re
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.exceptions import HTTPException

from booking.web.dependencies import Asked, asked

_BEARER = re.compile(r"[Bb]earer +([A-Za-z0-9_-]{20,64})")

TICKET: dict[str, Any] = {"security": [{"ticket": []}]}
"""For `openapi_extra`: the operation wants the token of an appointment."""

TICKET_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "description": "The `token` that came with the hold or the appointment: it opens and changes that one only.",
}


async def _asked_in_json(request: Request) -> Asked:
    """The request's context. A body that is not called JSON is refused: nothing is guessed about what somebody meant.

    Raises:
        HTTPException: 415.
    """
    if request.method == "POST":
        headers = request.headers
        has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        named = headers.get("content-type", "").split(";")[0].strip().lower()
        if has_body and named != "application/json" and not re.fullmatch(r"application/[\w.-]+\+json", named):
            raise HTTPException(415)
    return await asked(request)


AskInJson = Annotated[Asked, Depends(_asked_in_json)]


def token_of(asked: Asked) -> str | None:
    """The token sent in Authorization; None without one that could be ours."""
    found = _BEARER.fullmatch(asked.request.headers.get("authorization", ""))
    return found[1] if found else None
