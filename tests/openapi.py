"""The committed OpenAPI document: written anew with `python -m tests.openapi`, and followed as a client would."""

import json
from pathlib import Path
from typing import Any

from booking.main import create_app
from booking.settings import load
from tests.conftest import environment

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}

FILE = Path(__file__).parent.parent / "docs" / "openapi.json"


def current() -> dict[str, Any]:
    """What the app says of itself now."""
    document: dict[str, Any] = create_app(load(environment("postgresql://nobody@127.0.0.1/none"))).openapi()
    return document


def written(document: dict[str, Any]) -> str:
    """The document as the file holds it."""
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def resolve(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The schema a reference names; the schema itself where it is none."""
    while "$ref" in schema:
        found: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def example(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    """An example of a schema: its own, else one made of its members' examples."""
    schema = resolve(document, schema)
    for key in ("examples", "enum"):
        if schema.get(key):
            return schema[key][0]
    if "default" in schema or "const" in schema:
        return schema.get("default", schema.get("const"))
    if "anyOf" in schema:
        return example(document, schema["anyOf"][0])
    if schema.get("type") == "array":
        return [example(document, schema["items"])]
    return {name: example(document, member) for name, member in schema.get("properties", {}).items()}


class Reader:
    """A client that knows the document and nothing else."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.operations = {
            operation["operationId"]: (method.upper(), path, operation)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        }

    def request(self, operation_id: str, *, token: str | None = None, **known: Any) -> dict[str, Any]:
        """The request of an operation: examples from the document, replaced where something better is `known`."""
        method, path, operation = self.operations[operation_id]
        made: dict[str, Any] = {"method": method, "url": path, "headers": {}, "params": {}}
        for parameter in operation.get("parameters", []):
            if not parameter["required"] and parameter["name"] not in known:
                continue
            value = known.get(parameter["name"]) or parameter.get("example")
            value = value or example(self.document, parameter["schema"])
            if parameter["in"] == "path":
                made["url"] = made["url"].replace(f"{{{parameter['name']}}}", str(value))
            else:
                made["headers" if parameter["in"] == "header" else "params"][parameter["name"]] = value
        if "requestBody" in operation:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            body = example(self.document, schema)
            made["json"] = {name: known.get(name, value) for name, value in body.items()}
        if token is not None:
            (scheme,) = next(each for each in operation["security"] if each)
            assert self.document["components"]["securitySchemes"][scheme]["scheme"] == "bearer"
            made["headers"]["Authorization"] = f"Bearer {token}"
        return made

    def check(self, operation_id: str, status: int, content_type: str, body: Any) -> None:
        """The answer is one the document names, with the members it names."""
        _, _, operation = self.operations[operation_id]
        content = operation["responses"][str(status)]["content"]
        assert list(content) == [content_type.split(";", maxsplit=1)[0]]
        self._fits(next(iter(content.values()))["schema"], body)

    def _fits(self, schema: dict[str, Any], value: Any) -> None:
        schema = resolve(self.document, schema)
        if "anyOf" in schema:
            kinds = [resolve(self.document, each) for each in schema["anyOf"]]
            if value is None:
                assert {"type": "null"} in kinds
                return
            schema = next(each for each in kinds if each.get("type") != "null")
        if "type" in schema:
            assert isinstance(value, _TYPES[schema["type"]]), (schema, value)
        if "enum" in schema:
            assert value in schema["enum"]
        if isinstance(value, list):
            for item in value:
                self._fits(schema["items"], item)
        if isinstance(value, dict):
            self._fits_members(schema, value)

    def _fits_members(self, schema: dict[str, Any], value: dict[str, Any]) -> None:
        assert set(schema.get("required", [])) <= set(value), (schema.get("title"), value)
        for name, member in schema.get("properties", {}).items():
            if name in value:
                self._fits(member, value[name])
        if not schema.get("additionalProperties"):
            assert set(value) <= set(schema["properties"]), (schema.get("title"), value)


if __name__ == "__main__":
    FILE.write_text(written(current()), encoding="utf-8")
