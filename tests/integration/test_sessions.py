"""Sessions: how long they last, what ends them, and numbers that were silent or changed hands."""

from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking import clock, ids
from booking.actor import Actor, ActorKind
from booking.clock import utc_now
from booking.db import Database
from booking.messages.kinds import MessageState
from booking.patients import codes, forgetting, numbers, queries, service, sessions
from booking.patients.errors import CodeNotAsked, StaffOnly
from booking.patients.kinds import Relation
from booking.patients.models import Account, Patient, Profile
from booking.patients.rules import Birth, read_phone
from booking.trail.errors import TriedTooOften
from tests import outbox, seeds, signing
from tests.households import TODAY, account, actor, add, silence
from tests.pages import read
from tests.people import name, phone

pytestmark = pytest.mark.anyio

CLERK = Actor(ActorKind.STAFF, id="clerk")
LAN: dict[str, Any] = {"birth_date": date(1958, 3, 2)}


def later(monkeypatch: pytest.MonkeyPatch, **by: float) -> None:
    """Let requests come later than now."""
    now = utc_now() + timedelta(**by)
    monkeypatch.setattr(clock, "utc_now", lambda: now)


def second(app: FastAPI) -> httpx.AsyncClient:
    """Another browser."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://henkham.test")


async def is_in(client: httpx.AsyncClient) -> bool:
    """Whether this browser is signed in."""
    return (await client.get("/me/sessions")).status_code == 200


async def lapse(db: Database) -> None:
    """Let the last code be old enough for another one."""
    await seeds.run(db, "UPDATE verification_code SET created_at = created_at - interval '61 seconds'")


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


async def _silent(client: httpx.AsyncClient, db: Database) -> httpx.Response:
    """A number unseen for 181 days signs in; where it leads."""
    mine = await account(db, phone(1))
    await add(db, mine, name(1), **LAN)
    await add(db, mine, name(2), year=1931)
    await silence(db, 181)
    asked = await signing.ask_code(client, phone(1), after="/me/sessions")
    return await signing.enter_code(client, asked, await signing.code_to(db, phone(1)))


async def _name(client: httpx.AsyncClient, day: str, month: str, year: str) -> httpx.Response:
    typed = {"birth_day": day, "birth_month": month, "birth_year": year}
    return await client.post("/sign-in/birth?next=/me/sessions", data=typed)


async def test_a_silent_number_opens_nothing_until_a_birth_date_is_named(
    client: httpx.AsyncClient, db: Database
) -> None:
    answer = await _silent(client, db)
    assert answer.headers["location"] == "/sign-in/birth?next=%2Fme%2Fsessions"
    waiting = client.cookies["session"]
    assert (await client.get("/me/sessions")).headers["location"] == "/sign-in/birth?next=%2Fme%2Fsessions"
    seen = await seeds.value(db, "SELECT seen_at < now() - interval '180 days' FROM account")
    assert seen  # a code alone does not end the silence
    page = await client.get("/sign-in/birth")
    assert name(1) not in page.text
    half = await _name(client, "2", "", "1958")
    assert half.status_code == 422
    assert "lượt thử" not in half.text  # what cannot be a date costs no try
    missed = await _name(client, "", "", "1958")  # the year alone: her day is known
    assert missed.status_code == 422
    assert "Còn 2 lượt thử" in missed.text
    opened = await _name(client, "2", "3", "1958")
    assert opened.headers["location"] == "/me/sessions"
    assert client.cookies["session"] != waiting  # let in further, another token
    assert await is_in(client)
    client.cookies.set("session", waiting, domain="henkham.test")
    again = await _name(client, "2", "3", "1958")  # the same form once more, as after a double tap
    assert again.headers["location"] == "/me/sessions"


async def test_three_misses_a_day_whatever_number_of_codes(
    app: FastAPI, client: httpx.AsyncClient, db: Database
) -> None:
    await _silent(client, db)
    for _ in range(2):
        await _name(client, "1", "1", "1990")
    async with second(app) as other:
        await lapse(db)
        asked = await signing.ask_code(other, phone(1))
        await signing.enter_code(other, asked, await signing.code_to(db, phone(1)))
        last = await _name(other, "1", "1", "1991")
        assert "Đã hết lượt thử hôm nay" in last.text
        right = await _name(other, "2", "3", "1958")
        assert right.status_code == 422
        assert not await is_in(other)
    await seeds.run(db, "UPDATE patient_session SET created_at = created_at - interval '1 day', tries = 0")
    assert (await _name(client, "2", "3", "1958")).status_code == 303  # the control: it was the count that refused


async def _whenever(session: AsyncSession, mine: Account) -> list[Birth]:
    """Everybody of an account, whenever they came into it."""
    query = select(Patient).join(Profile, col(Profile.patient_id) == col(Patient.id))
    found = await session.execute(query.where(col(Profile.account_id) == mine.id))
    return [Birth(one.birth_year, one.birth_date) for one in found.scalars()]


@pytest.mark.parametrize("guarded", [True, False], ids=["as it is", "whoever came in since counts"])
async def test_a_silent_number_is_not_opened_by_who_came_in_since(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch, *, guarded: bool
) -> None:
    old = await account(db, phone(1))
    await add(db, old, name(1), **LAN)
    await silence(db, 181)
    his = await account(db, phone(2))
    trick = await add(db, his, name(3), birth_date=date(1990, 1, 1))
    trick_row = "INSERT INTO profile (public_id, account_id, patient_id, relation, created_at)"
    await seeds.run(db, f"{trick_row} VALUES (gen_random_uuid(), {old}, {trick.patient_id}, 'self', now())")
    if not guarded:
        monkeypatch.setattr(numbers, "_births", _whenever)
    asked = await signing.ask_code(client, phone(1), after="/me/people")
    await signing.enter_code(client, asked, await signing.code_to(db, phone(1)))
    tried = await _name(client, "1", "1", "1990")
    assert tried.status_code == (422 if guarded else 303)
    assert (name(1) in (await client.get("/me/people")).text) is not guarded


@pytest.mark.parametrize("guarded", [True, False], ids=["as it is", "silent or not"])
async def test_agreeing_puts_nobody_into_a_silent_account(
    db: Database, monkeypatch: pytest.MonkeyPatch, *, guarded: bool
) -> None:
    """Whoever got a recycled number would let himself into the family of its former holder."""
    old = await account(db, phone(1))
    await add(db, old, name(1), **LAN)
    await silence(db, 181)
    his = await account(db, phone(2))
    trick = await add(db, his, name(3), relation=Relation.CHILD, birth_date=date(1990, 1, 1))

    async def never(*_: Any, **__: Any) -> bool:
        return False

    if not guarded:
        monkeypatch.setattr(sessions, "is_silent", never)
    async with db.transaction() as session:
        agreed = await service.agree(
            session, his, trick.id, read_phone(phone(1)), silent_after=timedelta(days=180), by=actor(his),
            now=utc_now(),
        )  # fmt: skip
    assert not agreed.own_say  # her own number let this account go on
    async with db.transaction() as session:
        family = [one.name for one in await queries.profiles(session, old, today=TODAY)]
    assert family == ([name(1)] if guarded else [name(3), name(1)])
    quiet = "SELECT seen_at < now() - interval '180 days' FROM account WHERE id = :old"
    assert await seeds.value(db, quiet, old=old) is guarded


@pytest.mark.parametrize(("silent_days", "people"), [(179, [name(1)]), (181, [])])
async def test_a_number_seen_lately_or_with_nobody_behind_it_just_opens(
    client: httpx.AsyncClient, db: Database, silent_days: int, people: list[str]
) -> None:
    mine = await account(db, phone(1))
    for one in people:
        await add(db, mine, one, **LAN)
    await silence(db, silent_days)
    await signing.sign_in(client, db, phone(1))
    assert await is_in(client)
    assert await seeds.value(db, "SELECT seen_at > now() - interval '1 day' FROM account")


async def test_a_number_that_is_newly_hers_begins_anew(client: httpx.AsyncClient, db: Database) -> None:
    async with second_of(client) as former:
        await signing.sign_in(former, db, phone(1))
        before = await seeds.value(db, "SELECT id FROM account")
        await add(db, before, name(1), **LAN)
        await silence(db, 200)
        due = await outbox.write(db, phone=read_phone(phone(1)).e164)
        other = await outbox.write(db, phone=read_phone(phone(2)).e164)
        await lapse(db)
        asked = await signing.ask_code(client, phone(1), after="/me/sessions")
        await signing.enter_code(client, asked, await signing.code_to(db, phone(1)))
        begun = await client.post("/sign-in/new-number?next=/me/sessions")
        assert begun.headers["location"] == "/me/sessions"
        assert await is_in(client)
        assert not await is_in(former)
    accounts = await seeds.rows(db, "SELECT id, ended_at IS NOT NULL AS ended FROM account ORDER BY id")
    assert [row["ended"] for row in accounts] == [True, False]
    assert await seeds.value(db, "SELECT count(*) FROM profile WHERE ended_at IS NULL") == 0
    assert await seeds.value(db, "SELECT count(*) FROM patient WHERE wrong_number_at IS NOT NULL") == 1
    flag = (await seeds.rows(db, "SELECT kind, facts FROM patient_flag"))[0]
    assert flag["kind"] == "wrong_number"
    assert set(flag["facts"]) == {"account"}
    stopped = await outbox.stored(db, due)
    assert (stopped.state, stopped.reason) == (MessageState.SUPPRESSED, "wrong_number")
    assert (await outbox.stored(db, other)).state is MessageState.DUE
    await seeds.run(db, "DELETE FROM message WHERE subject_kind = 'appointment'")


def second_of(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """Another browser of the same product."""
    return httpx.AsyncClient(transport=client._transport, base_url="http://henkham.test")


async def test_only_who_waits_for_a_birth_date_can_begin_anew(client: httpx.AsyncClient, db: Database) -> None:
    """A session that is open, or none at all, ends nobody's account."""
    assert (await client.get("/sign-in")).status_code == 200
    assert (await client.post("/sign-in/new-number")).headers["location"].startswith("/sign-in")
    await signing.sign_in(client, db, phone(1))
    await client.post("/sign-in/new-number")
    assert await seeds.value(db, "SELECT count(*) FROM account WHERE ended_at IS NOT NULL") == 0
    assert await is_in(client)


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
