"""How operations of the JSON door on holds and appointments begin: in JSON, with a token or without.

One dependency instead of three, and headers read here rather than declared one by one: each declared one costs a
booking a twentieth of its time. What the reader must know of them goes into the document by `openapi_extra`.
"""

import re
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.exceptions import HTTPException

from booking.appointments.errors import KeyMissing
from booking.trail.keys import KEY_PATTERN
from booking.web.dependencies import Asked, asked

_BEARER = re.compile(r"[Bb]earer +([A-Za-z0-9_-]{20,64})")

KEY = "Idempotency-Key"

WITH_KEY: dict[str, Any] = {
    "parameters": [
        {
            "name": KEY,
            "in": "header",
            "required": True,
            "schema": {
                "type": "string",
                "pattern": f"^{KEY_PATTERN.pattern}$",
                "examples": ["0b6f1c1e-6f0e-4f0e-9d0f-6b7c8d9e0f10"],
            },
            "description": "8 to 128 visible signs, new for each booking, the same for each repeat of it",
        }
    ]
}
"""For `openapi_extra`: the operation is a create."""

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


async def _asked_with_key(request: Request) -> Asked:
    """Likewise, for a create: it carries an Idempotency-Key.

    Raises:
        KeyMissing: it is missing or has the wrong form.
        HTTPException: 415.
    """
    if not KEY_PATTERN.fullmatch(request.headers.get(KEY, "")):
        raise KeyMissing
    return await _asked_in_json(request)


AskInJson = Annotated[Asked, Depends(_asked_in_json)]
AskWithKey = Annotated[Asked, Depends(_asked_with_key)]


def key_of(asked: Asked) -> str:
    """The idempotency key of a create."""
    return asked.request.headers[KEY]


def token_of(asked: Asked) -> str | None:
    """The token sent in Authorization; None without one that could be ours."""
    found = _BEARER.fullmatch(asked.request.headers.get("authorization", ""))
    return found[1] if found else None
