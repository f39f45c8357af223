"""Which days are asked for, and how files leave the house."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request
from starlette.responses import Response

from booking.availability.spans import SpanRefused
from booking.clock import local_day
from booking.figures.kinds import SpanKind
from booking.figures.rules import Span, span_of
from booking.i18n import Language
from booking.sheets import CSV_TYPE, XLSX_TYPE, Sheet, csv_bytes, xlsx_bytes
from booking.web.dependencies import Asked
from booking.web.problems import sentence

_LONGEST: Final = 20


@dataclass(frozen=True, slots=True)
class Days:
    """The days of a page: the span that is shown, what was typed, and what is wrong with that."""

    span: Span
    first: str
    last: str
    errors: dict[str, str]

    @property
    def query(self) -> str:
        """The same days in an address."""
        if self.span.kind is SpanKind.OWN:
            return f"days=own&from={self.span.first.isoformat()}&to={self.span.last.isoformat()}"
        return f"days={self.span.kind.value}"

    @property
    def status(self) -> int:
        """Of the page."""
        return 422 if self.errors else 200


def days_of(request: Request, asked: Asked) -> Days:
    """The days of the address. What cannot be used is said beside its field, and today is shown."""
    return days_in(request.query_params, asked)


def days_in(values: Mapping[str, Any], asked: Asked) -> Days:
    """The days of an address or a form."""
    today = local_day(asked.now)
    given = {name: str(values.get(name, ""))[:_LONGEST] for name in ("days", "from", "to")}
    try:
        span = span_of(given["days"], given["from"], given["to"], today=today)
    except SpanRefused as refused:
        said = " ".join(sentence(refused, asked.language))
        return Days(span_of("", "", "", today=today), given["from"], given["to"], {str(refused.facts["field"]): said})
    return Days(span, given["from"] or span.first.isoformat(), given["to"] or span.last.isoformat(), {})


def strictly(request: Request, asked: Asked) -> Span:
    """The days of a file's address.

    Raises:
        SpanRefused: they cannot be used.
    """
    given = {name: request.query_params.get(name, "")[:_LONGEST] for name in ("days", "from", "to")}
    return span_of(given["days"], given["from"], given["to"], today=local_day(asked.now))


def csv_file(sheet: Sheet, name: str, language: Language) -> Response:
    """One table as a file."""
    return _file(csv_bytes(sheet), CSV_TYPE, f"{name}.csv", language)


def xlsx_file(sheets: list[Sheet], name: str, asked: Asked) -> Response:
    """Several tables as a file."""
    return _file(xlsx_bytes(sheets, made_at=asked.now), XLSX_TYPE, f"{name}.xlsx", asked.language)


def _file(content: bytes, kind: str, name: str, language: Language) -> Response:
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Language": language,
        "Cache-Control": "no-store",
    }
    return Response(content, media_type=kind, headers=headers)


def named(place: str, span: Span) -> str:
    """The name of a file without its ending: `TYT-TN-2026-11-01-2026-11-30`."""
    safe = "".join(sign if sign.isascii() and (sign.isalnum() or sign == "-") else "-" for sign in place)
    days = span.first.isoformat() if span.one_day else f"{span.first.isoformat()}-{span.last.isoformat()}"
    return f"{safe}-{days}"
