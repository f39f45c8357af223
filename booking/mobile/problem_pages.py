"""Errors as pages: what happened, what to do, and the nearest free times where a time was full."""

import logging
import re
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from booking import ids
from booking.availability.spans import MOST_DAYS
from booking.db import is_lost
from booking.errors import BookingError, Busy, NotFound
from booking.i18n import translate
from booking.logs import request_id
from booking.patients.rules import NAME_LONGEST
from booking.web.dependencies import language_of
from booking.web.pages import page, see_other
from booking.web.problem_texts import HTTP_TEXTS, TEXTS
from booking.web.problems import sentence, status_of
from booking.web.signed_in import SignInNeeded, way_in

log = logging.getLogger(__name__)
router = APIRouter(include_in_schema=False)

_NOT_FOUND, _FAULT = 404, 500
_PLACE = re.compile(r"%\(\w+\)s")


@router.get("/errors/{code}")
async def error_code_page(request: Request, code: str) -> Response:
    """What an error code means. Its address is the `type` of every problem."""
    language = language_of(request)
    found = [texts for name, texts in _documented().items() if name == code or name.startswith(f"{code}.")]
    if not found:
        raise NotFound
    shown = [[_with_limits(translate(language, text)) for text in texts] for texts in found]
    return page(request, "error_code.html", code=code, texts=shown)


def _with_limits(text: str) -> str:
    text = text.replace("%(longest)s", str(NAME_LONGEST)).replace("%(most)s", str(MOST_DAYS))
    return _PLACE.sub("…", text)  # facts of a case at hand; here there is none


def _documented() -> dict[str, tuple[str, str]]:
    return TEXTS | {code: (title, advice) for code, title, advice in HTTP_TEXTS.values()}


def error_page(request: Request, error: Exception) -> Response:
    """The page for any error."""
    language = language_of(request)
    facts: dict[str, Any] = {}
    if not isinstance(error, (BookingError, RequestValidationError, HTTPException)) and is_lost(error):
        error = Busy(retry_after=2)  # a read whose connection went away: the next try has a fresh one
    if isinstance(error, SignInNeeded):
        return see_other(request, way_in(request, error))
    if isinstance(error, BookingError):
        status, code, facts = status_of(error), error.code, dict(error.facts)
        title, advice = sentence(error, language)
    elif isinstance(error, RequestValidationError):
        # An address that cannot be read is an address of nothing.
        status, code, (title, advice) = _NOT_FOUND, "not_found", sentence(NotFound(), language)
    elif isinstance(error, HTTPException):
        status = error.status_code
        code, *texts = HTTP_TEXTS.get(status, HTTP_TEXTS[400])
        title, advice = (translate(language, text) for text in texts)
    else:
        log.error("unexpected error", exc_info=error, extra={"facts": {"code": "unexpected"}})
        status, code = _FAULT, "unexpected"
        title, advice = (translate(language, text) for text in TEXTS["unexpected"])
    shown = page(
        request, "error.html", status=status, personal=True, echo=status != _NOT_FOUND, code=code, title=title,
        advice=advice, phone=facts.get("phone"), offers=_offers(request, facts), back=_back(request),
        key=ids.opaque_key(),
        reference=request_id.get() if status >= _FAULT else None,
    )  # fmt: skip
    if "retry_after" in facts:
        shown.headers["Retry-After"] = str(facts["retry_after"])
    return shown


def _offers(request: Request, facts: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Free times close by, each with the address its form is sent to."""
    found = facts.get("nearest") or []
    asked = request.path_params
    offers = []
    for slot in found:
        day = datetime.fromisoformat(slot["start"]).date()
        if "facility" in asked and "service" in asked:
            offers.append((f"/f/{asked['facility']}/{asked['service']}/{day}", slot))
        elif "token" in asked:
            offers.append((f"/t/{asked['code']}/{asked['token']}/move/{day}", slot))
    return offers


def _back(request: Request) -> str:
    """Where to go on from here: the page one step before, else the first page."""
    asked = request.path_params
    if request.url.path.startswith("/t/") and "token" in asked and request.url.path.count("/") > len("tct"):
        return f"/t/{asked['code']}/{asked['token']}"
    if "service" in asked and "day" in asked:
        return f"/f/{asked['facility']}/{asked['service']}"
    return f"/f/{asked['facility']}" if "service" in asked else "/"
