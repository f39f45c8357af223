"""While an upgrade is on its way the version before is ready: its schema is there, and more."""

import httpx
import pytest

from booking.db import Database
from tests import seeds

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("revision", "status"), [("9999", 200), ("0001", 503)])
async def test_a_newer_schema_is_ready_and_an_older_one_is_not(
    client: httpx.AsyncClient, db: Database, revision: str, status: int
) -> None:
    assert (await client.get("/readyz")).status_code == 200
    await seeds.run(db, "UPDATE alembic_version SET version_num = :revision", revision=revision)
    answer = await client.get("/readyz")
    assert answer.status_code == status
    assert (revision in answer.json()["checks"]["migrations"]) == (status == 503)
