"""One contract for every gateway: time-outs, refusals, receipts. Twilio passes it, and a carrier by template."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from booking import sealed
from booking.clock import local_day, utc_now
from booking.db import Database
from booking.ids import public_id
from booking.main import create_app
from booking.messages import numbers
from booking.messages.kinds import MessageState
from booking.messages.models import Message
from booking.messages.preparing import RECEIPTS_PATH, Channel
from booking.settings import Settings, load
from booking.sms import brandname_told, open_gateway, twilio_told
from booking.sms.bounded import Limits
from booking.sms.gateway import Accepted, Fault, Gateway, ListingError, Refused, Unknown
from scheduler.jobs import settle_unknown
from scheduler.jobs.send_messages import Sender
from tests import seeds
from tests.carrier import ACCOUNT_SID, AUTH_TOKEN, Carrier, Plan, brandname, plans, signature, unused_port
from tests.carrier.client import PHONE, QUICK, gateway_to, outgoing
from tests.conftest import environment
from tests.outbox import AGAIN_AT_ONCE, AT_ONCE, BASE, PATIENT, accepted, mine, send, stored, write

pytestmark = pytest.mark.anyio

TWILIO_CODES = {
    Fault.PHONE: 21211,
    Fault.CONFIGURATION: 20003,
    Fault.CONTENT: 21617,
    Fault.PASSING: 20429,
    Fault.DOUBTFUL: 21612,
}
TWILIO_TOLD = {
    Fault.PHONE: "30005",
    Fault.CONFIGURATION: "30002",
    Fault.CONTENT: "30007",
    Fault.PASSING: "30003",
    Fault.DOUBTFUL: "39999",
}
TEXT = 'HenKham: "BV" & <TYT> = 100% + {code}; \\ a=1&b=2'


@dataclass(frozen=True)
class Provider:
    """A carrier, the way to it, and how it speaks."""

    name: str
    carrier: Carrier
    gateway: Callable[[Limits], Gateway]
    refusal: Callable[[Fault], Plan]
    settings: dict[str, str]
    told: dict[Fault, str]


@pytest.fixture(params=["twilio", "json", "form", "xml"])
def provider(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Provider]:
    kind: str = request.param
    if kind == "twilio":
        with Carrier() as carrier:
            more = {"HENKHAM_SMS_PROVIDER": "twilio", "TWILIO_ACCOUNT_SID": ACCOUNT_SID, "TWILIO_FROM": "HenKham",
                    "TWILIO_AUTH_TOKEN": AUTH_TOKEN, "TWILIO_API_BASE_URL": carrier.url}  # fmt: skip
            yield Provider(
                kind, carrier, lambda limits: gateway_to(carrier.url, limits),
                lambda fault: plans.refuse(400, TWILIO_CODES[fault]), more, TWILIO_TOLD,
            )  # fmt: skip
        return
    with brandname.carrier_of(kind) as carrier:
        path = brandname.written(tmp_path, kind, carrier.url)
        more = {"HENKHAM_SMS_PROVIDER": "brandname", "HENKHAM_BRANDNAME_TEMPLATE": str(path),
                "HENKHAM_BRANDNAME_SECRET": brandname.SECRET,
                "HENKHAM_BRANDNAME_RECEIPT_SECRET": brandname.RECEIPT_SECRET}  # fmt: skip
        yield Provider(
            kind, carrier, lambda limits: brandname.gateway_by(path, limits),
            lambda fault: brandname.refusal(kind, fault), more, brandname.TOLD,
        )  # fmt: skip


# What may be known after trying


def test_it_is_taken_named_and_arrives_letter_for_letter(provider: Provider) -> None:
    found = provider.gateway(PATIENT).send(outgoing(body=TEXT))
    (taken,) = provider.carrier.log.accepted
    assert isinstance(found, Accepted)
    assert (found.provider_sid, taken.to, taken.body) == (taken.sid, PHONE, TEXT)
    assert taken.callback_url is not None


@pytest.mark.parametrize("fault", list(Fault))
def test_a_refusal_is_certain_and_says_what_to_do(provider: Provider, fault: Fault) -> None:
    provider.carrier.plan(provider.refusal(fault))
    found = provider.gateway(PATIENT).send(outgoing())
    assert isinstance(found, Refused)
    assert found.fault is fault
    assert found.met
    assert found.code is not None
    assert provider.carrier.log.accepted == []


UNSURE = [
    plans.error_after_accepting(), plans.error_before_accepting(), plans.broken_body(), plans.redirect("/elsewhere"),
    plans.html_page(), plans.html_page(400), plans.close_after_accepting(), plans.bare(408),
    plans.answer_after_accepting(b""),
]  # fmt: skip


@pytest.mark.parametrize("plan", UNSURE, ids=lambda plan: f"{plan.name} {plan.status}")
def test_what_does_not_tell_is_unknown_and_tried_once(provider: Provider, plan: Plan) -> None:
    provider.carrier.plan(plan)
    assert isinstance(provider.gateway(PATIENT).send(outgoing()), Unknown)
    assert len(provider.carrier.log.calls) == 1


def test_a_time_out_after_the_carrier_took_it_is_unknown(provider: Provider) -> None:
    provider.carrier.plan(plans.stall_after_accepting())
    assert provider.gateway(QUICK).send(outgoing()) == Unknown("no answer in time")
    assert len(provider.carrier.log.accepted) == 1


def test_too_many_requests_are_passing_and_say_how_long(provider: Provider) -> None:
    provider.carrier.plan(plans.too_many("7"))
    found = provider.gateway(PATIENT).send(outgoing())
    assert isinstance(found, Refused)
    assert (found.fault, found.retry_after) == (Fault.PASSING, 7.0)


@pytest.mark.parametrize("status", [401, 403, 404, 405, 407])
def test_a_door_that_is_closed_is_our_configuration(provider: Provider, status: int) -> None:
    provider.carrier.plan(plans.bare(status))
    assert provider.gateway(PATIENT).send(outgoing()) == Refused(None, Fault.CONFIGURATION)


@pytest.mark.parametrize(("code", "fault"), [("104", Fault.PHONE), ("777", Fault.CONFIGURATION)])
def test_a_carrier_may_speak_of_one_number_with_a_status_of_the_door(tmp_path: Path, code: str, fault: Fault) -> None:
    with brandname.carrier_of("json") as carrier:
        carrier.plan(Plan("403", accepts=False, status=403, body=brandname.answer("json", code)))
        gateway = brandname.gateway_by(brandname.written(tmp_path, "json", carrier.url), PATIENT)
        found = gateway.send(outgoing())
    assert isinstance(found, Refused)
    assert found.fault is fault


def test_a_code_that_only_any_other_stands_for_was_met_by_nobody(tmp_path: Path) -> None:
    with brandname.carrier_of("json") as carrier:
        carrier.plan(Plan("new", accepts=False, status=200, body=brandname.answer("json", "555")))
        path = brandname.written(tmp_path, "json", carrier.url)
        path.write_text(path.read_text().replace('120 = "doubtful"', '"*" = "doubtful"'))
        assert brandname.gateway_by(path, PATIENT).send(outgoing()) == Refused(555, Fault.DOUBTFUL, met=False)


def test_nobody_there_is_passing(provider: Provider, tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{unused_port()}"
    gateway: Gateway = gateway_to(nowhere)
    if provider.name != "twilio":
        gateway = brandname.gateway_by(brandname.written(tmp_path, provider.name, nowhere))
    assert gateway.send(outgoing()) == Refused(None, Fault.PASSING)


def test_a_text_that_cannot_be_written_is_the_texts_own_fault(provider: Provider) -> None:
    assert provider.gateway(PATIENT).send(outgoing(body="a\ud800")) == Refused(None, Fault.CONTENT)
    assert provider.carrier.log.calls == []


def test_a_list_that_cannot_be_read_says_so(provider: Provider) -> None:
    gateway = provider.gateway(PATIENT)
    provider.carrier.__exit__(None, None, None)
    with pytest.raises(ListingError):
        gateway.sent_to(PHONE, utc_now())
    with pytest.raises(ListingError):
        gateway.taken_on(local_day(utc_now()))


# What becomes of a message


@pytest.fixture
def settings(database_url: str, provider: Provider) -> Settings:
    made = load(environment(database_url, PUBLIC_BASE_URL=BASE, **provider.settings))
    sealed.install(made.keyring())
    return made


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://inside:8000") as made:
        yield made
    await app.state.db.close()


def _sender(db: Database, settings: Settings) -> Sender:
    gateway = open_gateway(settings)
    return Sender(db, gateway, Channel(gateway.name, BASE, production=False), lane="visit", pace=AT_ONCE)


async def _tell(
    client: httpx.AsyncClient, provider: Provider, message: str, sid: str, *, forged: bool = False, failed: str = ""
) -> int:
    """The carrier's word that it was delivered, or with a code that it was not."""
    path = f"{RECEIPTS_PATH}/{message}"
    if provider.name == "twilio":
        form = [("MessageSid", sid), ("MessageStatus", "undelivered" if failed else "delivered")]
        form += [("AccountSid", ACCOUNT_SID), *([("ErrorCode", failed)] if failed else [])]
        headers = {"X-Twilio-Signature": signature("x" * 32 if forged else AUTH_TOKEN, BASE + path, form)}
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return (await client.post(path, content=urlencode(form), headers=headers | kind)).status_code
    told = json.dumps({"request": message, "name": sid, "state": 2 if failed else 1, "error": failed or 0})
    headers = {"X-Key": "forged" if forged else brandname.RECEIPT_SECRET}
    return (await client.post(RECEIPTS_PATH, content=told, headers=headers)).status_code


