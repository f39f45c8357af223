"""Forms of the account count the tries of their address, like everything else that changes something."""

import httpx
import pytest

from booking.db import Database
from booking.main import create_app
from booking.settings import load
from booking.web import limits
from tests.conftest import environment
from tests.signing import sign_in

pytestmark = pytest.mark.anyio
PATHS = ("/me/people/new", "/near", "/sign-in/birth", "/me/data/close")
HERE = {"sec-fetch-site": "same-origin"}


@pytest.mark.parametrize("path", PATHS)
async def test_a_form_sent_too_often_from_one_address_is_refused(
    db: Database, database_url: str, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """The control: where the address is not counted, the tenth is heard like the first."""
    app = create_app(load(environment(database_url, HENKHAM_LIMIT_ADDRESS_PER_10_MINUTES="8")))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://henkham.test") as client:
        await sign_in(client, db)
        answers = [(await client.post(path, data={}, headers=HERE)).status_code for _ in range(10)]
        assert answers[-1] == 429
        assert (await client.get("/")).status_code == 200
        monkeypatch.setattr(limits, "check_address", _nothing)
        assert (await client.post(path, data={}, headers=HERE)).status_code == answers[0] != 429
    await app.state.db.close()


async def _nothing(*_: object, **__: object) -> None:
    """No limit."""
