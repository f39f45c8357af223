"""Whether a value is as a JSON schema says; only the words of JSON schema that ours use."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

KINDS: dict[str, type | tuple[type, ...]] = {
    "object": dict, "array": list, "string": (str, date), "integer": int, "number": (int, float), "boolean": bool,
    "null": type(None),
}  # fmt: skip
KNOWN = {
    "$schema", "$ref", "$defs", "title", "description", "default", "type", "properties", "required", "items", "enum",
    "additionalProperties", "anyOf", "oneOf", "allOf", "minimum", "maximum", "minItems", "pattern", "format",
    "patternProperties", "minProperties",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Schema:
    """A whole schema, to which its parts refer."""

    whole: dict[str, Any]

    def fits(self, value: Any) -> bool:
        """Whether a value is as the schema says."""
        return self._fits(self.whole, value)

    def _fits(self, part: dict[str, Any], value: Any) -> bool:
        assert set(part) <= KNOWN, set(part) - KNOWN
        if "$ref" in part:
            return self._fits(self.whole["$defs"][part["$ref"].rpartition("/")[2]], value)
        checks = (self._kind, self._choices, self._plain, self._list, self._object)
        return all(check(part, value) for check in checks)

    @staticmethod
    def _kind(part: dict[str, Any], value: Any) -> bool:
        kind = part.get("type")
        return kind is None or (isinstance(value, KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool)))

    def _choices(self, part: dict[str, Any], value: Any) -> bool:
        one = sum(self._fits(each, value) for each in part.get("oneOf", ()))
        some = any(self._fits(each, value) for each in part.get("anyOf", ()))
        every = all(self._fits(each, value) for each in part.get("allOf", ()))
        return every and (some or "anyOf" not in part) and (one == 1 or "oneOf" not in part)

    @staticmethod
    def _plain(part: dict[str, Any], value: Any) -> bool:
        if isinstance(value, str):
            return value in part.get("enum", [value]) and bool(re.search(part.get("pattern", ""), value))
        number = isinstance(value, int | float)
        return not number or part.get("minimum", value) <= value <= part.get("maximum", value)

    def _list(self, part: dict[str, Any], value: Any) -> bool:
        if not isinstance(value, list):
            return True
        enough = len(value) >= part.get("minItems", 0)
        return enough and all(self._fits(part.get("items", {}), each) for each in value)

    def _object(self, part: dict[str, Any], value: Any) -> bool:
        if not isinstance(value, dict):
            return True
        enough = set(part.get("required", ())) <= set(value) and len(value) >= part.get("minProperties", 0)
        return enough and all(self._member(part, key, each) for key, each in value.items())

    def _member(self, part: dict[str, Any], key: str, value: Any) -> bool:
        if key in part.get("properties", {}):
            return self._fits(part["properties"][key], value)
        for pattern, inner in part.get("patternProperties", {}).items():
            if re.search(pattern, key):
                return self._fits(inner, value)
        others = part.get("additionalProperties", True)
        return self._fits(others, value) if isinstance(others, dict) else bool(others)
