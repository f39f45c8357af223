"""Signing in, for tests: through the real pages, the code read from the outbox as a phone would show it."""

from typing import Any

import httpx
from fastapi import FastAPI
from sqlmodel import col, select

from booking.db import Database
from booking.messages.models import Message
from booking.messages.service import CODE
from booking.patients.rules import read_phone
from booking.sealed import keys
from tests import pages, seeds

PHONE = "0903 123 456"


async def sign_in(client: httpx.AsyncClient, db: Database, phone: str = PHONE, *, shared: bool = False) -> None:
    """Sign a client in; afterwards it has the session's cookie.

    A number takes three codes an hour, so a test signs one number in at most three times.
    """
    asked = await ask_code(client, phone)
    assert asked.url.path == "/sign-in/code", asked.text
    answer = await enter_code(client, asked, await code_to(db, phone), shared=shared)
    assert answer.status_code == 303, answer.text


async def ask_code(client: httpx.AsyncClient, phone: str = PHONE, *, after: str = "") -> httpx.Response:
    """Fill in the number; the page that asks for the code."""
    shown = await client.get("/sign-in", params={"next": after} if after else {})
    return await pages.send(client, pages.read(shown).form("/sign-in"), phone=phone)


async def enter_code(
    client: httpx.AsyncClient, asked: httpx.Response, digits: str, *, shared: bool = False
) -> httpx.Response:
    """Fill in the code on the page that asks for it; what the server answers to that, redirects not followed."""
    form = pages.read(asked).form("/sign-in/code")
    more = {"shared": "yes"} if shared else {}
    return await client.post(form.action, data=form.fields | {"code": digits} | more)


async def code_to(db: Database, phone: str = PHONE) -> str:
    """The digits in the newest message to a number, as long as they are not erased."""
    found = await newest(db, phone)
    assert found is not None, "no code was sent to this number"
    assert found.secret is not None, "the code is erased already"
    return str(found.secret)


async def newest(db: Database, phone: str = PHONE) -> Any:
    """The newest message with a code to a number; None without one."""
    index = keys().index("phone", read_phone(phone).e164)
    query = (
        select(Message)
        .where(col(Message.subject_kind) == CODE, col(Message.phone_index) == index)
        .order_by(col(Message.id).desc())
        .limit(1)
    )
    async with db.transaction() as session:
        return (await session.execute(query)).scalar_one_or_none()


def second(app: FastAPI) -> httpx.AsyncClient:
    """Another browser."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://henkham.test")


async def is_in(client: httpx.AsyncClient) -> bool:
    """Whether this browser is signed in."""
    return (await client.get("/me/sessions")).status_code == 200


async def lapse(db: Database) -> None:
    """Let the last code be old enough for another one."""
    await seeds.run(db, "UPDATE verification_code SET created_at = created_at - interval '61 seconds'")
