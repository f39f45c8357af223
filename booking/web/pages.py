"""Pages: one Jinja environment for each language, and how a page leaves the house."""

import re
from collections.abc import Callable
from datetime import date, datetime
from functools import cache, partial
from hashlib import blake2b
from pathlib import Path
from types import CodeType
from typing import Any, ClassVar

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response

from booking.clock import ZONE
from booking.i18n import Language, plural, show_day, show_month, show_number, show_time, translate
from booking.patients.rules import show_phone
from booking.web import device
from booking.web.compression import squeezed
from booking.web.dependencies import language_of
from booking.web.posted import steps_up
from booking.web.signed_in import token_of
from booking.web.static_files import static_url

FOLDER = Path(__file__).parent / "templates"

TYPES = ("normal", "large")
"""Sizes of type a person may choose."""

_DAYS_VI = ("thứ Hai", "thứ Ba", "thứ Tư", "thứ Năm", "thứ Sáu", "thứ Bảy", "Chủ Nhật")
_LONGEST_NEXT = 2000
_FIRST_PRINTABLE = " "
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")
"""Signs that were typed, perhaps, and for which HTML has no place."""


class _Alike(Environment):
    """Shares compiled templates with others of its kind: mostly one is the same code in both languages."""

    codes: ClassVar[dict[tuple[str, bytes], CodeType]] = {}
    """By file, and by digest of what Jinja made of it: where a language is folded in, that differs."""

    def _compile(self, source: str, filename: str) -> CodeType:
        """Jinja's own hook for another way to compile."""
        which = filename, blake2b(source.encode(), digest_size=16).digest()
        if which not in self.codes:
            self.codes[which] = super()._compile(source, filename)
        return self.codes[which]


@cache
def environment(language: Language) -> Environment:
    """Templates in one language. One environment each, because an overlay would mix them."""
    made = _Alike(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,  # during an upgrade the old process keeps to the templates of its own version
    )
    install: Callable[..., None] = made.install_gettext_callables  # type: ignore[attr-defined]
    install(partial(translate, language), partial(plural, language), newstyle=True)
    made.globals |= {"lang": language, "static": static_url}
    made.filters |= {
        "day": lambda value: show_day(_day(value), language),
        "said_day": lambda value: said_day(_day(value), language),
        "month": lambda value: show_month(value, language),
        "time": lambda value: show_time(_moment(value)),
        "hours": lambda slot: f"{show_time(_moment(slot['start']))}–{show_time(_moment(slot['end']))}",
        "number": lambda value: show_number(value, language),
        "named": lambda thing: named(thing, language),
        "phone": lambda value: show_phone(value) if value.startswith("+84") else value,
        "masked": lambda value: masked(show_phone(value)),
        "dialled": lambda value: "".join(sign for sign in value if sign in "+0123456789"),
    }
    return made


def masked(shown: str) -> str:
    """`0903 *** 456`: enough to know one's own number by."""
    return f"{shown[:5]}***{shown[8:]}"


def said_day(day: date, language: Language) -> str:
    """`thứ Hai 30/11` or `Monday 30 November`: a day in the middle of a sentence."""
    if language == "vi":
        return f"{_DAYS_VI[day.weekday()]} {day:%d/%m}"
    return show_day(day, "en").replace(",", "").rsplit(" ", 1)[0]


def named(thing: Any, language: Language) -> str:
    """The name of a facility or service, be it a view or JSON members."""
    field = "name" if language == "vi" else "name_en"
    found: str = thing[field] if isinstance(thing, dict) else getattr(thing, field)
    return found


def _moment(value: datetime | str) -> datetime:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _day(value: date | str) -> date:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value.astimezone(ZONE).date() if isinstance(value, datetime) else value


def page(
    request: Request, template: str, *, status: int = 200, personal: bool = False, echo: bool = True, **context: object
) -> Response:
    """Render a page in the reader's language.

    Args:
        request: the request answered.
        template: its file in templates/.
        status: of the answer.
        personal: the page shows somebody's visit: nothing between us and the reader may keep it.
        echo: whether the language switch leads back here; false where the page must not repeat its address.
        context: what the template shows.
    """
    return page_in(
        request, language_of(request), template, status=status, personal=personal, echo=echo, **context
    )  # fmt: skip


def page_in(
    request: Request,
    language: Language,
    template: str,
    *,
    status: int = 200,
    personal: bool = False,
    echo: bool = True,
    **context: object,
) -> Response:
    """Likewise in a language of the page's own choosing: a television of a waiting room has no reader to ask."""
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    frame = {
        "here": here if echo else "/",
        "posted": steps_up(request, status),
        "large_type": device.preference(request, "type") == "large",
        "training": getattr(request.state, "training", False),
        # Set by a page that knows who asks; on the others the cookie is believed: it opens nothing here.
        "account": getattr(request.state, "signed_in", token_of(request)),
    }
    body = environment(language).get_template(template).render(**frame, **context)
    headers = {"Content-Language": language, "Cache-Control": "no-store" if personal else "private, no-cache"}
    content, encoding = squeezed(request, _NO_TEXT.sub("", body).encode(), secret=personal)
    answer = HTMLResponse(content, status, headers | encoding)
    device.keep(request, answer)
    return answer


def see_other(request: Request, path: str) -> Response:
    """After a POST: go and look there."""
    answer = RedirectResponse(path, 303, {"Cache-Control": "no-store"})
    device.keep(request, answer)
    return answer


def local_path(raw: str) -> str:
    """A path of ours to go back to; `/` when it is anything else."""
    plain = len(raw) <= _LONGEST_NEXT and not any(sign < _FIRST_PRINTABLE or sign == "\\" for sign in raw)
    return raw if plain and raw.startswith("/") and not raw.startswith("//") else "/"
