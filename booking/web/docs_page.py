"""The API's documentation as a page of our own, drawn from its OpenAPI description: no scripts, no other site."""

import json
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from booking.web.pages import page

router = APIRouter(include_in_schema=False)

_METHODS = ("get", "post", "put", "patch", "delete")
_DEEPEST = 6


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation as the page shows it; `body` and `answer` are JSON examples."""

    method: str
    path: str
    summary: str
    about: str
    parameters: list[dict[str, str]]
    body: str | None
    answer: str | None
    responses: list[tuple[str, str]]


@router.get("/api/docs")
async def docs(request: Request) -> Response:
    """All operations under /api/v1."""
    described = request.app.openapi()
    return page(request, "docs.html", info=described["info"], operations=operations(described))


def operations(described: dict[str, Any]) -> list[Operation]:
    """The operations of an OpenAPI description, in its order."""
    return [
        _operation(described, method, path, found)
        for path, methods in described["paths"].items()
        for method, found in methods.items()
        if method in _METHODS
    ]


def _operation(described: dict[str, Any], method: str, path: str, found: dict[str, Any]) -> Operation:
    body = found.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    good: dict[str, Any] = next((answer for status, answer in found["responses"].items() if status.startswith("2")), {})
    answer = good.get("content", {}).get("application/json", {}).get("schema")
    return Operation(
        method.upper(),
        path,
        found.get("summary", ""),
        found.get("description", ""),
        [_parameter(described, each) for each in found.get("parameters", [])],
        _written(described, body),
        _written(described, answer),
        [(status, each.get("description", "")) for status, each in found["responses"].items()],
    )


def _parameter(described: dict[str, Any], found: dict[str, Any]) -> dict[str, str]:
    schema = found.get("schema", {})
    return {
        "name": found["name"],
        "where": found["in"],
        "required": "yes" if found.get("required") else "",
        "about": found.get("description") or schema.get("description", ""),
        "example": str(_example(described, schema) or ""),
    }


def _written(described: dict[str, Any], schema: dict[str, Any] | None) -> str | None:
    if schema is None:
        return None
    return json.dumps(_example(described, schema), ensure_ascii=False, indent=2)


def _example(described: dict[str, Any], schema: dict[str, Any], deep: int = 0) -> Any:
    """A value a schema allows: its own example where it has one, else one made of its parts."""
    if "$ref" in schema:
        return _example(described, described["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], deep)
    ways = next((schema[way] for way in ("anyOf", "oneOf", "allOf") if schema.get(way)), None)
    given = schema.get("examples") or schema.get("enum") or [schema.get("const", schema.get("default"))]
    if given[0] is not None or "default" in schema or deep >= _DEEPEST:
        return given[0]
    if ways:
        return _example(described, ways[0], deep)
    if "properties" in schema:
        return {name: _example(described, part, deep + 1) for name, part in schema["properties"].items()}
    if schema.get("type") == "array":
        return [_example(described, schema.get("items", {}), deep + 1)]
    return {"string": "…", "integer": 1, "number": 1.5, "boolean": True}.get(str(schema.get("type")))
