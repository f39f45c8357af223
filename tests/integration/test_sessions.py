"""Sessions: how long they last and what ends them; codes read out at a desk."""

from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from booking import clock, ids
from booking.actor import Actor, ActorKind
from booking.clock import utc_now
from booking.db import Database
from booking.messages.kinds import MessageState
from booking.patients import codes, forgetting
from booking.patients.errors import CodeNotAsked, StaffOnly
from booking.patients.rules import read_phone
from booking.patients.session_models import VerificationCode
from booking.trail.errors import TriedTooOften
from tests import seeds, signing
from tests.pages import read
from tests.people import phone
from tests.signing import is_in, lapse, second

pytestmark = pytest.mark.anyio

CLERK = Actor(ActorKind.STAFF, id="clerk")
LAN: dict[str, Any] = {"birth_date": date(1958, 3, 2)}


def later(monkeypatch: pytest.MonkeyPatch, **by: float) -> None:
    """Let requests come later than now."""
    now = utc_now() + timedelta(**by)
    monkeypatch.setattr(clock, "utc_now", lambda: now)


async def test_one_s_own_phone_is_noted_once_a_day_and_lasts_thirty_from_then(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await signing.sign_in(client, db)
    first = await seeds.value(db, "SELECT expires_at FROM patient_session")
    with monkeypatch.context() as hours:
        later(hours, hours=23)
        assert "set-cookie" not in (await client.get("/me/sessions")).headers
        assert await seeds.value(db, "SELECT expires_at FROM patient_session") == first
    with monkeypatch.context() as days:
        later(days, days=29)
        noted = await client.get("/me/sessions")
        assert f"Max-Age={30 * 86400}" in noted.headers["set-cookie"]
        assert "set-cookie" not in (await client.get("/me/sessions")).headers
    row = (await seeds.rows(db, "SELECT s.*, a.seen_at AS seen FROM patient_session s, account a"))[0]
    assert row["expires_at"] > first + timedelta(days=28)
    assert row["seen"] == row["seen_at"]  # a number whose session is used is not silent
    with monkeypatch.context() as over:
        later(over, days=60)
        assert not await is_in(client)


async def test_a_shared_phone_is_signed_out_after_half_an_hour_of_silence(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = await signing.ask_code(client)
    answer = await signing.enter_code(client, asked, await signing.code_to(db), shared=True)
    session = next(one for one in answer.headers.get_list("set-cookie") if one.startswith("session="))
    assert "Max-Age" not in session
    assert "expires" not in session.lower()
    assert answer.headers["clear-site-data"] == '"storage"'
    with monkeypatch.context() as used:
        later(used, minutes=20)
        assert await is_in(client)
    with monkeypatch.context() as still:
        later(still, minutes=49)
        assert await is_in(client)
    with monkeypatch.context() as over:
        later(over, minutes=80)
        assert not await is_in(client)


async def test_signing_in_gives_a_new_token_and_ends_the_old_session(client: httpx.AsyncClient, db: Database) -> None:
    """Fixation: whoever planted a session in this browser has nothing from what follows."""
    await signing.sign_in(client, db, phone(1))
    planted = client.cookies["session"]
    assert (await client.get("/sign-in")).headers["location"] == "/me"  # signed in already: nothing is asked
    await seeds.run(db, "UPDATE patient_session SET expires_at = now() - interval '1 second'")
    await signing.sign_in(client, db, phone(2))
    assert client.cookies["session"] != planted
    ended = await seeds.rows(db, "SELECT ended_at IS NOT NULL AS ended FROM patient_session ORDER BY id")
    assert [row["ended"] for row in ended] == [True, False]
    client.cookies.clear()
    client.cookies.set("session", "planted-by-somebody-else-0123456789", domain="henkham.test")
    await signing.sign_in(client, db, phone(3))
    found = [one.value for one in client.cookies.jar if one.name == "session"]
    assert "planted-by-somebody-else-0123456789" not in found


async def test_signing_out_ends_the_session_for_whoever_copied_it(
    app: FastAPI, client: httpx.AsyncClient, db: Database
) -> None:
    await signing.sign_in(client, db)
    copied = client.cookies["session"]
    async with second(app) as thief:
        thief.cookies.set("session", copied, domain="henkham.test")
        assert await is_in(thief)  # the control: the copy does open while the session lasts
        answer = await client.post("/sign-out")
        assert answer.headers["location"] == "/"
        assert "Max-Age=0" in answer.headers["set-cookie"]
        assert "clear-site-data" not in answer.headers
        assert not await is_in(thief)
    assert "session" not in client.cookies
    await lapse(db)
    await signing.sign_in(client, db, shared=True)
    assert (await client.post("/sign-out")).headers["clear-site-data"] == '"storage"'
    assert (await client.post("/sign-out")).status_code == 303  # again, signed out


async def test_one_account_s_sessions_are_ended_by_itself_alone(
    app: FastAPI, client: httpx.AsyncClient, db: Database
) -> None:
    await signing.sign_in(client, db, phone(1))
    async with second(app) as tablet, second(app) as other:
        await signing.sign_in(tablet, db, phone(1))
        await signing.sign_in(other, db, phone(2))
        strange = read(await other.get("/me/sessions"))
        assert strange.text.count("Điện thoại") >= 1
        ids_of = await seeds.rows(db, "SELECT public_id FROM patient_session ORDER BY id")
        theirs, nobody = ids_of[2]["public_id"], ids.public_id()
        answers = [await client.post(f"/me/sessions/{one}/end") for one in (theirs, nobody, "x")]
        assert [answer.status_code for answer in answers] == [404] * 3
        bodies = {answer.text.replace(answer.headers["x-request-id"], "") for answer in answers}
        assert len(bodies) == 1
        assert await is_in(other)
        shown = read(await client.get("/me/sessions"))
        ended = await client.post(shown.form("/end").action)
        assert ended.headers["location"] == "/me/sessions"
        assert not await is_in(tablet)
        assert await is_in(client)
        assert (await client.post(shown.form("/end").action)).status_code == 303  # again
        await lapse(db)
        await signing.sign_in(tablet, db, phone(1))
        await client.post("/me/sessions/end-others")
        assert await is_in(client)
        assert not await is_in(tablet)
        assert await is_in(other)


async def test_signing_out_takes_away_the_addresses_of_kept_places(client: httpx.AsyncClient, db: Database) -> None:
    await signing.sign_in(client, db)
    client.cookies.set("holds", "ABCD2345.a-token-of-a-kept-place", domain="henkham.test")
    await client.post("/sign-out")
    assert "holds" not in client.cookies


async def _known_code_after(client: httpx.AsyncClient, db: Database) -> tuple[httpx.Response, str]:
    """A browser asks for a code, signs out, and somebody who saw the code types it there."""
    asked = await signing.ask_code(client, phone(1))
    seen = await signing.code_to(db, phone(1))
    assert (await client.post("/sign-out")).status_code == 303
    return asked, seen


async def test_a_code_asked_for_is_good_no_more_in_a_browser_that_signed_out(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, seen = await _known_code_after(client, db)
    answer = await signing.enter_code(client, asked, seen)
    assert not await is_in(client), answer.headers
    assert (await client.get("/sign-in/code")).headers["location"] == "/sign-in"
    message = await signing.newest(db, phone(1))
    assert (message.state, message.secret) == (MessageState.SUPERSEDED, None)
    with pytest.raises(CodeNotAsked):  # nor does the desk read one out for it
        await _read_out(db)

    async def kept(*_: Any, **__: Any) -> None:
        pass

    monkeypatch.setattr(codes, "give_up", kept)
    await lapse(db)
    asked, seen = await _known_code_after(client, db)
    await signing.enter_code(client, asked, seen)
    assert await is_in(client), "the control: without it the code is good"


async def _read_out(db: Database, by: Actor = CLERK) -> str:
    async with db.transaction() as session:
        return await codes.read_out(session, read_phone(phone(1)), by=by, now=utc_now())


async def test_the_desk_reads_out_a_code_for_who_waits_for_one(client: httpx.AsyncClient, db: Database) -> None:
    with pytest.raises(CodeNotAsked):
        await _read_out(db)
    asked = await signing.ask_code(client, phone(1))
    sent = await signing.code_to(db, phone(1))
    with pytest.raises(StaffOnly):
        await _read_out(db, by=Actor(ActorKind.ANYONE))
    spoken = await _read_out(db)
    message = await signing.newest(db, phone(1))
    assert (message.state, message.secret) == (MessageState.SUPERSEDED, None)
    if sent != spoken:
        assert (await signing.enter_code(client, asked, sent)).status_code == 422
    assert (await signing.enter_code(client, asked, spoken)).status_code == 303
    with pytest.raises(CodeNotAsked):
        await _read_out(db)
    noted = await seeds.rows(db, "SELECT actor_kind, actor_id FROM audit_event WHERE action = 'code.read_out'")
    assert noted == [{"actor_kind": "staff", "actor_id": "clerk"}]


async def test_codes_read_out_have_a_cap_of_their_own(app: FastAPI, client: httpx.AsyncClient, db: Database) -> None:
    """Three SMS that did not come must not keep the desk from helping; five a day is the end of it."""
    for _ in range(3):
        async with second(app) as one:
            await signing.ask_code(one, phone(1))
    assert (await signing.ask_code(client, phone(1))).status_code == 429
    for _ in range(5):
        await _read_out(db)
    with pytest.raises(TriedTooOften):
        await _read_out(db)


_every_open_one = codes._open_requests


def _only_the_newest(recent: Any, *, now: Any) -> list[VerificationCode]:
    return _every_open_one(recent, now=now)[:1]


@pytest.mark.parametrize("guarded", [True, False], ids=["as it is", "for who asked last"])
async def test_what_is_read_out_is_good_for_whoever_waits_for_it(
    app: FastAPI, client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch, *, guarded: bool
) -> None:
    """Somebody else asks for a code to her number after her; the desk reads one out; she enters it."""
    if not guarded:
        monkeypatch.setattr(codes, "_open_requests", _only_the_newest)
    hers = await signing.ask_code(client, phone(1))
    async with second(app) as other:
        his = await signing.ask_code(other, phone(1))
        spoken = await _read_out(db)
        if guarded:
            wrong = f"{(int(spoken) + 1) % 1_000_000:06d}"
            for _ in range(6):  # his tries are his own
                assert (await signing.enter_code(other, his, wrong)).status_code == 422
        assert (await signing.enter_code(client, hers, spoken)).status_code == (303 if guarded else 422)


@pytest.mark.parametrize("guarded", [True, False], ids=["as it is", "in each browser once"])
async def test_what_is_read_out_is_used_once_in_all(
    app: FastAPI, client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch, *, guarded: bool
) -> None:
    """It was said aloud at a desk: whoever heard it comes too late."""

    async def nothing(*_: Any, **__: Any) -> None:
        return

    if not guarded:
        monkeypatch.setattr(codes, "_use_up", nothing)
    hers = await signing.ask_code(client, phone(1))
    async with second(app) as other:
        his = await signing.ask_code(other, phone(1))
        spoken = await _read_out(db)
        assert (await signing.enter_code(client, hers, spoken)).status_code == 303
        assert (await signing.enter_code(other, his, spoken)).status_code == (422 if guarded else 303)


@pytest.mark.parametrize(
    "setting", ["limit_codes_phone_per_hour", "limit_codes_address_per_hour", "limit_codes_per_hour"]
)
async def test_a_request_that_met_a_limit_waits_for_the_desk(
    app: FastAPI, client: httpx.AsyncClient, db: Database, setting: str
) -> None:
    """Whoever uses up the codes of her number, of the address or of all cannot keep her out."""
    app.state.settings = app.state.settings.model_copy(update={setting: 1})
    async with second(app) as other:
        await signing.ask_code(other, phone(1))
    asked = await signing.ask_code(client, phone(1))
    assert asked.status_code == 429
    assert "đọc mã cho ông/bà" in asked.text
    assert 0 < int(asked.headers["retry-after"]) <= 3601
    for _ in range(3):
        await signing.ask_code(client, phone(1))
    assert await seeds.value(db, "SELECT count(*) FROM verification_code") == 2  # asking again and again notes nothing
    assert await seeds.value(db, "SELECT count(*) FROM message") == 1
    assert "đọc mã cho ông/bà" in (await client.get("/sign-in/code")).text
    assert (await signing.enter_code(client, asked, "000000")).status_code == 422
    assert (await signing.enter_code(client, asked, await _read_out(db))).status_code == 303


async def test_codes_and_sessions_are_forgotten_after_a_while(client: httpx.AsyncClient, db: Database) -> None:
    await signing.sign_in(client, db)
    await client.post("/sign-out")
    removed: dict[float, Any] = {}
    for days in (1, 3, 31):
        async with db.transaction() as session:
            now = utc_now() + timedelta(days=days)
            removed[days] = (
                await forgetting.forget_codes(session, now=now), await forgetting.forget_sessions(session, now=now)
            )  # fmt: skip
    assert removed == {1: (0, 0), 3: (1, 0), 31: (0, 1)}
