"""What tests of pages share."""

import httpx
import pytest

from booking.clock import utc_now
from booking.db import Database
from tests import places
from tests.browsing import Patient


@pytest.fixture
async def patient(client: httpx.AsyncClient, db: Database) -> Patient:
    """Somebody with a browser, and the sample world of pages."""
    async with db.transaction() as session:
        world = await places.make(session, utc_now())
    return Patient(client, world, db)
