"""Numbers that were silent or changed hands: what opens them, and what does not."""

from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.actor import Actor, ActorKind
from booking.clock import utc_now
from booking.db import Database
from booking.messages.kinds import MessageState
from booking.patients import numbers, queries, service, sessions
from booking.patients.errors import StaffOnly
from booking.patients.kinds import Relation
from booking.patients.models import Account, Patient, Profile
from booking.patients.rules import Birth, read_phone
from tests import families, outbox, seeds, signing
from tests.households import TODAY, account, actor, add, silence
from tests.pages import read
from tests.people import name, phone
from tests.signing import is_in, lapse, second

pytestmark = pytest.mark.anyio

LAN: dict[str, Any] = {"birth_date": date(1958, 3, 2)}


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


@pytest.mark.parametrize("guarded", [True, False], ids=["as it is", "every day anew"])
async def test_after_nine_misses_only_a_desk_opens_a_silent_number(
    client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch, *, guarded: bool
) -> None:
    if not guarded:
        monkeypatch.setattr(numbers, "BIRTH_TRIES_IN_ALL", 1000)
    await _silent(client, db)
    for _ in range(3):
        for _ in range(3):
            last = await _name(client, "1", "1", "1990")
        await seeds.run(db, "UPDATE patient_session SET tries = 0")  # a day later
    assert ("Hãy mang giấy tờ đến quầy" in last.text) is guarded
    if not guarded:
        assert (await _name(client, "2", "3", "1958")).status_code == 303
        return
    assert (await _name(client, "2", "3", "1958")).status_code == 422
    with pytest.raises(StaffOnly):
        await _vouch(db, Actor(ActorKind.ANYONE))
    await _vouch(db, Actor(ActorKind.STAFF, id="clerk"))
    await client.post("/sign-out")
    await lapse(db)
    await signing.sign_in(client, db, phone(1))
    assert await is_in(client)


async def _vouch(db: Database, by: Actor) -> None:
    async with db.transaction() as session:
        hers = (await session.execute(select(Patient.id).order_by(col(Patient.id)).limit(1))).scalar_one()
        assert hers is not None
        await numbers.vouch(session, read_phone(phone(1)), hers, by=by, now=utc_now())


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
    trick_row = "INSERT INTO profile (public_id, account_id, patient_id, relation, as_child, created_at)"
    await seeds.run(db, f"{trick_row} VALUES (gen_random_uuid(), {old}, {trick.patient_id}, 'self', false, now())")
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
        assert (await client.get("/sign-in/new-number")).status_code == 200
        assert await is_in(former)  # asking ends nothing
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


async def test_before_a_family_ends_it_is_told_what_ends_and_no_name(client: httpx.AsyncClient, db: Database) -> None:
    home = await families.family(db, 1)
    world = await seeds.seed(db)
    await families.book(db, home, await families.hold(db, world.slots[0], home), [world.slots[0]])
    await silence(db, 181)
    asked = await signing.ask_code(client, phone(1), after="/me/sessions")
    await signing.enter_code(client, asked, await signing.code_to(db, phone(1)))
    birth = read(await client.get("/sign-in/birth?next=/me/sessions"))
    assert birth.link("new-number") == "/sign-in/new-number?next=%2Fme%2Fsessions"
    shown = await client.get("/sign-in/new-number?next=/me/sessions")
    assert "1 lịch hẹn sắp tới vẫn còn" in shown.text
    assert home.people[0].name not in shown.text
    assert read(shown).form("/sign-in/new-number").action == "/sign-in/new-number?next=%2Fme%2Fsessions"
    assert await seeds.value(db, "SELECT count(*) FROM account WHERE ended_at IS NOT NULL") == 0


async def test_an_account_that_ends_while_one_signs_in_is_followed_by_the_next(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was there when we wanted to make one, and is not when we lock it."""
    await account(db, phone(1))
    async with db.transaction() as session:
        execute, ended = session.execute, False

        async def and_it_ends(*given: Any, **more: Any) -> Any:
            nonlocal ended
            found = await execute(*given, **more)
            if not ended:
                ended = True
                await seeds.run(db, "UPDATE account SET ended_at = now()")
            return found

        monkeypatch.setattr(session, "execute", and_it_ends)
        found, made = await sessions.account_of(
            session, read_phone(phone(1)).e164, by=Actor(ActorKind.ANYONE), now=utc_now()
        )
        assert made
        assert found.ended_at is None
    assert await seeds.value(db, "SELECT count(*) FROM account") == 2


async def test_only_who_waits_for_a_birth_date_can_begin_anew(client: httpx.AsyncClient, db: Database) -> None:
    """A session that is open, or none at all, ends nobody's account."""
    assert (await client.get("/sign-in")).status_code == 200
    assert (await client.post("/sign-in/new-number")).headers["location"].startswith("/sign-in")
    await signing.sign_in(client, db, phone(1))
    await client.post("/sign-in/new-number")
    assert await seeds.value(db, "SELECT count(*) FROM account WHERE ended_at IS NOT NULL") == 0
    assert await is_in(client)
