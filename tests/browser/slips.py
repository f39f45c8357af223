"""A booked visit for a browser to look at."""

import httpx

from tests.browser.conftest import Site
from tests.slips import wish


def booked(site: Site, *, number: int = 1) -> str:
    """Book through the API, past the pages; the address of the slip."""
    answer = httpx.post(
        f"{site.url}/api/v1/appointments",
        json=wish(site.world, number=number),
        headers={"Idempotency-Key": f"browser-{number:012d}"},
    )
    assert answer.status_code == 201, answer.text
    made = answer.json()
    return f"{site.url}/t/{made['code']}/{made['token']}"
