"""After another provider was chosen, what the former one tells of its texts is still believed, as long as it is set."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from booking import sealed
from booking.db import Database
from booking.main import create_app
from booking.messages import receipts
from booking.messages.kinds import MessageState
from booking.messages.models import Message
from booking.messages.preparing import RECEIPTS_PATH
from booking.settings import load
from tests import seeds
from tests.carrier import ACCOUNT_SID, AUTH_TOKEN, brandname, signature
from tests.conftest import environment
from tests.outbox import BASE, stored, write

pytestmark = pytest.mark.anyio

TWILIO = {"TWILIO_ACCOUNT_SID": ACCOUNT_SID, "TWILIO_AUTH_TOKEN": AUTH_TOKEN, "TWILIO_FROM": "HenKham"}
OURS = "201"  # the carrier's own code for what our configuration lost


@asynccontextmanager
async def _app(database_url: str, sends: str, **variables: str) -> AsyncIterator[httpx.AsyncClient]:
    more = variables | {"HENKHAM_SMS_PROVIDER": sends, "PUBLIC_BASE_URL": BASE}
    settings = load(environment(database_url, **more))
    sealed.install(settings.keyring())
    app = create_app(settings)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://inside:8000") as client:
        yield client
    await app.state.db.close()


@pytest.fixture
def gateway(tmp_path: Path) -> dict[str, str]:
    """What says how the carrier's own gateway is heard."""
    path = brandname.written(tmp_path, "json", "http://127.0.0.1:1")
    return {
        "HENKHAM_BRANDNAME_TEMPLATE": str(path), "HENKHAM_BRANDNAME_SECRET": brandname.SECRET,
        "HENKHAM_BRANDNAME_RECEIPT_SECRET": brandname.RECEIPT_SECRET,
    }  # fmt: skip


async def _posted(db: Database, provider: str, *, sends: int = 1, sid: str | None = "X1") -> Message:
    message = await write(db)
    posted = "UPDATE message SET state = 'sent', provider = :provider, provider_sid = :sid, posted_at = now(),"
    await seeds.run(db, f"{posted} sends = :sends, attempts = :sends", provider=provider, sid=sid, sends=sends)
    return message


async def _carrier_tells(
    client: httpx.AsyncClient, message: Message, *, secret: str = brandname.RECEIPT_SECRET, failed: str = ""
) -> int:
    told = {"request": str(message.public_id), "name": "X1", "state": 2 if failed else 1, "error": failed or 0}
    answer = await client.post(RECEIPTS_PATH, content=json.dumps(told), headers={"X-Key": secret})
    return answer.status_code


async def _twilio_tells(client: httpx.AsyncClient, message: Message, *, token: str = AUTH_TOKEN) -> int:
    path = f"{RECEIPTS_PATH}/{message.public_id}"
    form = [("MessageSid", "X1"), ("MessageStatus", "delivered"), ("AccountSid", ACCOUNT_SID)]
    headers = {"X-Twilio-Signature": signature(token, BASE + path, form)}
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    return (await client.post(path, content=urlencode(form), headers=headers | kind)).status_code


async def test_the_carrier_s_gateway_is_heard_while_twilio_sends(
    db: Database, database_url: str, gateway: dict[str, str]
) -> None:
    message = await _posted(db, "brandname")
    async with _app(database_url, "twilio", **TWILIO, **gateway) as client:
        assert await _carrier_tells(client, message, secret="told-by-a-stranger") == 403
        assert (await stored(db, message)).state is MessageState.SENT
        assert await _carrier_tells(client, message) == 204
        assert (await stored(db, message)).state is MessageState.DELIVERED


async def test_twilio_is_heard_while_the_carrier_s_gateway_sends(
    db: Database, database_url: str, gateway: dict[str, str]
) -> None:
    message = await _posted(db, "twilio")
    async with _app(database_url, "brandname", **TWILIO, **gateway) as client:
        assert await _twilio_tells(client, message, token="x" * 32) == 403
        assert await _twilio_tells(client, message) == 204
        assert (await stored(db, message)).state is MessageState.DELIVERED


async def test_control_whose_settings_are_gone_is_refused_and_the_text_stays_as_it_was(
    db: Database, database_url: str, gateway: dict[str, str]
) -> None:
    message = await _posted(db, "brandname")
    async with _app(database_url, "twilio", **TWILIO) as client:
        assert await _carrier_tells(client, message) == 403
    async with _app(database_url, "brandname", **gateway) as client:
        assert await _twilio_tells(client, message) == 403
    assert (await stored(db, message)).state is MessageState.SENT


async def test_a_former_template_that_is_no_more_refuses_and_breaks_nothing(
    db: Database, database_url: str, gateway: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    message = await _posted(db, "brandname")
    gateway |= {"HENKHAM_BRANDNAME_TEMPLATE": "/nowhere/sms.toml"}
    async with _app(database_url, "twilio", **TWILIO, **gateway) as client:
        assert await _carrier_tells(client, message) == 403
        assert await _twilio_tells(client, message) == 204
    assert "receipts cannot be read" in caplog.text


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "control"])
async def test_the_former_one_s_fault_does_not_hold_who_sends_now(
    db: Database, database_url: str, gateway: dict[str, str], monkeypatch: pytest.MonkeyPatch, *, guarded: bool
) -> None:
    """Posted through the carrier first, where nobody knew what came of it, and then once more through Twilio."""
    if not guarded:
        take = receipts.Receipt
        monkeypatch.setattr("booking.api.receipts.Receipt", lambda *told: take(*told[:4]))
    message = await _posted(db, "twilio", sends=2, sid="SM1")
    async with _app(database_url, "twilio", **TWILIO, **gateway) as client:
        assert await _carrier_tells(client, message, failed=OURS) == 204
    held = await seeds.rows(db, "SELECT provider FROM sms_channel WHERE held_at IS NOT NULL")
    assert held == ([] if guarded else [{"provider": "twilio"}])
    assert (await stored(db, message)).state is MessageState.SENT, "the other post is on its way"
