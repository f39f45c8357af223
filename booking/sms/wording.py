"""Values put into a carrier's template, each escaped by where it stands, and fields found in a carrier's answer. Pure.

A template is text with names in braces. What a person typed stands in a text message, so it must never end a JSON
string, begin a form field or an XML element, or add a header line.
"""

import json
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final
from urllib.parse import parse_qsl, quote, quote_plus
from xml.parsers import expat
from xml.sax.saxutils import escape

_NAME: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_NO_HEADER: Final = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
_NO_XML: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DEEPEST: Final = 20


class Place(StrEnum):
    """Where a value stands."""

    URL = "url"
    HEADER = "header"
    JSON = "json"
    FORM = "form"
    XML = "xml"
    TEXT = "text"


class UnwritableError(ValueError):
    """A value has a sign that cannot stand there."""


class UnreadableError(ValueError):
    """An answer or a callback is not of its kind."""


def names_in(template: str) -> set[str]:
    """The names a template asks for."""
    return set(_NAME.findall(template))


def filled(template: str, values: Mapping[str, str], place: Place) -> str:
    """A template with its values.

    Raises:
        UnwritableError: a value cannot stand there.
        KeyError: the template asks for a name nobody gave.
    """
    write = _WRITERS[place]
    return _NAME.sub(lambda found: write(values[found[1]]), template)


def _header(value: str) -> str:
    if _NO_HEADER.search(value):
        raise UnwritableError
    return value


def _json(value: str) -> str:
    value.encode()  # half a sign would go out as an escape that nobody can read
    return json.dumps(value)[1:-1]


def _xml(value: str) -> str:
    if _NO_XML.search(value):
        raise UnwritableError
    return escape(value, {'"': "&quot;", "'": "&apos;"})


_WRITERS: Final[Mapping[Place, Callable[[str], str]]] = {
    Place.URL: lambda value: quote(value, safe=""),
    Place.HEADER: _header,
    Place.JSON: _json,
    Place.FORM: quote_plus,
    Place.XML: _xml,
    Place.TEXT: str,
}


def fields_of(text: str, place: Place) -> dict[str, str]:
    """All fields of an answer by their path, `data/0/id`; of plain text the whole of it, trimmed, under the empty path.

    Raises:
        UnreadableError: it is not of this kind.
    """
    if place is Place.TEXT:
        return {"": text.strip()}
    try:
        if place is Place.FORM:
            return dict(parse_qsl(text.strip(), keep_blank_values=True, strict_parsing=True, max_num_fields=200))
        return _flat(json.loads(text)) if place is Place.JSON else _elements(text)
    except (ValueError, RecursionError, expat.ExpatError):
        raise UnreadableError from None


def _flat(value: Any, path: str = "", depth: int = 0) -> dict[str, str]:
    if depth > _DEEPEST:
        raise UnreadableError
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if inside is None:
        return {} if value is None else {path: str(value).lower() if isinstance(value, bool) else str(value)}
    found: dict[str, str] = {}
    for name, one in inside:
        found |= _flat(one, f"{path}/{name}" if path else str(name), depth + 1)
    return found


def _elements(text: str) -> dict[str, str]:
    """Paths of elements below the root, the first of each name."""
    found: dict[str, str] = {}
    stack: list[str] = []
    heard: list[list[str]] = []

    def refuse(*_: object) -> None:
        raise UnreadableError

    def start(name: str, _: object) -> None:
        if len(stack) > _DEEPEST:
            raise UnreadableError
        stack.append(name.rpartition(":")[2])
        heard.append([])

    def end(_: str) -> None:
        path = "/".join(stack[1:])
        value = "".join(heard.pop()).strip()
        stack.pop()
        if path and value:
            found.setdefault(path, value)

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = lambda data: heard[-1].append(data) if heard else None
    parser.Parse(text, True)
    return found
