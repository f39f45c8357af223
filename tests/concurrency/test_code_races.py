"""Guesses, requests and tries that come all at once; each judge first refuses a version without its guard."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from booking.actor import Actor, ActorKind
from booking.clock import utc_now
from booking.db import Database
from booking.patients import codes, numbers, sessions
from booking.patients.code_limits import CodeLimits
from booking.patients.codes import Proof
from booking.patients.kinds import CodePurpose
from booking.patients.models import Account
from booking.patients.rules import Birth, read_phone
from booking.patients.session_models import PatientSession, VerificationCode
from booking.patients.signing_rules import CODE_TRIES, opens_family
from booking.settings import Settings
from tests import seeds
from tests.households import account, add, silence
from tests.people import name, phone
from tests.signing import code_to

pytestmark = pytest.mark.anyio

AT_ONCE = 12
BY = Actor(ActorKind.ANYONE)
SIGN_IN: dict[str, Any] = {"purpose": CodePurpose.SIGN_IN, "by": BY}
ASK: dict[str, Any] = SIGN_IN | {"language": "vi", "limits": CodeLimits(3, 8, 1000)}

Use = Callable[..., Awaitable[Proof | None]]


@pytest.fixture
async def wide(settings: Settings) -> AsyncIterator[Database]:
    """A database with a connection for everybody."""
    made = Database(settings.database_url, pool=AT_ONCE + 2)
    yield made
    await made.close()


class Looks:
    """Counts how often something was looked at."""

    def __init__(self, original: Callable[..., Any]) -> None:
        self.number = 0
        self._original = original

    def __call__(self, *values: Any) -> Any:
        self.number += 1
        return self._original(*values)


def read_then_write() -> Use:
    """As it is often written: read the row, look at the code, write the count."""
    together = asyncio.Barrier(AT_ONCE)

    async def use(session: AsyncSession, digits: str, *, asker: bytes, now: Any, **_: Any) -> Proof | None:
        query = select(VerificationCode).where(col(VerificationCode.asker) == asker)
        row = (await session.execute(query)).scalar_one()
        if row.tries >= CODE_TRIES or row.used_at is not None:
            return None
        await together.wait()
        fits = row.code_hash == codes._hash(row.public_id, row.purpose, row.subject, digits)
        row.tries += 1
        row.used_at = now if fits else None
        return Proof(row.public_id, row.phone) if fits else None

    return use


async def _guess(db: Database, use: Use, guesses: list[str]) -> list[Proof | None]:
    async def one(digits: str) -> Proof | None:
        async with db.transaction() as session:
            return await use(session, digits, asker=b"browser", now=utc_now(), **SIGN_IN)

    return await asyncio.gather(*(one(digits) for digits in guesses))


async def _asked(db: Database) -> str:
    """A code for the browser; its digits."""
    async with db.transaction() as session:
        await codes.ask(session, read_phone(phone(1)), asker=b"browser", now=utc_now(), **ASK)
    return await code_to(db, phone(1))


def _wrong(digits: str, number: int) -> list[str]:
    return [f"{(int(digits) + step) % 1_000_000:06d}" for step in range(1, number + 1)]


@pytest.mark.parametrize(("use", "number", "looked"), [(codes.use, 100, 5), (None, AT_ONCE, AT_ONCE)])
async def test_a_hundred_guesses_at_once_look_at_the_code_five_times(
    wide: Database, monkeypatch: pytest.MonkeyPatch, use: Use | None, number: int, looked: int
) -> None:
    digits = await _asked(wide)
    looks = Looks(codes._hash)
    monkeypatch.setattr(codes, "_hash", looks)
    found = await _guess(wide, use or read_then_write(), _wrong(digits, number))
    assert looks.number == looked
    assert found == [None] * number
    if use is not None:
        assert await seeds.value(wide, "SELECT tries FROM verification_code") == 5
        assert await _guess(wide, use, [digits]) == [None]  # the right one comes too late


@pytest.mark.parametrize(("use", "opened"), [(codes.use, 1), (None, AT_ONCE)])
async def test_the_right_code_many_times_at_once_is_good_once(wide: Database, use: Use | None, opened: int) -> None:
    digits = await _asked(wide)
    found = await _guess(wide, use or read_then_write(), [digits] * AT_ONCE)
    assert sum(one is not None for one in found) == opened


async def _nothing(*_: Any) -> None:
    """Instead of the lock."""


@pytest.mark.parametrize("guarded", [True, False], ids=["as it is", "without the lock"])
async def test_a_number_s_cap_holds_when_all_ask_at_once(
    wide: Database, monkeypatch: pytest.MonkeyPatch, *, guarded: bool
) -> None:
    if not guarded:
        together, recent = asyncio.Barrier(AT_ONCE), codes._recent

        async def all_have_read(*values: Any, **more: Any) -> Any:
            found = await recent(*values, **more)
            await together.wait()
            return found

        monkeypatch.setattr(codes, "_alone", _nothing)
        monkeypatch.setattr(codes, "_recent", all_have_read)

    async def one(browser: int) -> bool:
        async with wide.transaction() as session:
            asked = await codes.ask(session, read_phone(phone(1)), asker=b"%d" % browser, now=utc_now(), **ASK)
        return asked.refused is None

    sent = sum(await asyncio.gather(*(one(browser) for browser in range(AT_ONCE))))
    assert sent == await seeds.value(wide, "SELECT count(*) FROM message")
    assert (sent == 3) is guarded, sent


@pytest.mark.parametrize("guarded", [True, False], ids=["as it is", "without the lock"])
async def test_a_silent_family_is_guessed_at_three_times(
    wide: Database, monkeypatch: pytest.MonkeyPatch, *, guarded: bool
) -> None:
    await add(wide, await account(wide, phone(1)), name(1), year=1958)
    now = utc_now()
    await silence(wide, 400)
    async with wide.transaction() as session:
        proof = Proof(code=(await _public_id(wide)), phone=read_phone(phone(1)).e164)
        await sessions.open_session(
            session, proof, token="waits", shared=False, silent_after=timedelta(days=180), by=BY, now=now
        )
    looks = Looks(opens_family)
    monkeypatch.setattr(numbers, "opens_family", looks)
    if not guarded:
        together = asyncio.Barrier(AT_ONCE)

        async def unlocked(session: AsyncSession, token: str, **_: Any) -> Any:
            query = select(PatientSession).where(col(PatientSession.token_hash) == sessions.hash_of(token))
            row = (await session.execute(query)).scalar_one()
            mine = (await session.execute(select(Account))).scalar_one()
            await together.wait()
            return row, mine

        monkeypatch.setattr(numbers, "_waiting", unlocked)

    async def one(year: int) -> Any:
        async with wide.transaction() as session:
            return await numbers.name_birth(session, "waits", Birth(year), by=BY, now=utc_now())

    await asyncio.gather(*(one(1900 + number) for number in range(AT_ONCE)))
    assert (looks.number == 3) is guarded, looks.number


async def _public_id(db: Database) -> Any:
    return await seeds.value(db, "SELECT gen_random_uuid()")


async def test_two_browsers_of_one_new_number_have_one_account(wide: Database) -> None:
    async def one(browser: int) -> int:
        proof = Proof(code=await _public_id(wide), phone=read_phone(phone(1)).e164)
        async with wide.transaction() as session:
            opened = await sessions.open_session(
                session, proof, token=f"token-{browser}", shared=False, silent_after=timedelta(days=180), by=BY,
                now=utc_now(),
            )  # fmt: skip
        return opened.who.account_id

    assert len(set(await asyncio.gather(*(one(browser) for browser in range(AT_ONCE // 2))))) == 1
    assert await seeds.value(wide, "SELECT count(*) FROM account") == 1
    assert await seeds.value(wide, "SELECT count(*) FROM audit_event WHERE action = 'account.open'") == 1
