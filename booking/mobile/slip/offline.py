"""Slips kept on a phone, and the page as an app: service worker, manifest, and what makes a phone forget.

The worker (static/sw.js) keeps a slip as long as the header `Henkham-Keep-Until` says, and no other page. Whoever
answers a request after which this browser must know nothing (signing out) calls `forget`; for a phone that is shared,
`keep_none`. Safari before version 17 does not know Clear-Site-Data: a page shown next carries static/forget.js.
"""

from datetime import datetime

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from booking.clock import ZONE
from booking.i18n import marked as _
from booking.i18n import translate
from booking.mobile.slip.standing import Standing
from booking.web import device
from booking.web.dependencies import Ask
from booking.web.form_values import text_of
from booking.web.origin import check_origin
from booking.web.pages import local_path, page, see_other
from booking.web.static_files import files, static_url

router = APIRouter(include_in_schema=False, dependencies=[Depends(check_origin)])

_COOKIE = "slips"
_NO = "no"
_ABOUT = _("Booking visits at the public health facilities of Vũng Tàu.")


def forget(answer: Response) -> None:
    """Make the browser forget every slip it keeps, and the worker that kept them; we store nothing else there."""
    answer.headers["Clear-Site-Data"] = '"storage"'


def keep_none(request: Request, answer: Response) -> None:
    """Keep no slips on this phone from now on, and forget those it has: it is shared, or its owner says so."""
    device.set_cookie(request, answer, _COOKIE, _NO, max_age=device.A_YEAR)
    forget(answer)


def keeps(request: Request) -> bool:
    """Whether this phone may keep slips; nobody has said no."""
    return request.cookies.get(device.cookie_name(request, _COOKIE)) != _NO


def stamp(request: Request, answer: Response, stands: Standing, *, made: str) -> None:
    """Tell the worker until when it may keep this slip; `made` is the mark the page itself carries."""
    if stands.keep_until is not None and keeps(request):
        answer.headers["Henkham-Keep-Until"] = stands.keep_until.isoformat()
        answer.headers["Henkham-Made"] = made


def made_at(now: datetime) -> str:
    """The mark of a slip shown at this moment."""
    return now.astimezone(ZONE).isoformat()


@router.get("/saved")
async def saved_page(request: Request) -> Response:
    """The slips this phone keeps; without a connection it stands in for any other page."""
    return page(request, "saved.html", keeps=keeps(request))


@router.post("/saved")
async def choose(request: Request) -> Response:
    """The switch: keep slips on this phone, or forget them all and keep none."""
    form = await request.form()
    answer = see_other(request, local_path(text_of(form, "next")))
    if text_of(form, "keep") == _NO:
        keep_none(request, answer)
    else:
        device.set_cookie(request, answer, _COOKIE, "yes", max_age=device.A_YEAR)
    return answer


@router.get("/sw.js")
async def worker() -> Response:
    """The worker, under the one address from which it may serve the whole site; browsers ask for it again each day."""
    headers = {"Cache-Control": "no-cache"}
    return Response(files()["sw.js"].body, media_type="text/javascript; charset=utf-8", headers=headers)


@router.get("/manifest.webmanifest")
async def manifest(asked: Ask) -> Response:
    """What the site is called and looks like on a phone's home screen."""
    icons = [
        {"src": static_url(name), "sizes": size, "type": "image/png", "purpose": purpose}
        for name, size, purpose in (
            ("icon-192.png", "192x192", "any"),
            ("icon-512.png", "512x512", "any"),
            ("icon-maskable-512.png", "512x512", "maskable"),
        )
    ]
    told = {
        "id": "/",
        "name": "Hẹn Khám",
        "short_name": "Hẹn Khám",
        "description": translate(asked.language, _ABOUT),
        "lang": asked.language,
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": "#faf7f2",
        "theme_color": "#0b6b6b",
        "icons": [{"src": static_url("mark.svg"), "sizes": "any", "type": "image/svg+xml", "purpose": "any"}, *icons],
    }
    headers = {"Cache-Control": "private, max-age=86400", "Vary": "Cookie, Accept-Language"}
    return JSONResponse(told, media_type="application/manifest+json", headers=headers)
