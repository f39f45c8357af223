"""Errors on their way out: one status for each, RFC 9457 problem+json, a sentence in the reader's language."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from booking import errors
from booking.db import is_lost
from booking.i18n import Language, translate
from booking.logs import request_id
from booking.web import metrics
from booking.web.dependencies import language_of
from booking.web.problem_texts import FIELD_TEXTS, HTTP_TEXTS, TEXTS

log = logging.getLogger(__name__)

STATUS_OF_KIND: Mapping[type[errors.BookingError], int] = {
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.RuleBroken: 422,
    errors.NotAllowed: 403,
    errors.TooMany: 429,
    errors.Busy: 503,
}
STATUS_OF_CODE: Mapping[str, int] = {"key_missing": 400}
"""The exceptions to the kinds."""

MEDIA_TYPE = "application/problem+json"


def status_of(error: errors.BookingError) -> int:
    """The HTTP status of an error."""
    if error.code in STATUS_OF_CODE:
        return STATUS_OF_CODE[error.code]
    return next((status for kind, status in STATUS_OF_KIND.items() if isinstance(error, kind)), 500)


def sentence(error: errors.BookingError, language: Language) -> tuple[str, str]:
    """What happened, and what to do about it; a fact that is missing leaves its sentence unfilled, never broken."""
    reason = error.facts.get("reason")
    title, advice = TEXTS.get(f"{error.code}.{reason}") or TEXTS.get(error.code) or TEXTS["error"]
    facts = {name: "" if value is None else value for name, value in error.facts.items()}
    return _filled(title, language, facts), _filled(advice, language, facts)


def _filled(english: str, language: Language, facts: Mapping[str, object]) -> str:
    text = translate(language, english)
    try:
        return text % facts if "%(" in text else text
    except (KeyError, TypeError, ValueError):
        return text.split("%(")[0].rstrip(" ,:")


def problem(request: Request, status: int, code: str, title: str, detail: str, **members: object) -> Response:
    """A problem+json answer. `members` are the facts; they hold nothing personal."""
    base: str = request.app.state.settings.public_base_url
    body = {
        "type": f"{base}/errors/{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id.get(),
        **members,
    }
    headers = {"Content-Language": language_of(request), "Cache-Control": "no-store"}
    if "retry_after" in members:
        headers["Retry-After"] = str(members["retry_after"])
    return Response(orjson.dumps(body, default=str), status, headers, MEDIA_TYPE)


def _of_booking_error(request: Request, error: errors.BookingError) -> Response:
    title, advice = sentence(error, language_of(request))
    return problem(request, status_of(error), error.code, title, advice, **error.facts)


def field_problems(found: Sequence[Any], language: Language) -> list[dict[str, str]]:
    """What is wrong with which field, in words; never the value itself, which may be personal."""
    listed = []
    for error in found:
        place = [str(part) for part in error["loc"] if part not in ("body", "query", "path", "header")]
        text = FIELD_TEXTS.get(error["type"]) or FIELD_TEXTS.get(error["type"].split("_")[0]) or FIELD_TEXTS[""]
        listed.append({"field": ".".join(place), "code": error["type"], "text": translate(language, text)})
    return listed


def _of_validation(request: Request, error: RequestValidationError) -> Response:
    if any(found["type"] == "json_invalid" for found in error.errors()):
        # Not JSON at all, like broken UTF-8 or a number of 5,000 digits: there is no field to speak of.
        return _of_http(request, HTTPException(400))
    language = language_of(request)
    title, advice = (translate(language, text) for text in TEXTS["invalid_request"])
    listed = field_problems(error.errors(), language)
    return problem(request, 422, "invalid_request", title, advice, errors=listed)


def _of_http(request: Request, error: HTTPException) -> Response:
    code, title, advice = HTTP_TEXTS.get(error.status_code, HTTP_TEXTS[400])
    language = language_of(request)
    answer = problem(request, error.status_code, code, translate(language, title), translate(language, advice))
    for name, value in (error.headers or {}).items():
        answer.headers[name] = value
    return answer


def of_unexpected(request: Request, error: Exception) -> Response:
    """A fault of ours: logged with where it happened, answered without a word about how."""
    log.error("unexpected error", exc_info=error, extra={"facts": {"code": "unexpected"}})
    title, advice = (translate(language_of(request), text) for text in TEXTS["unexpected"])
    return problem(request, 500, "unexpected", title, advice)


def answer(request: Request, error: Exception) -> Response:
    """The problem answer for any error."""
    if isinstance(error, errors.BookingError):
        return _of_booking_error(request, error)
    if isinstance(error, RequestValidationError):
        return _of_validation(request, error)
    if isinstance(error, HTTPException):
        return _of_http(request, error)
    if is_lost(error):  # a read whose connection went away: nothing was changed, and the next try has a fresh one
        return _of_booking_error(request, errors.Busy(retry_after=2))
    return of_unexpected(request, error)


def install(app: FastAPI) -> None:
    """Make every error of the app leave through here; pages have their own form, chosen by the path's door."""
    for kind in (errors.BookingError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, chosen)


def chosen(request: Request, error: Exception) -> Response:
    """The answer for any error in the form of the door it happened at: a page for pages, a problem for programs."""
    if isinstance(error, errors.BookingError):
        metrics.refused(error.code)
    page = getattr(request.app.state, "error_page", None)
    if page is not None and not request.url.path.startswith(("/api/", "/healthz", "/readyz", "/metrics")):
        shown: Response = page(request, error)
        return shown
    return answer(request, error)