async def test_a_receipt_is_believed_twice_and_a_forged_one_never(
    db: Database, settings: Settings, client: httpx.AsyncClient, provider: Provider
) -> None:
    message = await write(db)
    await send(_sender(db, settings))
    row = await stored(db, message)
    (taken,) = provider.carrier.log.accepted
    assert (row.state, row.provider_sid) == (MessageState.SENT, taken.sid)
    assert await _tell(client, provider, str(message.public_id), taken.sid, forged=True) == 403
    assert (await stored(db, message)).state is MessageState.SENT
    for _ in range(2):
        assert await _tell(client, provider, str(message.public_id), taken.sid) == 204
    assert (await stored(db, message)).state is MessageState.DELIVERED
    assert await _tell(client, provider, str(public_id()), taken.sid) == 204


async def _fail(
    db: Database, settings: Settings, client: httpx.AsyncClient, provider: Provider
) -> dict[Fault, Message]:
    """One text of each class that was taken and did not arrive, each to a number of its own."""
    texts = {fault: await write(db, phone=f"+8490123{number:04}") for number, fault in enumerate(Fault)}
    await send(_sender(db, settings))
    sids = {one.body: one.sid for one in provider.carrier.log.accepted}
    for fault, message in texts.items():
        sid = next(sid for body, sid in sids.items() if str(message.facts["code"]) in body)
        code = provider.told[fault]
        assert await _tell(client, provider, str(message.public_id), sid, failed=code) == 204
    return {fault: await stored(db, message) for fault, message in texts.items()}


