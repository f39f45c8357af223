"""What other sites cause is refused: pages take only forms of ours, the JSON door nothing a foreign page sends."""

from urllib.parse import urlsplit

from fastapi import Request

from booking.errors import NotAllowed
from booking.web import device

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OURS = frozenset({"same-origin", "none"})


class ForeignForm(NotAllowed):
    """The form was not shown by us, or another site had a browser send it."""

    code = "foreign_form"


def check_no_other_site(request: Request) -> None:
    """Refuse an unsafe request that a browser sends for another site; for the JSON door.

    Servers and apps say neither Sec-Fetch-Site nor Origin, and pass: they have their own keys and tokens, and no cookie
    that another site could use. `Origin: null` is a browser's too, of a page that hides whose it is.

    Raises:
        ForeignForm: it came from another site.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in _OURS:
            raise ForeignForm
        return
    origin = request.headers.get("origin")
    if origin is not None and origin not in _our_origins(request):
        raise ForeignForm


def check_origin(request: Request) -> None:
    """Refuse an unsafe request that another site caused.

    Browsers say it in Sec-Fetch-Site over https and on this machine. Where it is missing, Origin must be ours. A page
    with `Referrer-Policy: no-referrer` sends `Origin: null`, which says nothing: then only the device's cookie counts,
    which no other site's form can bring along (SameSite=Lax).

    Raises:
        ForeignForm: it came from elsewhere, or nothing shows that it came from us.
    """
    if request.method in _SAFE:
        return
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in _OURS:
            raise ForeignForm
        return
    origin = request.headers.get("origin", "null")
    if origin != "null":
        if origin not in _our_origins(request):
            raise ForeignForm
        return
    if device.mark(request) is None:
        raise ForeignForm


def _our_origins(request: Request) -> set[str]:
    public = urlsplit(request.app.state.settings.public_base_url)
    # Behind a proxy the scheme may differ; the host is what the browser asked for.
    host = request.headers.get("host", "")
    return {f"{public.scheme}://{public.netloc}", f"{request.url.scheme}://{host}"}
