"""Which keys this database is written with: a keyed sign of each is kept in it, from which no key can be made.

A process with other keys would take bookings whose texts nobody can send, and find nobody by a number. So its keys are
compared before it works. What is not known yet is put down: the first keys of a database, if they open what is in it,
and later a new one that stands beside one that is known (docs/operations.md, "Exchanging the key").
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from booking.sealed import Keyring, UnsealError
from booking.trail.models import KeySign

_THERE: Final = text("SELECT to_regclass('key_sign') IS NOT NULL")
_SOME_NUMBERS: Final = text("""
    SELECT phone, phone_index FROM patient
    WHERE phone IS NOT NULL AND phone_index IS NOT NULL AND NOT training ORDER BY id DESC LIMIT 20
""")
_HOW: Final = "docs/operations.md, Exchanging the key"


async def compare(session: AsyncSession, ring: Keyring) -> list[str]:
    """What is wrong with these keys, in sentences for who runs the service; nothing where they are this database's.

    A database whose schema has no such table yet is compared with nothing.
    """
    if not await session.scalar(_THERE):
        return []
    return await _problems(session, ring, await _known(session))


async def agree(session: AsyncSession, ring: Keyring, *, now: datetime) -> list[str]:
    """Compare, and put down what is new; what is wrong, as `compare` says it. Nothing is put down then.

    Two processes that begin at once with different keys do not both agree: whoever is second finds the first one's.
    """
    if not await session.scalar(_THERE):
        return []
    known = await _known(session)
    problems = await _problems(session, ring, known)
    new = {each: sign for each, sign in ring.signs().items() if each not in known}
    if problems or not new:
        return problems
    rows = [
        {"kind": kind, "key_id": key_id, "sign": sign, "since": now} for (kind, key_id), sign in sorted(new.items())
    ]
    await session.execute(insert(KeySign).values(rows).on_conflict_do_nothing())
    return await _problems(session, ring, await _known(session))


async def _known(session: AsyncSession) -> Mapping[tuple[str, str], bytes]:
    rows = await session.execute(select(col(KeySign.kind), col(KeySign.key_id), col(KeySign.sign)))
    return {(row.kind, row.key_id): row.sign for row in rows}


async def _problems(session: AsyncSession, ring: Keyring, known: Mapping[tuple[str, str], bytes]) -> list[str]:
    mine = ring.signs()
    found = [_other(*each) for each, sign in sorted(mine.items()) if known.get(each, sign) != sign]
    if found:
        return found
    if not known:
        return await _strangers(session, ring)
    if not mine.keys() & {each for each in known if each[0] == "seal"}:
        ids = ", ".join(sorted(key_id for kind, key_id in known if kind == "seal"))
        return [f"HENKHAM_SEAL_KEY: this database is sealed under {ids}, and none of these is given: {_HOW}"]
    return []


def _other(kind: str, key_id: str) -> str:
    if kind == "index":
        return f"HENKHAM_INDEX_KEY is not the key this database was written with: put that one back ({_HOW})"
    return (
        f"HENKHAM_SEAL_KEY: the key {key_id} is not the one this database knows by that id: put that one back; "
        f"a new key needs an id that no key had before ({_HOW})"
    )


async def _strangers(session: AsyncSession, ring: Keyring) -> list[str]:
    """Of a database that knows no key yet: whether it holds numbers, of which these keys open none."""
    rows = (await session.execute(_SOME_NUMBERS)).all()
    opened = [(number, row.phone_index) for row in rows if (number := _opened(ring, row.phone)) is not None]
    if rows and not opened:
        return [f"HENKHAM_SEAL_KEY opens nothing of what this database holds: put its own key back ({_HOW})"]
    if opened and all(ring.index("phone", number) != index for number, index in opened):
        return [_other("index", "")]
    return []


def _opened(ring: Keyring, sealed: bytes) -> str | None:
    try:
        return ring.unseal(sealed)
    except UnsealError:
        return None
