"""“Still confirming”: the answer of the database was lost. The page asks again by itself, with the same key."""

from fastapi import Request
from starlette.datastructures import FormData
from starlette.responses import Response

from booking.web.pages import page


def still_confirming(request: Request, form: FormData, *, action: str, check: str) -> Response:
    """The page that asks again.

    Args:
        request: the request whose outcome is open.
        form: what it sent; the same is sent again, so that the same key finds the outcome.
        action: where it is sent to.
        check: a page that only reads and shows how things stand, for browsers without scripts.
    """
    fields = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    return page(
        request, "confirming.html", status=503, personal=True, echo=False, action=action, check=check, fields=fields
    )
