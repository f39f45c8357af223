"""How operations of the JSON door on holds and appointments begin: in JSON, with a token or without.

Bodies and headers are read here and not declared to FastAPI: each declared header costs a booking a twentieth of its
time, and a body parsed as JSON first and validated afterwards as much again. What the reader must know of them goes
into the document by `openapi_extra`.
"""

import re
from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from booking.appointments.errors import KeyMissing
from booking.inputs import Command
from booking.trail.keys import KEY_PATTERN
from booking.web.dependencies import Asked, asked
from booking.web.origin import check_no_other_site

C = TypeVar("C", bound=Command)

_BEARER = re.compile(r"[Bb]earer +([A-Za-z0-9_-]{20,64})")

KEY = "Idempotency-Key"

_KEY_PARAMETER = {
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


def takes(kind: type[Command], *, required: bool = True) -> dict[str, Any]:
    """For `openapi_extra`: the operation takes this body."""
    body = {"application/json": {"schema": {"$ref": f"#/components/schemas/{kind.__name__}"}}}
    return {"requestBody": {"required": required, "content": body}}


def creates(kind: type[Command], *parameters: dict[str, Any]) -> dict[str, Any]:
    """For `openapi_extra`: the operation is a create with this body, a key, and perhaps other headers."""
    return takes(kind) | {"parameters": [_KEY_PARAMETER, *parameters]}


TICKET: dict[str, Any] = {"security": [{"ticket": []}]}
"""For `openapi_extra`: the operation wants the token of an appointment."""

TICKET_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "description": "The `token` that came with the hold or the appointment: it opens and changes that one only.",
}


async def asked_in_json(request: Request, kind: type[C], *, default: C | None = None) -> tuple[Asked, C]:
    """The request's context, and the command in its body; `default` where there may be no body.

    A body that is not called JSON is refused: nothing is guessed about what somebody meant.

    Raises:
        ForeignForm: a browser sends it for another site.
        RequestValidationError: the body is no such command.
        HTTPException: 415.
    """
    check_no_other_site(request)
    return await _in_json(request, kind, default)


async def _in_json(request: Request, kind: type[C], default: C | None = None) -> tuple[Asked, C]:
    body = await request.body()
    named = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if body and named != "application/json" and not re.fullmatch(r"application/[\w.-]+\+json", named):
        raise HTTPException(415)
    context = await asked(request)
    if default is not None and not body:
        return context, default
    try:
        return context, kind.model_validate_json(body)
    except ValidationError as problem:
        errors = [{**error, "loc": ("body", *error["loc"])} for error in problem.errors(include_url=False)]
        raise RequestValidationError(errors) from None


async def asked_with_key(request: Request, kind: type[C]) -> tuple[Asked, C]:
    """Likewise for a create, which carries an Idempotency-Key.

    Raises:
        ForeignForm: a browser sends it for another site.
        KeyMissing: the key is missing or has the wrong form.
        RequestValidationError: the body is no such command.
        HTTPException: 415.
    """
    check_no_other_site(request)
    await request.body()  # one that is too large is told so first
    if not KEY_PATTERN.fullmatch(request.headers.get(KEY, "")):
        raise KeyMissing
    return await _in_json(request, kind)


def key_of(asked: Asked) -> str:
    """The idempotency key of a create."""
    return asked.request.headers[KEY]


def token_of(asked: Asked) -> str | None:
    """The token sent in Authorization; None without one that could be ours."""
    found = _BEARER.fullmatch(asked.request.headers.get("authorization", ""))
    return found[1] if found else None
