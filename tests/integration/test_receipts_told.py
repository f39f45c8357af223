"""A text that was taken and then lost for what is neither its telephone's nor passing is told of in the log."""

import logging

import pytest

from booking.clock import utc_now
from booking.db import Database
from booking.messages import receipts
from tests import outbox as box
from tests.carrier import Carrier
from tests.carrier.client import PHONE

pytestmark = pytest.mark.anyio
SAYS = "a receipt says that a text was lost"


@pytest.mark.parametrize(
    ("status", "code", "times"),
    [
        ("undelivered", 30007, 1), ("failed", 21612, 1), ("failed", None, 1), ("undelivered", 39999, 1),
        ("undelivered", 30003, 0), ("undelivered", 30005, 0), ("delivered", None, 0),
    ],
)  # fmt: skip
async def test_what_was_lost_for_us_is_an_error_once_and_names_nobody(
    db: Database, caplog: pytest.LogCaptureFixture, status: str, code: int | None, times: int
) -> None:
    message = await box.write(db)
    with Carrier() as carrier:
        await box.send(box.sender(db, carrier.url))
    row = await box.stored(db, message)
    for _ in range(2):  # the second is a replay
        async with db.transaction() as session:
            said = box.receipt(row.provider_sid or "", status, code)
            assert await receipts.take(session, row.public_id, said, now=utc_now())
    found = [each for each in caplog.records if each.getMessage() == SAYS]
    assert [each.levelno for each in found] == [logging.ERROR] * times
    assert PHONE not in str([vars(each) for each in found])
    assert [vars(each)["facts"]["error_code"] for each in found] == [code] * times
