"""The OpenAPI document: what FastAPI derives from the code, and what a client needs to be told besides."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from booking.api.asking import TICKET_SCHEME
from booking.api.shapes import Problem
from booking.appointments.commands import BookAppointment, CancelAppointment, HoldPlace, RescheduleAppointment

_COMMANDS = (HoldPlace, BookAppointment, CancelAppointment, RescheduleAppointment)
_PROBLEM = "application/problem+json"
_ETAG = {
    "ETag": {
        "description": "Send it as If-None-Match: an unchanged answer is 304 without a body.",
        "schema": {"type": "string"},
    }
}
_HEADERS: dict[str, dict[str, Any]] = {
    "201": {
        "Location": {"description": "Where the appointment is read.", "schema": {"type": "string"}},
        "Idempotent-Replayed": {
            "description": "`true` when this key was answered before: nothing was done twice.",
            "schema": {"type": "string", "enum": ["true"]},
        },
    },
    "429": {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}},
    "503": {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}},
}
_DESCRIPTION = """\
Booking visits at the public health facilities of Vũng Tàu.

Find a facility and one of its services, list the slots, and book one. Whoever holds the `token` of an appointment may
read, move or cancel it; its code alone opens nothing. Every create carries an `Idempotency-Key`: when no answer comes,
send the same request with the same key again. Errors are RFC 9457 problems; `code` is stable, and every code is
described in docs/errors.md. Times are the facility's, with their offset. Texts follow `Accept-Language` (vi, en).
"""


def describe(app: FastAPI) -> None:
    """Make `app.openapi()` say all of it; computed once, when first asked for."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    made = get_openapi(
        title=app.title, version=app.version, summary=app.summary, description=_DESCRIPTION, routes=app.routes
    )
    made["components"]["securitySchemes"] = {"ticket": TICKET_SCHEME}
    schemas = made["components"]["schemas"]
    _, commands = models_json_schema(
        [(kind, "validation") for kind in _COMMANDS], ref_template="#/components/schemas/{model}"
    )
    schemas |= commands["$defs"]  # operations parse their bodies themselves
    schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    # FastAPI's own shape of a validation error never leaves this house: it leaves as a problem.
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    for path in made["paths"].values():
        for method, operation in path.items():
            _complete(method, operation)
    return made


def _complete(method: str, operation: dict[str, Any]) -> None:
    operation["operationId"] = operation["operationId"].split("_api_v1")[0]  # the function's name, without its path
    for status, response in operation["responses"].items():
        if status >= "400":
            response["content"] = {_PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        if status in _HEADERS:
            response["headers"] = _HEADERS[status]
    if method == "get":
        operation["responses"]["200"]["headers"] = _ETAG
        operation["responses"]["304"] = {"description": "Unchanged since the ETag that was sent."}
    if operation["operationId"] == "book_appointment":
        operation["security"] = [{}, {"ticket": []}]  # the token is needed for a hold only
