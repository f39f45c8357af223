"""JSON answers that are bytes already, and their ETags."""

import hashlib
from typing import Any

import orjson
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

JSON = "application/json"


def etag_of(body: bytes) -> str:
    """A strong ETag of the bytes."""
    return '"' + hashlib.blake2b(body, digest_size=12).hexdigest() + '"'


def fresh(request: Request, body: bytes, *, personal: bool = False) -> Response:
    """The body with its ETag, or 304 when the reader has it already.

    Args:
        request: asked for If-None-Match.
        body: JSON.
        personal: never to be kept by anything between us and the reader.
    """
    headers = {"ETag": etag_of(body), "Cache-Control": "no-store" if personal else "no-cache"}
    known = request.headers.get("if-none-match", "") if request.method == "GET" else ""
    if known == "*" or headers["ETag"] in (tag.strip().removeprefix("W/") for tag in known.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=JSON)


def items(found: list[Any]) -> bytes:
    """`{"items": [...]}` of views."""
    return orjson.dumps({"items": [view.model_dump(mode="json") for view in found]})


def one(view: BaseModel) -> bytes:
    """One view."""
    return orjson.dumps(view.model_dump(mode="json"))