async def _silent(db: Database, message: Message) -> bool:
    async with db.transaction() as session:
        return (await numbers.of_phone(session, message.phone)).silent_since is not None


async def test_a_receipt_of_each_class_is_written_down_and_does_what_its_class_asks(
    db: Database, settings: Settings, client: httpx.AsyncClient, provider: Provider
) -> None:
    rows = await _fail(db, settings, client, provider)
    for fault, row in rows.items():
        assert (row.state, row.fault, row.error_code) == (MessageState.UNDELIVERED, fault, int(provider.told[fault]))
    assert [fault for fault, row in rows.items() if await _silent(db, row)] == [Fault.PHONE]
    assert [fault for fault, row in rows.items() if row.again_at] == [Fault.CONFIGURATION, Fault.PASSING]
    held = await seeds.rows(db, "SELECT held_code FROM sms_channel WHERE held_at IS NOT NULL")
    assert held == [{"held_code": int(provider.told[Fault.CONFIGURATION])}]


@pytest.mark.parametrize("provider", ["json"], indirect=True)
async def test_control_by_another_providers_table_the_wrong_number_is_given_up(
    db: Database, settings: Settings, client: httpx.AsyncClient, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brandname_told, "_fault", lambda rule, word, code: twilio_told.fault_told(int(code or 0)))  # noqa: ARG005
    rows = await _fail(db, settings, client, provider)
    assert [fault for fault, row in rows.items() if await _silent(db, row)] == [Fault.PASSING]
    assert await seeds.value(db, "SELECT count(*) FROM sms_channel WHERE held_at IS NOT NULL") == 0


async def test_a_time_out_is_settled_by_the_receipt_and_nothing_goes_twice(
    db: Database, settings: Settings, client: httpx.AsyncClient, provider: Provider
) -> None:
    message = await write(db)
    provider.carrier.plan(plans.error_after_accepting())
    await send(_sender(db, settings))
    assert (await stored(db, message)).state is MessageState.UNKNOWN
    await _tell(client, provider, str(message.public_id), provider.carrier.log.accepted[0].sid)
    await settle_unknown.run(db, open_gateway(settings), base_url=BASE, pace=AGAIN_AT_ONCE)
    await send(_sender(db, settings))
    assert accepted(provider.carrier)[:1] == mine([message])
    assert len(provider.carrier.log.calls) == 1
    assert (await stored(db, message)).state is MessageState.DELIVERED


async def test_without_a_receipt_it_goes_at_most_once_more(
    db: Database, settings: Settings, provider: Provider
) -> None:
    message = await write(db)
    provider.carrier.plan(*[plans.error_before_accepting()] * 5)
    for _ in range(4):
        await send(_sender(db, settings))
        await settle_unknown.run(db, open_gateway(settings), base_url=BASE, pace=AGAIN_AT_ONCE)
    assert len(provider.carrier.log.calls) == 2
    assert (await stored(db, message)).state is MessageState.UNKNOWN


async def test_no_secret_and_no_number_is_logged(
    db: Database, settings: Settings, provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    message = await write(db)
    provider.carrier.plan(provider.refusal(Fault.CONFIGURATION), plans.stall_after_accepting())
    await send(_sender(db, settings))
    shown = "\n".join(
        str(vars(record)) for record in caplog.records if record.name.startswith(("booking", "scheduler"))
    )
    assert shown
    for secret in (brandname.SECRET, AUTH_TOKEN, str(message.phone), brandname.RECEIPT_SECRET):
        assert secret not in shown
    assert brandname.SECRET not in repr(settings)
