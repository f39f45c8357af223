"""The provider's callbacks, posted to the app as the provider posts them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from sqlalchemy import text

from booking import sealed
from booking.clock import utc_now
from booking.db import Database
from booking.ids import public_id
from booking.main import create_app
from booking.messages import numbers, receipts
from booking.messages.kinds import MessageState
from booking.messages.models import Message
from booking.messages.preparing import RECEIPTS_PATH
from booking.settings import Settings, load
from booking.sms.bounded import Limits
from scheduler.jobs import send_messages
from tests.carrier import ACCOUNT_SID, AUTH_TOKEN, Carrier, plans, signature
from tests.conftest import environment
from tests.outbox import BASE, accepted, mine, receipts_of, rested, send, sender, settle, stored, write

pytestmark = [pytest.mark.anyio]

TWILIO = {
    "HENKHAM_SMS_PROVIDER": "twilio", "TWILIO_ACCOUNT_SID": ACCOUNT_SID, "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
    "TWILIO_FROM": "HenKham", "PUBLIC_BASE_URL": BASE,
}  # fmt: skip
Form = list[tuple[str, str]]


@pytest.fixture
def settings(database_url: str) -> Settings:
    made = load(environment(database_url, **TWILIO))
    sealed.install(made.keyring())
    return made


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://inside:8000") as made:
        yield made
    await app.state.db.close()


def _form(status: str, sid: str = "SM1", *more: tuple[str, str]) -> Form:
    return [("MessageSid", sid), ("MessageStatus", status), ("AccountSid", ACCOUNT_SID), *more]


def _path(message: Message) -> str:
    return f"{RECEIPTS_PATH}/{message.public_id}"  # the sender's word for it


async def _post(
    client: httpx.AsyncClient, path: str, form: Form, *, signed: str | None = None, **headers: str
) -> httpx.Response:
    """As the provider posts it: signed over the public address, whatever name the app goes by inside."""
    if signed is None:
        signed = signature(AUTH_TOKEN, BASE + path, form)
    body = urlencode(form)
    kind = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8", "X-Twilio-Signature": signed}
    return await client.post(path, content=body, headers=kind | headers)


async def _sent(db: Database) -> Message:
    message = await write(db)
    with Carrier() as carrier:
        await send(sender(db, carrier.url))
    return message


async def test_a_receipt_is_kept_and_moves_the_message_forward(db: Database, client: httpx.AsyncClient) -> None:
    message = await _sent(db)
    assert (await _post(client, _path(message), _form("delivered"))).status_code == 204
    assert (await stored(db, message)).state is MessageState.DELIVERED
    assert await receipts_of(db, message) == ["delivered"]


async def test_twice_and_out_of_order_is_kept_once_and_never_goes_back(db: Database, client: httpx.AsyncClient) -> None:
    message = await _sent(db)
    for status in ("delivered", "sent", "queued", "delivered", "undelivered"):
        assert (await _post(client, _path(message), _form(status))).status_code == 204
        assert (await stored(db, message)).state is MessageState.DELIVERED
    assert await receipts_of(db, message) == ["delivered", "sent", "queued", "undelivered"]


async def test_a_failure_brings_its_code(db: Database, client: httpx.AsyncClient) -> None:
    message = await _sent(db)
    await _post(client, _path(message), _form("undelivered", "SM1", ("ErrorCode", "30005")))
    row = await stored(db, message)
    assert (row.state, row.error_code, row.reason) == (MessageState.UNDELIVERED, 30005, "undelivered")


async def test_a_word_we_do_not_know_is_kept_and_changes_nothing(db: Database, client: httpx.AsyncClient) -> None:
    message = await _sent(db)
    assert (await _post(client, _path(message), _form("partially_delivered"))).status_code == 204
    assert (await stored(db, message)).state is MessageState.SENT
    assert await receipts_of(db, message) == ["partially_delivered"]


async def test_what_is_not_signed_for_this_address_and_these_fields_is_refused(
    db: Database, client: httpx.AsyncClient
) -> None:
    message = await _sent(db)
    path, form = _path(message), _form("failed")
    good = signature(AUTH_TOKEN, BASE + path, form)
    forged = [
        _post(client, path, form, signed=""),
        _post(client, path, form, signed=signature("x" * 32, BASE + path, form)),
        _post(client, path, _form("delivered"), signed=good),
        _post(client, path, [*form, ("ErrorCode", "30005")], signed=good),
        _post(client, path, [*form, ("MessageStatus", "delivered")], signed=good),
        _post(client, path + "?more=1", form, signed=good),
        _post(client, _path(await write(db)), form, signed=good),
    ]
    for answer in await asyncio.gather(*forged):
        assert answer.status_code == 403
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "signature_refused"
    assert (await stored(db, message)).state is MessageState.SENT
    assert await receipts_of(db, message) == []


async def test_forwarded_headers_and_the_host_of_the_request_have_no_say(
    db: Database, client: httpx.AsyncClient
) -> None:
    message = await _sent(db)
    path, form = _path(message), _form("delivered")
    evil = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http",
            "Forwarded": "host=evil.example", "X-Original-URL": "/elsewhere"}  # fmt: skip
    for_evil = signature(AUTH_TOKEN, f"https://evil.example{path}", form)
    assert (await _post(client, path, form, signed=for_evil, **evil)).status_code == 403
    inside = signature(AUTH_TOKEN, f"http://inside:8000{path}", form)
    assert (await _post(client, path, form, signed=inside)).status_code == 403
    assert (await _post(client, path, form, **evil)).status_code == 204


async def test_control_without_the_check_a_forged_receipt_is_believed(
    db: Database, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = await _sent(db)
    monkeypatch.setattr("booking.sms.twilio_signed.signature_fits", lambda *_: True)
    assert (await _post(client, _path(message), _form("failed"), signed="forged")).status_code == 204
    assert (await stored(db, message)).state is MessageState.FAILED


async def test_the_query_is_part_of_the_address(db: Database, client: httpx.AsyncClient) -> None:
    message = await _sent(db)
    assert (await _post(client, _path(message) + "?a=1&b=%20", _form("delivered"))).status_code == 204
    assert (await stored(db, message)).state is MessageState.DELIVERED


async def test_signed_for_a_message_we_do_not_have_is_answered_and_has_no_effect(client: httpx.AsyncClient) -> None:
    for name in (str(public_id()), "no-id", "0"):
        assert (await _post(client, f"/api/v1/sms/status/{name}", _form("delivered"))).status_code == 204


@pytest.mark.parametrize(
    "form",
    [[], [("MessageStatus", "sent")], [("MessageSid", "SM1")], _form("x" * 65), _form("sent", "S" * 65),
     _form("sent\0", "SM1")],
)  # fmt: skip
async def test_signed_nonsense_has_no_effect(db: Database, client: httpx.AsyncClient, form: Form) -> None:
    message = await _sent(db)
    assert (await _post(client, _path(message), form)).status_code == 204
    assert await receipts_of(db, message) == []


async def test_a_body_that_is_no_text_is_refused(db: Database, client: httpx.AsyncClient) -> None:
    path = _path(await _sent(db))
    answer = await client.post(path, content=b"\xff\xfe=1", headers={"X-Twilio-Signature": "x"})
    assert answer.status_code == 403
    many = "&".join(f"a{number}=1" for number in range(500))
    assert (await client.post(path, content=many, headers={"X-Twilio-Signature": "x"})).status_code == 403


async def test_without_a_provider_that_signs_everything_is_refused(database_url: str) -> None:
    app = create_app(load(environment(database_url)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://inside") as client:
        answer = await _post(client, f"/api/v1/sms/status/{public_id()}", _form("sent"))
    assert answer.status_code == 403
    await app.state.db.close()


async def test_before_the_answer_to_the_post_and_not_overwritten_by_it(db: Database, client: httpx.AsyncClient) -> None:
    message = await write(db)
    with Carrier() as carrier:
        carrier.plan(plans.stall_after_accepting())
        made = sender(db, carrier.url, limits=Limits(connect=1, read=30))
        task = asyncio.create_task(send_messages.run(made, stop=asyncio.Event(), poll=0.05))
        assert await asyncio.to_thread(carrier.wait_for_stall)
        sid = carrier.log.accepted[0].sid
        assert (await stored(db, message)).state is MessageState.SENDING
        assert (await _post(client, _path(message), _form("delivered", sid))).status_code == 204
        row = await stored(db, message)
        assert (row.state, row.provider_sid, row.lease_until) == (MessageState.DELIVERED, sid, None)
        carrier.release()
        await task
    row = await stored(db, message)
    assert (row.state, row.provider_sid, row.sends) == (MessageState.DELIVERED, sid, 1)


async def test_before_a_500_that_says_the_opposite(db: Database, client: httpx.AsyncClient) -> None:
    message = await write(db)
    with Carrier() as carrier:
        carrier.plan(plans.stall_after_accepting())
        made = sender(db, carrier.url, limits=Limits(connect=1, read=0.5))
        task = asyncio.create_task(send(made))
        assert await asyncio.to_thread(carrier.wait_for_stall)
        await _post(client, _path(message), _form("sent", carrier.log.accepted[0].sid))
        await task  # the sender saw a time-out
        assert (await stored(db, message)).state is MessageState.SENT
        assert await settle(db, carrier.url) == 0
        assert accepted(carrier) == mine([message])


async def _post_over_a_lost_connection(
    client: httpx.AsyncClient, message: Message, monkeypatch: pytest.MonkeyPatch
) -> httpx.Response:
    take, tries = receipts.take, []

    async def once_lost(*args: Any, **more: Any) -> bool:
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionResetError
        return await take(*args, **more)

    monkeypatch.setattr(receipts, "take", once_lost)
    return await _post(client, _path(message), _form("delivered"))


async def test_a_lost_connection_loses_no_receipt(
    db: Database, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = await _sent(db)
    assert (await _post_over_a_lost_connection(client, message, monkeypatch)).status_code == 204
    assert (await stored(db, message)).state is MessageState.DELIVERED
    assert await receipts_of(db, message) == ["delivered"]


async def test_control_tried_once_only_it_is_lost(
    db: Database, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = await _sent(db)

    async def once(_: Database, work: Callable[[], Awaitable[bool]]) -> bool:
        return await work()

    monkeypatch.setattr(Database, "until_known", once)
    assert (await _post_over_a_lost_connection(client, message, monkeypatch)).status_code >= 500
    assert await receipts_of(db, message) == []


async def test_a_receipt_that_is_replayed_is_kept_once(db: Database, client: httpx.AsyncClient) -> None:
    message = await _sent(db)
    for _ in range(3):
        assert (await _post(client, _path(message), _form("delivered"))).status_code == 204
    assert (await _post(client, _path(message), _form("delivered", "SM2"))).status_code == 204  # of another post
    assert await receipts_of(db, message) == ["delivered", "delivered"]


async def test_a_suspended_account_that_only_receipts_tell_of_holds_the_channel_until_it_is_repaired(
    db: Database, client: httpx.AsyncClient
) -> None:
    first = await _sent(db)
    later, last = await write(db), await write(db)
    with Carrier() as carrier:
        alone = sender(db, carrier.url)
        alone.together = alone.room = 1
        await _post(client, _path(first), _form("failed", "SM1", ("ErrorCode", "30002")))
        await send(alone)
        assert carrier.log.calls == []
        await rested(db)
        (probe,) = await alone.claim(2)
        await alone.carry(probe)
        assert accepted(carrier) == mine([later])  # taken: it may still fail by a receipt
        await _post(client, _path(later), _form("failed", "SM2", ("ErrorCode", "30002")))
        await send(alone)
        assert accepted(carrier) == mine([later])
        await rested(db)
        await send(alone)
        assert accepted(carrier) == mine([later, last])
        async with db.transaction() as session:
            moved = "UPDATE message SET posted_at = posted_at - interval '5 minutes' WHERE id = :id"
            await session.execute(text(moved), {"id": first.id})
        late = await write(db)
        await send(alone)
        assert accepted(carrier) == mine([later, last]), "taken proves nothing where taken texts are lost"
        await _post(client, _path(last), _form("delivered", "SM3"))
        await _post(client, _path(first), _form("undelivered", "SM1", ("ErrorCode", "30002")))  # from before the repair
        await send(alone)
        assert accepted(carrier) == mine([later, last, late])


async def test_a_receipt_about_one_number_holds_nobody(db: Database, client: httpx.AsyncClient) -> None:
    first = await _sent(db)
    later = await write(db, phone="+84901230002")
    with Carrier() as carrier:
        await _post(client, _path(first), _form("undelivered", "SM1", ("ErrorCode", "30005")))
        await send(sender(db, carrier.url))
        assert accepted(carrier) == mine([later])


async def test_what_is_withheld_after_a_post_hears_a_late_receipt(db: Database, client: httpx.AsyncClient) -> None:
    message = await write(db, attempts=1, sends=1, posted_at=utc_now())
    async with db.transaction() as session:
        await numbers.refused(session, message.id or 0, 30005, now=utc_now())
    with Carrier() as carrier:
        await send(sender(db, carrier.url))
        assert carrier.log.calls == []
    row = await stored(db, message)
    assert (row.state, row.reason) == (MessageState.SUPERSEDED, "unreachable")
    await _post(client, _path(message), _form("delivered"))
    assert (await stored(db, message)).state is MessageState.DELIVERED
